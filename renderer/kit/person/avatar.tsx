import type { PeerPresenceView } from '../../../electron/contract/index.ts';
import { cx } from '../cx.ts';
import styles from './avatar.module.css';

type State = PeerPresenceView['state'];

/** Presence as a shape first and a colour second: filled, half, bar, ring. */
export function PresenceGlyph({ state, size = 10 }: { state: State; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 10 10" className={styles[state]} aria-hidden focusable="false">
      {state === 'available' && <circle cx="5" cy="5" r="5" fill="currentColor" />}
      {state === 'away' && (
        <>
          <circle cx="5" cy="5" r="4.1" fill="none" stroke="currentColor" strokeWidth="1.8" />
          <path d="M5 0.9 A4.1 4.1 0 0 1 5 9.1 Z" fill="currentColor" />
        </>
      )}
      {(state === 'busy' || state === 'do-not-disturb') && (
        <>
          <circle cx="5" cy="5" r="5" fill="currentColor" />
          {state === 'do-not-disturb' ? (
            <rect x="2" y="4.1" width="6" height="1.8" rx="0.9" fill="var(--behind, var(--base))" />
          ) : (
            <circle cx="5" cy="5" r="1.7" fill="var(--behind, var(--base))" />
          )}
        </>
      )}
      {(state === 'offline' || state === 'unknown') && (
        <circle cx="5" cy="5" r="3.9" fill="none" stroke="currentColor" strokeWidth="1.8" />
      )}
    </svg>
  );
}

/** What a person sees as one letter, accents and all. */
const firstLetter = (word: string): string => {
  for (const { segment } of new Intl.Segmenter().segment(word)) return segment;
  return '';
};

/** First letters of the first and the last word. */
function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  return words.length === 0
    ? '?'
    : (firstLetter(words[0] ?? '') + (words.length > 1 ? firstLetter(words.at(-1) ?? '') : '')).toLocaleUpperCase();
}

/** One hue for one address, for ever. */
function hueOf(address: string): number {
  let hash = 2166136261;
  for (const unit of address) hash = Math.imul(hash ^ (unit.codePointAt(0) ?? 0), 16777619);
  return (hash >>> 0) % 360;
}

interface AvatarProps {
  name: string;
  address: string;
  presence?: State | undefined;
  size?: number;
}

/** Decoration: whoever shows it also says the name and the presence in words. */
export function Avatar({ name, address, presence, size = 40 }: AvatarProps) {
  return (
    <span
      className={cx(styles.avatar)}
      style={{ '--side': `${size}px`, '--own-hue': hueOf(address) } as React.CSSProperties}
      data-initials={initials(name)}
      aria-hidden
    >
      {presence && presence !== 'unknown' && (
        <span className={styles.dot}>
          <PresenceGlyph state={presence} />
        </span>
      )}
    </span>
  );
}
