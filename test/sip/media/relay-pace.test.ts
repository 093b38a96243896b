import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { SendProgress } from '../../../msrp/index.ts';
import { RelayPace, reportTimeout } from '../../../protocols/sip/media/relay-pace.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A message that goes where the test says; `allowed`: bytes it may have under way without a report. */
const paced = () => {
  const listeners = new Set<(progress: SendProgress) => void>();
  const message = {
    allowed: RelayPace.options.unreported as number,
    progress: { handed: 0, confirmed: 0, reported: 0, total: 10_000_000 },
    onProgress: (listener: (progress: SendProgress) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    allowUnreported: (bytes: number) => {
      message.allowed = bytes;
    },
  };
  const pace = new RelayPace(message);
  const at = (handed: number, reported = 0): void => {
    Object.assign(message.progress, { handed, reported });
    for (const listener of listeners) listener(message.progress);
  };
  return { pace, message, at, listeners };
};

test('before the first report no more goes out than a relay keeps during a handshake', () => {
  const { message, at } = paced();
  at(8192);
  at(16_384);
  expect(message.allowed).toBe(16_384);
});

test('reports in between keep a window open', () => {
  const { message, at } = paced();
  at(16_384);
  at(16_384, 16_384);
  expect(message.allowed).toBe(131_072);
  at(147_456, 16_384);
  vi.advanceTimersByTime(9_999);
  at(147_456, 32_768);
  vi.advanceTimersByTime(60_000);
  expect(message.allowed).toBe(131_072);
});

test('a receiver that reports at the end only is not waited for', () => {
  const { message, at, listeners } = paced();
  at(16_384);
  vi.advanceTimersByTime(1_999);
  expect(message.allowed).toBe(16_384);
  vi.advanceTimersByTime(1);
  expect([message.allowed, listeners.size]).toEqual([Number.POSITIVE_INFINITY, 0]);
});

test('a receiver that stops reporting is waited for longer, and not for ever', () => {
  const { message, at } = paced();
  at(16_384, 16_384);
  at(147_456, 16_384);
  vi.advanceTimersByTime(9_999);
  expect(message.allowed).toBe(131_072);
  vi.advanceTimersByTime(1);
  expect(message.allowed).toBe(Number.POSITIVE_INFINITY);
});

test('the end of the message is the end of it', () => {
  const { pace, at, listeners } = paced();
  at(16_384);
  pace.end();
  expect([listeners.size, vi.getTimerCount()]).toEqual([0, 0]);
});

test('who has reported nothing by the last byte is waited for eight seconds, and longer for a large file', () => {
  expect(reportTimeout(0, 16_384)).toBeLessThan(8_001);
  expect(reportTimeout(0, 500_000_000)).toBe(18_000);
  expect(reportTimeout(0, 100e9)).toBe(30_000);
  expect(reportTimeout(1, 16_384)).toBe(30_000);
});
