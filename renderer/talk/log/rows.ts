import type { Message } from '../../../electron/contract/index.ts';

/** One line of the talk. */
export type LogRow =
  | { kind: 'beginning'; key: string }
  | { kind: 'day'; key: string; at: number }
  | { kind: 'unread'; key: string }
  | {
      kind: 'message';
      key: string;
      message: Message;
      /** Place among the loaded messages, from 1. */
      place: number;
      /** The one above, below, is by the same person and close in time. */
      joinsAbove: boolean;
      joinsBelow: boolean;
    };

const CLOSE = 5 * 60_000;
const sameDay = (a: number, b: number): boolean => new Date(a).toDateString() === new Date(b).toDateString();

const joins = (a: Message, b: Message): boolean =>
  a.direction === b.direction && Math.abs(b.at - a.at) < CLOSE && sameDay(a.at, b.at);

/** Days between, a line where reading stopped, and bubbles joined when one person writes on. */
export function logRows(
  messages: readonly Message[],
  options: { beginning: boolean; unreadFrom: number | null },
): LogRow[] {
  const rows: LogRow[] = options.beginning ? [{ kind: 'beginning', key: 'beginning' }] : [];
  let joinsAbove = false;
  // the same day keeps its key while older messages come in above; a day met twice (clocks differ) gets another
  const days = new Map<string, number>();
  messages.forEach((message, at) => {
    const above = messages[at - 1];
    const below = messages[at + 1];
    if (!above || !sameDay(above.at, message.at)) {
      const day = new Date(message.at).toDateString();
      const met = days.get(day) ?? 0;
      days.set(day, met + 1);
      rows.push({ kind: 'day', key: `day:${day}:${met}`, at: message.at });
      joinsAbove = false;
    }
    if (message.sequence === options.unreadFrom) {
      rows.push({ kind: 'unread', key: 'unread' });
      joinsAbove = false;
    }
    const joinsBelow = below !== undefined && joins(message, below) && below.sequence !== options.unreadFrom;
    rows.push({ kind: 'message', key: message.id, message, place: at + 1, joinsAbove, joinsBelow });
    joinsAbove = joinsBelow;
  });
  return rows;
}
