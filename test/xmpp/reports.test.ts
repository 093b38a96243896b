import { afterEach, expect, it } from 'vitest';
import type { MessageReport } from '../../protocols/contract/index.ts';
import { NS } from '../../protocols/xmpp/namespaces.ts';
import { BOB, message, messagesOf, setUp } from './support/ana.ts';
import { type Connection, stopServers } from './support/hostile-server.ts';
import { draft, everybodyLeaves, memoryStorage, type person } from './support/kit.ts';

afterEach(async () => {
  await everybodyLeaves();
  await stopServers();
});

/** What is sent now has been acknowledged when this resolves. */
const acknowledged = async (ana: { set: ReturnType<typeof person>['set'] }): Promise<void> => {
  expect(await ana.set('messaging').send(BOB, draft('asks for an ack')).outcome).toEqual({ state: 'sent' });
};

const named = (line: Connection, name: 'received' | 'displayed'): (string | undefined)[] =>
  line.elements
    .filter((element) => element.is('message'))
    .flatMap((element) => element.getChild(name, name === 'received' ? NS.receipts : NS.markers) ?? [])
    .map(({ attrs }) => attrs.id);

it('owes a receipt until the server has it, and says so', async () => {
  let deaf = false;
  const { ana, line } = await setUp({ on: (_line, element) => deaf && element.is('r') });
  const reports: MessageReport[] = [];
  ana.set('messaging').onReported((report) => reports.push(report));
  deaf = true;
  line.write(message(`<body>tell me</body><request xmlns='${NS.receipts}'/>`, { id: '1' }));
  await line.expect('a receipt', (element) => element.getChild('received', NS.receipts) !== undefined);
  expect((await ana.texts(1))[0]).toHaveProperty('deliveryWanted');
  // on its way already
  ana.set('messaging').sendDelivered(BOB, '1', 0);
  expect(reports).toEqual([]);
  deaf = false;
  await acknowledged(ana);
  expect(reports).toEqual([{ peer: BOB, id: '1', report: 'delivered' }]);
  expect(named(line, 'received')).toEqual(['1']);
});

it('tells that a text was read after a kill that came before the server had the word', async () => {
  const { ana, line } = await setUp();
  line.write(message(`<body>a</body><markable xmlns='${NS.markers}'/>`, { id: '1' }));
  await ana.texts(1);
  ana.set('messaging').sendRead(BOB, '1');
  // the disk as the kill leaves it, before any acknowledgement
  const storage = memoryStorage();
  for (const [key, value] of ana.storage.content) storage.put(key, value);
  const again = await setUp({}, { storage });
  again.ana.set('messaging').sendRead(BOB, '1');
  await acknowledged(again.ana);
  expect(named(again.line, 'displayed')).toEqual(['1']);
});

const ASKING = `<body>a</body><request xmlns='${NS.receipts}'/><markable xmlns='${NS.markers}'/>`;

it.each([['none'], ['to']])(
  'tells nobody who may not see us that we are here (subscription %s)',
  async (subscription) => {
    const { ana, line } = await setUp({ contacts: { 'bob@campus.test': subscription } });
    const reports: MessageReport[] = [];
    ana.set('messaging').onReported((report) => reports.push(report));
    if (subscription === 'to') line.write("<presence from='bob@campus.test/x'/>");
    line.write(message(ASKING, { id: '1' }));
    await ana.texts(1);
    ana.set('messaging').sendRead(BOB, '1');
    ana.set('messaging').sendTyping(BOB, 'composing');
    await acknowledged(ana);
    expect(messagesOf(line).map((element) => element.getChildText('body'))).toEqual(['asks for an ack']);
    // nothing stays owed that is never told
    expect(reports).toEqual([
      { peer: BOB, id: '1', report: 'delivered' },
      { peer: BOB, id: '1', report: 'read' },
    ]);
  },
);

it('tells nobody anything while we are set offline, and what was owed when we are back', async () => {
  const { ana, line } = await setUp();
  await ana.set('presence').publish({ state: 'offline' });
  line.write(message(ASKING, { id: '1' }));
  await ana.texts(1);
  ana.set('messaging').sendRead(BOB, '1');
  ana.set('messaging').sendTyping(BOB, 'composing');
  await acknowledged(ana);
  expect(messagesOf(line).map((element) => element.getChildText('body'))).toEqual(['asks for an ack']);
  await ana.set('presence').publish({ state: 'available' });
  await acknowledged(ana);
  expect([named(line, 'received'), named(line, 'displayed')]).toEqual([['1'], ['1']]);
});
