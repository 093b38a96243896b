import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type CampusDescription, startTemporary } from '../../../campus/campus.mjs';
import type { ProtocolTransfer } from '../../../protocols/contract/index.ts';
import { offerOne } from '../../protocols/offer-one.ts';
import { Arrival, acceptInto, Content, fileOf, outcome, phase } from '../../sip/file-transfer/file-peers.ts';
import { next, type Person } from '../../sip/kit.ts';
import { campus, campusAuthority, user } from '../campus.ts';
import { Forwarder } from '../forwarder.ts';
import { online } from './kit.ts';

const content = randomBytes(5_000_000);
const relays = {
  TLS: () => campus().msrpRelay,
  TCP: () => `msrp://${campus().host}:${campus().ports.msrp};tcp`,
  no: () => undefined,
};

/** Somebody at the campus whose files go by this relay; undefined: directly. */
const behind = (name: string, relay: string | undefined, options: Parameters<typeof online>[2] = {}): Promise<Person> =>
  online(name, { transport: 'tls', options: relay === undefined ? {} : { msrpRelay: relay } }, options);

async function offered(
  from: Person,
  to: Person,
  name: string,
): Promise<{ sent: ProtocolTransfer; received: ProtocolTransfer }> {
  const coming = next(to.set('fileTransfer').onOffer);
  const sent = offerOne(from.set('fileTransfer'), user(name).sip, fileOf(new Content(content)));
  const failed = phase(sent, 'failed').then(({ error }) => {
    throw error;
  });
  const { transfer: received } = await Promise.race([coming, failed]);
  failed.catch(() => {});
  return { sent, received };
}

/** Sends the content and sees that it is whole. */
async function goesOver(from: Person, to: Person, name: string): Promise<void> {
  const { sent, received } = await offered(from, to, name);
  const arrival = new Arrival(content.length);
  acceptInto(received, arrival);
  expect([await outcome(received), await outcome(sent)]).toEqual(['finished', 'finished']);
  expect(arrival.bytes.equals(content)).toBe(true);
}

/** Nobody went another way than the one that was asked for. */
const wentByRelay = (...people: Person[]): void => {
  for (const { logs } of people) expect(logs.join('\n')).not.toContain('relay-away');
};

