import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { FileSource, stampOf } from '../../../../electron/core/transfers/files/file-source.ts';
import { hashFile } from '../../../../electron/core/transfers/files/hash/file-hash.ts';
import { temporaryFolder } from '../../support/folder.ts';

async function open(content: string | Uint8Array) {
  const file = path.join(temporaryFolder(), 'source.bin');
  fs.writeFileSync(file, content);
  return { file, source: await FileSource.open(file, await stampOf(file)) };
}

const coded = (code: string) => expect.objectContaining({ code });
const never = new AbortController().signal;

test('any position can be read, and the end gives nothing', async () => {
  const { source } = await open('0123456789');
  const buffer = Buffer.alloc(4);
  expect(await source.read(buffer, 3)).toBe(4);
  expect(buffer.toString()).toBe('3456');
  expect(await source.read(buffer, 8)).toBe(2);
  expect(buffer.toString()).toBe('8956');
  expect(await source.read(buffer, 10)).toBe(0);
  expect(await source.read(buffer, 99)).toBe(0);
  await source.close();
  await source.close();
});

test('an empty file has no bytes, and is read to its end at once', async () => {
  const { source } = await open('');
  expect(source.size).toBe(0);
  expect(await source.read(Buffer.alloc(4), 0)).toBe(0);
  await source.close();
});

describe('a file that does not stay what it was is noticed before its last byte is given out', () => {
  const half = Buffer.alloc(5);
  test.each([
    ['grew', 'source-changed', (file: string) => fs.appendFileSync(file, 'more')],
    ['was shortened', 'source-changed', (file: string) => fs.truncateSync(file, 5)],
    ['was emptied', 'source-changed', (file: string) => fs.truncateSync(file, 0)],
    ['vanished', 'source-missing', (file: string) => fs.rmSync(file)],
    ['was written anew', 'source-changed', (file: string) => fs.writeFileSync(file, '9876543210')],
    [
      'was replaced by another of the same size and time',
      'source-changed',
      (file: string) => {
        const { atime, mtime } = fs.statSync(file);
        fs.writeFileSync(`${file}.new`, '9876543210');
        fs.utimesSync(`${file}.new`, atime, mtime);
        fs.renameSync(`${file}.new`, file);
      },
    ],
    [
      'became a folder',
      'unreadable',
      (file: string) => {
        fs.rmSync(file);
        fs.mkdirSync(file);
      },
    ],
  ])('it %s: %s', async (_what, code, change) => {
    const { file, source } = await open('0123456789');
    expect(await source.read(half, 0)).toBe(5);
    change(file);
    await expect(source.read(half, 5)).rejects.toEqual(coded(code));
    await source.close();
  });

  test('in a long file it is noticed long before the end', async () => {
    const { file, source } = await open(Buffer.alloc(40 * 1024 * 1024));
    fs.appendFileSync(file, 'more');
    const buffer = Buffer.alloc(1024 * 1024);
    const readOn = async () => {
      for (let position = 0; position < 20 * buffer.length; position += buffer.length)
        await source.read(buffer, position);
    };
    await expect(readOn()).rejects.toEqual(coded('source-changed'));
    await source.close();
  });
});

test('between its stamp and its opening it may not change either', async () => {
  const file = path.join(temporaryFolder(), 'a.txt');
  fs.writeFileSync(file, 'one');
  const stamp = await stampOf(file);
  fs.writeFileSync(file, 'three');
  await expect(FileSource.open(file, stamp)).rejects.toEqual(coded('source-changed'));
});

test('what is no plain file is not read: a folder, a pipe, a device', async () => {
  const folder = temporaryFolder();
  const pipe = path.join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  await expect(stampOf(folder)).rejects.toEqual(coded('unreadable'));
  await expect(stampOf(pipe)).rejects.toEqual(coded('unreadable'));
  await expect(stampOf('/dev/zero')).rejects.toEqual(coded('unreadable'));
  await expect(stampOf(path.join(folder, 'none'))).rejects.toEqual(coded('source-missing'));
  await expect(stampOf(path.join(pipe, 'in-a-file'))).rejects.toEqual(coded('source-missing'));
});

