import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { IncomingMessage } from '../../../protocols/contract/index.ts';
import { BOB, messagingAtServer } from './messaging-at-server.ts';

const NOW = Date.UTC(2026, 10, 23, 12, 0, 0);
const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];

const receiving = async () => {
  const ana = await messagingAtServer();
  ana.state.now = NOW;
  const received: IncomingMessage[] = [];
  ana.page.receiver = (message) => {
    received.push(message);
    return 'stored';
  };
  /** A text with these times comes. */
  const send = (text: string, date: number, written: number | undefined, kept: boolean): void => {
    const dateTime = written === undefined ? '' : `DateTime: ${new Date(written).toISOString()}\r\n`;
    ana.server.sendRequest(
      'MESSAGE',
      'sip:ana@campus.test',
      [
        `From: <${BOB}>;tag=1`,
        'Content-Type: message/cpim',
        `Date: ${new Date(date).toUTCString()}`,
        `Contact: <sip:bob@127.0.0.1:9;transport=tcp>${kept ? ';msilo=yes' : ''}`,
      ],
      `From: <${BOB}>\r\n${dateTime}NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: ${randomUUID()}\r\n\r\nContent-Type: text/plain\r\n\r\n${text}`,
    );
  };
  /** The same, and what was made of it. */
  const take = async (
    date: number,
    written: number | undefined,
    kept: boolean,
  ): Promise<IncomingMessage | undefined> => {
    send('x', date, written, kept);
    await ana.settled();
    ana.clock.advance(1_000);
    return received.at(-1);
  };
  const texts = () => received.map(({ text }) => text);
  return { ...ana, send, take, texts };
};

describe('a text that a server has kept', () => {
  test.each([
    ['was written when its writer says', NOW - HOUR, NOW - 2 * HOUR, NOW - 2 * HOUR],
    ['waited at its writer for days', NOW - HOUR, NOW - 5 * DAY, NOW - 5 * DAY],
    ['says nothing of when it was written', NOW - HOUR, undefined, NOW - HOUR],
    ['was written after it was kept: its writer’s clock is ahead', NOW - HOUR, NOW + DAY, NOW - HOUR],
    ['was written in 1970: its writer’s clock has stopped', NOW - HOUR, 0, NOW - HOUR],
    ['was kept a moment from now: our clock is behind', NOW + HOUR, NOW + HOUR - MINUTE, NOW],
    ['was written in the second in which it was kept', NOW - HOUR, NOW - HOUR + 400, NOW - HOUR + 400],
  ])('%s', async (_, date, written, sentAt) => {
    const { take } = await receiving();
    expect(await take(date, written, true)).toMatchObject({ sentAt, delayed: true });
  });
});

describe('a text that does not say whether it was kept', () => {
  test.each([
    ['comes as we come, and its date is an hour ago: it was', NOW - HOUR, 0, true, NOW - HOUR],
    ['comes as we come, and its date is now: it was not', NOW - 5_000, 0, false, NOW],
    ['comes long after we have: somebody’s clock is wrong', NOW - HOUR, 10 * MINUTE, false, NOW + 10 * MINUTE],
    ['is from the future', NOW + DAY, 10 * MINUTE, false, NOW + 10 * MINUTE],
  ])('%s', async (_, date, after, delayed, sentAt) => {
    const { page, state, take } = await receiving();
    page.restore();
    state.now += after;
    expect(await take(date, date, false)).toMatchObject({ sentAt, delayed });
  });
});

describe('texts that a server hands out all at once', () => {
  test('are taken in the order in which they were written, and confirmed when they are on disk', async () => {
    const { send, texts, settled, clock, server } = await receiving();
    for (const hour of [3, 1, 4, 2]) send(`${hour} hours ago`, NOW - MINUTE, NOW - hour * HOUR, true);
    await settled();
    expect([texts(), server.answers.length]).toEqual([[], 0]);
    clock.advance(249);
    send('5 hours ago', NOW - MINUTE, NOW - 5 * HOUR, true);
    await settled();
    clock.advance(249);
    expect(texts()).toEqual([]);
    clock.advance(1);
    expect(texts()).toEqual([5, 4, 3, 2, 1].map((hour) => `${hour} hours ago`));
    await server.until(() => server.answers[4]);
    expect(clock.running).toBe(0);
  });

  test('keep their order where they do not say when they were written', async () => {
    const { send, texts, settled, clock } = await receiving();
    for (const text of ['a', 'b', 'c']) send(text, NOW - HOUR, undefined, true);
    await settled();
    clock.advance(250);
    expect(texts()).toEqual(['a', 'b', 'c']);
  });

  test('wait for no more than a second', async () => {
    const { send, texts, settled, clock } = await receiving();
    for (let count = 0; count < 5; count++) {
      send(`${count}`, NOW - MINUTE, NOW - HOUR, true);
      await settled();
      clock.advance(200);
    }
    expect(texts()).toEqual(['0', '1', '2', '3', '4']);
  });

  test('come before what the same person writes meanwhile, and are taken when we leave', async () => {
    const { send, texts, settled, clock, page } = await receiving();
    send('kept', NOW - MINUTE, NOW - HOUR, true);
    send('now', NOW, NOW, false);
    send('kept, too', NOW - MINUTE, NOW - HOUR, true);
    await settled();
    expect(texts()).toEqual(['kept', 'now']);
    page.stop();
    expect(texts()).toEqual(['kept', 'now', 'kept, too']);
    expect(clock.running).toBe(0);
  });
});
