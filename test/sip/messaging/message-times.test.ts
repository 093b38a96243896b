import { describe, expect, test } from 'vitest';
import type { IncomingMessage } from '../../../protocols/contract/index.ts';
import { messagingAtServer } from './messaging-at-server.ts';

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
  /** A text with these times, and what was made of it. */
  const take = async (
    date: number,
    written: number | undefined,
    kept: boolean,
  ): Promise<IncomingMessage | undefined> => {
    const lines = [
      `Date: ${new Date(date).toUTCString()}`,
      `Contact: <sip:bob@127.0.0.1:9;transport=tcp>${kept ? ';msilo=yes' : ''}`,
    ];
    const dateTime = written === undefined ? '' : `DateTime: ${new Date(written).toISOString()}\r\n`;
    await ana.receive(
      'message/cpim',
      `From: <sip:bob@campus.test>\r\n${dateTime}NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: m${received.length}\r\n\r\nContent-Type: text/plain\r\n\r\nx`,
      lines,
    );
    return received.at(-1);
  };
  return { ...ana, take };
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
