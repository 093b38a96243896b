import { randomUUID } from 'node:crypto';
import type { CampusDescription } from '../../../campus/campus.mjs';
import { accountOf, online, setOf } from './accounts.ts';
import { BareClient } from './bare-pair.ts';

/** Seconds by the clock, and seconds of one core this process used meanwhile. */
export interface Cost {
  seconds: number;
  processor: number;
}

const measured = async (work: () => Promise<void>): Promise<Cost> => {
  const began = performance.now();
  const before = process.cpuUsage();
  await work();
  const used = process.cpuUsage(before);
  return { seconds: (performance.now() - began) / 1000, processor: (used.user + used.system) / 1e6 };
};

const textOf = (index: number): string => `text ${index}: reunião às dez 🎓`;

const bareClient = (campus: CampusDescription, name: string, transport: 'udp' | 'tcp'): BareClient => {
  const user = campus.users.find((each) => each.name === name);
  if (!user) throw new Error(`nobody is called ${name}`);
  const server = { host: campus.host, port: campus.ports.sip };
  return new BareClient({ server, transport, sip: user.sip, password: user.password });
};

/**
 * So many texts from one account to another; each is stored and its mark *delivered* comes back. By MESSAGE all the way, or in
 * the MSRP session that is opened with the second text.
 */
export const throughAccounts = async (
  campus: CampusDescription,
  transport: 'udp' | 'tcp',
  count: number,
  way: 'message' | 'session',
): Promise<Cost> => {
  const [alice, bob] = ['alice', 'bob'].map((name) => accountOf(campus, name, { transport }));
  if (!alice || !bob) throw new Error('nobody');
  const received: string[] = [];
  setOf(bob, 'messaging').receiver = ({ text }) => {
    received.push(text);
    return 'stored';
  };
  // who sees another device of theirs at login opens no session; it is gone before anything is measured
  const other = way === 'message' ? bareClient(campus, 'alice', transport) : undefined;
  await other?.open();
  await Promise.all([online(alice), online(bob)]);
  await other?.close();
  const to = bob.address;
  let marks = 0;
  const cost = await measured(async () => {
    const marked = new Promise<void>((resolve) => {
      setOf(alice, 'messaging').onMark(() => {
        marks += 1;
        if (marks === count) resolve();
      });
    });
    const outcomes = Array.from({ length: count }, (_, index) => {
      const draft = { id: randomUUID(), text: textOf(index), composedAt: Date.now() };
      return setOf(alice, 'messaging').send(to, draft).outcome;
    });
    for (const outcome of outcomes) {
      const { state } = await outcome;
      if (state !== 'sent') throw new Error(`a text was ${state}`);
    }
    await marked;
  });
  await Promise.all([alice.stop(), bob.stop()]);
  if (received.length !== count || received.some((text, index) => text !== textOf(index)))
    throw new Error('texts were lost, doubled or came out of order');
  return cost;
};

/** The same two messages for each text by bare sockets: one after another each way, as the accounts send them. */
export const throughSockets = async (
  campus: CampusDescription,
  transport: 'udp' | 'tcp',
  count: number,
): Promise<Cost> => {
  const carol = bareClient(campus, 'carol', transport);
  const dave = bareClient(campus, 'dave', transport);
  await Promise.all([carol.open(), dave.open()]);
  const cost = await measured(async () => {
    let back = Promise.resolve();
    let marks = 0;
    const marked = new Promise<void>((resolve, reject) => {
      carol.received = () => {
        marks += 1;
        if (marks === count) resolve();
      };
      dave.received = () => {
        back = back.then(() => dave.message('sip:carol@campus.test', 'delivered'));
        back.catch(reject);
      };
    });
    for (let index = 0; index < count; index++) await carol.message('sip:dave@campus.test', textOf(index));
    await marked;
    await back;
  });
  await Promise.all([carol.close(), dave.close()]);
  return cost;
};
