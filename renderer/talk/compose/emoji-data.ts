import type { EmojiData, Locale } from 'frimousse';

interface Source {
  emojis: readonly {
    emoji: string;
    group?: number;
    label: string;
    tags?: readonly string[];
    version: number;
    subgroup?: number;
    skins?: readonly { emoji: string; tone?: number | readonly number[] }[];
  }[];
  messages: {
    groups: readonly { key: string; message: string; order: number }[];
    subgroups: readonly { key: string; order: number }[];
    skinTones: readonly { key: string; message: string }[];
  };
}

/** The newest emoji every system we run on can draw. */
const NEWEST = 14;
const TONES = ['none', 'light', 'medium-light', 'medium', 'medium-dark', 'dark'] as const;

async function load(locale: string): Promise<Source> {
  const [data, messages] = locale.startsWith('pt')
    ? await Promise.all([import('emojibase-data/pt/data.json'), import('emojibase-data/pt/messages.json')])
    : await Promise.all([import('emojibase-data/en/data.json'), import('emojibase-data/en/messages.json')]);
  return { emojis: data.default as Source['emojis'], messages: messages.default as Source['messages'] };
}

/** Emoji with their names in the reader's language, from the bundle; nothing is fetched from a network. */
export async function emojiData(locale: Locale, options: { flags: boolean }): Promise<EmojiData> {
  const { emojis, messages } = await load(locale);
  const flags = new Set(messages.subgroups.filter((one) => one.key.endsWith('-flag')).map((one) => one.order));
  const groups = messages.groups.filter((group) => group.key !== 'component');
  const tone = (key: string) => messages.skinTones.find((one) => one.key === key)?.message ?? key;
  return {
    locale,
    emojis: emojis.flatMap((one) => {
      if (one.group === undefined || one.version > NEWEST) return [];
      // Windows draws letters in place of countries' flags
      if (!options.flags && one.subgroup !== undefined && flags.has(one.subgroup)) return [];
      const skins = one.skins?.flatMap((skin) =>
        typeof skin.tone === 'number' ? [[TONES[skin.tone] ?? 'none', skin.emoji] as const] : [],
      );
      return [
        {
          emoji: one.emoji,
          category: one.group,
          version: one.version,
          label: one.label,
          tags: [...(one.tags ?? [])],
          countryFlag: undefined,
          skins:
            skins && skins.length > 0 ? (Object.fromEntries(skins) as EmojiData['emojis'][number]['skins']) : undefined,
        },
      ];
    }),
    categories: groups.map((group) => ({ index: group.order, label: group.message })),
    skinTones: {
      light: tone('light'),
      'medium-light': tone('medium-light'),
      medium: tone('medium'),
      'medium-dark': tone('medium-dark'),
      dark: tone('dark'),
    },
  };
}
