import { afterEach, beforeEach, expect, it } from 'vitest';
import { certificateFor } from './support/certificates.ts';
import { type Behaviour, type Connection, DOMAIN, HostileServer, stopServers } from './support/hostile-server.ts';
import { draft, everybodyLeaves, next, type Person, person } from './support/kit.ts';

const BOB = 'xmpp:bob@campus.test';
const SM = 'urn:xmpp:sm:3';
const uncaught: unknown[] = [];
const note = (cause: unknown): void => void uncaught.push(cause);

beforeEach(() => {
  process.on('uncaughtException', note).on('unhandledRejection', note);
});

afterEach(async () => {
  await everybodyLeaves();
  await stopServers();
  process.off('uncaughtException', note).off('unhandledRejection', note);
  expect(uncaught.splice(0)).toEqual([]);
});

const setUp = async (
  behaviour: Behaviour,
  options: Parameters<typeof person>[1] = {},
): Promise<{ server: HostileServer; ana: Person; line: Connection }> => {
  const server = await HostileServer.start(behaviour);
  const trusted = certificateFor(`DNS:${DOMAIN}`);
  const ana = person(
    {
      address: `xmpp:ana@${DOMAIN}`,
      server: { host: '127.0.0.1', port: server.port },
      certificateAuthorities: [trusted.cert],
    },
    options,
  );
  ana.provider.start();
  await ana.reach('online');
  return { server, ana, line: await server.connection(0) };
};

const message = (body: string, id = body, inside = ''): string =>
  `<message from='bob@campus.test/x' to='ana@campus.test' type='chat' id='${id}'><body>${body}</body>${inside}</message>`;

/** Asks for the client's count until it is the count of what was sent; a wrong count never is. */
const settled = async (line: Connection): Promise<number> => {
  for (;;) {
    const { sent } = line;
    const answers = line.elements.filter((element) => element.is('a', SM)).length;
    line.socket.write(`<r xmlns='${SM}'/>`);
    await line.expect('a count', () => line.elements.filter((element) => element.is('a', SM)).length > answers);
    const last = line.elements.findLast((element) => element.is('a', SM));
    if (Number(last?.attrs.h) === sent && line.sent === sent) return sent;
  }
};

/** A server that resumes any session of its own, with the counts kept for it. */
const resuming = (
  counts: { theirs?: (line: Connection) => number } = {},
): Behaviour & { asked: number[]; replay: string } => {
  const behaviour: Behaviour & { asked: number[]; replay: string } = {
    asked: [],
    replay: '',
    resume: (line, h, id) => {
      behaviour.asked.push(h);
      const before = line.server.connections.at(-2);
      const count = before ? (counts.theirs?.(before) ?? before.count) : 0;
      line.count = count;
      return `<resumed xmlns='${SM}' previd='${id}' h='${count}'/>${behaviour.replay}`;
    },
  };
  return behaviour;
};

it('counts every stanza: answers to its questions, pings, texts, presence, and what cannot be read', async () => {
  const { ana, line } = await setUp({});
  line.write(message('one'));
  line.write("<presence from='bob@campus.test/x'/>");
  line.write("<message from='@@@' type='chat'><body>from nobody</body></message>");
  line.write("<iq from='bob@campus.test/x' type='get' id='v'><query xmlns='jabber:iq:version'/></iq>");
  line.write("<message type='error' id='none'/>");
  await ana.texts(1);
  await settled(line);
  line.write(`<iq type='get' id='ping' from='${DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>`);
  await line.expect('the answer to a ping', (element) => element.attrs.id === 'ping');
  expect(await settled(line)).toBe(line.sent);
});

it('counts stanzas in the same segment as the consent to stream management', async () => {
  const { ana, line } = await setUp({ behindEnabled: message('early') + message('bird') });
  await ana.texts(2);
  expect(await settled(line)).toBe(line.sent);
});

it('keeps letters whole that come in two pieces', async () => {
  const { ana, line } = await setUp({});
  const bytes = Buffer.from(message('reunião 日本 😀', 'm'));
  for (const byte of bytes) line.socket.write(Buffer.of(byte));
  const [text] = await ana.texts(1);
  expect(text?.text).toBe('reunião 日本 😀');
});

it('is online again after a resume, having lost and doubled nothing', async () => {
  const behaviour = resuming();
  const { server, ana, line } = await setUp(behaviour);
  line.write(message('one'));
  await ana.texts(1);
  const counted = await settled(line);
  behaviour.replay = message('two');
  line.socket.destroy();
  await ana.reach('waiting');
  await ana.reach('online');
  await ana.texts(2);
  expect(behaviour.asked).toEqual([counted]);
  expect(ana.received.map(({ text }) => text)).toEqual(['one', 'two']);
  const second = await server.connection(1);
  expect(second.saw('enable')).toBe(false);
  // nothing of a fresh login: no list, no presence
  expect(second.elements.filter((element) => element.is('iq') || element.is('presence'))).toEqual([]);
});

