import { expect, it } from 'vitest';
import type { CoreEvent, Message, Talk } from '../../electron/contract/index.ts';
import { EventBatch } from '../../electron/core/event-batch.ts';
import { turn } from './support/core.ts';

const route = { accountId: 'a', address: 'test:rui@campus.test' };
const talk = (id: string, draft = ''): Talk => ({
  id,
  personId: `person-${id}`,
  route,
  unread: 0,
  last: null,
  draft,
  activeAt: 0,
});
const message = (id: string): Message => ({
  id,
  talkId: 't',
  sequence: 1,
  direction: 'incoming',
  kind: 'text',
  text: id,
  transferId: null,
  at: 0,
  state: 'received',
  fault: null,
  route,
});

function fresh() {
  const batches: CoreEvent[][] = [];
  const reports: unknown[] = [];
  const events = new EventBatch(
    (batch) => batches.push(batch),
    (error) => reports.push(error),
  );
  return { events, batches, reports };
}

it('tells all of one turn at once, each thing in its last form, people before talks before messages', async () => {
  const { events, batches } = fresh();
  events.emit({ type: 'messages', changed: [message('m1')] });
  events.emit({ type: 'talks', changed: [talk('t', 'a')], removed: [] });
  events.emit({ type: 'messages', changed: [message('m2')] });
  events.emit({ type: 'talks', changed: [talk('t', 'b')], removed: [] });
  events.emit({ type: 'typing', talkId: 't', composing: true });
  events.emit({ type: 'typing', talkId: 't', composing: false });
  events.emit({ type: 'people', changed: [], removed: ['p'] });
  events.emit({ type: 'accounts', accounts: [] });
  expect(batches).toEqual([]);
  await turn();
  expect(batches).toEqual([
    [
      { type: 'accounts', accounts: [] },
      { type: 'people', changed: [], removed: ['p'] },
      { type: 'talks', changed: [talk('t', 'b')], removed: [] },
      { type: 'messages', changed: [message('m1'), message('m2')] },
      { type: 'typing', talkId: 't', composing: false },
    ],
  ]);
});

it('lets the last word stand between here and gone', async () => {
  const { events, batches } = fresh();
  events.emit({ type: 'talks', changed: [talk('a')], removed: ['b'] });
  events.emit({ type: 'talks', changed: [talk('b')], removed: ['a'] });
  await turn();
  expect(batches).toEqual([[{ type: 'talks', changed: [talk('b')], removed: ['a'] }]]);
});

it('does deferred work once before it tells, also when that defers more', async () => {
  const { events, batches } = fresh();
  let runs = 0;
  const work = () => {
    runs += 1;
    events.emit({ type: 'talks', changed: [talk('a')], removed: [] });
    if (runs === 1) events.defer('other', () => events.emit({ type: 'talks', changed: [talk('b')], removed: [] }));
  };
  events.defer('same', work);
  events.defer('same', work);
  await turn();
  expect(runs).toBe(1);
  expect(batches).toEqual([[{ type: 'talks', changed: [talk('a'), talk('b')], removed: [] }]]);
  await turn();
  expect(batches).toHaveLength(1);
});

it('reports deferred work that fails, and tells the rest', async () => {
  const { events, batches, reports } = fresh();
  events.defer('bad', () => {
    throw new Error('no');
  });
  events.defer('good', () => events.emit({ type: 'requests', requests: [] }));
  await turn();
  expect(reports).toHaveLength(1);
  expect(batches).toEqual([[{ type: 'requests', requests: [] }]]);
});
