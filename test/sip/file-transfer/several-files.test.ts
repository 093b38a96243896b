import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { OpenOffer, ProtocolTransfer } from '../../../protocols/contract/index.ts';
import { ProviderError } from '../../../protocols/contract/index.ts';
import { directAgent, incoming, reached } from '../direct-agents.ts';
import {
  Arrival,
  acceptInto,
  Content,
  type FilePeer,
  fileOf,
  filePeer,
  nextOffers,
  outcome,
  phase,
  twoAcquaintances,
} from './file-peers.ts';
import { endpointOf, head, lines, media, pathOf } from './raw-peers.ts';

const contents = (...sizes: number[]): Content[] => sizes.map((size) => new Content(randomBytes(size)));
const offerAll = (from: FilePeer, to: FilePeer, files: readonly Content[]): readonly ProtocolTransfer[] =>
  from.files.offer(
    to.address,
    files.map((content, index) => fileOf(content, { name: `${index}.bin` })),
  );

/** The SDP of every INVITE that comes, first offers and later ones. */
const watchInvites = (peer: FilePeer): string[] => {
  const seen: string[] = [];
  const take = peer.agent.onInvite;
  peer.agent.onInvite = (session) => {
    seen.push(session.remote?.sdp ?? '');
    take?.(session);
  };
  return seen;
};

