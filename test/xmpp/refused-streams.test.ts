import type { Element } from '@xmpp/xml';
import { afterEach, expect, it } from 'vitest';
import { NS } from '../../protocols/xmpp/namespaces.ts';
import { certificateFor } from './support/certificates.ts';
import { type Behaviour, type Connection, DOMAIN, HostileServer, stopServers } from './support/hostile-server.ts';
import { draft, everybodyLeaves, memoryStorage, type Person, person } from './support/kit.ts';

const BOB = 'xmpp:bob@campus.test';

afterEach(async () => {
  await everybodyLeaves();
  await stopServers();
});

const login = (server: HostileServer, storage = memoryStorage()): Person => {
  const ana = person(
    {
      address: `xmpp:ana@${DOMAIN}`,
      server: { host: '127.0.0.1', port: server.port },
      certificateAuthorities: [certificateFor(`DNS:${DOMAIN}`).cert],
    },
    { storage },
  );
  ana.provider.start();
  return ana;
};

const setUp = async (behaviour: Behaviour): Promise<{ server: HostileServer; ana: Person }> => {
  const server = await HostileServer.start(behaviour);
  const ana = login(server);
  await ana.reach('online');
  return { server, ana };
};

const close = (line: Connection, inside: string): true => {
  line.socket.end(`<stream:error>${inside}</stream:error></stream:stream>`);
  return true;
};
const condition = (name: string): string => `<${name} xmlns='${NS.streamErrors}'/>`;

/** Closes the stream over every stanza that fits. */
const closingOver = (fits: (stanza: Element) => boolean, inside: string): Behaviour => ({
  on: (line, element) => fits(element) && close(line, inside),
});
const says = (text: string) => (stanza: Element) => stanza.getChildText('body') === text;
const timesSent = (server: HostileServer, text: string): number =>
  server.connections.flatMap(({ elements }) => elements).filter(says(text)).length;

it.each([
  ['Prosody', `${condition('policy-violation')}<stanza-too-big xmlns='urn:xmpp:errors'/>`],
  ['ejabberd', `${condition('policy-violation')}<text xmlns='${NS.streamErrors}'>XML stanza is too big</text>`],
])('fails a text at once that is too big for %s, and sends the rest', async (_server, inside) => {
  const { server, ana } = await setUp(closingOver((stanza) => stanza.toString().length > 65_536, inside));
  const big = draft('x'.repeat(80_000));
  const [before, tooBig, after] = [draft('before'), big, draft('after')].map((each) =>
    ana.set('messaging').send(BOB, each),
  );
  expect(await tooBig?.outcome).toMatchObject({
    state: 'failed',
    error: { code: 'too-big', retryable: false, protocolCode: 'stanza-too-big' },
  });
  expect([await before?.outcome, await after?.outcome]).toEqual([{ state: 'sent' }, { state: 'sent' }]);
  expect(timesSent(server, big.text)).toBe(1);
  // and the next one of that size does not end the connection once more
  const connections = server.connections.length;
  const next = ana.set('messaging').send(BOB, draft('y'.repeat(80_000)));
  expect(await next.outcome).toMatchObject({ state: 'failed', error: { code: 'too-big' } });
  expect(server.connections).toHaveLength(connections);
});

it('never sends what the server has announced that it does not take', async () => {
  const limits = "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>20000</max-bytes></limits>";
  const { server, ana } = await setUp({
    features: `<bind xmlns='${NS.bind}'/><sm xmlns='${NS.streamManagement}'/>${limits}`,
  });
  const text = draft('x'.repeat(20_000));
  expect(await ana.set('messaging').send(BOB, text).outcome).toMatchObject({ error: { code: 'too-big' } });
  expect(await ana.set('messaging').send(BOB, draft('x'.repeat(10_000))).outcome).toEqual({ state: 'sent' });
  expect(timesSent(server, text.text)).toBe(0);
});

it('fails the one text over which the server closes the stream three times, with the reason, and sends the rest', async () => {
  const { server, ana } = await setUp(closingOver(says('poison'), condition('policy-violation')));
  const texts = ['one', 'two', 'poison', 'three', 'four'].map(
    (text) => ana.set('messaging').send(BOB, draft(text)).outcome,
  );
  expect(await texts[2]).toMatchObject({
    state: 'failed',
    error: { code: 'policy', retryable: false, protocolCode: 'policy-violation' },
  });
  const others = await Promise.all(texts.filter((_text, index) => index !== 2));
  expect(new Set(others.map(({ state }) => state))).toEqual(new Set(['sent']));
  expect(timesSent(server, 'poison')).toBeLessThanOrEqual(5);
});

it('remembers over a restart which text the server closed the stream over', async () => {
  const storage = memoryStorage();
  const server = await HostileServer.start(closingOver(says('poison'), condition('invalid-xml')));
  const poison = draft('poison');
  for (const run of [1, 2]) {
    const ana = login(server, storage);
    await ana.reach('online');
    ana.set('messaging').send(BOB, poison);
    expect((await ana.reach('waiting')).cause.protocolCode).toBe('invalid-xml');
    await ana.provider.stop();
    expect(timesSent(server, 'poison')).toBe(run);
  }
  const ana = login(server, storage);
  await ana.reach('online');
  const outcome = await ana.set('messaging').send(BOB, poison).outcome;
  expect(outcome).toMatchObject({ state: 'failed', error: { code: 'malformed', protocolCode: 'invalid-xml' } });
  expect(timesSent(server, 'poison')).toBe(3);
});

it('fails no text because the server is shut down again and again', async () => {
  let left = 5;
  const { server, ana } = await setUp({
    on: (line, element) => says('patient')(element) && left-- > 0 && close(line, condition('system-shutdown')),
  });
  expect(await ana.set('messaging').send(BOB, draft('patient')).outcome).toEqual({ state: 'sent' });
  expect(timesSent(server, 'patient')).toBe(6);
});

it('fails a text behind which the connection falls every time', async () => {
  const { ana } = await setUp({
    on: (line, element) => {
      if (!says('black hole')(element)) return false;
      line.socket.destroy();
      return true;
    },
  });
  const outcome = await ana.set('messaging').send(BOB, draft('black hole')).outcome;
  expect(outcome).toMatchObject({ state: 'failed', error: { code: 'network', retryable: false } });
  await ana.reach('online');
  expect(await ana.set('messaging').send(BOB, draft('after it')).outcome).toEqual({ state: 'sent' });
});

it('does not end the connection with an answer to somebody whose ids are longer than the server allows', async () => {
  const limit = 65_536;
  const { server, ana } = await setUp({
    ...closingOver(
      (stanza) => stanza.toString().length > limit,
      `${condition('policy-violation')}<stanza-too-big xmlns='urn:xmpp:errors'/>`,
    ),
    features: `<bind xmlns='${NS.bind}'/><sm xmlns='${NS.streamManagement}'/><limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>${limit}</max-bytes></limits>`,
  });
  const line = await server.connection(0);
  const id = 'i'.repeat(limit - 150);
  line.write(`<iq type='get' id='${id}' from='eve@campus.test/x'><query xmlns='${NS.discoInfo}'/></iq>`);
  line.write(
    `<message type='chat' id='${id}' from='eve@campus.test/x'><body>?</body><request xmlns='${NS.receipts}'/></message>`,
  );
  await ana.texts(1);
  expect(await ana.set('messaging').send(BOB, draft('still here')).outcome).toEqual({ state: 'sent' });
  expect(server.connections).toHaveLength(1);
});
