import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type MsrpSession, parseUri, type RelayOptions } from '../../../msrp/index.ts';
import { endpoint, Mailbox, type RawPeer, rawServer } from '../support/support.ts';
import { TestClock } from '../support/test-clock.ts';

const md5 = (text: string) => createHash('md5').update(text).digest('hex');
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

interface Setting {
  session: MsrpSession;
  mailbox: Mailbox;
  clock: TestClock;
  peer: RawPeer;
  relayUri: string;
  using: Promise<void>;
  /** Answers the request last read. */
  answer: (frame: string, status: string, headers?: string) => void;
}

/** A session that asks a relay, of which the test writes every byte. */
async function asking(
  options: Partial<RelayOptions> = {},
  more: (uri: string) => RelayOptions[] = () => [],
): Promise<Setting> {
  const clock = new TestClock();
  const server = await rawServer();
  const mailbox = new Mailbox();
  const session = endpoint({ clock }).createSession({ host: '127.0.0.1', accept: mailbox.accept });
  const relayUri = `msrp://127.0.0.1:${server.port};tcp`;
  const relay = { uri: relayUri, username: 'ali"ce', password: 'secret', ...options };
  const using = session.connectRelays([relay, ...more(relayUri)], { allowTcp: true });
  // looked at later
  using.catch(() => undefined);
  const peer = await server.peer();
  const answer: Setting['answer'] = (frame, status, headers = '') => {
    const [, tid, to, from] = /^MSRP (\S+) \S+\r\nTo-Path: (.*)\r\nFrom-Path: (.*)\r\n/.exec(frame) ?? [];
    peer.write(`MSRP ${tid} ${status}\r\nTo-Path: ${from}\r\nFrom-Path: ${to}\r\n${headers}-------${tid}$\r\n`);
  };
  return { session, mailbox, clock, peer, relayUri, using, answer };
}

const CHALLENGE = 'WWW-Authenticate: Digest realm="campus", nonce="n1", qop="auth", opaque="o"\r\n';
const granted = (path: string, expires = 900) => `Use-Path: ${path}\r\nExpires: ${expires}\r\n`;

