import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { countsOf, type Direction, FAULTS, faultsOf } from './verdict.ts';

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

function direction(changes: Partial<Direction> = {}): Direction {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'aims-verdict-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'a.bin');
  fs.writeFileSync(file, 'content');
  return {
    sent: ['one', 'two', 'three'].map((text) => ({ text, state: 'delivered' })),
    shown: ['one', 'two', 'three'].map((text) => ({ text, read: false })),
    files: [{ name: 'a.bin', hash: hash('content'), state: 'completed' }],
    received: [{ name: 'a.bin', state: 'completed', path: file }],
    folder,
    ...changes,
  };
}
/** The kinds of fault that are found, with how many. */
const found = (one: Direction): object =>
  Object.fromEntries(Object.entries(countsOf(faultsOf(one))).filter(([, count]) => count > 0));
const shown = (...texts: string[]) => texts.map((text) => ({ text, read: false }));

test('both sides alike: no fault of any kind', () => {
  expect(countsOf(faultsOf(direction()))).toEqual(Object.fromEntries(FAULTS.map((fault) => [fault, 0])));
});

test.each<[string, Partial<Direction>, object]>([
  ['a text its receiver does not have', { shown: shown('one', 'three') }, { lost: 1, marks: 1 }],
  ['a text shown twice', { shown: shown('one', 'two', 'two', 'three') }, { doubled: 1 }],
  ['two texts in the wrong order', { shown: shown('two', 'one', 'three') }, { disordered: 1 }],
  ['a text that only its sender does not know as delivered', { sent: [{ text: 'one', state: 'sent' }] }, { marks: 1 }],
  [
    'a text that is read and not marked so',
    { shown: [{ text: 'one', read: true }, ...shown('two', 'three')] },
    { marks: 1 },
  ],
  ['a file that only its sender calls completed', { received: [] }, { unfinished: 1 }],
  [
    'a file that its receiver has on two lines',
    {
      received: [
        { name: 'a.bin', state: 'waiting-for-peer', path: null },
        { name: 'a.bin', state: 'completed', path: import.meta.filename },
      ],
    },
    { unfinished: 1 },
  ],
  ['a file with other content', { files: [{ name: 'a.bin', hash: hash('other'), state: 'completed' }] }, { files: 1 }],
])('%s', (_, changes, faults) => {
  expect(found(direction(changes))).toEqual(faults);
});

test('a completed file that is not there, and a part that no transfer has', () => {
  const one = direction();
  fs.renameSync(path.join(one.folder, 'a.bin'), path.join(one.folder, 'b.bin.part'));
  expect(found(one)).toEqual({ files: 1, orphans: 1 });
});
