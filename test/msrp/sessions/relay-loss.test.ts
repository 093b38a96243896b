import { describe, expect, it } from 'vitest';
import { MsrpError } from '../../../msrp/index.ts';
import { makeIdentity } from '../support/identity.ts';
import { TestRelay } from '../support/relay.ts';
import { behind, bothWays, gone, lose, PAUSE, reached, talking } from '../support/relay-clients.ts';
import { endpoint, Mailbox, RawPeer } from '../support/support.ts';
import { TestClock } from '../support/test-clock.ts';

const AUTH = /^MSRP \S+ AUTH\r\n/;
const BIND = /Byte-Range: 1-0\/0\r\n/;

describe('a session whose connection to its relay is lost', () => {
  it.each([
    ['active', 1],
    ['passive', 0],
  ] as const)('goes on by itself with the same path, %s', async (role, binds) => {
    const { relay, ana, bob } = await talking();
    relay.paths = 'same';
    const client = role === 'active' ? ana : bob;
    // the first path was not of this kind
    await lose(relay, client);
    await reached(client.session, 'moved');
    const other = role === 'active' ? bob : ana;
    client.session.update({ remotePath: other.session.localPath, role });
    other.session.update({ remotePath: client.session.localPath, role: role === 'active' ? 'passive' : 'active' });
    await reached(client.session, 'bound');
    const before = { auth: relay.count(AUTH), bind: relay.count(BIND), path: client.session.localPath };
    const changes: string[] = [];
    client.session.onPathChange((path) => changes.push(path));
    client.states.length = 0;
    await lose(relay, client);
    await reached(client.session, 'bound');
    expect(client.states).toEqual(['reconnecting', 'bound']);
    expect(client.session.localPath).toBe(before.path);
    expect(changes).toEqual([]);
    // asked, challenged, asked with the answer to a challenge nobody has answered before
    expect(relay.count(AUTH) - before.auth).toBe(2);
    expect(new Set(relay.nonces).size).toBe(relay.nonces.length);
    expect(relay.count(BIND) - before.bind).toBe(binds);
    await bothWays({ ana, bob });
  });

  it.each(['active', 'passive'] as const)(
    'tells of another path, and goes on when the peer has it, %s',
    async (role) => {
      const { relay, ana, bob } = await talking();
      const [client, other] = role === 'active' ? [ana, bob] : [bob, ana];
      const changed = new Promise((resolve) => client.session.onPathChange(resolve));
      const before = client.session.localPath;
      client.states.length = 0;
      await lose(relay, client);
      const waiting = client.session.send({ contentType: 'text/plain', body: 'meanwhile' });
      const path = await changed;
      expect(path).toBe(client.session.localPath);
      expect(path).not.toBe(before);
      expect(client.session.state.name).toBe('moved');
      expect(waiting.progress.handed).toBe(0);
      await expect(client.session.request('NICKNAME', [])).rejects.toMatchObject({ code: 'connection-lost' });
      // the offer arrives, then its answer
      other.session.update({ remotePath: client.session.localPath, role: role === 'active' ? 'passive' : 'active' });
      client.session.update({ remotePath: other.session.localPath, role });
      expect((await other.mailbox.next()).bytes.toString()).toBe('meanwhile');
      expect(await waiting.sent).toEqual({ state: 'sent' });
      expect(client.states).toEqual(['reconnecting', 'moved', 'bound']);
      await bothWays({ ana, bob });
    },
  );

  it('is not over for the other side when the relay does not know it meanwhile', async () => {
    const { relay, ana, bob } = await talking();
    relay.cut(ana.session.localPath);
    await reached(ana.session, 'reconnecting');
    await relay.until(() => relay.connections === 1);
    const early = bob.session.send({ contentType: 'text/plain', body: 'too early' });
    expect(await early.sent).toMatchObject({ state: 'refused', status: 481 });
    expect(bob.session.state.name).toBe('bound');
    ana.clock.advance(PAUSE);
    await reached(ana.session, 'moved');
    bob.session.update({ remotePath: ana.session.localPath, role: 'passive' });
    ana.session.update({ remotePath: bob.session.localPath, role: 'active' });
    await reached(ana.session, 'bound');
    await bothWays({ ana, bob });
  });

  it('goes on when both lose theirs at once', async () => {
    const { relay, ana, bob } = await talking();
    await Promise.all([lose(relay, ana), lose(relay, bob)]);
    await Promise.all([reached(ana.session, 'moved'), reached(bob.session, 'moved')]);
    ana.session.update({ remotePath: bob.session.localPath, role: 'active' });
    bob.session.update({ remotePath: ana.session.localPath, role: 'passive' });
    await Promise.all([reached(ana.session, 'bound'), reached(bob.session, 'bound')]);
    await bothWays({ ana, bob });
  });

  it('waits for a peer that is not back yet', async () => {
    const { relay, ana, bob } = await talking();
    relay.paths = 'kept';
    relay.cut();
    await Promise.all([reached(ana.session, 'reconnecting'), reached(bob.session, 'reconnecting')]);
    const changes: string[] = [];
    ana.session.onPathChange((path) => changes.push(path));
    ana.clock.advance(PAUSE);
    await reached(ana.session, 'moved');
    expect(changes).toEqual([]);
    relay.paths = 'fresh';
    bob.clock.advance(PAUSE);
    await reached(bob.session, 'moved');
    ana.session.update({ remotePath: bob.session.localPath, role: 'active' });
    await Promise.all([reached(ana.session, 'bound'), reached(bob.session, 'bound')]);
    await bothWays({ ana, bob });
  });

  it.each(['same', 'fresh'] as const)('waits on while it waits for its peer, with the %s path', async (paths) => {
    const relay = await TestRelay.open();
    relay.paths = paths;
    const ana = await behind(relay);
    const bob = await behind(relay);
    const before = bob.session.localPath;
    const changes: string[] = [];
    bob.session.onPathChange((path) => changes.push(path));
    const starting = bob.session.start({ remotePath: ana.session.localPath, role: 'passive' });
    await lose(relay, bob);
    await reached(bob.session, 'waiting');
    expect(changes).toEqual(paths === 'same' ? [] : [bob.session.localPath]);
    expect(bob.session.localPath === before).toBe(paths === 'same');
    await Promise.all([starting, ana.session.start({ remotePath: bob.session.localPath, role: 'active' })]);
    expect(bob.states).toEqual(['waiting', 'reconnecting', 'waiting', 'bound']);
    await bothWays({ ana, bob });
  });

  it('gives up waiting for its peer in the time that was set', async () => {
    const relay = await TestRelay.open();
    const bob = await behind(relay);
    const starting = bob.session.start({ role: 'passive', timeout: 5000 });
    const refused = expect(starting).rejects.toMatchObject({ code: 'bind-timeout' });
    relay.deed = (frame) => (AUTH.test(frame) ? 'swallow' : 'pass');
    await lose(relay, bob);
    await relay.until(() => relay.count(AUTH) === 3);
    bob.clock.advance(5000);
    await refused;
    await gone(bob, relay, 0);
  });

  it('fails what was under way in both directions, with what is known, and takes it again', async () => {
    const { relay, ana, bob } = await talking();
    const body = Buffer.alloc(100_000, 'abcdefghij');
    let chunks = 0;
    relay.deed = (frame) => (/Content-Type/.test(frame) && ++chunks === 6 ? 'cut' : 'pass');
    const sending = ana.session.send({ contentType: 'a/b', body, messageId: 'outgoing' });
    ana.clock.advance(0);
    const outcome = await sending.sent;
    if (outcome.state !== 'failed') throw new Error(outcome.state);
    expect(outcome.error).toMatchObject({ code: 'connection-lost', retryable: true });
    const [range] = outcome.confirmed;
    expect(range?.start).toBe(0);
    expect(range?.end).toBeGreaterThan(0);
    expect(range?.end).toBeLessThan(body.length);
    await reached(ana.session, 'reconnecting');
    // the caller goes on at once, from where the far end is
    const again = ana.session.send({ contentType: 'a/b', body, messageId: 'outgoing', start: range?.end ?? 0 });
    relay.paths = 'same';
    relay.deed = () => 'pass';
    ana.clock.advance(PAUSE);
    await reached(ana.session, 'moved');
    bob.session.update({ remotePath: ana.session.localPath, role: 'passive' });
    ana.session.update({ remotePath: bob.session.localPath, role: 'active' });
    expect(await again.sent).toEqual({ state: 'sent' });
    const whole = await bob.mailbox.next();
    expect(whole.outcome).toEqual({ state: 'completed', size: body.length });
    expect(whole.bytes.equals(body)).toBe(true);
    // and the other way round: what comes in fails, and may come again
    chunks = 0;
    relay.deed = (frame) => {
      if (/Content-Type/.test(frame) && ++chunks === 6) relay.cut(ana.session.localPath);
      return 'pass';
    };
    const incoming = bob.session.send({ contentType: 'a/b', body, messageId: 'incoming' });
    const broken = await ana.mailbox.next();
    if (broken.outcome.state !== 'failed') throw new Error(broken.outcome.state);
    expect(broken.outcome.error.code).toBe('connection-lost');
    expect(broken.outcome.received[0]?.start).toBe(0);
    incoming.abort();
    await incoming.sent;
    relay.deed = () => 'pass';
    ana.clock.advance(PAUSE);
    await reached(ana.session, 'bound');
    bob.session.send({ contentType: 'a/b', body, messageId: 'incoming' });
    expect((await ana.mailbox.next()).outcome).toEqual({ state: 'completed', size: body.length });
  });

  it.each([
    ['while it asks', /AUTH\r\n(?![\s\S]*Authorization)/],
    ['while it answers the challenge', /AUTH\r\n[\s\S]*Authorization/],
    ['while it binds', BIND],
  ])('tries again when that is lost, too, %s', async (_, at) => {
    const { relay, ana, bob } = await talking();
    relay.paths = 'same';
    await lose(relay, ana);
    await reached(ana.session, 'moved');
    bob.session.update({ remotePath: ana.session.localPath, role: 'passive' });
    ana.session.update({ remotePath: bob.session.localPath, role: 'active' });
    await reached(ana.session, 'bound');
    let cuts = 0;
    relay.deed = (frame) => (at.test(frame) && cuts++ < 2 ? 'cut' : 'pass');
    const bound = lose(relay, ana).then(() => reached(ana.session, 'bound'));
    const hurry = setInterval(() => ana.clock.advance(PAUSE * 8), 5);
    await bound;
    clearInterval(hurry);
    expect(cuts).toBe(3);
    await bothWays({ ana, bob });
  });

  it('ends after six tries with pauses that grow, with the cause', async () => {
    const { relay, ana } = await talking({ lot: 1 });
    const pauses: number[] = [];
    const after = ana.clock.after.bind(ana.clock);
    ana.clock.after = (milliseconds, run) => {
      // drawn by lot, so not round
      if (!Number.isInteger(milliseconds)) pauses.push(milliseconds);
      return after(milliseconds, run);
    };
    relay.stop();
    const closed = reached(ana.session, 'closed');
    await reached(ana.session, 'reconnecting');
    const queued = ana.session.send({ contentType: 'text/plain', body: 'never' });
    for (let tries = 1; tries <= 6; tries++) {
      while (pauses.length < tries) await new Promise((resolve) => setImmediate(resolve));
      ana.clock.advance(pauses.at(-1) ?? 0);
    }
    const state = await closed;
    expect(pauses.map(Math.round)).toEqual([1000, 2000, 4000, 8000, 16_000, 16_000]);
    expect(state).toMatchObject({ name: 'closed', cause: { code: 'connect-failed' } });
    expect(await queued.sent).toMatchObject({ state: 'failed', error: { code: 'connect-failed' } });
    await gone(ana, relay, 0);
  });

  it('does not try for ever with a relay that lets it in and drops it again', async () => {
    const { relay, ana } = await talking();
    relay.paths = 'same';
    const before = relay.count(AUTH);
    relay.deed = (frame) => (BIND.test(frame) ? 'pass-and-cut' : 'pass');
    const closed = reached(ana.session, 'closed');
    ana.session.onPathChange(() => ana.session.update({ remotePath: 'msrp://127.0.0.1:9/x;tcp', role: 'active' }));
    const hurry = setInterval(() => ana.clock.advance(PAUSE), 2);
    relay.cut(ana.session.localPath);
    expect(await closed).toMatchObject({ cause: { code: 'connection-lost' } });
    clearInterval(hurry);
    expect(relay.count(AUTH) - before).toBeLessThanOrEqual(12);
  });

  it.each([
    ['relay-denied', '403 Forbidden', 1],
    ['relay-denied', '401 Unauthorized', 3],
    ['relay-failed', '423 No', 1],
  ])('ends with %s when the relay says %s', async (code, refusal, asked) => {
    const { relay, ana } = await talking();
    const before = relay.count(AUTH);
    relay.refusal = refusal;
    await lose(relay, ana);
    expect(await reached(ana.session, 'closed')).toMatchObject({ cause: { code } });
    expect(relay.count(AUTH) - before).toBe(asked);
    await gone(ana, relay, 1);
  });

  it('tries again when the relay cannot decide now', async () => {
    const { relay, ana } = await talking();
    relay.refusal = '503 Directory unavailable';
    await lose(relay, ana);
    const before = relay.count(AUTH);
    await relay.until(() => relay.count(AUTH) > before || relay.connections === 1);
    relay.refusal = undefined;
    const hurry = setInterval(() => ana.clock.advance(PAUSE), 5);
    await reached(ana.session, 'moved');
    clearInterval(hurry);
  });

  it('does not let in a relay that is somebody else now', async () => {
    const [right, wrong] = await Promise.all([makeIdentity(), makeIdentity()]);
    const relay = await TestRelay.open(right);
    const trust = { ca: [right.cert], serverName: 'localhost' };
    const ana = await behind(relay, { trust });
    const starting = ana.session.start({ role: 'passive' });
    const refused = expect(starting).rejects.toMatchObject({ code: 'tls-untrusted' });
    const before = relay.count(AUTH);
    relay.become(wrong);
    await lose(relay, ana);
    await refused;
    expect(relay.count(AUTH)).toBe(before);
    await gone(ana, relay, 0);
  });

  it.each([
    ['in a pause', 'pause'],
    ['while it connects', 'connect'],
    ['while it asks', 'ask'],
    ['while the peer is told', 'moved'],
  ])('is closed at once %s', async (_, moment) => {
    const { relay, ana } = await talking();
    if (moment === 'ask') relay.deed = (frame) => (AUTH.test(frame) ? 'swallow' : 'pass');
    const before = relay.count(AUTH);
    if (moment === 'pause') {
      relay.cut(ana.session.localPath);
      await reached(ana.session, 'reconnecting');
    } else await lose(relay, ana);
    if (moment === 'ask') await relay.until(() => relay.count(AUTH) > before);
    if (moment === 'moved') await reached(ana.session, 'moved');
    const queued = ana.session.send({ contentType: 'text/plain', body: 'never' });
    await ana.session.close();
    expect(ana.session.state.name).toBe('closed');
    expect(await queued.sent).toMatchObject({ state: 'failed', error: { code: 'session-closed' } });
    expect(() => ana.session.update({ remotePath: 'msrp://127.0.0.1:9/x;tcp', role: 'active' })).toThrow(MsrpError);
    await gone(ana, relay, 1);
  });

  it('asks again before the new path expires', async () => {
    const { relay, ana } = await talking();
    relay.expires = 100;
    await lose(relay, ana);
    await reached(ana.session, 'moved');
    ana.session.update({ remotePath: 'msrp://127.0.0.1:9/x;tcp', role: 'active' });
    await reached(ana.session, 'bound');
    const before = relay.nonces.length;
    const changed = new Promise((resolve) => ana.session.onPathChange(resolve));
    ana.clock.advance(80_000);
    expect(await changed).toBe(ana.session.localPath);
    expect(relay.nonces.length).toBe(before + 1);
    expect(ana.session.state.name).toBe('bound');
  });

  it.each([
    ['an empty request', BIND, 60_000],
    ['a request for a path', AUTH, 720_000],
  ])('is lost, too, when the relay does not answer %s', async (_, silent, after) => {
    const { relay, ana } = await talking({ keepAlive: silent === BIND ? 60_000 : 10_000_000 });
    const before = relay.frames.length;
    relay.deed = (frame) => (silent.test(frame) ? 'swallow' : 'pass');
    ana.clock.advance(after);
    await relay.until(() => relay.frames.length > before);
    relay.deed = () => 'pass';
    const lost = reached(ana.session, 'reconnecting');
    ana.clock.advance(30_000);
    expect(await lost).toMatchObject({ cause: { code: 'connection-lost' } });
    ana.clock.advance(PAUSE);
    await reached(ana.session, 'moved');
  });

  it('ends when the peer is not told the new path in time', async () => {
    const { relay, ana } = await talking();
    await lose(relay, ana);
    await reached(ana.session, 'moved');
    ana.clock.advance(29_999);
    expect(ana.session.state.name).toBe('moved');
    ana.clock.advance(1);
    expect(ana.session.state).toMatchObject({ name: 'closed', cause: { code: 'bind-timeout' } });
    await gone(ana, relay, 1);
  });

  it('takes nobody who comes by another connection meanwhile', async () => {
    const relay = await TestRelay.open();
    const own = endpoint({ clock: new TestClock() });
    const listener = await own.listen({ host: '127.0.0.1' });
    const session = own.createSession({ listener, accept: new Mailbox().accept });
    const uri = session.localPath;
    await session.connectRelays([{ uri: relay.uri, username: 'a', password: 'b' }], { allowTcp: true });
    const starting = session.start({ remotePath: 'msrp://127.0.0.1:9/peer;tcp', role: 'passive' });
    starting.catch(() => undefined);
    relay.cut(session.localPath);
    await reached(session, 'reconnecting');
    const stranger = await RawPeer.connect(listener.port);
    stranger.write(
      `MSRP tid00001 SEND\r\nTo-Path: ${uri}\r\nFrom-Path: msrp://127.0.0.1:9/peer;tcp\r\nMessage-ID: m\r\n-------tid00001$\r\n`,
    );
    expect(await stranger.frame()).toMatch(/^MSRP tid00001 506/);
    expect(session.state.name).toBe('reconnecting');
    session.abort();
  });

  it('is ended by the endpoint like any other', async () => {
    const { relay, ana } = await talking();
    relay.cut(ana.session.localPath);
    await reached(ana.session, 'reconnecting');
    ana.endpoint.close();
    expect(ana.session.state).toMatchObject({ name: 'closed', cause: { code: 'session-closed' } });
    await gone(ana, relay, 1);
  });

  it('is lost for good where it has not begun, or is leaving', async () => {
    const relay = await TestRelay.open();
    const idle = await behind(relay);
    const lost = reached(idle.session, 'closed');
    relay.cut(idle.session.localPath);
    expect(await lost).toMatchObject({ cause: { code: 'connection-lost' } });
    const { relay: other, ana } = await talking();
    other.deed = () => 'swallow';
    ana.session.send({ contentType: 'text/plain', body: 'x' });
    const closing = ana.session.close();
    const closed = reached(ana.session, 'closed');
    other.cut();
    expect(await closed).toMatchObject({ cause: { code: 'connection-lost' } });
    await closing;
  });
});