it('writes again after a resume what the server did not get, and settles it once', async () => {
  let deaf = false;
  const behaviour: Behaviour = {
    ...resuming({ theirs: (line) => line.count - 1 }),
    on: (line, element) => {
      if (deaf && element.is('r')) return true;
      if (!element.is('message') || deaf) return false;
      deaf = true;
      line.socket.destroy();
      return true;
    },
  };
  const { server, ana } = await setUp(behaviour);
  const text = draft('into the void');
  const { outcome } = ana.set('messaging').send(BOB, text);
  const second = await server.connection(1);
  const again = await second.expect('the text again', (element) => element.is('message'));
  deaf = false;
  expect(again.attrs.id).toBe(text.id);
  expect(again.getChild('delay')).toBeUndefined();
  second.socket.write(`<a xmlns='${SM}' h='${second.count}'/>`);
  expect(await outcome).toEqual({ state: 'sent' });
  expect(second.elements.filter((element) => element.is('message'))).toHaveLength(1);
});

it('sends a text again under its id when the session is lost, with the time it was written', async () => {
  let dropped = false;
  const { server, ana } = await setUp({
    on: (line, element) => {
      if (dropped || !element.is('message')) return false;
      dropped = true;
      line.socket.destroy();
      return true;
    },
  });
  const text = draft('again please', Date.now() - 1000);
  const { outcome } = ana.set('messaging').send(BOB, text);
  expect(await outcome).toEqual({ state: 'sent' });
  const second = await server.connection(1);
  const again = second.elements.filter((element) => element.is('message'));
  expect(again.map(({ attrs }) => attrs.id)).toEqual([text.id]);
  expect(again[0]?.getChild('delay', 'urn:xmpp:delay')?.attrs.stamp).toBe(new Date(text.composedAt).toISOString());
});

it('does not send again what the server of a lost session says it had', async () => {
  let dropped = false;
  const { server, ana } = await setUp({
    on: (line, element) => {
      if (dropped || !element.is('message')) return false;
      dropped = true;
      line.socket.destroy();
      return true;
    },
    resume: (line) =>
      `<failed xmlns='${SM}' h='${line.server.connections[0]?.count ?? 0}'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`,
  });
  const { outcome } = ana.set('messaging').send(BOB, draft('you have it'));
  expect(await outcome).toEqual({ state: 'sent' });
  await ana.reach('online');
  expect((await server.connection(1)).saw('message')).toBe(false);
});

it('survives a server that acks more than was sent, with a new session', async () => {
  const { server, ana, line } = await setUp(resuming());
  line.socket.write(`<a xmlns='${SM}' h='4000'/>`);
  expect((await ana.reach('waiting')).cause).toMatchObject({ code: 'malformed', protocolCode: 'ack' });
  await ana.reach('online');
  const second = await server.connection(1);
  expect([second.saw('resume'), second.saw('enable')]).toEqual([false, true]);
});

it('acks by a ping where the server has no stream management', async () => {
  const { ana, line } = await setUp({ features: "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>" });
  expect(await ana.set('messaging').send(BOB, draft('hello')).outcome).toEqual({ state: 'sent' });
  const after = line.elements.slice(line.elements.findIndex((element) => element.is('message')));
  expect(after.some((element) => element.getChild('ping', 'urn:xmpp:ping'))).toBe(true);
  expect(line.saw('r')).toBe(false);
});

it('does not count a text that could not be kept, ends the connection, and gets the text again', async () => {
  const behaviour = resuming();
  const { ana, line } = await setUp(behaviour);
  const keep = ana.set('messaging').receiver;
  let full = true;
  ana.set('messaging').receiver = (incoming) => {
    if (full) throw new Error('disk full');
    return keep?.(incoming) ?? 'stored';
  };
  const counted = await settled(line);
  line.write(message('precious') + message('behind it'));
  await ana.reach('waiting');
  full = false;
  behaviour.replay = message('precious') + message('behind it');
  await ana.reach('online');
  await ana.texts(2);
  expect(behaviour.asked).toEqual([counted]);
  expect(ana.received.map(({ text }) => text)).toEqual(['precious', 'behind it']);
  expect(line.saw('message')).toBe(false);
});