test('no path is ever part of an error', async () => {
  const file = path.join(temporaryFolder(), 'private-name');
  const error: unknown = await stampOf(file).catch((cause: unknown) => cause);
  expect(String(error)).not.toContain('private-name');
});

describe('hashing', () => {
  const write = async (content: string | Uint8Array) => {
    const file = path.join(temporaryFolder(), 'source.bin');
    fs.writeFileSync(file, content);
    return { file, stamp: await stampOf(file) };
  };

  test('gives both hashes of one reading, and tells how far it is', async () => {
    const { file, stamp } = await write(Buffer.alloc(3_000_000, 'a'));
    const told: number[] = [];
    const hashes = await hashFile(file, stamp, ['sha-256', 'sha-1'], never, (bytes) => told.push(bytes));
    expect(hashes).toEqual([
      { algorithm: 'sha-256', value: sumOf('sha256sum', 3_000_000) },
      { algorithm: 'sha-1', value: sumOf('sha1sum', 3_000_000) },
    ]);
    expect(told).toEqual([1_048_576, 2_097_152, 3_000_000]);
  });

  test('of an empty file is the hash of nothing', async () => {
    const { file, stamp } = await write('');
    expect(await hashFile(file, stamp, ['sha-1'], never, () => {})).toEqual([
      { algorithm: 'sha-1', value: 'da39a3ee5e6b4b0d3255bfef95601890afd80709' },
    ]);
  });

  test('stops at the signal', async () => {
    const { file, stamp } = await write(Buffer.alloc(80_000_000));
    const abort = new AbortController();
    const told: number[] = [];
    const hashing = hashFile(file, stamp, ['sha-256'], abort.signal, (bytes) => {
      told.push(bytes);
      abort.abort();
    });
    await expect(hashing).rejects.toEqual(coded('cancelled'));
    expect(told.length).toBeLessThan(70);
    await expect(hashFile(file, stamp, ['sha-256'], abort.signal, () => {})).rejects.toEqual(coded('cancelled'));
  });

  test.each([
    ['grew', 'source-changed', (file: string) => fs.appendFileSync(file, 'more')],
    ['was shortened', 'source-changed', (file: string) => fs.truncateSync(file, 5)],
    ['vanished', 'source-missing', (file: string) => fs.rmSync(file)],
    ['was written anew', 'source-changed', (file: string) => fs.writeFileSync(file, Buffer.alloc(40_000_000, 'b'))],
  ])('of a file that %s meanwhile there is none: %s', async (_what, code, change) => {
    const { file, stamp } = await write(Buffer.alloc(40_000_000, 'a'));
    let changed = false;
    const hashing = hashFile(file, stamp, ['sha-256'], never, () => {
      if (!changed) change(file);
      changed = true;
    });
    await expect(hashing).rejects.toEqual(coded(code));
    await expect(hashFile(file, stamp, ['sha-256'], never, () => {})).rejects.toEqual(coded(code));
  });

  test('lets other work run meanwhile', async () => {
    const { file, stamp } = await write(Buffer.alloc(20_000_000));
    let turns = 0;
    let running = true;
    const turn = () => {
      turns++;
      if (running) setImmediate(turn);
    };
    setImmediate(turn);
    await hashFile(file, stamp, ['sha-256'], never, () => {});
    running = false;
    expect(turns).toBeGreaterThan(10);
  });
});

/** The same sum by the system's own tool. */
function sumOf(tool: string, size: number): string {
  return execFileSync(tool, { input: Buffer.alloc(size, 'a') })
    .toString()
    .slice(0, tool === 'sha1sum' ? 40 : 64);
}
