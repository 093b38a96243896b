import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { seeds } from '../../extent.ts';
import { seeded } from '../../seeded.ts';
import { Campus, ChatPeer } from './support/chat-peers.ts';
import { type Faults, RoughNetwork } from './support/rough-network.ts';

/** Each way, in bursts of one to three. */
const BURSTS = 80;
const SIGNALLING: Faults = { cut: 0.4, within: 15_000, silent: 0, late: 0.2 };
const MEDIA: Faults = { cut: 0.5, within: 15_000, silent: 0.2, late: 0.2 };
/** Of a text: most are short, some take several frames, some no MESSAGE can carry. */
const SIZES = [...Array.from({ length: 40 }, () => 0), 20, 20, 20, 300, 300, 3_000, 3_000, 20_000, 20_000, 90_000];

/** What one says to the other, and whether it may be missing there. */
interface Said {
  id: string;
  text: string;
  failed: boolean;
  /** Goes up from burst to burst, and within one where all went well the first time. */
  place: number;
}

/** Two who write to each other over a network that breaks, while they move, refuse, come and go. */
const roughTalk = async (seed: number) => {
  const random = seeded(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const network = await RoughNetwork.open(random, 80);
  const campus = new Campus();
  const meddler = { lead: (sdp: string) => network.lead(sdp, MEDIA) };
  const ana = await new ChatPeer(campus, 'ana', { meddler }).begin();
  const bob = await new ChatPeer(campus, 'bob', { meddler }).begin();
  const both = [ana, bob];
  const faults: string[] = [];
  const read = new Set<string>();
  /** By what the texts went that were handed over once. */
  const carried = { page: 0, session: 0 };
  for (const peer of both) {
    const port = network.way({ host: '127.0.0.1', port: peer.agent.local?.port ?? 0 }, SIGNALLING);
    campus.move(peer.address, `sip:${peer.address.slice(4).split('@')[0]}@127.0.0.1:${port}`);
    // refused here, as by the peer's server
    const receive = peer.agent.onMessage;
    peer.agent.onMessage = (request) => {
      const wrapped = request.message.getHeader('content-type')?.startsWith('message/cpim') === true;
      if (random() < 0.04) request.reject({ statusCode: pick(wrapped ? [415, 480, 503] : [480, 503]) });
      else receive?.(request);
    };
    peer.onInvite = (session) => {
      if (random() >= 0.15) return false;
      session.reject(pick([480, 486, 500, 503]));
      return true;
    };
    peer.refuses = () => random() < 0.02;
    const other = peer === ana ? bob : ana;
    peer.messaging.onMark(({ id, mark }) => {
      const there = other.received.some((each) => each.id === id);
      if (mark === 'delivered' && !there) faults.push(`delivered, and is not there: ${id}`);
      if (mark === 'read' && !read.has(id)) faults.push(`read by nobody: ${id}`);
    });
  }
  // one second for each fiftieth of one
  const hurry = setInterval(() => {
    for (const peer of both) peer.clock.advance(250);
    campus.tell();
  }, 5);
  onTestFinished(() => clearInterval(hurry));

  const events: ((peer: ChatPeer, other: ChatPeer) => void)[] = [
    // what was learned of each other is old
    ...Array.from({ length: 4 }, () => (peer: ChatPeer, other: ChatPeer) => {
      for (const each of [peer, other]) each.time += 6 * 3_601_000;
    }),
    (peer) => {
      peer.time += 61_000;
    },
    (peer) => peer.messaging.restore(),
    (peer) => {
      peer.host = peer.host === '127.0.0.1' ? '127.0.0.2' : '127.0.0.1';
      peer.messaging.restore();
    },
    // another device comes, or goes
    (peer) => {
      peer.alone = !peer.alone;
      if (!peer.alone) peer.messaging.chats.leave();
    },
    ...Array.from({ length: 3 }, () => (peer: ChatPeer) => {
      peer.alone = true;
    }),
    (peer) => peer.clock.advance(600_000),
    (peer, other) => peer.messaging.sendTyping(other.address, pick(['composing', 'paused'] as const)),
    (peer, other) => {
      const last = peer.received.at(-1);
      if (!last) return;
      read.add(last.id);
      peer.messaging.sendRead(other.address, last.id);
    },
  ];
  /** Hands over one text until there is a definite outcome, as the program above does. Resolves to whether it was the first. */
  const hand = async (from: ChatPeer, to: ChatPeer, one: Said): Promise<boolean> => {
    for (let attempt = 1; ; attempt++) {
      const { outcome } = from.messaging.send(to.address, { id: one.id, text: one.text, composedAt: from.time });
      const ended = await outcome;
      if (ended.state === 'failed' && ended.error.retryable) {
        await new Promise(setImmediate);
        continue;
      }
      one.failed = ended.state === 'failed';
      // there is no server that could keep it
      if (!one.failed && !to.received.some(({ id }) => id === one.id)) faults.push(`sent, and is not there: ${one.id}`);
      if (attempt === 1) carried[from.mode(to)] += 1;
      return attempt === 1;
    }
  };
  const write = async (from: ChatPeer, to: ChatPeer, name: string): Promise<Said[]> => {
    const said: Said[] = [];
    for (let burst = 0; burst < BURSTS; burst++) {
      if (random() < 0.4) pick(events)(from, to);
      const ones = Array.from({ length: pick([1, 1, 2, 3]) }, (_, nth): Said => {
        const text = `${name} ${said.length + nth} ${'ł'.repeat(Math.floor(pick(SIZES) / 2))}`;
        return { id: randomUUID(), text, failed: false, place: said.length + nth };
      });
      const first = await Promise.all(ones.map((one) => hand(from, to, one)));
      // what was handed over again went behind what had been handed over after it
      if (first.includes(false)) for (const one of ones) one.place = said.length;
      said.push(...ones);
    }
    return said;
  };
  return { ana, bob, network, faults, carried, write };
};

/** What is wrong with what arrived. */
const wrong = (said: readonly Said[], { received }: ChatPeer): string[] => {
  const faults: string[] = [];
  let last = -1;
  for (const { id, text } of received) {
    const one = said.find((each) => each.text === text);
    const brief = text.slice(0, 12);
    if (one?.id !== id) faults.push(`has another id: ${brief}`);
    else if (one.place < last) faults.push(`too late: ${brief}`);
    last = Math.max(last, one?.place ?? -1);
    if (received.filter((each) => each.text === text).length > 1) faults.push(`twice: ${brief}`);
  }
  for (const { text, failed } of said)
    if (!failed && !received.some((each) => each.text === text)) faults.push(`lost: ${text.slice(0, 12)}`);
  return faults;
};

test.each(seeds(6))(
  'whatever breaks, each text of a talk arrives once and in order, and what is said of it is true (seed %i)',
  { timeout: 90_000 },
  async (seed) => {
    const { ana, bob, network, faults, carried, write } = await roughTalk(seed);
    const [fromAna, fromBob] = await Promise.all([write(ana, bob, 'ana'), write(bob, ana, 'bob')]);
    expect([...wrong(fromAna, bob), ...wrong(fromBob, ana), ...faults]).toEqual([]);
    // it has been rough, and both ways have been gone
    expect(network.befallen.cut + network.befallen.silent).toBeGreaterThan(0);
    expect(ana.inviting.length + bob.inviting.length).toBeGreaterThan(1);
    expect(Math.min(carried.page, carried.session)).toBeGreaterThan(0);
  },
);
