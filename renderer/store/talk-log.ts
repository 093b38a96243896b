import type { Message } from '../../electron/contract/index.ts';

/** One unbroken stretch of a talk's messages, oldest first. */
export interface TalkLog {
  messages: readonly Message[];
  /** There are older ones on disk. */
  older: boolean;
  /** There are newer ones on disk: the stretch was opened around a found message. */
  newer: boolean;
}

/** Two stretches as one, each message once, the later fact winning. */
export function joined(first: readonly Message[], second: readonly Message[]): Message[] {
  const byId = new Map<string, Message>();
  for (const message of first) byId.set(message.id, message);
  for (const message of second) byId.set(message.id, message);
  return [...byId.values()].sort((a, b) => a.sequence - b.sequence);
}

export const newestPage = (
  log: TalkLog | undefined,
  page: { messages: readonly Message[]; more: boolean },
): TalkLog => {
  const first = page.messages[0];
  const touches = log && !log.newer && first && log.messages.some((message) => message.sequence >= first.sequence);
  if (!touches || !log) return { messages: page.messages, older: page.more, newer: false };
  return { messages: joined(log.messages, page.messages), older: log.older, newer: false };
};

export const olderPage = (log: TalkLog, page: { messages: readonly Message[]; more: boolean }): TalkLog => ({
  ...log,
  messages: joined(page.messages, log.messages),
  older: page.more,
});

export const newerPage = (log: TalkLog, page: { messages: readonly Message[]; more: boolean }): TalkLog => ({
  ...log,
  messages: joined(log.messages, page.messages),
  newer: page.more,
});

/** New and changed messages, into the talks that are loaded; others will be fetched when they are opened. */
export function applyMessages(
  logs: Readonly<Record<string, TalkLog>>,
  changed: readonly Message[],
): Readonly<Record<string, TalkLog>> {
  const next: Record<string, TalkLog> = { ...logs };
  for (const message of changed) {
    const log = next[message.talkId];
    if (!log) continue;
    const at = log.messages.findIndex((known) => known.id === message.id);
    if (at >= 0 && log.messages[at]?.sequence === message.sequence) {
      const messages = log.messages.slice();
      messages[at] = message;
      next[message.talkId] = { ...log, messages };
    } else {
      const first = log.messages[0];
      // what lies before or after the loaded stretch stays on disk
      if (at < 0 && ((log.older && first && message.sequence < first.sequence) || log.newer)) continue;
      next[message.talkId] = { ...log, messages: joined(log.messages, [message]) };
    }
  }
  return next;
}
