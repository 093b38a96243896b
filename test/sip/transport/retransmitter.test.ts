import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Retransmitter } from '../../../protocols/sip/transport/retransmitter.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** When something was sent again, in ms. */
const times = () => {
  const retransmitter = new Retransmitter();
  const at: number[] = [];
  const begun = performance.now();
  const send = (): void => void at.push(performance.now() - begun);
  return { retransmitter, at, send };
};
const MINUTE = 60_000;

test('an INVITE is sent again after 0.5, 1, 2, 4, 8 and 16 s, until timer B is over (timer A, RFC 3261 §17.1.1.2)', async () => {
  const { retransmitter, at, send } = times();
  retransmitter.invite('a', send);
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(at).toEqual([500, 1_500, 3_500, 7_500, 15_500, 31_500]);
  expect(vi.getTimerCount()).toBe(0);
});

test('any other request, and a refusal without its ACK, at most every 4 s for 32 s (timers E and G, §17.1.2.2 and §17.2.1)', async () => {
  const { retransmitter, at, send } = times();
  retransmitter.other('a', send);
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(at).toEqual([500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
  expect(vi.getTimerCount()).toBe(0);
});

test('after a provisional answer every 4 s, and no longer than before', async () => {
  const { retransmitter, at, send } = times();
  retransmitter.other('a', send);
  await vi.advanceTimersByTimeAsync(600);
  retransmitter.slowDown('a', send);
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(at).toEqual([500, 4_600, 8_600, 12_600, 16_600, 20_600, 24_600, 28_600]);
});

test('provisional answers without end do not make it last longer than 32 s', async () => {
  const { retransmitter, at, send } = times();
  retransmitter.other('a', send);
  for (let count = 0; count < 20; count++) {
    await vi.advanceTimersByTimeAsync(5_000);
    retransmitter.slowDown('a', send);
  }
  expect(Math.max(...at)).toBeLessThan(32_000);
  expect(vi.getTimerCount()).toBe(0);
});

test('what is answered is not sent again, nor slowed down, and the others go on', async () => {
  const { retransmitter, at, send } = times();
  retransmitter.invite('a', send);
  retransmitter.other('b', () => {});
  retransmitter.stop('a');
  retransmitter.slowDown('a', send);
  await vi.advanceTimersByTimeAsync(1_000);
  expect([at, vi.getTimerCount()]).toEqual([[], 1]);
  retransmitter.stopAll();
  expect(vi.getTimerCount()).toBe(0);
});

test.each([-7_200_000, 7_200_000])('a clock that is set by %i ms changes nothing', async (jump) => {
  const { retransmitter, at, send } = times();
  retransmitter.other('a', send);
  await vi.advanceTimersByTimeAsync(1_000);
  vi.setSystemTime(Date.now() + jump);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(at).toEqual([500, 1_500, 3_500]);
});
