import { expect, test } from 'vitest';
import { Content, fileOf } from '../file-transfer/file-peers.ts';
import { anaAt, draft, type Person } from '../kit.ts';
import { ScriptedServer } from '../scripted-server.ts';

const online = async (): Promise<{ server: ScriptedServer; ana: Person }> => {
  const server = await ScriptedServer.open();
  server.handler = ({ method, head, ...request }) => {
    const contact = method === 'REGISTER' ? [`Contact: ${head.get('contact')}`] : [];
    request.answer(method === 'SUBSCRIBE' ? 489 : method === 'INVITE' ? 603 : 200, contact);
  };
  const ana = anaAt(server.port);
  ana.provider.start();
  await ana.reach('online');
  return { server, ana };
};
const EVIL = [
  '\r\nEvil: 1',
  '\nEvil: 1',
  '\rEvil: 1',
  '\r\n Evil 1\r\nEvil: 2',
  '"\r\nEvil: 1',
  '>\r\nEvil: 1',
  '\0Evil: 1',
  '\u2028Evil: 1',
  '%0d%0aEvil: 1',
];
/** Lines of heads and bodies that begin with it; what stands in an XML element is none. */
const evil = (server: ScriptedServer): string[] =>
  server.requests.flatMap(({ head, body }) =>
    `${head.toString()}${body}`.split(/[\r\n\0\u2028\u2029]+/).filter((line) => /^\s*Evil[^<]*$/.test(line)),
  );

test.each(EVIL)('a name %j of a file writes no line', async (name) => {
  const { server, ana } = await online();
  const file = fileOf(new Content(Buffer.alloc(10)), { name: `a${name}.txt`, type: `text/plain${name}` });
  ana.set('fileTransfer').offer('sip:bob@campus.test', [file]);
  const { body } = await server.request('INVITE');
  expect(body).toContain('a=file-selector:name:"a');
  expect(evil(server)).toEqual([]);
});

test.each(EVIL)('an address with %j is none, or is escaped', async (part) => {
  const { server, ana } = await online();
  const { outcome } = ana.set('messaging').send(`sip:bob${part}@campus.test`, draft('hi'));
  const { state } = await outcome;
  expect(['sent', 'failed']).toContain(state);
  await ana.set('messaging').send('sip:carol@campus.test', draft('hi')).outcome;
  expect(evil(server)).toEqual([]);
  expect(server.requests.filter(({ head }) => /\s/.test(head.start.kind === 'request' ? head.start.uri : ''))).toEqual(
    [],
  );
});

test.each(['\\r\\nEvil: 1', '\\u000d\\u000aEvil: 1', '\\nEvil: 1', '<\\r\\nEvil>', '</message-id>\\r\\nEvil'])(
  'an id %j a peer gave its text writes no line into the notification',
  async (id) => {
    const { server, ana } = await online();
    const wrapped = `From: <sip:bob@campus.test>\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: x${id}\r\nimdn.Disposition-Notification: positive-delivery\r\n\r\nContent-Type: text/plain\r\n\r\nhi`;
    server.sendRequest(
      'MESSAGE',
      'sip:ana@campus.test',
      ['From: <sip:bob@campus.test>;tag=1', 'Content-Type: message/cpim'],
      wrapped,
    );
    const { body } = await server.request('MESSAGE');
    expect(ana.received.length).toBe(1);
    expect(body).toContain('<message-id>x');
    expect(evil(server)).toEqual([]);
  },
);

test.each(['sip:bob%0d%0aEvil:1@campus.test', 'sip:bob%00@campus.test', 'sip:bob%0a@campus.test', 'tel:+1%0d%0aEvil'])(
  'a text of %s is refused with 400 or has an address that can be written',
  async (from) => {
    const { server, ana } = await online();
    server.sendRequest(
      'MESSAGE',
      'sip:ana@campus.test',
      ['Call-ID: odd', `From: <${from}>;tag=1`, 'Content-Type: text/plain'],
      'hi',
    );
    const answer = await server.until(() => server.answers.find((each) => each.get('call-id') === 'odd'));
    for (const { peer } of ana.received) expect(peer).not.toMatch(/[\p{Cc}\s]/u);
    expect([200, 400]).toContain(answer.start.kind === 'response' ? answer.start.status : 0);
    expect(answer.get('from')).toBe(`<${from}>;tag=1`);
  },
);