it('asks at once whether the server lives when the machine wakes, and leaves a dead one', async () => {
  let dead = false;
  const { server, ana } = await setUp({ on: () => dead });
  dead = true;
  ana.provider.machineEvent('wake');
  expect((await ana.reach('waiting')).cause.code).toBe('timeout');
  dead = false;
  await ana.reach('online');
  expect(server.connections).toHaveLength(2);
});

it('stays when the server answers after the machine woke', async () => {
  const { server, ana, line } = await setUp({});
  const asked = line.elements.filter((element) => element.is('r')).length;
  ana.provider.machineEvent('network-changed');
  await line.expect('a question', () => line.elements.filter((element) => element.is('r')).length > asked);
  await settled(line);
  expect(server.connections).toHaveLength(1);
  expect(ana.provider.registration.state).toBe('online');
});

it('does not take a slow server for a dead one while anything comes', async () => {
  let answers = 0;
  const { server, ana } = await setUp(
    {
      on: (line, element) => {
        if (!element.is('r') || !line.saw('message')) return false;
        const feed = setInterval(() => {
          answers += 1;
          line.socket.write(' ');
          if (answers < 20) return;
          clearInterval(feed);
          line.socket.write(`<a xmlns='${SM}' h='${line.count}'/>`);
        }, 25);
        return true;
      },
    },
    { environment: { timings: { ackDeadline: 200 } } },
  );
  expect(await ana.set('messaging').send(BOB, draft('take your time')).outcome).toEqual({ state: 'sent' });
  expect(server.connections).toHaveLength(1);
});

it('ends the wait when the machine wakes', async () => {
  const { server, ana, line } = await setUp(
    {},
    { environment: { timings: { backOffBase: 600_000, backOffMaximum: 600_000 } }, context: { random: () => 1 } },
  );
  line.socket.destroy();
  await ana.reach('waiting');
  ana.provider.machineEvent('wake');
  await ana.reach('online');
  expect(server.connections).toHaveLength(2);
});

it('waits longer after each failure, at random, and names the time', async () => {
  const server = await HostileServer.start();
  const { port } = server;
  await server.stop();
  const now = 1_000_000;
  const ana = person(
    { address: `xmpp:ana@${DOMAIN}`, server: { host: '127.0.0.1', port } },
    {
      environment: { timings: { backOffBase: 2, backOffMaximum: 16 } },
      context: { now: () => now, random: () => 0.5 },
    },
  );
  const waits: number[] = [];
  const enough = next(ana.provider.onRegistration, (state) => {
    if (state.state === 'waiting') waits.push(state.retryAt - now);
    return waits.length === 6;
  });
  ana.provider.start();
  await enough;
  expect(waits).toEqual([1, 2, 4, 8, 8, 8]);
});

it.each([
  ['a stanza of eleven million bytes', message('x'.repeat(11_000_000)), 'policy-violation'],
  ['a document type', '<!DOCTYPE x [<!ENTITY a "b">]>', 'restricted-xml'],
  ['a comment', '<!-- hello -->', 'restricted-xml'],
  ['a processing instruction', '<?php echo 1 ?>', 'restricted-xml'],
  ['elements nested without end', '<a>'.repeat(20_000), 'policy-violation'],
  ['tags that do not match', '<message><body>x</message></body>', 'not-well-formed'],
  ['an unknown entity', '<message><body>&evil;</body></message>', 'not-well-formed'],
  ['an attribute without a value', '<message from><body>x</body></message>', 'not-well-formed'],
  ['text between stanzas', 'hello', 'not-well-formed'],
])('ends the stream at %s, in order, and comes back', async (_what, bytes, condition) => {
  const { server, ana, line } = await setUp({});
  line.socket.write(bytes);
  const error = await line.expect('a stream error', (element) => element.is('error'));
  expect(error.getChild(condition)).toBeDefined();
  await server.connection(1);
  await ana.reach('online');
});

it('survives data behind the end of the stream', async () => {
  const { server, ana, line } = await setUp({});
  line.socket.write(`</stream:stream>${message('late')}`);
  line.socket.write(message('later'));
  await server.connection(1);
  await ana.reach('online');
  expect(ana.received).toEqual([]);
});

it('reads stanzas with a prefix', async () => {
  const { ana, line } = await setUp({});
  line.write(
    "<x:message xmlns:x='jabber:client' from='bob@campus.test/x' type='chat' id='p'><x:body>prefixed</x:body></x:message>",
  );
  expect((await ana.texts(1))[0]?.text).toBe('prefixed');
});

it('never writes what XML forbids', async () => {
  const { ana, line } = await setUp({});
  ana.set('messaging').send(BOB, draft('a\u0001b\u000bc\ud800d\r\ne\uffff<&>'));
  const sent = await line.expect('a text', (element) => element.is('message'));
  expect(sent.getChildText('body')).toBe('a\ufffdb\ufffdc\ufffdd\ne\ufffd<&>');
});