describe('a file of 5 MB through the relay of the campus', () => {
  test.each([
    ['TLS', 'TLS'],
    ['TCP', 'TCP'],
    ['TCP', 'no'],
    ['TLS', 'no'],
    ['no', 'TLS'],
  ] as const)(
    'arrives whole: %s relay for the sender, %s relay for the receiver',
    async (ofAlice, ofBob) => {
      const alice = await behind('alice', relays[ofAlice]());
      const bob = await behind('bob', relays[ofBob]());
      await goesOver(alice, bob, 'bob');
      wentByRelay(alice, bob);
    },
    60_000,
  );

  test('is paused, and goes on', async () => {
    const alice = await behind('alice', relays.TLS());
    const bob = await behind('bob', relays.TLS());
    const { sent, received } = await offered(alice, bob, 'bob');
    const arrival = new Arrival(content.length);
    let pause: (() => void) | undefined = () => received.pause();
    arrival.wrote = () => {
      pause?.();
      pause = undefined;
    };
    acceptInto(received, arrival);
    await phase(sent, 'paused');
    received.resume();
    expect([await outcome(received), await outcome(sent)]).toEqual(['finished', 'finished']);
    expect(arrival.bytes.equals(content)).toBe(true);
  }, 60_000);

  test('goes on from the byte the receiver has, after it was lost', async () => {
    const alice = await behind('alice', relays.TLS());
    const bob = await behind('bob', relays.TLS());
    const first = await offered(alice, bob, 'bob');
    const arrival = new Arrival(content.length);
    let until = 0;
    arrival.wrote = (position) => {
      until = position;
      if (position > 1_000_000) first.received.interrupt();
    };
    acceptInto(first.received, arrival);
    expect([await outcome(first.received), await outcome(first.sent)]).toEqual(['failed network', 'failed network']);
    const second = await offered(alice, bob, 'bob');
    const rest = new Arrival(content.length, arrival.bytes.subarray(0, until));
    let begun: number | undefined;
    rest.wrote = (position) => {
      begun ??= position;
    };
    acceptInto(second.received, rest, { from: until });
    expect([await outcome(second.received), await outcome(second.sent)]).toEqual(['finished', 'finished']);
    expect(begun).toBeGreaterThan(until);
    expect(rest.bytes.equals(content)).toBe(true);
  }, 60_000);

  test.each(['sender', 'receiver'] as const)(
    'goes on after the %s lost the connection to the relay',
    async (who) => {
      const way = await Forwarder.open(campus().ports.msrps);
      const alice = await behind('alice', who === 'sender' ? way.uri : relays.TLS());
      const bob = await behind('bob', who === 'receiver' ? way.uri : relays.TLS());
      const first = await offered(alice, bob, 'bob');
      const arrival = new Arrival(content.length);
      let until = 0;
      arrival.wrote = (position) => {
        until = position;
        if (position > 1_000_000) way.cut();
      };
      acceptInto(first.received, arrival);
      expect([await outcome(first.received), await outcome(first.sent)]).toEqual(['failed network', 'failed network']);
      const second = await offered(alice, bob, 'bob');
      const rest = new Arrival(content.length, arrival.bytes.subarray(0, until));
      acceptInto(second.received, rest, { from: until });
      expect([await outcome(second.received), await outcome(second.sent)]).toEqual(['finished', 'finished']);
      expect(rest.bytes.equals(content)).toBe(true);
      wentByRelay(alice, bob);
    },
    60_000,
  );
});

describe('through two relays, each side its own', () => {
  let second: CampusDescription;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    const { description, stop: end } = await startTemporary();
    second = description;
    stop = end;
  }, 120_000);
  afterAll(() => stop());

  // the first frame makes the connection between the two, and the file comes right behind it
  test('a file of 5 MB arrives whole', async () => {
    const authorities = [campusAuthority().toString(), readFileSync(second.ca, 'utf8')];
    const alice = await behind('alice', relays.TLS());
    const bob = await online('bob', {
      transport: 'tls',
      certificateAuthorities: authorities,
      options: { msrpRelay: second.msrpRelay },
    });
    await goesOver(alice, bob, 'bob');
    wentByRelay(alice, bob);
  }, 60_000);
});

describe('a relay that does not do', () => {
  /** Accepts connections and says nothing, or is not there at all. */
  async function silent(): Promise<string> {
    const sockets = new Set<net.Socket>();
    const server = net.createServer((socket) => sockets.add(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return `msrp://127.0.0.1:${(server.address() as net.AddressInfo).port};tcp`;
  }

  test('because it is away is passed over: the file goes directly, and the log says so', async () => {
    const bob = await behind('bob', undefined);
    const alice = await behind('alice', 'msrps://127.0.0.1:1;tcp');
    await goesOver(alice, bob, 'bob');
    expect(alice.logs.join('\n')).toContain('warn relay-away');
  }, 60_000);

  test('because it is silent is passed over in time', async () => {
    const bob = await behind('bob', undefined);
    const alice = await behind('alice', await silent());
    await goesOver(alice, bob, 'bob');
    expect(alice.logs.join('\n')).toContain('warn relay-away');
  }, 60_000);

  test('because its certificate is for nobody we trust is an error, with nothing sent', async () => {
    const bob = await behind('bob', undefined);
    const alice = await online('alice', {
      transport: 'tcp',
      certificateAuthorities: [],
      options: { msrpRelay: relays.TLS() },
    });
    await expect(offered(alice, bob, 'bob')).rejects.toMatchObject({ code: 'tls-untrusted', protocolCode: 'relay' });
  }, 60_000);
});
