import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { OutgoingMessage } from '../../../msrp/index.ts';
import { bound, type SendingSession } from '../support/sending-session.ts';
import { type Mailbox, pair } from '../support/support.ts';

const file = { contentType: 'a/b' };

/** Cuts whatever is being written, by a request that has to be answered; returns the frames before the answer. */
async function cut({ session, peer, peerPath }: SendingSession): Promise<string[]> {
  peer.write(
    `MSRP pingping SEND\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${peerPath}\r\nMessage-ID: ping\r\n-------pingping$\r\n`,
  );
  const frames: string[] = [];
  for (;;) {
    const frame = await peer.frame();
    if (frame.startsWith('MSRP pingping 200')) return frames;
    frames.push(frame);
  }
}

/** First byte of a chunk in its message. */
const startOf = (frame: string): number => Number(/Byte-Range: (\d+)-/.exec(frame)?.[1]);
const lengthOf = (frame: string): number =>
  frame.lastIndexOf('\r\n-------') - frame.indexOf('\r\n\r\n') - '\r\n\r\n'.length;
const messageOf = (frame: string): string => /Message-ID: (\S+)/.exec(frame)?.[1] ?? '';
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

describe('a message that goes out whole', () => {
  it('waits for responses once it has been cut, and goes on when they come', async () => {
    const sending = await bound();
    const { session, peer, answer } = sending;
    const message = session.send({ ...file, body: '~'.repeat(30_000_000) });
    await peer.read(/Byte-Range: 1-\*\/30000000\r\n/);
    // the chunk is larger than the window: the system takes more than that at once
    while (message.progress.handed < 2_000_000) await new Promise((resolve) => setImmediate(resolve));
    const [, first = ''] = /-------(\w{16})\+\r\n$/.exec((await cutRest(sending)).join('')) ?? [];
    for (let i = 0; i < 10; i++) expect(await cut(sending)).toEqual([]);
    answer(`MSRP ${first} SEND`);
    const second = await peer.read(/^MSRP (\w{16}) SEND\r\n[^~]*?Byte-Range: (\d+)-\*\/30000000\r\n/);
    expect(Number(second[2])).toBeGreaterThan(2_000_000);
    await peer.read(/-------\w{16}\$\r\n$/);
    answer(`MSRP ${second[1]} SEND`);
    expect(await message.sent).toEqual({ state: 'sent' });
  });

  it('shares the window with others of its session, however often they are cut', async () => {
    const sending = await bound({ window: 200_000 });
    const { session, peer, answer } = sending;
    const messages = ['a', 'b', 'c'].map((letter) => session.send({ ...file, body: letter.repeat(600_000) }));
    const frames: string[] = [];
    for (let i = 0; i < 20; i++) frames.push(...(await cut(sending)));
    // the last of them was begun when there was room
    expect(sum(frames.slice(0, -1).map(lengthOf))).toBeLessThan(200_000);
    for (const frame of frames) answer(frame);
    while (sum(messages.map(({ progress }) => progress.confirmed)) < 1_800_000) {
      if (sum(frames.map(lengthOf)) === 1_800_000) break;
      const frame = await peer.frame();
      frames.push(frame);
      answer(frame);
    }
    for (const message of messages) expect(await message.sent).toEqual({ state: 'sent' });
  });

  it('takes turns with others of its session when there is room for one at a time', async () => {
    const { session, peer, answer } = await bound({ window: 1 });
    const messages = ['a', 'b'].map((letter) => session.send({ ...file, body: letter.repeat(400_000) }));
    const begun: string[] = [];
    for (let bytes = 0; bytes < 800_000; ) {
      const frame = await peer.frame();
      bytes += lengthOf(frame);
      begun.push(messageOf(frame));
      answer(frame);
    }
    const half = begun.slice(0, Math.floor(begun.length / 2));
    for (const { messageId, sent } of messages) {
      expect(half).toContain(messageId);
      expect(await sent).toEqual({ state: 'sent' });
    }
  });

  it.each(['no', 'partial'] as const)('waits for nothing with Failure-Report %s', async (failureReport) => {
    const sending = await bound({ window: 1 });
    const message = sending.session.send({ ...file, body: '~'.repeat(30_000_000), failureReport });
    await sending.peer.read(/Byte-Range: 1-\*\/30000000\r\n/);
    await cutRest(sending);
    const [next] = await cutUntilSome(sending);
    expect(startOf(next ?? '')).toBeGreaterThan(1);
    await sending.peer.read(/-------\w{16}\$\r\n$/);
    expect(await message.sent).toEqual({ state: 'sent' });
  });

  it('fails when its chunk is never answered, and makes room for others', async () => {
    const sending = await bound({ window: 1 });
    const { session, peer, answer, clock } = sending;
    const message = session.send({ ...file, body: '~'.repeat(30_000_000) });
    await peer.read(/Byte-Range: 1-\*\/30000000\r\n/);
    await cutRest(sending);
    const other = session.send({ ...file, body: 'x'.repeat(5000) });
    expect(await cut(sending)).toEqual([]);
    clock.advance(30_000);
    expect(await message.sent).toMatchObject({ state: 'failed', error: { code: 'transaction-timeout' } });
    const frames = [await peer.frame(), await peer.frame()];
    const frame = frames.find((one) => messageOf(one) === other.messageId);
    expect(frame).toContain('Byte-Range: 1-*/5000');
    answer(frame ?? '');
    expect(await other.sent).toEqual({ state: 'sent' });
  });

  it('ends although the peer answers before its end', async () => {
    const { session, peer, answer } = await bound();
    const message = session.send({ ...file, body: '~'.repeat(30_000_000) });
    const [head] = await peer.read(/MSRP \w{16} SEND[\s\S]*?\r\n\r\n/);
    answer(head);
    await peer.read(/-------\w{16}\$\r\n$/);
    expect(await message.sent).toEqual({ state: 'sent' });
    expect(message.progress.confirmed).toBe(30_000_000);
  });
});

