import { afterEach, expect, it } from 'vitest';
import { NS } from '../../protocols/xmpp/namespaces.ts';
import { message, messagesOf, setUp, workedOff } from './support/ana.ts';
import { stopServers } from './support/hostile-server.ts';
import { everybodyLeaves } from './support/kit.ts';

afterEach(async () => {
  await everybodyLeaves();
  await stopServers();
});

it('keeps a bounded number of requests to see us, and tells them together', async () => {
  const { ana, line } = await setUp();
  const list = ana.set('contactList');
  let told = 0;
  list.onRequests(() => {
    told += 1;
  });
  const asking = Array.from(
    { length: 5000 },
    (_, index) => `<presence type='subscribe' from='x${index}@evil.example'/>`,
  );
  line.write(asking.join(''));
  await workedOff(line);
  expect(list.requests).toHaveLength(200);
  expect(told).toBeLessThanOrEqual(200);
  // what was known is still known
  line.write("<presence type='subscribe' from='x0@evil.example'><status>please</status></presence>");
  await workedOff(line);
  expect(list.requests.find(({ address }) => address === 'xmpp:x0@evil.example')?.note).toBe('please');
});

const BURST = 5000;
const burst = (): string =>
  Array.from({ length: BURST }, (_, index) => message(`<body>${index}</body>`, { id: `t${index}` })).join('');

it('keeps the texts of a burst together, in order, and counts each once it is kept', async () => {
  const { ana, line } = await setUp();
  let times = 0;
  ana.set('messaging').together = (work) => {
    times += 1;
    return work();
  };
  const counted = line.sent;
  line.write(`${burst()}<r xmlns='${NS.streamManagement}'/>`);
  const answer = await line.expect('the count', (element) => element.is('a'));
  expect(Number(answer.attrs.h)).toBe(counted + BURST);
  expect(ana.received.map(({ text }) => text)).toEqual(Array.from({ length: BURST }, (_, index) => `${index}`));
  expect(times).toBeLessThan(BURST / 5);
});

it('gets all texts of a burst again that could not be kept together, and confirms none before', async () => {
  const { server, ana, line } = await setUp({
    resume: (_connection, h, id) =>
      `<resumed xmlns='${NS.streamManagement}' previd='${id}' h='${h}'/>` +
      message(`<body>a</body><request xmlns='${NS.receipts}'/>`, { id: 'a' }) +
      message('<body>b</body>', { id: 'b' }),
  });
  let full = true;
  ana.set('messaging').together = (work) => {
    const result = work();
    if (full) throw new Error('no room');
    return result;
  };
  line.write(
    message(`<body>a</body><request xmlns='${NS.receipts}'/>`, { id: 'a' }) + message('<body>b</body>', { id: 'b' }),
  );
  await line.closed;
  expect(messagesOf(line)).toEqual([]);
  full = false;
  const second = await server.connection(1);
  await second.expect('a receipt', (element) => element.getChild('received', NS.receipts) !== undefined);
  expect(second.elements.find((element) => element.is('resume'))?.attrs.h).toBe(String(line.sent - 2));
});

it('keeps the beginning of an endless text, and says that it is only that', async () => {
  const { ana, line } = await setUp();
  line.write(message(`<body>${'é'.repeat(2_500_000)}</body>`, { id: '1' }));
  line.write(message(`<subject>${'s'.repeat(5000)}</subject><nick xmlns='${NS.nick}'>${'n'.repeat(5000)}</nick>`));
  await workedOff(line);
  expect(ana.received.map(({ text, unshown }) => unshown ?? text.length)).toEqual([256 * 1024, 'cut', 1000]);
  expect(ana.received[2]?.peerName).toHaveLength(300);
});

it('takes neither endless names and groups nor endless numbers of them into its list', async () => {
  const groups = ['g'.repeat(1024 * 1024), ...Array.from({ length: 200 }, (_, index) => `group ${index}`)];
  const { ana, line } = await setUp({
    on: (connection, element) => {
      if (!element.getChild('query', NS.roster) || element.attrs.type !== 'get') return false;
      const inside = groups.map((group) => `<group>${group}</group>`).join('');
      const item = `<item jid='bob@campus.test' name='${'n'.repeat(100_000)}' subscription='both'>${inside}</item>`;
      connection.result(element, `<query xmlns='${NS.roster}'>${item}</query>`);
      return true;
    },
  });
  const [bob] = ana.set('contactList').contacts;
  expect(bob?.name).toHaveLength(300);
  expect(bob?.groups).toHaveLength(50);
  expect(Math.max(...(bob?.groups ?? []).map((group) => group.length))).toBe(300);
  line.write(`<presence from='bob@campus.test/x'><status>${'s'.repeat(100_000)}</status></presence>`);
  await workedOff(line);
  expect(ana.set('presence').presenceOf('xmpp:bob@campus.test').note).toHaveLength(300);
});
