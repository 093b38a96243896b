import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { call, pair } from './support/pair.ts';

test('a file goes from one disk to the other, through every state in order', async () => {
  const { ana, rui, write, offer, wire } = await pair();
  const content = randomBytes(700_001);
  const { sent, received } = await offer(write('relatório da reunião.pdf', content));
  expect(rui.transfer(received)).toMatchObject({
    state: 'offered',
    direction: 'incoming',
    file: { name: 'relatório da reunião.pdf', type: 'application/pdf', size: 700_001 },
    path: null,
    canRetry: false,
  });
  await call(rui, 'transfers.accept', { transferId: received });
  await rui.untilState(received, 'completed');
  await ana.untilState(sent, 'completed');
  await wire.idle();
  const file = path.join(rui.downloads, 'relatório da reunião.pdf');
  expect(fs.readFileSync(file).equals(content)).toBe(true);
  expect(rui.downloaded()).toEqual(['relatório da reunião.pdf']);
  expect(rui.transfer(received)).toMatchObject({ bytes: 700_001, path: file, fault: null });
  expect(ana.transfer(sent)).toMatchObject({ bytes: 700_001, path: path.join(ana.folder, 'relatório da reunião.pdf') });
  expect(ana.statesOf(sent)).toEqual(['preparing', 'offered', 'accepted', 'connecting', 'running', 'completed']);
  expect(rui.statesOf(received)).toEqual(['offered', 'accepted', 'connecting', 'running', 'verifying', 'completed']);
  expect(ana.lines[0]).toMatchObject({ direction: 'outgoing', state: 'delivered' });
});

test('a file is offered under the very name it has on the disk', async () => {
  const { anaProvider, rui, write, offer } = await pair();
  await offer(write('Ana "the boss"  Sousa.txt', 'hello'));
  expect(anaProvider.sent[0]?.file.file.name).toBe('Ana "the boss"  Sousa.txt');
  expect(rui.only.file.name).toBe('Ana _the boss_ Sousa.txt');
});
