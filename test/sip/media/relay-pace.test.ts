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
  const lost = vi.fn();
  const pace = new RelayPace(message, lost);
  const at = (handed: number, reported = 0): void => {
    Object.assign(message.progress, { handed, reported });
    for (const listener of listeners) listener(message.progress);
  };
  return { pace, message, at, listeners, lost };
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

test('a receiver that stops reporting gets a little more to report about, and is lost when it does not', () => {
  const { message, at, lost, listeners } = paced();
  at(16_384, 16_384);
  at(147_456, 16_384);
  vi.advanceTimersByTime(9_999);
  expect(message.allowed).toBe(131_072);
  vi.advanceTimersByTime(1);
  expect(message.allowed).toBe(131_072 + 1_048_576);
  at(16_384 + 131_072 + 1_048_576, 16_384);
  vi.advanceTimersByTime(9_999);
  expect(lost).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect([lost.mock.calls.length, listeners.size]).toEqual([1, 0]);
});

test('a receiver that reports once in a megabyte is not held up again', () => {
  const { message, at, lost } = paced();
  at(16_384, 16_384);
  at(147_456, 16_384);
  vi.advanceTimersByTime(10_000);
  at(1_195_000, 1_048_576);
  at(2_000_000, 1_048_576);
  vi.advanceTimersByTime(60_000);
  expect(message.allowed).toBe(131_072 + 1_048_576);
  expect(lost).not.toHaveBeenCalled();
});

test('while somebody has paused no report is expected', () => {
  const { pace, message, at, lost } = paced();
  at(16_384, 16_384);
  at(147_456, 16_384);
  pace.hold(true);
  vi.advanceTimersByTime(600_000);
  expect(message.allowed).toBe(131_072);
  pace.hold(false);
  vi.advanceTimersByTime(10_000);
  expect(message.allowed).toBe(131_072 + 1_048_576);
  expect(lost).not.toHaveBeenCalled();
});

test('who has it all is not lost here, however long the last report takes', () => {
  const { at, lost } = paced();
  at(9_800_000, 9_800_000);
  at(10_000_000, 9_800_000);
  vi.advanceTimersByTime(600_000);
  expect(lost).not.toHaveBeenCalled();
});

test('a pause later on changes nothing for who reports at the end only', () => {
  const { pace, message, at } = paced();
  at(16_384);
  vi.advanceTimersByTime(2_000);
  pace.hold(true);
  pace.hold(false);
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