describe('several files offered together', () => {
  test('go in one INVITE with a line each, arrive all, and end with one session', async () => {
    const { ana, bob } = await twoAcquaintances();
    const invites = watchInvites(bob);
    const files = contents(300_000, 0, 700_001);
    const offered = nextOffers(bob, 3);
    const sending = offerAll(ana, bob, files);
    const arrivals = (await offered).map((transfer, index) => {
      expect(transfer.file.name).toBe(`${index}.bin`);
      const arrival = new Arrival(files[index]?.size ?? 0);
      acceptInto(transfer, arrival);
      return { transfer, arrival };
    });
    expect(await Promise.all(sending.map(outcome))).toEqual(['finished', 'finished', 'finished']);
    for (const [index, { transfer, arrival }] of arrivals.entries()) {
      expect(await outcome(transfer)).toBe('finished');
      expect(Buffer.compare(arrival.bytes, files[index]?.bytes ?? Buffer.alloc(1))).toBe(0);
    }
    expect(invites).toHaveLength(1);
    expect(invites[0]?.match(/^m=message/gm)).toHaveLength(3);
    expect(new Set(invites[0]?.match(/^a=file-transfer-id:.*$/gm)).size).toBe(3);
  });

  test('are accepted and declined each by itself', async () => {
    const { ana, bob } = await twoAcquaintances();
    const files = contents(5_000, 6_000, 7_000);
    const offered = nextOffers(bob, 3);
    const sending = offerAll(ana, bob, files);
    const [first, second, third] = (await offered) as [ProtocolTransfer, ProtocolTransfer, ProtocolTransfer];
    const arrivals = [new Arrival(5_000), new Arrival(7_000)] as const;
    second.decline();
    acceptInto(first, arrivals[0]);
    acceptInto(third, arrivals[1]);
    expect(await Promise.all(sending.map(outcome))).toEqual(['finished', 'declined', 'finished']);
    expect(await Promise.all([first, second, third].map(outcome))).toEqual(['finished', 'declined', 'finished']);
    expect(Buffer.compare(arrivals[1].bytes, files[2]?.bytes ?? Buffer.alloc(1))).toBe(0);
    expect(files.map(({ closed }) => closed)).toEqual([1, 0, 1]);
  });

  test('that are all declined are refused with 603', async () => {
    const { ana, bob } = await twoAcquaintances();
    const offered = nextOffers(bob, 2);
    const sending = offerAll(ana, bob, contents(1, 2));
    for (const transfer of await offered) transfer.decline();
    expect(await Promise.all(sending.map(outcome))).toEqual(['declined', 'declined']);
  });

  test('of which the sender cancels one before the answer come without it', async () => {
    const { ana, bob } = await twoAcquaintances();
    const files = contents(50_000, 60_000);
    const offered = nextOffers(bob, 2);
    const sending = offerAll(ana, bob, files);
    const [first, second] = (await offered) as [ProtocolTransfer, ProtocolTransfer];
    sending[0]?.cancel();
    acceptInto(first, new Arrival(50_000));
    acceptInto(second, new Arrival(60_000));
    expect(await Promise.all(sending.map(outcome))).toEqual(['cancelled us', 'finished']);
    expect(await Promise.all([first, second].map(outcome))).toEqual(['cancelled peer', 'finished']);
  });

  test('that the sender cancels one after the other before the answer are taken back', async () => {
    const { ana, bob } = await twoAcquaintances();
    const offered = nextOffers(bob, 2);
    const sending = offerAll(ana, bob, contents(1, 2));
    const received = await offered;
    for (const transfer of sending) transfer.cancel();
    expect(await Promise.all(received.map(outcome))).toEqual(['cancelled peer', 'cancelled peer']);
  });

  test('of which one is cancelled on either side in the middle: the line is closed and the other goes on', async () => {
    const { ana, bob } = await twoAcquaintances();
    for (const who of ['sender', 'receiver'] as const) {
      const [short, long] = contents(3_000_000, 6_000_000) as [Content, Content];
      const gate = { open: () => {} };
      const opened = new Promise<void>((resolve) => {
        gate.open = resolve;
      });
      for (const content of [short, long]) {
        const read = content.read.bind(content);
        content.read = async (buffer, position) => {
          if (position > 1_000_000) await opened;
          return await read(buffer, position);
        };
      }
      const offered = nextOffers(bob, 2);
      const sending = offerAll(ana, bob, [short, long]);
      const received = await offered;
      const [first, second] = received as [ProtocolTransfer, ProtocolTransfer];
      const arrival = new Arrival(6_000_000);
      acceptInto(first, new Arrival(3_000_000));
      acceptInto(second, arrival);
      await Promise.all([...sending, ...received].map((transfer) => phase(transfer, 'running')));
      if (who === 'sender') sending[0]?.cancel();
      else first.cancel();
      const [ours, theirs] = await Promise.all([outcome(sending[0] as ProtocolTransfer), outcome(first)]);
      expect([ours, theirs]).toEqual(
        who === 'sender' ? ['cancelled us', 'cancelled peer'] : ['cancelled peer', 'cancelled us'],
      );
      gate.open();
      expect(await outcome(sending[1] as ProtocolTransfer)).toBe('finished');
      expect(await outcome(second)).toBe('finished');
      expect(Buffer.compare(arrival.bytes, long.bytes)).toBe(0);
    }
  });

  test('of which one does not fit its hash: the sender learns why, and the other arrives', async () => {
    const { ana, bob } = await twoAcquaintances();
    const gate = { open: () => {} };
    const opened = new Promise<void>((resolve) => {
      gate.open = resolve;
    });
    const [short, long] = contents(1_000, 900_000) as [Content, Content];
    const read = long.read.bind(long);
    long.read = async (buffer, position) => {
      await opened;
      return await read(buffer, position);
    };
    const offered = nextOffers(bob, 2);
    const sending = offerAll(ana, bob, [short, long]);
    const [first, second] = (await offered) as [ProtocolTransfer, ProtocolTransfer];
    const complete = async (): Promise<void> => {
      throw new ProviderError('hash-mismatch');
    };
    acceptInto(first, new Arrival(1_000), { complete });
    acceptInto(second, new Arrival(900_000));
    expect(await outcome(first)).toBe('failed hash-mismatch');
    expect(await outcome(sending[0] as ProtocolTransfer)).toBe('failed hash-mismatch');
    gate.open();
    expect(await outcome(sending[1] as ProtocolTransfer)).toBe('finished');
    expect(await outcome(second)).toBe('finished');
  });

  test('carry the pictures there is room for', async () => {
    const { ana, bob } = await twoAcquaintances();
    const icon = { type: 'image/jpeg', data: randomBytes(4_000) };
    const offered = nextOffers(bob, 4);
    ana.files.offer(
      bob.address,
      contents(1, 2, 3, 4).map((content) => fileOf(content, { icon })),
    );
    const pictures = (await offered).map(({ file }) => Buffer.from(file.icon?.data ?? []).equals(icon.data));
    expect(pictures).toEqual([true, true, false, false]);
  });

  test('go one by one to a peer that reads one line only', async () => {
    const ana = await filePeer('ana');
    const { agent, uri } = await directAgent('blink');
    const seen: number[] = [];
    const { endpoint, listener } = await endpointOf();
    agent.onInvite = (sip) => {
      const offer = sip.remote?.sdp ?? '';
      const count = offer.match(/^m=/gm)?.length ?? 0;
      seen.push(count);
      if (count > 1) return sip.reject(488);
      const session = endpoint.createSession({
        listener,
        accept: () => ({ sink: { write: () => {}, close: async () => {}, abort: async () => {} }, size: 100 }),
      });
      sip.accept({ sdp: lines(...head, ...media(session.localPath, listener.port, 'a=recvonly', 'a=setup:passive')) });
      void session.start({ remotePath: pathOf(offer), role: 'passive' }).catch(() => {});
    };
    const sending = ana.files.offer(
      uri,
      contents(10, 20).map((content) => fileOf(content)),
    );
    expect(await Promise.all(sending.map(outcome))).toEqual(['finished', 'finished']);
    expect(seen).toEqual([2, 1, 1]);
  });

  test('whose answer lacks a line, or has another medium on it, fail for that file only', async () => {
    const ana = await filePeer('ana');
    const { agent, uri } = await directAgent('odd');
    const { endpoint, listener } = await endpointOf();
    const invited = incoming(agent);
    const sending = ana.files.offer(
      uri,
      contents(10, 20, 30).map((content) => fileOf(content)),
    );
    const sip = await invited;
    const session = endpoint.createSession({
      listener,
      accept: () => ({ sink: { write: () => {}, close: async () => {}, abort: async () => {} }, size: 100 }),
    });
    const answer = media(session.localPath, listener.port, 'a=recvonly', 'a=setup:passive');
    sip.accept({ sdp: lines(...head, ...answer, 'm=audio 4 RTP/AVP 0') });
    await session.start({ remotePath: pathOf(sip.remote?.sdp ?? ''), role: 'passive' });
    expect(await Promise.all(sending.map(outcome))).toEqual(['finished', 'failed not-supported', 'failed malformed']);
    await reached(sip, 'ended');
  });
});

