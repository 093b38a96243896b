import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ProtocolTransfer } from '../../../../protocols/contract/index.ts';
import { Arrival, acceptInto, Content, fileOf, outcome } from '../../../sip/file-transfer/file-peers.ts';
import { draft, memoryStorage, next, type Person } from '../../../sip/kit.ts';
import { campus, kamailio, restoreCampus, user } from '../../campus.ts';
import { logOutEverywhere, member, online, type Transport } from '../kit.ts';
import { type Gate, gate } from './gate.ts';

// The real server is killed (SIGKILL) while one certain request, or the answer to it, is on its way.

beforeEach(async () => {
  for (const name of ['alice', 'bob', 'carol', 'dave', 'erin']) await logOutEverywhere(name);
});
afterEach(restoreCampus);

type Held = 'request' | 'answer';

interface Guarded {
  person: Person;
  way: Gate;
  /** Resolves when the first request of this method, or its answer, is held. */
  holds(method: string, what: Held): Promise<void>;
}

const guarded = async (name: string, transport: Transport): Promise<Guarded> => {
  const way = await gate(transport === 'udp' ? 'udp' : 'stream', campus().ports.sip);
  const person = await online(name, { transport, server: { host: '127.0.0.1', port: way.port } });
  return {
    person,
    way,
    holds: (method, what) => {
      const isOfMethod = new RegExp(`^CSeq: *\\d+ ${method}\\r$`, 'im');
      way.holds = (direction, data) =>
        direction === (what === 'request' ? 'out' : 'back') && isOfMethod.test(data.toString('latin1'));
      return way.held();
    },
  };
};

/** As the program does: the same text again, when the account is there. */
const sendAll = async (from: Person, to: string, texts: readonly string[]): Promise<void> => {
  for (const text of texts) {
    const one = draft(text);
    for (let isSent = false; !isSent; ) {
      await from.reach('online');
      const { state } = await from.set('messaging').send(user(to).sip, one).outcome;
      isSent = state === 'sent' || state === 'waiting';
    }
  }
};
/** Of these; the server may hand out what it kept in a test before. */
const textsOf = (person: Person, from: string, texts: readonly string[]): string[] =>
  person.received.filter(({ peer, text }) => peer === user(from).sip && texts.includes(text)).map(({ text }) => text);

// OPTIONS and INVITE of a session that is being opened need a run each: one account has both
const RUNS = (['udp', 'tcp'] as const).flatMap((transport) =>
  (['OPTIONS', 'INVITE'] as const).map((opening, index) => ({
    transport,
    opening,
    what: (['request', 'answer'] as const)[index] ?? 'request',
  })),
);

test.each(RUNS)(
  'PUBLISH, SUBSCRIBE, MESSAGE and $opening over $transport come through a crash with the $what on its way',
  { timeout: 60_000 },
  async ({ transport, opening, what }) => {
    const erin = await online('erin');
    const names = ['alice', 'bob', 'carol', 'dave'] as const;
    for (const name of names) await erin.set('contactList').put({ address: user(name).sip, name, groups: [] });
    await erin.set('presence').publish({ state: 'busy', note: `before ${transport} ${opening}` });
    const [alice, bob, carol, dave] = (await Promise.all(names.map((name) => guarded(name, transport)))) as [
      Guarded,
      Guarded,
      Guarded,
      Guarded,
    ];
    const note = `while ${transport} ${opening}`;
    const held = [
      alice.holds('PUBLISH', what),
      bob.holds('SUBSCRIBE', what),
      carol.holds('MESSAGE', what),
      dave.holds(opening, what),
    ];
    const texts = ['one', 'two', 'three'].map((text) => `${text} ${note}`);
    // that it was not answered is said to whoever published; it is published all the same
    const published = alice.person
      .set('presence')
      .publish({ state: 'away', note })
      .catch(() => {});
    const contact = bob.person.set('contactList').put({ address: user('erin').sip, name: 'Erin', groups: [] });
    const sent = [sendAll(carol.person, 'erin', texts), sendAll(dave.person, 'erin', texts)];
    await Promise.all(held);

    const lost = next(erin.provider.onRegistration, ({ state }) => state === 'waiting');
    await kamailio.kill();
    await kamailio.start();
    await lost;
    // what the server keeps for who is away comes after what is sent when they are back
    await erin.reach('online');
    for (const { way } of [alice, bob, carol, dave]) way.release();

    await Promise.all([...sent, published, contact]);
    await erin.sees(user('alice').sip, (presence) => presence.state === 'away' && presence.note === note);
    await bob.person.sees(user('erin').sip, ({ state }) => state === 'busy');
    const came = (): string[][] => ['carol', 'dave'].map((from) => textsOf(erin, from, texts));
    for (let count = erin.received.length; came().flat().length < 2 * texts.length; ) await erin.texts(++count);
    expect(came()).toEqual([texts, texts]);
    for (const { person } of [alice, bob, carol, dave]) {
      await person.reach('online');
      expect(person.states.map(({ state }) => state)).not.toContain('stopped');
    }
  },
);

