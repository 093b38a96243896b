import { afterEach, beforeEach, expect, test } from 'vitest';
import { draft, next, type Person } from '../../../sip/kit.ts';
import { campus, kamailio, restoreCampus, user } from '../../campus.ts';
import { logOutEverywhere, online, type Transport } from '../kit.ts';

// The real server is killed (SIGKILL) under a session in which both sides write, and started again.

beforeEach(async () => {
  for (const name of ['alice', 'bob']) await logOutEverywhere(name);
});
afterEach(restoreCampus);

const inSession = async (person: Person, peer: string): Promise<void> => {
  const { messaging } = person.provider.capabilitiesOf(user(peer).sip);
  if (messaging.on && messaging.mode === 'session') return;
  await next(
    person.provider.onCapabilities,
    ({ address, capabilities }) =>
      address === user(peer).sip && capabilities.messaging.on && capabilities.messaging.mode === 'session',
  );
};

const TEXTS = 80;
/** So many of Alice's texts are with Bob when the server dies. */
const BEFORE = 25;

test.each<[string, Transport, boolean]>([
  ['that is relay, too, over TLS', 'tls', true],
  ['that is relay, too, over UDP', 'udp', true],
  ['over TCP', 'tcp', false],
])(
  'both write while the server %s dies under their session: every text arrives once and in order, and the session comes back',
  { timeout: 120_000 },
  async (_, transport, relayed) => {
    const settings = { transport, options: relayed ? { msrpRelay: campus().msrpRelay } : {} };
    const [alice, bob] = [await online('alice', settings), await online('bob', settings)];
    for (const text of ['one', 'two']) {
      const { outcome } = alice.set('messaging').send(user('bob').sip, draft(text));
      expect(await outcome).toEqual({ state: 'sent' });
    }
    await Promise.all([inSession(alice, 'bob'), inSession(bob, 'alice')]);

    let running = Promise.resolve();
    let failed = 0;
    const messaging = bob.set('messaging');
    const keep = messaging.receiver;
    messaging.receiver = (message) => {
      const answer = keep?.(message) ?? 'stored';
      if (bob.received.length === 2 + BEFORE && answer === 'stored') {
        running = kamailio.kill().then(() => kamailio.start());
      }
      return answer;
    };
    /** As the program above does: one after the other, and the same text again until it is taken. */
    const write = async (from: Person, to: string): Promise<string[]> => {
      const ids: string[] = [];
      for (let count = 0; count < TEXTS; count++) {
        const one = draft(`${to} ${count}`);
        ids.push(one.id);
        for (let sent = false; !sent; ) {
          await running;
          await Promise.all([alice.reach('online'), bob.reach('online')]);
          const { state } = await from.set('messaging').send(user(to).sip, one).outcome;
          sent = state !== 'failed';
          if (!sent) failed += 1;
        }
      }
      return ids;
    };
    const [toBob, toAlice] = await Promise.all([write(alice, 'bob'), write(bob, 'alice')]);
    for (const id of toBob) await bob.text(id);
    for (const id of toAlice) await alice.text(id);
    // the server may hand out what it kept for somebody in another test
    const order = (person: Person, ids: readonly string[]): string[] =>
      person.received.flatMap(({ id }) => (ids.includes(id) ? [id] : []));
    expect(order(bob, toBob)).toEqual(toBob);
    expect(order(alice, toAlice)).toEqual(toAlice);
    expect(failed).toBeLessThan(2 * TEXTS);
    await Promise.all([inSession(alice, 'bob'), inSession(bob, 'alice')]);
  },
);