describe('while a person still thinks about one of several files', () => {
  /** Two files offered, and the first accepted. */
  const acceptFirst = async () => {
    const { ana, bob } = await twoAcquaintances();
    const files = contents(4_000, 5_000);
    const offered = nextOffers(bob, 2);
    const sending = offerAll(ana, bob, files) as [ProtocolTransfer, ProtocolTransfer];
    const received = (await offered) as [ProtocolTransfer, ProtocolTransfer];
    acceptInto(received[0], new Arrival(4_000));
    expect(await outcome(sending[0])).toBe('finished');
    return { ana, bob, files, sending, received };
  };

  test('an accepted one starts at once, and the other stays open on both sides', async () => {
    const { sending, received } = await acceptFirst();
    expect([await outcome(sending[1]), await outcome(received[1])]).toEqual(['unanswered, asked', 'unanswered, asked']);
  });

  test('those accepted in one go come in one session', async () => {
    const { ana, bob } = await twoAcquaintances();
    const invites = watchInvites(ana);
    const offered = nextOffers(bob, 3);
    const sending = offerAll(ana, bob, contents(4_000, 5_000, 6_000));
    const [first, second] = (await offered) as [ProtocolTransfer, ProtocolTransfer];
    acceptInto(first, new Arrival(4_000));
    acceptInto(second, new Arrival(5_000));
    expect(await Promise.all(sending.map(outcome))).toEqual(['finished', 'finished', 'unanswered, asked']);
    expect(invites).toEqual([]);
  });

  test('one that stayed open is closed by a no, or by its sender, and both are told which', async () => {
    const { ana, bob, sending, received } = await acceptFirst();
    const { file } = received[1];
    const heard = (peer: FilePeer): Promise<OpenOffer> =>
      new Promise((resolve) => {
        peer.files.onClosed(resolve);
      });
    const byBob = heard(ana);
    bob.files.close({ peer: ana.address, direction: 'incoming', key: `${ana.address} ${sending[1].id}` }, file);
    expect(await byBob).toEqual({ peer: bob.address, direction: 'outgoing', key: sending[1].id });
    const byAna = heard(bob);
    ana.files.close({ peer: bob.address, direction: 'outgoing', key: sending[1].id }, file);
    expect(await byAna).toEqual({
      peer: ana.address,
      direction: 'incoming',
      key: `${ana.address} ${sending[1].id}`,
    });
  });
});
