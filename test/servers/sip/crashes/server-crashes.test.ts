import { randomBytes } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import type { OutgoingFile, ProtocolTransfer, Provider } from '../../../../protocols/contract/index.ts';
import { Arrival, acceptInto, Content, fileOf, outcome } from '../../../sip/file-transfer/file-peers.ts';

import { draft, next, type Person } from '../../../sip/kit.ts';
import { campus, kamailio, restoreCampus, user } from '../../campus.ts';
import { member, online, type Transport } from '../kit.ts';
import { type Gate, gate } from './gate.ts';

// The real server is killed (SIGKILL) and started again; accounts come back by themselves.

afterEach(restoreCampus);

interface Guarded {
  person: Person;
  way: Gate;
}

/** An account whose way to the server leads through a gate. */
const guarded = async (name: string, transport: Transport): Promise<Guarded> => {
  const { ports } = campus();
  const way = await gate(transport === 'udp' ? 'udp' : 'stream', transport === 'tls' ? ports.sips : ports.sip);
  const person = member(name, { transport, server: { host: '127.0.0.1', port: way.port } });
  await person.set('contactList').put({ address: user('erin').sip, name: 'Erin', groups: [] });
  return { person, way };
};

const comeOnline = async ({ person }: Guarded): Promise<void> => {
  person.provider.start();
  await person.reach('online');
};
const stepOf = ({ provider: { registration } }: Person): string =>
  registration.state === 'connecting' ? registration.step : registration.state;

/** Holds the nth thing that goes out in a step, from 1. */
const holdIn = ({ person, way }: Guarded, step: string, nth: number): void => {
  let count = 0;
  way.holds = (direction) => {
    if (direction === 'out' && stepOf(person) === step) count += 1;
    return count === nth;
  };
};

/** Bring an account into the state; what they resolve to, if anything, is for after the crash. */
const STATES: Record<string, (each: Guarded, transport: Transport) => Promise<undefined | (() => Promise<void>)>> = {
  'not started':
    async ({ person }) =>
    async () =>
      person.provider.start(),
  'securing its connection': async (each) => {
    holdIn(each, 'securing', 1);
    each.person.provider.start();
    await each.way.held();
    return undefined;
  },
  'asking to register': async (each) => {
    holdIn(each, 'authenticating', 1);
    each.person.provider.start();
    await each.way.held();
    return undefined;
  },
  'answering the challenge': async (each, transport) => {
    holdIn(each, 'authenticating', 2);
    each.person.provider.start();
    // over UDP what is on its way arrives at the new server, late: it has come twice by then
    await each.way.held(transport === 'udp' ? 2 : 1);
    return undefined;
  },
  'putting its presence back': async (each) => {
    let isRegistered = false;
    each.way.holds = (direction) => {
      isRegistered ||= ['restoring', 'online'].includes(stepOf(each.person));
      return direction === 'out' && isRegistered;
    };
    each.person.provider.start();
    await each.way.held();
    return undefined;
  },
  idle: async (each, transport) => {
    await comeOnline(each);
    await each.person.sees(user('erin').sip, ({ state }) => state === 'busy');
    // a datagram path tells nobody that the server was away
    return transport === 'udp' ? async () => each.person.provider.machineEvent('wake') : undefined;
  },
  refreshing: async (each) => {
    await comeOnline(each);
    each.way.holds = () => true;
    each.person.provider.machineEvent('wake');
    await each.way.held();
    return undefined;
  },
  leaving: async (each) => {
    await comeOnline(each);
    each.way.holds = () => true;
    const left = each.person.provider.stop();
    await each.way.held();
    return async () => {
      await left;
      expect(each.person.provider.registration).toEqual({ state: 'offline' });
      each.person.provider.start();
    };
  },
};

/** Over UDP nothing breaks; over TCP and TLS a connection does, and TLS has a state of its own. */
const MATRIX: Record<Transport, string[]> = {
  udp: Object.keys(STATES).filter((state) => state !== 'securing its connection'),
  tcp: ['asking to register', 'answering the challenge', 'putting its presence back', 'refreshing', 'leaving'],
  tls: ['not started', 'securing its connection', 'answering the challenge', 'idle', 'leaving'],
};