it('fails a text at once while it is not online', async () => {
  const { ana, line } = await setUp({}, { environment: { timings: { backOffBase: 60_000 } } });
  line.socket.destroy();
  await ana.reach('waiting');
  const outcome = await ana.set('messaging').send(BOB, draft('hello')).outcome;
  expect(outcome).toMatchObject({ state: 'failed', error: { code: 'network', retryable: true } });
});

it('settles every text when the account leaves', async () => {
  const { ana, line } = await setUp({ on: (_line, element) => element.is('r') });
  const { outcome } = ana.set('messaging').send(BOB, draft('hello'));
  await line.expect('the text', (element) => element.is('message'));
  await ana.provider.stop();
  expect(await outcome).toMatchObject({ state: 'failed', error: { code: 'network', retryable: true } });
});

it('says goodbye in order', async () => {
  const { ana, line } = await setUp({});
  line.write(message('last'));
  await ana.texts(1);
  await settled(line);
  await ana.provider.stop();
  const names = line.elements.map(({ name }) => name);
  expect(names.slice(-2)).toEqual(['presence', 'a']);
  expect(line.elements.at(-2)?.attrs.type).toBe('unavailable');
  expect(line.elements.at(-1)?.attrs.h).toBe(String(line.sent));
});

it('keeps no more than fifty texts on their way', async () => {
  let open = false;
  const { ana, line } = await setUp({ on: (_line, element) => element.is('r') && !open });
  const outcomes = Array.from({ length: 120 }, (_, index) => ana.set('messaging').send(BOB, draft(`${index}`)).outcome);
  await line.expect('fifty texts', () => line.elements.filter((element) => element.is('message')).length === 50);
  await settled(line);
  expect(line.elements.filter((element) => element.is('message'))).toHaveLength(50);
  open = true;
  line.socket.write(`<a xmlns='${SM}' h='${line.count}'/>`);
  expect(new Set((await Promise.all(outcomes)).map(({ state }) => state))).toEqual(new Set(['sent']));
  const bodies = line.elements
    .filter((element) => element.is('message'))
    .map((element) => element.getChildText('body'));
  expect(bodies).toEqual(Array.from({ length: 120 }, (_, index) => `${index}`));
});

const questions = (line: Connection): number => line.elements.filter((element) => element.is('r', SM)).length;

it('does not ask a server without end whose count is one short, and begins a new session in the end', async () => {
  let short = 1;
  const { server, ana, line } = await setUp({
    on: (connection, element) => {
      if (!element.is('r')) return false;
      connection.socket.write(`<a xmlns='${SM}' h='${Math.max(0, connection.count - short)}'/>`);
      return true;
    },
  });
  const { outcome } = ana.set('messaging').send(BOB, draft('counted wrong'));
  expect((await ana.reach('waiting')).cause).toMatchObject({ code: 'malformed', protocolCode: 'ack' });
  expect(questions(line)).toBeLessThan(10);
  short = 0;
  expect(await outcome).toEqual({ state: 'sent' });
  expect(server.connections).toHaveLength(2);
});

it('asks nothing because of answers that nobody asked for', async () => {
  // a wait that no burst lasts as long as, however slow the machine
  const environment = { timings: { askAgain: 3_600_000 } };
  const { ana, line } = await setUp({ on: (_line, element) => element.is('r') }, { environment });
  ana.set('messaging').send(BOB, draft('hello'));
  await line.expect('a question', (element) => element.is('r'));
  const before = questions(line);
  line.socket.write(`<a xmlns='${SM}' h='0'/>`.repeat(50_000));
  line.write(`<iq type='get' id='ping' from='${DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>`);
  await line.expect('the answer to a ping', (element) => element.attrs.id === 'ping');
  // one more at most: something new was sent after the question
  expect(questions(line) - before).toBeLessThan(2);
});

it('does not wait longer and longer on a network that drops although each login succeeds', async () => {
  const now = 1_000_000;
  const { server, ana } = await setUp(resuming(), {
    environment: { timings: { backOffBase: 1, backOffMaximum: 1_000_000 } },
    context: { random: () => 1, now: () => now },
  });
  const waits: number[] = [];
  for (let fall = 0; fall < 8; fall += 1) {
    await ana.reach('online');
    const waiting = next(ana.provider.onRegistration, ({ state }) => state === 'waiting');
    (await server.connection(fall)).socket.destroy();
    const state = await waiting;
    if (state.state === 'waiting') waits.push(state.retryAt - now);
  }
  expect(waits).toEqual([1, 2, 4, 8, 8, 8, 8, 8]);
});
