import { expect, test } from 'vitest';
import {
  isFinal,
  isHeld,
  mayBegin,
  mayMove,
  type TransferStage,
} from '../../../electron/core/transfers/ledger/transfer-stage.ts';

const way: TransferStage[] = [
  { state: 'preparing' },
  { state: 'waiting-for-peer' },
  { state: 'offered' },
  { state: 'accepted' },
  { state: 'connecting' },
  { state: 'running' },
  { state: 'verifying' },
];
const ends: TransferStage[] = [
  { state: 'completed', endedAt: 1 },
  { state: 'declined', endedAt: 1 },
  { state: 'cancelled', by: 'peer', endedAt: 1 },
  { state: 'failed', fault: { code: 'network', retryable: true }, endedAt: 1 },
];

test('a transfer only goes forward, and may pass states over', () => {
  way.forEach((from, index) => {
    way.forEach((to, other) => {
      expect(mayMove(from, to), `${from.state} to ${to.state}`).toBe(other > index);
    });
  });
});

test('only what runs is paused, and from there it goes on, ends, or is paused by the other one', () => {
  const paused = (by: 'us' | 'peer'): TransferStage => ({ state: 'paused', by });
  for (const from of way) expect(mayMove(from, paused('us')), from.state).toBe(from.state === 'running');
  for (const to of way) {
    expect(mayMove(paused('us'), to), to.state).toBe(to.state === 'running' || to.state === 'verifying');
  }
  for (const to of ends) expect(mayMove(paused('peer'), to), to.state).toBe(true);
  expect(mayMove(paused('us'), paused('peer'))).toBe(true);
  expect(mayMove(paused('us'), paused('us'))).toBe(false);
  expect([isHeld(paused('us')), isHeld(paused('peer')), isFinal(paused('us'))]).toEqual([true, false, false]);
});

test('every state that is not final has a way to every end', () => {
  for (const from of way) for (const to of ends) expect(mayMove(from, to), `${from.state} to ${to.state}`).toBe(true);
});

test('nothing follows an end', () => {
  for (const from of ends) {
    expect(isFinal(from)).toBe(true);
    for (const to of [...way, ...ends]) expect(mayMove(from, to), `${from.state} to ${to.state}`).toBe(false);
  }
});

test('an attempt begins with nothing on the wire yet', () => {
  expect([...way, ...ends].filter(mayBegin).map((stage) => stage.state)).toEqual([
    'preparing',
    'waiting-for-peer',
    'offered',
  ]);
});
