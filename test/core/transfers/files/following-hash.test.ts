import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { FollowingHash } from '../../../../electron/core/transfers/files/hash/following-hash.ts';
import { PartFile } from '../../../../electron/core/transfers/files/part-file.ts';
import { temporaryFolder } from '../../support/folder.ts';

const coded = (code: string) => expect.objectContaining({ code });
const never = new AbortController().signal;
const sum = (name: string, data: Uint8Array): string => createHash(name).update(data).digest('hex');
const openFiles = (file: string): string[] =>
  fs.readdirSync('/proc/self/fd').filter((name) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${name}`) === file;
    } catch {
      return false; // the listing itself
    }
  });

test('follows a file that grows, and knows every hash that was asked for', async () => {
  const file = path.join(temporaryFolder(), 'growing');
  const content = randomBytes(3_000_000);
  fs.writeFileSync(file, '');
  const hash = await FollowingHash.open(file, ['sha-256', 'sha-1']);
  for (let at = 0; at < content.length; at += 500_000) {
    fs.appendFileSync(file, content.subarray(at, at + 500_000));
    hash.grow(at + 500_000);
  }
  const told: number[] = [];
  expect(await hash.digest(content.length, never, (bytes) => told.push(bytes))).toEqual([
    { algorithm: 'sha-256', value: sum('sha256', content) },
    { algorithm: 'sha-1', value: sum('sha1', content) },
  ]);
  expect(told.at(-1) ?? content.length).toBe(content.length);
  await hash.close();
  expect(openFiles(file)).toEqual([]);
});

test('forty files at once keep apart', async () => {
  const folder = temporaryFolder();
  const contents = Array.from({ length: 40 }, (_, index) => randomBytes(index * 20_000));
  const hashes = await Promise.all(
    contents.map(async (content, index) => {
      const file = path.join(folder, String(index));
      fs.writeFileSync(file, content);
      const hash = await FollowingHash.open(file, ['sha-256']);
      const [found] = await hash.digest(content.length, never, () => {});
      await hash.close();
      return found?.value;
    }),
  );
  expect(hashes).toEqual(contents.map((content) => sum('sha256', content)));
});

test('ends with a code when the file is shorter, when it is cancelled, and when it is closed', async () => {
  const file = path.join(temporaryFolder(), 'short');
  fs.writeFileSync(file, Buffer.alloc(1000));
  const shorter = await FollowingHash.open(file, ['sha-1']);
  await expect(shorter.digest(1001, never, () => {})).rejects.toEqual(coded('source-changed'));
  await shorter.close();

  const abort = new AbortController();
  const cancelled = await FollowingHash.open(file, ['sha-1']);
  const ended = cancelled.digest(1000, abort.signal, () => {});
  abort.abort();
  await expect(ended).rejects.toEqual(coded('cancelled'));
  await cancelled.close();

  const closed = await FollowingHash.open(file, ['sha-1']);
  const waiting = closed.digest(1000, never, () => {});
  await Promise.all([closed.close(), expect(waiting).rejects.toEqual(coded('cancelled'))]);
  await expect(closed.digest(1000, never, () => {})).rejects.toEqual(coded('cancelled'));
  expect(openFiles(file)).toEqual([]);
});

test('a folder has no hash', async () => {
  const hash = await FollowingHash.open(temporaryFolder(), ['sha-256']);
  await expect(hash.digest(10, never, () => {})).rejects.toEqual(coded('unreadable'));
  await hash.close();
});

test('bytes that come a second time count as they came last', async () => {
  const content = randomBytes(1_000_000);
  const wrong = Buffer.from(content);
  wrong[10] = (content[10] as number) ^ 1;
  const facts = {
    size: content.length,
    hashes: [{ algorithm: 'sha-256' as const, value: sum('sha256', content) }],
    ceiling: 0,
  };
  const options = { modifiedAt: undefined, now: 0, signal: never, onProgress: () => {}, announce: () => {} };
  const folder = temporaryFolder();
  const part = await PartFile.create(folder, 'a', facts);
  await part.write(wrong, 0);
  await part.write(content.subarray(0, 300_000), 0);
  expect(fs.readFileSync(await part.finish({ name: 'a', ...options })).equals(content)).toBe(true);

  const spoilt = await PartFile.create(folder, 'b', facts);
  await spoilt.write(content, 0);
  await spoilt.write(wrong.subarray(0, 300_000), 0);
  await expect(spoilt.finish({ name: 'b', ...options })).rejects.toEqual(coded('hash-mismatch'));
  await spoilt.discard();
  expect(fs.readdirSync(folder)).toEqual(['a']);
});