test.each(
  (['udp', 'tcp'] as const).flatMap((transport) =>
    (['request', 'answer'] as const).map((what) => ({ transport, what })),
  ),
)(
  'a crash with the $what of a BYE over $transport on its way ends the transfer on both sides, and the next one goes',
  async ({ transport, what }) => {
    const alice = await guarded('alice', transport);
    const bob = await online('bob', { transport });
    const offered = async (content: Content): Promise<{ sent: ProtocolTransfer; received: ProtocolTransfer }> => {
      const offer = next(bob.set('fileTransfer').onOffer);
      const [sent] = alice.person.set('fileTransfer').offer(user('bob').sip, [fileOf(content)]);
      if (!sent) throw new Error('no transfer');
      return { sent, received: (await offer).transfer };
    };
    const long = new Content(randomBytes(8_000_000));
    const { sent, received } = await offered(long);
    const begun = new Promise<void>((resolve) => {
      acceptInto(received, {
        // the disk is slow for ever
        write: () => {
          resolve();
          return new Promise(() => {});
        },
        close: async () => {},
        abort: async () => {},
      });
    });
    await begun;
    const held = alice.holds('BYE', what);
    sent.cancel();
    await held;
    const lost =
      transport === 'udp'
        ? []
        : [alice.person, bob].map(({ provider }) => next(provider.onRegistration, ({ state }) => state === 'waiting'));
    await kamailio.kill();
    await kamailio.start();
    alice.way.release();
    expect(await outcome(sent)).toBe('cancelled us');
    expect(await outcome(received)).toMatch(/^(?:cancelled|failed)/);
    await Promise.all(lost);
    for (const person of [alice.person, bob]) {
      if (transport === 'udp') person.provider.machineEvent('wake');
      await person.reach('online');
    }
    const small = new Content(randomBytes(1_000));
    const after = await offered(small);
    const arrival = new Arrival(small.size);
    acceptInto(after.received, arrival);
    expect([await outcome(after.received), await outcome(after.sent)]).toEqual(['finished', 'finished']);
    expect(arrival.bytes.equals(small.bytes)).toBe(true);
  },
);

test.each(['request', 'answer'] as const)(
  'a crash with the %s of a PUT of the contact list on its way loses no contact, and doubles none',
  async (what) => {
    const { ports } = campus();
    const way = await gate('stream', ports.xcap);
    const storage = memoryStorage();
    const root = (port: number) => ({ options: { xcapRoot: `http://127.0.0.1:${port}/xcap-root/` } });
    const dave = await online('dave', root(way.port), { storage });
    const addresses = (person: Person): string[] =>
      person
        .set('contactList')
        .contacts.map(({ address }) => address)
        .toSorted();
    await dave.set('contactList').put({ address: user('alice').sip, name: 'Alice', groups: [] });
    let isPutting = false;
    way.holds = (direction, data) => {
      isPutting ||= direction === 'out' && data.toString('latin1').startsWith('PUT ');
      return isPutting && direction === (what === 'request' ? 'out' : 'back');
    };
    const put = dave
      .set('contactList')
      .put({ address: user('bob').sip, name: `Bob ${what}`, groups: ['Friends'] })
      .catch(() => {});
    await way.held();
    await kamailio.kill();
    await kamailio.start();
    way.release();
    await put;
    await dave.reach('online');
    // as a person does who is told that it was not kept
    await dave.set('contactList').put({ address: user('bob').sip, name: `Bob ${what}`, groups: ['Friends'] });
    expect(addresses(dave)).toEqual(expect.arrayContaining([user('alice').sip, user('bob').sip]));
    await dave.provider.stop();
    const elsewhere = member('dave', root(ports.xcap));
    elsewhere.provider.start();
    await elsewhere.reach('online');
    await next(elsewhere.set('contactList').onChange, () => addresses(elsewhere).includes(user('bob').sip));
    expect(addresses(elsewhere)).toEqual(addresses(dave));
  },
);