test('whatever an account is doing when the server dies, it is online again by itself, and sees others', {
  timeout: 60_000,
}, async () => {
  const erin = await online('erin');
  await erin.set('presence').publish({ state: 'busy', note: 'before' });
  const names = ['alice', 'bob', 'carol', 'dave'];
  const all: { what: string; each: Guarded; after: (() => Promise<void>) | undefined }[] = [];
  for (const transport of ['udp', 'tcp', 'tls'] as const) {
    for (const state of MATRIX[transport]) {
      const each = await guarded(names[all.length % names.length] ?? '', transport);
      all.push({ what: `${state} over ${transport}`, each, after: await STATES[state]?.(each, transport) });
    }
  }
  await kamailio.kill();
  for (const { what, each } of all) if (what.startsWith('not started')) each.person.provider.start();
  await kamailio.start();
  for (const { each } of all) each.way.release();
  for (const { after } of all) await after?.();
  await Promise.all(all.map(({ each }) => each.person.reach('online')));
  // what was published is published again, and what follows is seen
  await erin.reach('online');
  await erin.set('presence').publish({ state: 'away', note: 'after' });
  for (const { what, each } of all) {
    await each.person.sees(user('erin').sip, ({ note }) => note === 'after');
    expect(
      each.person.states.map(({ state }) => state),
      what,
    ).not.toContain('stopped');
  }
});

test.each(['udp', 'tls'] as const)(
  'no text over %s is lost or doubled by a crash between them, and they keep their order',
  async (transport) => {
    const [alice, bob] = [await online('alice', { transport }), await online('bob', { transport })];
    const messaging = bob.set('messaging');
    const keep = messaging.receiver;
    let crash: Promise<void> | undefined;
    messaging.receiver = (message) => {
      // the answer to the tenth never arrives
      if (bob.received.length === 9) crash ??= kamailio.kill().then(() => kamailio.start());
      return keep?.(message) ?? 'stored';
    };
    const texts = Array.from({ length: 20 }, (_, index) => `text ${index}`);
    for (const text of texts) {
      const one = draft(text);
      // as the program above does: the same text again, when the account is there
      for (let sent = false; !sent; ) {
        await alice.reach('online');
        const { state } = await alice.set('messaging').send(user('bob').sip, one).outcome;
        sent = state === 'sent' || state === 'waiting';
      }
    }
    await crash;
    await bob.reach('online');
    await bob.texts(texts.length);
    expect(bob.received.map(({ text }) => text)).toEqual(texts);
  },
);

const left = ({ onRegistration }: Provider): Promise<unknown> =>
  next(onRegistration, ({ state }) => state === 'waiting');

test.each(['udp', 'tcp'] as const)(
  'a file that was going over %s when the server died arrives, and so does one that was on offer',
  async (transport) => {
    const [alice, bob] = [await online('alice', { transport }), await online('bob', { transport })];
    const offers: ProtocolTransfer[] = [];
    let seen = (): void => {};
    bob.set('fileTransfer').onOffer(({ transfer }) => {
      offers.push(transfer);
      seen();
    });
    const offered = async (file: OutgoingFile): Promise<{ sent: ProtocolTransfer; received: ProtocolTransfer }> => {
      const next = new Promise<void>((resolve) => {
        seen = resolve;
      });
      const [sent] = alice.set('fileTransfer').offer(user('bob').sip, [file]);
      await next;
      const received = offers.at(-1);
      if (!sent || !received) throw new Error('no offer');
      return { sent, received };
    };
    // the bytes go directly between the two
    const long = new Content(randomBytes(8_000_000));
    const going = await offered(fileOf(long));
    const arrival = new Arrival(long.size);
    let go = (): void => {};
    const halfway = new Promise<void>((resolve) => {
      arrival.wrote = () => resolve();
    });
    const write = arrival.write.bind(arrival);
    const halted = new Promise<void>((resolve) => {
      go = resolve;
    });
    acceptInto(going.received, {
      write: (data, position) => {
        write(data, position);
        return halted;
      },
      close: async () => {},
      abort: async () => {},
    });
    await halfway;
    // no hash: an INVITE above 1300 bytes goes by TCP (RFC 3261 §18.1.1), and its answer would meet a connection that is gone
    const open = fileOf(new Content(randomBytes(1000)), { name: 'a', hashes: [] });
    const outstanding = await offered(open);

    // they may be back before the server's start has returned
    const lost = transport === 'udp' ? [] : [alice, bob].map(({ provider }) => left(provider));
    await kamailio.kill();
    await kamailio.start();
    if (transport === 'udp') for (const { provider } of [alice, bob]) provider.machineEvent('wake');
    await Promise.all(lost);
    await Promise.all([alice.reach('online'), bob.reach('online')]);
    go();
    expect([await outcome(going.received), await outcome(going.sent)]).toEqual(['finished', 'finished']);
    expect(arrival.bytes.equals(long.bytes)).toBe(true);
    // over UDP the answer finds its way past a server that knows nothing of the INVITE; else the offer stays open without it
    if (transport !== 'udp') expect(await outcome(outstanding.sent)).toBe('unanswered, asked');
    const { sent, received } = transport === 'udp' ? outstanding : await offered(open);
    acceptInto(received, new Arrival(1000));
    expect([await outcome(received), await outcome(sent)]).toEqual(['finished', 'finished']);
  },
);
