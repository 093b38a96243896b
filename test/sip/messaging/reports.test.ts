import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { IncomingMessage, MessageReport } from '../../../protocols/contract/index.ts';
import { memoryStorage } from '../kit.ts';
import { BOB, contentOf, messagingAtServer } from './messaging-at-server.ts';

type Parts = Awaited<ReturnType<typeof messagingAtServer>>;

/** A text of Bob's that asks for both reports. */
const text = (id: string): string =>
  `From: <${BOB}>\r\nNS: imdn <urn:ietf:params:imdn>\r\nDateTime: 2026-11-30T10:00:00Z\r\nimdn.Message-ID: ${id}\r\n` +
  'imdn.Disposition-Notification: positive-delivery, display\r\n\r\nContent-Type: text/plain\r\n\r\nx';

const reportsOf = ({ page }: Parts): MessageReport[] => {
  const reports: MessageReport[] = [];
  page.onReported((report) => reports.push(report));
  return reports;
};
/** What Ana told by MESSAGE. */
const told = ({ server }: Parts): string[] =>
  server.requests
    .filter(({ method }) => method === 'MESSAGE')
    .flatMap((request) => {
      const content = contentOf(request);
      return content.kind === 'imdn'
        ? content.imdns.map(({ disposition, messageId }) => `${disposition} ${messageId}`)
        : [];
    });

test('whoever keeps a text learns that its delivery is owed, and that the report has left', async () => {
  const ana = await messagingAtServer();
  const kept: IncomingMessage[] = [];
  ana.page.receiver = (message) => {
    kept.push(message);
    return 'stored';
  };
  const reports = reportsOf(ana);
  const id = randomUUID();
  await ana.receive('message/cpim', text(id));
  await ana.settled();
  expect(kept).toMatchObject([{ id, deliveryWanted: Date.parse('2026-11-30T10:00:00Z') }]);
  expect(reports).toEqual([{ peer: BOB, id, report: 'delivered' }]);
  expect(told(ana)).toEqual([`delivered ${id}`]);
});

test.each([
  [480, 'found nobody', []],
  [503, 'met a busy server', []],
  [202, 'is kept by the server', ['delivered']],
  [415, 'is refused for good', ['delivered']],
  [404, 'found no such person', ['delivered']],
])('after %i a report that %s is owed, or not', async (status, _, paid) => {
  const ana = await messagingAtServer();
  ana.server.handler = (request) => request.answer(request.method === 'MESSAGE' ? status : 200);
  const reports = reportsOf(ana);
  await ana.receive('message/cpim', text(randomUUID()));
  await ana.settled();
  expect(reports.map(({ report }) => report)).toEqual(paid);
});

test('of several reports that wait together one finds out that nobody is there, and each may be told later', async () => {
  const ana = await messagingAtServer();
  ana.server.handler = (request) => request.answer(request.method === 'MESSAGE' ? 480 : 200);
  const reports = reportsOf(ana);
  const ids = [randomUUID(), randomUUID(), randomUUID()];
  for (const id of ids) ana.page.sendDelivered(BOB, id, 0);
  await ana.settled();
  expect(told(ana)).toEqual([`delivered ${ids[0]}`]);
  ana.server.handler = (request) => request.answer(200);
  for (const id of ids) ana.page.sendDelivered(BOB, id, 0);
  // on its way already
  ana.page.sendDelivered(BOB, ids[0] ?? '', 0);
  await ana.settled();
  expect(told(ana).slice(1)).toEqual(ids.map((id) => `delivered ${id}`));
  expect(reports.map(({ id }) => id)).toEqual(ids);
});

test('a program that is killed while it tells that a text was read tells it in its next life, as long as nobody has it', async () => {
  const storage = memoryStorage();
  const first = await messagingAtServer(storage);
  const id = randomUUID();
  await first.receive('message/cpim', text(id));
  // nothing answers any more
  first.server.handler = () => {};
  first.page.sendRead(BOB, id);
  await first.server.request('MESSAGE', 2);
  const second = await messagingAtServer(storage);
  const reports = reportsOf(second);
  second.page.sendRead(BOB, id);
  await second.settled();
  expect(told(second)).toEqual([`displayed ${id}`]);
  second.page.sendRead(BOB, id);
  await second.settled();
  expect(told(second)).toHaveLength(1);
  // the second time nobody wants it any more
  expect(reports.map(({ report }) => report)).toEqual(['read', 'read']);
});

test('a program that is killed before a text is kept knows, when it comes again, that its sender wants to know of the reading', async () => {
  const storage = memoryStorage();
  const first = await messagingAtServer(storage);
  const id = randomUUID();
  // as far as the storage had come when the text was handed over
  let then: [string, string][] = [];
  first.page.receiver = () => {
    then = [...storage.content];
    return 'stored';
  };
  await first.receive('message/cpim', text(id));
  const killed = memoryStorage();
  for (const [key, value] of then) killed.put(key, value);
  const second = await messagingAtServer(killed);
  second.page.sendRead(BOB, id);
  await second.settled();
  expect(told(second)).toEqual([`displayed ${id}`]);
});
