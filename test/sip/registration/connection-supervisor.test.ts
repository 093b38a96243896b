import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ProviderError, type Registration, registrationMayMove } from '../../../protocols/contract/index.ts';
import { type Connection, ConnectionSupervisor } from '../../../protocols/sip/registration/connection-supervisor.ts';

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

const supervise = (random: number | (() => number) = 0.5) => {
  const calls: string[] = [];
  let held: Promise<void> | undefined;
  let failure: ProviderError | undefined;
  const connection: Connection = {
    connect: async () => {
      calls.push('connect');
      if (failure) throw failure;
    },
    register: async (progress) => {
      progress('registering');
      calls.push('register');
      await held;
    },
    restore: () => calls.push('restore'),
    disconnect: async () => void calls.push('disconnect'),
    leave: async () => void calls.push('leave'),
    probe: () => calls.push('probe'),
  };
  const supervisor = new ConnectionSupervisor({
    connection,
    now: Date.now,
    random: typeof random === 'number' ? () => random : random,
  });
  const states: Registration[] = [];
  let last = supervisor.state.state;
  supervisor.onChange((state) => {
    expect(registrationMayMove(last, state.state)).toBe(true);
    last = state.state;
    states.push(state);
  });
  return {
    supervisor,
    calls,
    states,
    /** From now on nobody answers a registration. */
    hold: () => {
      held = new Promise(() => {});
    },
    fail: (error: ProviderError | undefined) => {
      failure = error;
    },
  };
};
const NETWORK = new ProviderError('network', { retryable: true });
const waits = (states: Registration[], from: number): number[] =>
  states
    .filter((state) => state.state === 'waiting')
    .map((state) => (state.state === 'waiting' ? state.retryAt : 0) - from);

test('connects, registers, restores, and only then is online', async () => {
  const { supervisor, calls, states } = supervise();
  supervisor.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(calls).toEqual(['connect', 'register', 'restore']);
  expect(states.map((each) => (each.state === 'connecting' ? each.step : each.state))).toEqual([
    'locating',
    'registering',
    'restoring',
    'online',
  ]);
});

test('waits longer each time, up to a minute, and never less than a second', async () => {
  for (const [random, expected] of [
    [0, [1, 1, 1, 1, 1, 1, 1, 1]],
    [1, [1, 2, 4, 8, 16, 32, 60, 60]],
  ] as const) {
    const { supervisor, states, fail } = supervise(random);
    fail(NETWORK);
    supervisor.start();
    const seen: number[] = [];
    while (seen.length < expected.length) {
      await vi.advanceTimersByTimeAsync(0);
      const wait = waits(states.splice(0), Date.now())[0] ?? 0;
      seen.push(wait / 1000);
      await vi.advanceTimersByTimeAsync(wait);
    }
    expect(seen).toEqual(expected);
    await supervisor.stop();
  }
});

test('starts over after a success', async () => {
  const { supervisor, states, fail } = supervise(1);
  fail(NETWORK);
  supervisor.start();
  await vi.advanceTimersByTimeAsync(7_000);
  fail(undefined);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(supervisor.state.state).toBe('online');
  states.length = 0;
  supervisor.lost(NETWORK);
  expect(waits(states, Date.now())).toEqual([1000]);
});

test('a Retry-After of the server wins', async () => {
  const { supervisor, states, fail } = supervise();
  fail(new ProviderError('server-unavailable', { retryable: true, retryAfter: 300 }));
  supervisor.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(waits(states, Date.now())).toEqual([300_000]);
});

test('what a person must settle stops it, and only start goes on', async () => {
  const { supervisor, calls, fail } = supervise();
  fail(new ProviderError('credentials-rejected'));
  supervisor.start();
  await vi.advanceTimersByTimeAsync(600_000);
  expect([supervisor.state.state, calls]).toEqual(['stopped', ['connect', 'disconnect']]);
  supervisor.machineEvent('wake');
  expect(supervisor.state.state).toBe('stopped');
  fail(undefined);
  supervisor.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(supervisor.state.state).toBe('online');
});

test.each(['wake', 'network-changed'] as const)(
  'on %s it tries at once, or looks whether the connection lives',
  async (event) => {
    const { supervisor, calls, fail } = supervise(1);
    fail(NETWORK);
    supervisor.start();
    await vi.advanceTimersByTimeAsync(20_000);
    fail(undefined);
    supervisor.machineEvent(event);
    await vi.advanceTimersByTimeAsync(0);
    expect(supervisor.state.state).toBe('online');
    supervisor.machineEvent(event);
    expect(calls.at(-1)).toBe('probe');
  },
);

test('stopped while it waits or connects, it does nothing any more', async () => {
  const { supervisor, calls, fail } = supervise();
  fail(NETWORK);
  supervisor.start();
  await vi.advanceTimersByTimeAsync(0);
  await supervisor.stop();
  calls.length = 0;
  supervisor.start();
  await supervisor.stop();
  await vi.advanceTimersByTimeAsync(600_000);
  expect([supervisor.state.state, calls]).toEqual(['offline', ['connect', 'disconnect']]);
});

