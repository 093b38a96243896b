import type { TFunction } from 'i18next';
import type { PeerPresenceView } from '../../electron/contract/index.ts';

/** `Away, for 12 min – "in lab 3 until 6"` */
export function presenceWords(
  t: TFunction,
  presence: PeerPresenceView,
  now: number,
  round: (seconds: number) => string,
): string {
  const state =
    presence.state === 'away' && presence.idleSince !== undefined
      ? t('presence.idleFor', { time: round((now - presence.idleSince) / 1000) })
      : t(`presence.${presence.state}`);
  return presence.note ? `${state} – ${presence.note}` : state;
}
