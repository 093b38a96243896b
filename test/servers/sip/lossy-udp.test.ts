import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { seeds } from '../../extent.ts';
import { seeded } from '../../seeded.ts';
import { Arrival, acceptInto, Content, fileOf, outcome } from '../../sip/file-transfer/file-peers.ts';
import { draft, next, type Person } from '../../sip/kit.ts';
import { type Fate, lossyForwarder } from '../../sip/transport/lossy-forwarder.ts';
import { campus, restoreCampus, user } from '../campus.ts';
import { logOutEverywhere, online } from './kit.ts';

beforeEach(async () => {
  for (const name of ['alice', 'bob']) await logOutEverywhere(name);
});
afterEach(restoreCampus);

/** Of a hundred datagrams in each direction 15 are lost, 10 come twice and 10 after the next. */
const rough = (seed: number) => {
  const random = seeded(seed);
  const counts = { lost: 0, twice: 0, late: 0 };
  const fate: Fate = () => {
    const drawn = random();
    const what = drawn < 0.15 ? 'lost' : drawn < 0.25 ? 'twice' : drawn < 0.35 ? 'late' : undefined;
    if (what) counts[what] += 1;
    return what === 'lost' ? false : (what ?? true);
  };
  return { fate, counts };
};

test.each(seeds(3))(
  'REGISTER, MESSAGE and INVITE come through a path that loses, repeats and swaps datagrams (%i): all once and in order',
  { timeout: 120_000 },
  async (seed) => {
    const { fate, counts } = rough(seed);
    const person = async (name: string): Promise<Person> =>
      online(name, {
        transport: 'udp',
        server: { host: '127.0.0.1', port: await lossyForwarder(campus().ports.sip, fate) },
      });
    const [alice, bob] = [await person('alice'), await person('bob')];
    const shown = (to: Person): string[] => {
      const all: string[] = [];
      const messaging = to.set('messaging');
      const keep = messaging.receiver;
      messaging.receiver = (message) => {
        all.push(message.text);
        return keep?.(message) ?? 'stored';
      };
      onTestFinished(() => {
        messaging.receiver = undefined;
      });
      return all;
    };
    const talk = [
      { from: alice, to: bob, name: 'bob' },
      { from: bob, to: alice, name: 'alice' },
    ].map(({ from, to, name }) => ({
      shown: shown(to),
      to,
      name,
      texts: Array.from({ length: 10 }, (_, index) => `${seed} to ${name} ${index}`),
      from,
    }));

    const offer = next(bob.set('fileTransfer').onOffer);
    const content = new Content(randomBytes(100_000));
    const [sent] = alice.set('fileTransfer').offer(user('bob').sip, [fileOf(content)]);
    const said = talk.flatMap(({ from, name, texts }) =>
      texts.map((text) => from.set('messaging').send(user(name).sip, draft(text)).outcome),
    );
    const { transfer } = await offer;
    const arrival = new Arrival(content.size);
    acceptInto(transfer, arrival);

    expect(await Promise.all(said)).toEqual(said.map(() => ({ state: 'sent' })));
    expect([sent && (await outcome(sent)), await outcome(transfer)]).toEqual(['finished', 'finished']);
    expect(arrival.bytes.equals(content.bytes)).toBe(true);
    for (const { to, shown: all, texts } of talk) {
      await to.texts(texts.length);
      // not even the one above, which knows the texts by their ids, is shown one twice
      expect(all.filter((text) => texts.includes(text))).toEqual(texts);
    }
    for (const { states } of [alice, bob])
      expect(states.map(({ state }) => state)).not.toEqual(expect.arrayContaining(['stopped']));
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(3);
  },
);
