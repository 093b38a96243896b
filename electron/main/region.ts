/** How people write times where this computer is set to be, whatever language its programs speak. */
export interface Customs {
  /** BCP 47 tag; '' where the system names none. */
  region: string;
  hourCycle: 'h12' | 'h23';
}

/**
 * `forced`: a clock that a person chose beside the region, as macOS has it. The language of the environment `C` or `POSIX` is no
 * region, and counts 24 hours (POSIX XBD §7.3.5.3: `t_fmt` is `%H:%M:%S`).
 *
 * @example customsOf('linux', { LANG: 'en_US.UTF-8', LC_TIME: 'pt_PT.UTF-8' }, 'en-US') // { region: 'pt-PT', hourCycle: 'h23' }
 */
export function customsOf(
  platform: NodeJS.Platform,
  environment: Readonly<Record<string, string | undefined>>,
  systemLocale: string,
  forced?: Customs['hourCycle'],
): Customs {
  // POSIX XBD §8.2: LC_ALL goes before the category, the category before LANG
  const named =
    platform === 'linux'
      ? (environment.LC_ALL || environment.LC_TIME || environment.LANG || '').replace(/[.@].*$/, '').replace('_', '-')
      : systemLocale;
  const [region = ''] = supported(named);
  const usual = region && new Intl.DateTimeFormat(region, { hour: 'numeric' }).resolvedOptions().hourCycle;
  return { region, hourCycle: forced ?? (usual === 'h12' || usual === 'h11' ? 'h12' : 'h23') };
}

function supported(tag: string): string[] {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(tag);
  } catch {
    // `C`, or nothing a standard knows
    return [];
  }
}