describe('texts', () => {
  it('go on beside a file that fills the window, 64 KiB of them', async () => {
    const sending = await bound({ window: 1 });
    const { session, peer, answer } = sending;
    const big = session.send({ ...file, body: '~'.repeat(30_000_000) });
    await peer.read(/Byte-Range: 1-\*\/30000000\r\n/);
    await cutRest(sending);
    const texts = Array.from({ length: 40 }, () => session.send({ ...file, body: 'x'.repeat(2048) }));
    const frames = await cut(sending);
    for (let i = 0; i < 10; i++) frames.push(...(await cut(sending)));
    expect(frames.map(lengthOf)).toEqual(Array.from({ length: 32 }, () => 2048));
    const ids = frames.map(messageOf);
    for (const frame of frames) answer(frame);
    while (ids.length < texts.length) {
      const frame = await peer.frame();
      ids.push(messageOf(frame));
      answer(frame);
    }
    expect(new Set(ids)).toEqual(new Set(texts.map(({ messageId }) => messageId)));
    for (const { sent } of texts) expect(await sent).toEqual({ state: 'sent' });
    big.abort();
  });
});

describe('files in both directions on one connection', () => {
  it.each([1_048_576, 20_000])('arrive, two each way, with a window of %s', async (window) => {
    const { active, passive, mailbox, backMailbox } = await pair({ active: { window }, passive: { window } });
    const [there, back] = [active, passive].map((session) =>
      [1, 2].map((seed) => {
        const body = Buffer.alloc(8_000_000, createHash('sha256').update(`${session.localPath}${seed}`).digest());
        return { body, message: session.send({ ...file, body }) };
      }),
    );
    const check = async (sent: { body: Buffer; message: OutgoingMessage }[] | undefined, received: Mailbox) => {
      for (let i = 0; i < 2; i++) {
        const { messageId, bytes } = await received.next();
        const from = sent?.find(({ message }) => message.messageId === messageId);
        expect(from?.body.equals(bytes)).toBe(true);
        expect(await from?.message.sent).toEqual({ state: 'sent' });
      }
    };
    await Promise.all([check(there, mailbox), check(back, backMailbox)]);
  });
});

/** Cuts the chunk of which the head has been read, and returns what came before the answer as it is. */
async function cutRest({ session, peer, peerPath }: SendingSession): Promise<string[]> {
  peer.write(
    `MSRP pingping SEND\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${peerPath}\r\nMessage-ID: ping\r\n-------pingping$\r\n`,
  );
  const [all] = await peer.read(/^[\s\S]*?\+\r\n(?=MSRP pingping 200)/);
  await peer.frame();
  return [all];
}

/** Cuts until something has been written in between. */
async function cutUntilSome(sending: SendingSession): Promise<string[]> {
  for (;;) {
    const frames = await cut(sending);
    if (frames.length > 0) return frames;
  }
}