function authorizationOf(frame: string): Map<string, string> {
  const value = /Authorization: Digest (.*)\r\n/.exec(frame)?.[1] ?? '';
  return new Map(
    [...value.matchAll(/(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g)].map(([, name = '', a, b]) => [name, a ?? b ?? '']),
  );
}

describe('a session behind a relay (RFC 4976)', () => {
  it('answers the challenge, and has the path that was granted', async () => {
    const { session, peer, relayUri, using, answer } = await asking();
    const first = await peer.frame();
    const own = parseUri(/From-Path: (.*)\r\n/.exec(first)?.[1] ?? '');
    expect(first).toMatch(new RegExp(`^MSRP \\w{16} AUTH\r\nTo-Path: ${relayUri}\r\nFrom-Path: \\S+\r\n-------`));
    answer(first, '401 Unauthorized', CHALLENGE);
    const second = await peer.frame();
    const given = authorizationOf(second);
    expect(given.has('uri')).toBe(false);
    expect(given.get('response')).toBe(
      md5(`${md5('ali"ce:campus:secret')}:n1:00000001:${given.get('cnonce')}:auth:${md5(`AUTH:${relayUri}`)}`),
    );
    expect(Object.fromEntries(given)).toMatchObject({
      username: 'ali\\"ce',
      realm: 'campus',
      nonce: 'n1',
      opaque: 'o',
      qop: 'auth',
      nc: '00000001',
    });
    answer(second, '200 OK', granted('msrp://127.0.0.1:7/granted;tcp'));
    await using;
    expect(session.localPath).toBe(`msrp://127.0.0.1:7/granted;tcp msrp://127.0.0.1:9/${own.sessionId};tcp`);
  });

  it('answers only what may be answered, the strongest of it, and says what a path was granted for', async () => {
    const both = `${CHALLENGE}${CHALLENGE.replace('opaque="o"', 'algorithm=SHA-256')}`;
    const seen: string[] = [];
    const { peer, using, answer } = await asking({
      mayAnswer: ({ realm, algorithm }) => {
        seen.push(`${algorithm} ${realm}`);
        return algorithm === 'MD5';
      },
      onGranted: ({ realm, algorithm }) => seen.push(`granted ${algorithm} ${realm}`),
    });
    answer(await peer.frame(), '401 Unauthorized', both);
    const second = await peer.frame();
    expect(authorizationOf(second).get('algorithm')).toBe('MD5');
    answer(second, '200 OK', granted('msrp://127.0.0.1:7/granted;tcp'));
    await using;
    expect(seen).toEqual(['SHA-256 campus', 'MD5 campus', 'granted MD5 campus']);
  });

  it('gives a relay nothing whose challenges may not be answered', async () => {
    const { peer, using, answer } = await asking({ mayAnswer: () => false });
    answer(await peer.frame(), '401 Unauthorized', CHALLENGE);
    await expect(using).rejects.toMatchObject({ code: 'relay-failed', status: 401 });
  });

  it('names the URI when a relay wants to have it, and prefers SHA-256', async () => {
    const { peer, relayUri, using, answer } = await asking();
    const both = `${CHALLENGE}WWW-Authenticate: Digest realm="campus", nonce="n2", qop="auth", algorithm=SHA-256\r\n`;
    answer(await peer.frame(), '401 Unauthorized', both);
    const second = await peer.frame();
    expect(authorizationOf(second).has('uri')).toBe(false);
    answer(second, '401 Unauthorized', both);
    const third = await peer.frame();
    const given = authorizationOf(third);
    expect(given.get('uri')).toBe(relayUri);
    expect(given.get('algorithm')).toBe('SHA-256');
    expect(given.get('response')).toBe(
      sha256(`${sha256('ali"ce:campus:secret')}:n2:00000001:${given.get('cnonce')}:auth:${sha256(`AUTH:${relayUri}`)}`),
    );
    answer(third, '200 OK', granted('msrp://127.0.0.1:7/granted;tcp'));
    await using;
  });

  it('goes through several relays in a row', async () => {
    const { session, peer, using, answer } = await asking({}, () => [
      { uri: 'msrp://outer.example.org;tcp', username: 'alice', password: 'other' },
    ]);
    answer(await peer.frame(), '200 OK', granted('msrp://b.example.org/b1;tcp'));
    const second = await peer.frame();
    expect(second).toContain('To-Path: msrp://b.example.org/b1;tcp msrp://outer.example.org;tcp\r\n');
    answer(second, '200 OK', granted('msrp://b.example.org/b1;tcp msrp://c.example.org/c1;tcp'));
    await using;
    const [c, b, a] = session.localPath.split(' ');
    expect([c, b]).toEqual(['msrp://c.example.org/c1;tcp', 'msrp://b.example.org/b1;tcp']);
    expect(parseUri(a ?? '').sessionId).toBe(session.id);
    const starting = session.start({
      remotePath: 'msrp://d.example.org/d1;tcp msrp://f.example.org/f1;tcp',
      role: 'active',
    });
    const bind = await peer.frame();
    expect(bind).toContain(
      'To-Path: msrp://b.example.org/b1;tcp msrp://c.example.org/c1;tcp msrp://d.example.org/d1;tcp msrp://f.example.org/f1;tcp\r\n' +
        `From-Path: ${a}\r\n`,
    );
    answer(bind, '200 OK');
    await starting;
  });

  it('takes messages that come through the relay, and cuts its own small', async () => {
    const { session, mailbox, peer, using, answer } = await asking();
    answer(await peer.frame(), '200 OK', granted('msrp://127.0.0.1:7/granted;tcp'));
    await using;
    const starting = session.start({ remotePath: 'msrp://f.example.org/f1;tcp', role: 'passive' });
    const own = session.localPath.split(' ')[1];
    peer.write(
      `MSRP tid00001 SEND\r\nTo-Path: ${own}\r\nFrom-Path: msrp://127.0.0.1:7/granted;tcp msrp://f.example.org/f1;tcp\r\n` +
        'Message-ID: one\r\nSuccess-Report: yes\r\nContent-Type: text/plain\r\n\r\nhello\r\n-------tid00001$\r\n',
    );
    await starting;
    expect((await mailbox.next()).bytes.toString()).toBe('hello');
    // one hop back for the response, all the way for the report
    expect(await peer.frame()).toContain(`200 OK\r\nTo-Path: msrp://127.0.0.1:7/granted;tcp\r\nFrom-Path: ${own}\r\n`);
    expect(await peer.frame()).toContain('To-Path: msrp://127.0.0.1:7/granted;tcp msrp://f.example.org/f1;tcp\r\n');
    session.send({ contentType: 'text/plain', body: 'x'.repeat(10_000) });
    const frame = await peer.frame();
    expect(frame).toMatch(/Byte-Range: 1-\*\/10000\r\n[\s\S]*\+\r\n$/);
    expect(frame).toContain('To-Path: msrp://127.0.0.1:7/granted;tcp msrp://f.example.org/f1;tcp\r\n');
  });

  it('takes the interval the relay wants', async () => {
    const { peer, using, answer } = await asking({ expires: 10 });
    const first = await peer.frame();
    expect(first).toContain('\r\nExpires: 10\r\n');
    answer(first, '423 Out Of Bounds', 'Min-Expires: 60\r\n');
    const second = await peer.frame();
    expect(second).toContain('\r\nExpires: 60\r\n');
    answer(second, '200 OK', granted('msrp://127.0.0.1:7/granted;tcp', 60));
    await using;
  });

  it('asks again before the path expires, and tells when it is another', async () => {
    const { session, clock, peer, using, answer } = await asking();
    answer(await peer.frame(), '200 OK', granted('msrp://127.0.0.1:7/granted;tcp', 100));
    await using;
    const changed = new Promise((resolve) => session.onPathChange(resolve));
    clock.advance(80_000);
    answer(await peer.frame(), '200 OK', granted('msrp://127.0.0.1:7/another;tcp', 100));
    expect(await changed).toMatch(/^msrp:\/\/127\.0\.0\.1:7\/another;tcp /);
    expect(session.localPath).toBe(await changed);
  });

  it.each([
    ['relay-denied', ['403 Forbidden', '']],
    ['relay-denied', ['401 Unauthorized', CHALLENGE], ['401 Unauthorized', CHALLENGE], ['401 Unauthorized', CHALLENGE]],
    ['relay-failed', ['401 Unauthorized', 'WWW-Authenticate: Basic realm="x"\r\n']],
    ['relay-failed', ['401 Unauthorized', 'WWW-Authenticate: Digest realm="x", nonce="y", algorithm=MD5-sess\r\n']],
    ['relay-failed', ['401 Unauthorized', 'WWW-Authenticate: Digest realm="x", nonce="y", qop="auth-int"\r\n']],
    ['relay-failed', ['423 No', '']],
    ['relay-failed', ['500 No', '']],
    ['relay-failed', ['200 OK', '']],
  ] as [string, ...[string, string][]][])('fails with %s when the relay says %j', async (code, ...answers) => {
    const { session, peer, using, answer } = await asking();
    for (const [status, headers] of answers) answer(await peer.frame(), status, headers);
    await expect(using).rejects.toMatchObject({ code });
    expect(session.state).toMatchObject({ name: 'closed', cause: { code } });
    await peer.closed();
  });

  it.each([
    ['knows the password', true],
    ['does not know the password', false],
  ])('believes a relay behind another that %s', async (_, knows) => {
    const outer = 'msrp://outer.example.org;tcp';
    const { peer, using, answer } = await asking({}, () => [{ uri: outer, username: 'alice', password: 'other' }]);
    answer(await peer.frame(), '200 OK', granted('msrp://b.example.org/b1;tcp'));
    answer(await peer.frame(), '401 Unauthorized', CHALLENGE);
    const frame = await peer.frame();
    const cnonce = authorizationOf(frame).get('cnonce');
    const secret = md5(`alice:campus:${knows ? 'other' : 'guess'}`);
    const rspauth = md5(`${secret}:n1:00000001:${cnonce}:auth:${md5(`:${outer}`)}`);
    const info = `Authentication-Info: rspauth="${rspauth}", cnonce="${cnonce}", nc=00000001, qop=auth\r\n`;
    answer(frame, '200 OK', `${info}${granted('msrp://b.example.org/b1;tcp msrp://c.example.org/c1;tcp')}`);
    if (knows) await using;
    else await expect(using).rejects.toMatchObject({ code: 'relay-failed' });
  });

  it('asks again by a fresh connection when the old one is closed meanwhile', async () => {
    const clock = new TestClock();
    const server = await rawServer();
    const own = endpoint({ clock });
    const uri = `msrp://127.0.0.1:${server.port};tcp`;
    const behind = () => {
      const session = own.createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
      const using = session.connectRelays([{ uri, username: 'a', password: 'b' }], { allowTcp: true });
      using.catch(() => undefined);
      return { session, using };
    };
    const grant = (peer: RawPeer, frame: string, path: string) => {
      const [, tid, to, from] = /^MSRP (\S+) AUTH\r\nTo-Path: (.*)\r\nFrom-Path: (.*)\r\n/.exec(frame) ?? [];
      peer.write(`MSRP ${tid} 200 OK\r\nTo-Path: ${from}\r\nFrom-Path: ${to}\r\n${granted(path)}-------${tid}$\r\n`);
    };
    const first = behind();
    const old = await server.peer();
    grant(old, await old.frame(), 'msrp://127.0.0.1:7/one;tcp');
    await first.using;
    const second = behind();
    await old.frame();
    const lost = new Promise((resolve) => first.session.onStateChange(resolve));
    old.socket.end();
    const fresh = await server.peer();
    grant(fresh, await fresh.frame(), 'msrp://127.0.0.1:7/two;tcp');
    await second.using;
    expect(second.session.localPath).toMatch(/^msrp:\/\/127\.0\.0\.1:7\/two;tcp /);
    // RFC 4976 §6.1: the path of a lost connection is worth nothing, so its session is over; the next one asks anew
    expect(await lost).toMatchObject({ name: 'closed', cause: { code: 'connection-lost', retryable: true } });
    const third = behind();
    grant(fresh, await fresh.frame(), 'msrp://127.0.0.1:7/three;tcp');
    await third.using;
  });

  it('does not hand credentials to a relay without TLS unless that was allowed', async () => {
    const session = endpoint().createSession({ host: '127.0.0.1', accept: new Mailbox().accept });
    const using = session.connectRelays([{ uri: 'msrp://127.0.0.1:9;tcp', username: 'a', password: 'b' }]);
    await expect(using).rejects.toMatchObject({ code: 'invalid-option' });
  });
});
