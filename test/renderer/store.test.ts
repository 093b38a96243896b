import { describe, expect, it } from 'vitest';
import type { CoreEvent, Message } from '../../electron/contract/index.ts';
import { applyEvents, type Facts, fromSnapshot, noFacts } from '../../renderer/store/facts.ts';
import { applyMessages, newestPage, olderPage, type TalkLog } from '../../renderer/store/talk-log.ts';
import { logRows } from '../../renderer/talk/log/rows.ts';
import { sampleData } from './fake-core/sample.ts';

const start = (): Facts => fromSnapshot(noFacts, sampleData().snapshot);

const message = (sequence: number, change: Partial<Message> = {}): Message => ({
  id: `m${sequence}`,
  talkId: 'ana',
  sequence,
  direction: 'incoming',
  kind: 'text',
  text: `text ${sequence}`,
  transferId: null,
  at: new Date(2026, 10, 22, 12, 0, sequence).getTime(),
  state: 'received',
  fault: null,
  route: { accountId: 'sip-me', address: 'sip:ana.sousa@campus.test' },
  ...change,
});

describe('facts', () => {
  it('talks stand newest first', () => {
    const facts = start();
    const times = facts.talkOrder.map((id) => facts.talks[id]?.activeAt ?? 0);
    expect(times).toEqual([...times].sort((a, b) => b - a));
  });

  it('applying a batch twice changes nothing more', () => {
    const facts = start();
    const ana = facts.talks.ana;
    if (!ana) throw new Error('no sample');
    const batch: CoreEvent[] = [
      { type: 'talks', changed: [{ ...ana, unread: 9 }], removed: ['rui'] },
      { type: 'typing', talkId: 'carla', composing: true },
      { type: 'people', changed: [], removed: ['p-ze'] },
    ];
    const once = applyEvents(facts, batch);
    expect(applyEvents(once, batch)).toEqual(once);
    expect(once.talks.rui).toBeUndefined();
    expect(once.people['p-ze']).toBeUndefined();
    expect(once.typing).toEqual({ carla: true });
  });

  it('the order keeps its identity when only an unread count moved', () => {
    const facts = start();
    const ana = facts.talks.ana;
    if (!ana) throw new Error('no sample');
    const next = applyEvents(facts, [{ type: 'talks', changed: [{ ...ana, unread: 5 }], removed: [] }]);
    expect(next.talkOrder).toBe(facts.talkOrder);
  });

  it('a removed talk takes its messages with it', () => {
    const facts = { ...start(), logs: { ana: { messages: [message(1)], older: false, newer: false } } };
    expect(applyEvents(facts, [{ type: 'talks', changed: [], removed: ['ana'] }]).logs).toEqual({});
  });

  it('a new snapshot forgets who was typing', () => {
    const facts = applyEvents(start(), [{ type: 'typing', talkId: 'ana', composing: true }]);
    expect(fromSnapshot(facts, sampleData().snapshot).typing).toEqual({});
  });
});

describe('the loaded stretch of a talk', () => {
  const log: TalkLog = { messages: [message(10), message(11)], older: true, newer: false };

  it('takes a new message at its end and a changed one in its place', () => {
    const next = applyMessages({ ana: log }, [message(12), message(10, { state: 'read' })]);
    expect(next.ana?.messages.map((one) => one.sequence)).toEqual([10, 11, 12]);
    expect(next.ana?.messages[0]?.state).toBe('read');
  });

  it('leaves on disk what lies before it, and after it when it does not reach the end', () => {
    expect(applyMessages({ ana: log }, [message(3)]).ana?.messages).toHaveLength(2);
    expect(applyMessages({ ana: { ...log, newer: true } }, [message(40)]).ana?.messages).toHaveLength(2);
  });

  it('ignores talks that are not loaded', () => {
    expect(applyMessages({}, [message(1)])).toEqual({});
  });

  it('joins a newest page that touches it, and starts anew with one that does not', () => {
    const touching = newestPage(log, { messages: [message(11), message(12)], more: true });
    expect(touching.messages.map((one) => one.sequence)).toEqual([10, 11, 12]);
    const apart = newestPage(log, { messages: [message(90)], more: true });
    expect(apart.messages.map((one) => one.sequence)).toEqual([90]);
    expect(apart.older).toBe(true);
  });

  it('grows upwards by older pages until there are none', () => {
    const next = olderPage(log, { messages: [message(8), message(9)], more: false });
    expect(next.messages.map((one) => one.sequence)).toEqual([8, 9, 10, 11]);
    expect(next.older).toBe(false);
  });
});

describe('rows of a talk', () => {
  const kinds = (messages: Message[], unreadFrom: number | null = null) =>
    logRows(messages, { beginning: false, unreadFrom });

  it('joins bubbles of one person close in time', () => {
    const rows = kinds([message(1), message(2), message(3, { direction: 'outgoing', state: 'sent' })]);
    const bubbles = rows.flatMap((row) => (row.kind === 'message' ? [[row.joinsAbove, row.joinsBelow]] : []));
    expect(bubbles).toEqual([
      [false, true],
      [true, false],
      [false, false],
    ]);
  });

  it('puts the day between days', () => {
    const rows = kinds([message(1, { at: new Date(2026, 10, 21, 23, 59).getTime() }), message(2)]);
    expect(rows.map((row) => row.kind)).toEqual(['day', 'message', 'day', 'message']);
  });

  it('puts a line where reading stopped and joins nothing across it', () => {
    const rows = kinds([message(1), message(2)], 2);
    expect(rows.map((row) => row.kind)).toEqual(['day', 'message', 'unread', 'message']);
    expect(rows[1]).toMatchObject({ joinsBelow: false });
    expect(rows[3]).toMatchObject({ joinsAbove: false });
  });
});
