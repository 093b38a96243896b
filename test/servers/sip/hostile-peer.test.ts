import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { draft } from '../../sip/kit.ts';
import { campus, kamailio, logOf, restoreCampus, user } from '../campus.ts';
import { connectTcp, digest, type Line, sipRequest } from '../raw.ts';
import { logOutEverywhere, online } from './kit.ts';

beforeEach(async () => {
  for (const name of ['alice', 'bob', 'carol']) await logOutEverywhere(name);
});
afterEach(restoreCampus);

const ANSWER = /^SIP\/2\.0 (?!100)[\s\S]*\r\n\r\n/m;
const answered = async (line: Line): Promise<{ status: number; text: string }> => {
  const text = await line.until(ANSWER);
  return { status: Number(/^SIP\/2\.0 (?!100)(\d+)/m.exec(text)?.[1]), text };
};
const connected = async (): Promise<Line> => {
  const line = await connectTcp(campus().ports.sip);
  onTestFinished(() => line.close());
  return line;
};

/** A program of bob's own making, registered. */
const bobsOwn = async (): Promise<Line> => {
  const line = await connected();
  const { sip } = user('bob');
  const uri = `sip:${campus().domain}`;
  const base = { method: 'REGISTER', uri, from: sip, to: sip, transport: 'TCP', callId: randomUUID() } as const;
  const headers = ['Contact: <sip:bob@127.0.0.1:9;transport=tcp>;expires=600'];
  line.send(sipRequest({ ...base, headers }));
  const { text } = await answered(line);
  const credentials = digest(text, user('bob'), 'REGISTER', uri);
  line.send(sipRequest({ ...base, sequence: 2, headers: [...headers, `Authorization: ${credentials}`] }));
  expect((await answered(line)).status).toBe(200);
  return line;
};

const report = (): string =>
  [
    'From: <sip:bob@campus.test>',
    'To: <sip:alice@campus.test>',
    'NS: imdn <urn:ietf:params:imdn>',
    `imdn.Message-ID: ${randomUUID()}`,
    'DateTime: 2026-12-01T10:00:00Z',
    'imdn.Disposition-Notification: positive-delivery',
    '',
    'Content-Type: text/plain',
    '',
    'hello',
  ].join('\r\n');

test('a peer that answers what goes by itself with 401 gets no digest, and nobody hears of it', async () => {
  const bob = await bobsOwn();
  const alice = await online('alice');
  const came = alice.set('messaging');
  const shown = new Promise<string>((resolve) => {
    came.receiver = (message) => {
      resolve(message.text);
      return 'stored';
    };
  });
  const base = {
    method: 'MESSAGE',
    uri: user('alice').sip,
    from: user('bob').sip,
    to: user('alice').sip,
    transport: 'TCP',
    body: report(),
  } as const;
  const headers = ['Content-Type: message/cpim'];
  bob.send(sipRequest({ ...base, headers }));
  const { text } = await answered(bob);
  const credentials = digest(text, user('bob'), 'MESSAGE', base.uri);
  bob.send(sipRequest({ ...base, sequence: 2, headers: [...headers, `Proxy-Authorization: ${credentials}`] }));
  expect(await shown).toBe('hello');
  // the report comes, and is challenged in the name of the campus
  const reported = await bob.until(/^MESSAGE sip:bob[\s\S]*imdn[\s\S]*<\/imdn>/m);
  const kept = ['Via', 'From', 'To', 'Call-ID', 'CSeq'].flatMap(
    (name) => reported.match(new RegExp(`^${name}: .*$`, 'gm'))?.map((each) => each.trimEnd()) ?? [],
  );
  const challenge = 'Digest realm="campus.test", nonce="of-bob", algorithm=MD5';
  bob.send(
    ['SIP/2.0 401 Unauthorized', ...kept, `WWW-Authenticate: ${challenge}`, 'Content-Length: 0', '', ''].join('\r\n'),
  );
  // what alice writes then waits for the report to be done with
  came.send(user('bob').sip, draft('and now'));
  const later = await bob.until(/^MESSAGE sip:bob[\s\S]*and now/m);
  for (const all of [reported, later]) expect(all).not.toMatch(/Authorization:/i);
  expect(later).not.toContain('of-bob');
  expect(logOf('kamailio')).toContain('CHALLENGED 401 to MESSAGE');
});

describe.each(['ldap', 'database'] as const)('credentials (from %s)', (source) => {
  beforeEach(() => kamailio.restart({ credentials: source }));

  const alice = user('alice');
  const [bob, carol] = [user('bob').sip, user('carol').sip];
  const write = async (line: Line, to: string, credentials?: string | readonly string[]) => {
    const given = [credentials ?? []].flat().map((each) => `Proxy-Authorization: ${each}`);
    const headers = ['Content-Type: text/plain', ...given];
    line.send(sipRequest({ method: 'MESSAGE', uri: to, from: alice.sip, to, transport: 'TCP', headers, body: 'x' }));
    return answered(line);
  };

  test('that were made for one person are good for no other, and for that one once', async () => {
    const line = await connected();
    const { text } = await write(line, bob);
    const made = digest(text, alice, 'MESSAGE', bob);
    expect((await write(line, carol, made)).status).toBe(400);
    // beside others in front of them, whatever those say
    const others = digest(text.replace('campus.test"', 'other.test"'), alice, 'MESSAGE', carol);
    expect((await write(line, carol, [others, made])).status).toBe(400);
    const fresh = digest((await write(line, bob)).text, alice, 'MESSAGE', bob);
    expect((await write(line, bob, fresh)).status).toBe(202);
    const again = await write(line, bob, fresh);
    expect([again.status, /stale=true/i.test(again.text)]).toEqual([407, true]);
  });

  test('without qop are not taken, wherever qop is written', async () => {
    const line = await connected();
    for (const instead of ['', ', opaque="x, qop=auth, y"']) {
      const { text } = await write(line, bob);
      expect(text).toContain('qop="auth"');
      const made = digest(text, alice, 'MESSAGE', bob, 'without qop').replace(/$/, instead);
      expect((await write(line, bob, made)).status).toBe(407);
    }
  });
});

test('no text costs a second round trip: one nonce serves them all', async () => {
  const alice = await online('alice');
  const messaging = alice.set('messaging');
  const write = (text: string) => messaging.send(user('bob').sip, draft(text)).outcome;
  await write('first');
  const written = () => logOf('kamailio').split(`MESSAGE ${user('bob').sip} from=${user('alice').sip}`).length - 1;
  const before = written();
  for (const text of ['second', 'third', 'fourth']) await write(text);
  expect(written() - before).toBe(3);
});