test('leaves before it disconnects when online', async () => {
  const { supervisor, calls } = supervise();
  supervisor.start();
  await vi.advanceTimersByTimeAsync(0);
  await supervisor.stop();
  expect(calls.slice(-2)).toEqual(['leave', 'disconnect']);
  expect(vi.getTimerCount()).toBe(0);
});

test('a storm of refusals never makes it ask faster than once a second, nor leave for more than an hour', async () => {
  const { supervisor, calls, states, fail } = supervise(0);
  const asked = [0, -5, 0.001, 3, 0, 1e12, 2];
  let round = 0;
  const refuse = (): void =>
    fail(new ProviderError('server-unavailable', { retryable: true, retryAfter: asked[round++] }));
  refuse();
  supervisor.start();
  await vi.advanceTimersByTimeAsync(0);
  for (const retryAfter of asked.slice(0, -1)) {
    const before = calls.filter((call) => call === 'connect').length;
    refuse();
    const wait = Math.min(Math.max(retryAfter * 1000, 1000), 3_600_000);
    await vi.advanceTimersByTimeAsync(wait - 1);
    expect(calls.filter((call) => call === 'connect').length).toBe(before);
    await vi.advanceTimersByTimeAsync(1);
    expect(calls.filter((call) => call === 'connect').length).toBe(before + 1);
  }
  expect(states.some(({ state }) => state === 'stopped')).toBe(false);
  await supervisor.stop();
});

test.each([
  ['forward', 7_200_000],
  ['back', -7_200_000],
])('a clock that jumps %s while it waits neither hurries nor holds it', async (_way, jump) => {
  const { supervisor, calls, states, fail } = supervise(0);
  fail(NETWORK);
  supervisor.start();
  await vi.advanceTimersByTimeAsync(0);
  fail(undefined);
  vi.setSystemTime(Date.now() + jump);
  await vi.advanceTimersByTimeAsync(999);
  expect(calls.filter((call) => call === 'connect').length).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(states.at(-1)).toEqual({ state: 'online', since: Date.now() });
  await supervisor.stop();
});

test.each([
  ['forward', 7_200_000],
  ['back', -7_200_000],
])(
  'when the clock is set %s while it waits, what the person is told of the next try is right again',
  async (_way, jump) => {
    const { supervisor, calls, states, fail } = supervise(0);
    fail(new ProviderError('server-unavailable', { retryable: true, retryAfter: 300 }));
    supervisor.start();
    await vi.advanceTimersByTimeAsync(100_000);
    expect(states.filter(({ state }) => state === 'waiting').length).toBe(1);
    vi.setSystemTime(Date.now() + jump);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(waits(states.slice(-1), Date.now())).toEqual([195_000]);
    fail(undefined);
    await vi.advanceTimersByTimeAsync(194_999);
    expect(calls.filter((call) => call === 'connect').length).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(supervisor.state.state).toBe('online');
    await supervisor.stop();
  },
);

test('a server that takes us and drops us again and again is asked ever more seldom, until it keeps us', async () => {
  const { supervisor, states } = supervise(1);
  supervisor.start();
  const seen: number[] = [];
  const dropped = async (after: number): Promise<void> => {
    await vi.advanceTimersByTimeAsync(after);
    expect(supervisor.state.state).toBe('online');
    states.length = 0;
    supervisor.lost(NETWORK);
    const wait = waits(states, Date.now())[0] ?? 0;
    seen.push(wait / 1000);
    await vi.advanceTimersByTimeAsync(wait);
  };
  for (let count = 0; count < 8; count++) await dropped(29_000);
  await dropped(30_000);
  await dropped(0);
  expect(seen).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 1, 2]);
  await supervisor.stop();
});

test('it never gives up: three days without a server, and online in the minute it is back', async () => {
  let seed = 1;
  const random = (): number => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const { supervisor, calls, states, fail } = supervise(random);
  fail(NETWORK);
  supervisor.start();
  await vi.advanceTimersByTimeAsync(3 * 86_400_000);
  const told = states.flatMap((state) => (state.state === 'waiting' ? [state.retryAt] : []));
  const gaps = told.slice(1).map((at, index) => at - (told[index] ?? 0));
  // timers are whole milliseconds
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1_000);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(60_002);
  // half a minute on the average, so that those who lost it together do not come back together
  expect(calls.filter((call) => call === 'connect').length / (3 * 86_400)).toBeCloseTo(1 / 30.5, 3);
  fail(undefined);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(supervisor.state.state).toBe('online');
  await supervisor.stop();
});

test('waking up in the middle of connecting looks whether the connection still lives', async () => {
  const { supervisor, calls, hold } = supervise();
  hold();
  supervisor.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(supervisor.state.state).toBe('connecting');
  supervisor.machineEvent('wake');
  expect(calls).toEqual(['connect', 'register', 'probe']);
  await supervisor.stop();
});

test('a connection that breaks while it leaves is not taken up again', async () => {
  const { supervisor, calls } = supervise();
  supervisor.start();
  await vi.advanceTimersByTimeAsync(0);
  const stopped = supervisor.stop();
  supervisor.lost(NETWORK);
  await stopped;
  await vi.advanceTimersByTimeAsync(120_000);
  expect(supervisor.state).toEqual({ state: 'offline' });
  expect(calls.filter((call) => call === 'connect').length).toBe(1);
});
