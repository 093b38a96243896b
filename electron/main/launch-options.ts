import path from 'node:path';

/** What the command line says, read from argv itself: newer Electrons change the case of what `app.commandLine` gives. */
export interface LaunchOptions {
  profile: string;
  /** Folder of all profiles when not the system's own place. */
  dataFolder: string | undefined;
  loopbackOnly: boolean;
  /** Started by the system at login: it waits in the tray, and no window opens unasked. */
  atLogin: boolean;
  /** A `sip:`, `xmpp:`… address the system asks us to open. */
  link: string | undefined;
}

const LINK = /^(sips?|im|pres|xmpp):\S{1,1024}$/i;

/** A profile's name is a folder's name: letters, digits, dot, dash, underscore. */
const PROFILE = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,63}$/u;

/**
 * @example parseLaunchOptions(['aims', '--profile', 'ana', 'sip:rui@campus.test'])
 */
export function parseLaunchOptions(argv: readonly string[]): LaunchOptions {
  const value = (name: string): string | undefined => {
    const joined = argv.find((word) => word.startsWith(`--${name}=`));
    if (joined) return joined.slice(name.length + 3);
    const index = argv.indexOf(`--${name}`);
    return index >= 0 ? argv[index + 1] : undefined;
  };
  const profile = value('profile') ?? 'default';
  if (!PROFILE.test(profile)) throw new Error(`--profile: "${profile}" is not a profile name (letters, digits, . - _)`);
  const dataFolder = value('data-folder');
  return {
    profile,
    dataFolder: dataFolder === undefined ? undefined : path.resolve(dataFolder),
    atLogin: argv.includes('--at-login'),
    loopbackOnly: argv.includes('--loopback-only'),
    link: argv.find((word) => LINK.test(word)),
  };
}
