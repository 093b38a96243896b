import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteRanges } from '../../../../electron/core/transfers/files/byte-ranges.ts';
import { diskError } from '../../../../electron/core/transfers/files/disk-error.ts';
import { markDownloaded } from '../../../../electron/core/transfers/files/download-mark.ts';
import { type PartFacts, PartFile } from '../../../../electron/core/transfers/files/part-file.ts';
import { sample } from '../../../extent.ts';
import { temporaryFolder } from '../../support/folder.ts';

const coded = (code: string) => expect.objectContaining({ code });
const sha256 = (data: Uint8Array) => ({
  algorithm: 'sha-256' as const,
  value: createHash('sha256').update(data).digest('hex'),
});
const factsOf = (data: Uint8Array): PartFacts => ({ size: data.length, hashes: [sha256(data)], ceiling: 1000 });

function finish(part: PartFile, name: string, changes: Partial<Parameters<PartFile['finish']>[0]> = {}) {
  return part.finish({
    name,
    modifiedAt: undefined,
    now: 0,
    signal: new AbortController().signal,
    onProgress: () => {},
    announce: () => {},
    ...changes,
  });
}

test('a file that comes in order gets its name, its content and its date', async () => {
  const folder = path.join(temporaryFolder(), 'made', 'on the way');
  const content = randomBytes(700_000);
  const part = await PartFile.create(folder, 'thesis.pdf', factsOf(content));
  expect(fs.readdirSync(folder)).toEqual(['thesis.pdf.part']);
  for (let at = 0; at < content.length; at += 10_000) await part.write(content.subarray(at, at + 10_000), at);
  const announced: string[] = [];
  const file = await finish(part, 'thesis.pdf', {
    modifiedAt: 1_600_000_000_000,
    announce: (tried) => {
      expect(fs.existsSync(tried)).toBe(false);
      announced.push(tried);
    },
  });
  expect(announced).toEqual([file]);
  expect(fs.readdirSync(folder)).toEqual(['thesis.pdf']);
  expect(fs.readFileSync(file).equals(content)).toBe(true);
  expect(fs.statSync(file).mtimeMs).toBe(1_600_000_000_000);
  expect(fs.statSync(file).mode & 0o111).toBe(0);
});

test('pieces may come in any order, overlap and come twice', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 400 }),
      fc.array(fc.tuple(fc.nat(399), fc.integer({ min: 1, max: 80 })), { maxLength: 12 }),
      fc.integer(),
      async (content, extra, seed) => {
        const folder = temporaryFolder();
        const part = await PartFile.create(folder, 'a', factsOf(content));
        const pieces = [...extra];
        for (let at = 0; at < content.length; at += 50) pieces.push([at, 50]);
        pieces.sort(([a], [b]) => ((a * 7919 + seed) % 101) - ((b * 7919 + seed) % 101));
        for (const [at, length] of pieces) {
          if (at < content.length) await part.write(content.subarray(at, at + length), at);
        }
        expect(part.bytes).toBe(content.length);
        expect(fs.readFileSync(await finish(part, 'a'))).toEqual(Buffer.from(content));
        fs.rmSync(folder, { recursive: true });
      },
    ),
    sample(40),
  );
}, 30_000);

test('an empty file is a file', async () => {
  const folder = temporaryFolder();
  const part = await PartFile.create(folder, 'empty', factsOf(Buffer.alloc(0)));
  const file = await finish(part, 'empty');
  expect(fs.statSync(file).size).toBe(0);
});

describe('the offered size is a hard limit', () => {
  test.each([
    ['a byte too many at the end', 10, 0, 11],
    ['a write behind the end', 10, 11, 1],
    ['a write far away', 10, 2 ** 52, 1],
    ['a negative position', 10, -1, 1],
    ['a position that is no number', 10, Number.NaN, 1],
    ['anything for an empty file', 0, 0, 1],
  ])('%s is refused, and so is all that follows', async (_what, size, position, length) => {
    const folder = temporaryFolder();
    const part = await PartFile.create(folder, 'a', { size, hashes: [], ceiling: 1000 });
    await expect(part.write(Buffer.alloc(length), position)).rejects.toEqual(coded('size-mismatch'));
    if (size > 0) await expect(part.write(Buffer.alloc(1), 0)).rejects.toEqual(coded('size-mismatch'));
    await expect(finish(part, 'a')).rejects.toEqual(coded('size-mismatch'));
    expect(fs.readdirSync(folder)).toEqual(['a.part']);
    expect(fs.statSync(part.path).size).toBe(0);
    await part.discard();
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  test('a file of unknown size has a ceiling, with a code of its own', async () => {
    const part = await PartFile.create(temporaryFolder(), 'a', { size: undefined, hashes: [], ceiling: 100 });
    await part.write(Buffer.alloc(100), 0);
    await expect(part.write(Buffer.alloc(1), 100)).rejects.toEqual(coded('too-big'));
    await part.discard();
  });

  test('a file of unknown size is whole when it has no holes', async () => {
    const part = await PartFile.create(temporaryFolder(), 'a', { size: undefined, hashes: [], ceiling: 100 });
    await part.write(Buffer.from('world'), 5);
    await part.write(Buffer.from('hello'), 0);
    expect(fs.readFileSync(await finish(part, 'a'), 'utf8')).toBe('helloworld');
  });
});

describe('a file that is not whole never gets its name', () => {
  const content = Buffer.from('0123456789');

  test.each([
    ['bytes are missing at the end', 'size-mismatch', [[0, 9]]],
    [
      'there is a hole',
      'size-mismatch',
      [
        [0, 4],
        [5, 10],
      ],
    ],
    ['nothing came', 'size-mismatch', []],
  ] as const)('%s: %s', async (_what, code, runs) => {
    const folder = temporaryFolder();
    const part = await PartFile.create(folder, 'a', factsOf(content));
    for (const [from, to] of runs) await part.write(content.subarray(from, to), from);
    await expect(finish(part, 'a')).rejects.toEqual(coded(code));
    expect(fs.readdirSync(folder)).toEqual(['a.part']);
    await part.discard();
  });

  test.each(['in order', 'out of order'])('a wrong byte is a hash mismatch (%s)', async (order) => {
    const folder = temporaryFolder();
    const part = await PartFile.create(folder, 'a', factsOf(content));
    const wrong = Buffer.from('0123456780');
    const runs = order === 'in order' ? [0, 5] : [5, 0];
    for (const at of runs) await part.write(wrong.subarray(at, at + 5), at);
    await expect(finish(part, 'a')).rejects.toEqual(coded('hash-mismatch'));
    expect(fs.readdirSync(folder)).toEqual(['a.part']);
    await part.discard();
  });

  test('the strongest hash counts: a right sha-1 does not excuse a wrong sha-256', async () => {
    const sha1 = { algorithm: 'sha-1' as const, value: createHash('sha1').update(content).digest('hex') };
    const other = sha256(Buffer.from('other'));
    const part = await PartFile.create(temporaryFolder(), 'a', { size: 10, hashes: [sha1, other], ceiling: 10 });
    await part.write(content, 0);
    await expect(finish(part, 'a')).rejects.toEqual(coded('hash-mismatch'));
    await part.discard();
  });

  test('somebody else changed the part meanwhile', async () => {
    const part = await PartFile.create(temporaryFolder(), 'a', factsOf(content));
    await part.write(content, 0);
    await part.close();
    fs.appendFileSync(part.path, 'more');
    await expect(finish(part, 'a')).rejects.toEqual(coded('size-mismatch'));
    fs.rmSync(part.path);
    await expect(finish(part, 'a')).rejects.toEqual(coded('unreadable'));
  });

  test('the signal came before it got it', async () => {
    const folder = temporaryFolder();
    const part = await PartFile.create(folder, 'a', factsOf(content));
    await part.write(content, 0);
    await expect(finish(part, 'a', { signal: AbortSignal.abort() })).rejects.toEqual(coded('cancelled'));
    expect(fs.readdirSync(folder)).toEqual(['a.part']);
    await part.discard();
  });
});

describe('no file is ever replaced', () => {
  test('a name that is taken gets a number, for the part and for the file', async () => {
    const folder = temporaryFolder();
    fs.writeFileSync(path.join(folder, 'a.tar.gz'), 'mine');
    fs.symlinkSync('/nowhere', path.join(folder, 'a (2).tar.gz'));
    fs.mkdirSync(path.join(folder, 'a (3).tar.gz'));
    fs.writeFileSync(path.join(folder, 'a.tar.gz.part'), 'of another program');
    const part = await PartFile.create(folder, 'a.tar.gz', factsOf(Buffer.from('x')));
    expect(path.basename(part.path)).toBe('a (2).tar.gz.part');
    await part.write(Buffer.from('x'), 0);
    expect(await finish(part, 'a.tar.gz')).toBe(path.join(folder, 'a (4).tar.gz'));
    expect(fs.readFileSync(path.join(folder, 'a.tar.gz'), 'utf8')).toBe('mine');
    expect(fs.readFileSync(path.join(folder, 'a.tar.gz.part'), 'utf8')).toBe('of another program');
  });

  test('twenty files of one name, finished at once, become twenty files', async () => {
    const folder = temporaryFolder();
    const contents = Array.from({ length: 20 }, (_, index) => Buffer.from(`file ${index}`));
    const parts = await Promise.all(contents.map((content) => PartFile.create(folder, 'a.txt', factsOf(content))));
    for (const [index, part] of parts.entries()) await part.write(contents[index] as Buffer, 0);
    await Promise.all(parts.map((part) => finish(part, 'a.txt')));
    const files = fs.readdirSync(folder);
    expect(files).toHaveLength(20);
    expect(new Set(files.map((file) => fs.readFileSync(path.join(folder, file), 'utf8'))).size).toBe(20);
  });

  test('a name that appears in the last moment is not taken', async () => {
    const folder = temporaryFolder();
    const part = await PartFile.create(folder, 'a.txt', factsOf(Buffer.from('x')));
    await part.write(Buffer.from('x'), 0);
    const file = await finish(part, 'a.txt', {
      announce: (tried) => {
        if (tried.endsWith('a.txt')) fs.writeFileSync(path.join(folder, 'a.txt'), 'quicker');
      },
    });
    expect(path.basename(file)).toBe('a (2).txt');
    expect(fs.readFileSync(path.join(folder, 'a.txt'), 'utf8')).toBe('quicker');
  });
});

describe('the sender', () => {
  test('is held while the disk is behind, and never by a small write', async () => {
    const part = await PartFile.create(temporaryFolder(), 'a', { size: 4_000_000, hashes: [], ceiling: 0 });
    expect(part.write(Buffer.alloc(1000), 0)).toBeUndefined();
    const held = part.write(Buffer.alloc(3_000_000), 1000);
    expect(held).toBeInstanceOf(Promise);
    await held;
    await part.discard();
  });

  test('may use its buffer again as soon as a write returns', async () => {
    const part = await PartFile.create(temporaryFolder(), 'a', { size: 8, hashes: [], ceiling: 0 });
    const buffer = Buffer.from('1234');
    expect(part.write(buffer, 0)).toBeUndefined();
    buffer.write('5678');
    expect(part.write(buffer, 4)).toBeUndefined();
    buffer.fill(0);
    expect(fs.readFileSync(await finish(part, 'a'), 'utf8')).toBe('12345678');
  });

  test('that leaves thousands of holes is refused', async () => {
    const part = await PartFile.create(temporaryFolder(), 'a', { size: 100_000, hashes: [], ceiling: 0 });
    const scatter = async () => {
      for (let at = 0; at < 100_000; at += 2) await part.write(Buffer.alloc(1), at);
    };
    await expect(scatter()).rejects.toEqual(coded('malformed'));
    expect(part.bytes).toBe(4097);
    await part.discard();
  });

  test('may not write after the end', async () => {
    const part = await PartFile.create(temporaryFolder(), 'a', { size: 10, hashes: [], ceiling: 0 });
    await part.close();
    await expect(part.write(Buffer.alloc(1), 0)).rejects.toEqual(coded('cancelled'));
    await part.discard();
  });
});

describe('a part of an earlier attempt', () => {
  const content = randomBytes(1000);

  test('is taken up where it stopped, and the whole is hashed', async () => {
    const folder = temporaryFolder();
    const first = await PartFile.create(folder, 'a', factsOf(content));
    await first.write(content.subarray(0, 600), 0);
    await first.abort();
    expect(first.runs).toEqual([[0, 600]]);
    const second = await PartFile.reopen(first.path, 400, factsOf(content));
    expect(second?.prefix).toBe(400);
    await second?.write(content.subarray(400), 400);
    expect(fs.readFileSync(await finish(second as PartFile, 'a')).equals(content)).toBe(true);
  });

  test('with wrong bytes in it is found out', async () => {
    const folder = temporaryFolder();
    fs.writeFileSync(path.join(folder, 'a.part'), Buffer.alloc(400));
    const part = await PartFile.reopen(path.join(folder, 'a.part'), 400, factsOf(content));
    await part?.write(content.subarray(400), 400);
    await expect(finish(part as PartFile, 'a')).rejects.toEqual(coded('hash-mismatch'));
    await part?.discard();
  });

  test('is not used when it is shorter than noted, gone, or something else', async () => {
    const folder = temporaryFolder();
    const file = path.join(folder, 'a.part');
    expect(await PartFile.reopen(file, 10, factsOf(content))).toBeUndefined();
    fs.writeFileSync(file, 'short');
    expect(await PartFile.reopen(file, 10, factsOf(content))).toBeUndefined();
    fs.symlinkSync('/etc/passwd', `${file}.link`);
    expect(await PartFile.reopen(`${file}.link`, 1, factsOf(content))).toBeUndefined();
    expect(await PartFile.reopen(folder, 0, factsOf(content))).toBeUndefined();
  });
});

test('a folder that cannot be written is told as such', async () => {
  const folder = temporaryFolder();
  fs.writeFileSync(path.join(folder, 'file'), '');
  const one = factsOf(Buffer.alloc(1));
  await expect(PartFile.create('/proc/none/below', 'a', one)).rejects.toEqual(coded('permission-denied'));
  await expect(PartFile.create(path.join(folder, 'file'), 'a', one)).rejects.toEqual(coded('permission-denied'));
  await expect(PartFile.create(path.join(folder, 'file', 'x'), 'a', one)).rejects.toEqual(coded('permission-denied'));
  await expect(PartFile.create(folder, 'x'.repeat(300), one)).rejects.toEqual(coded('name-refused'));
});

test('on a disk that can link no more, it gets its name all the same', async () => {
  const folder = temporaryFolder();
  const part = await PartFile.create(path.join(folder, 'in'), 'a.txt', factsOf(Buffer.from('x')));
  await part.write(Buffer.from('x'), 0);
  await part.close();
  // ext4 gives a file 65,000 names
  const links = path.join(folder, 'links');
  fs.mkdirSync(links);
  const exhaust = () => {
    for (let link = 0; link < 66_000; link++) fs.linkSync(part.path, path.join(links, String(link)));
  };
  try {
    exhaust();
    console.log('this disk does not limit the names of a file: the way without links is not tried here');
  } catch (error) {
    expect(error).toMatchObject({ code: 'EMLINK' });
  }
  const file = await finish(part, 'a.txt');
  expect(fs.readFileSync(file, 'utf8')).toBe('x');
  expect(fs.readdirSync(path.join(folder, 'in'))).toEqual(['a.txt']);
}, 30_000);

test.each([
  ['ENOSPC', 'no-space', 'no-space'],
  ['EDQUOT', 'no-space', 'no-space'],
  ['EFBIG', 'no-space', 'no-space'],
  ['EACCES', 'permission-denied', 'permission-denied'],
  ['EROFS', 'permission-denied', 'permission-denied'],
  ['ENOENT', 'source-missing', 'permission-denied'],
  ['EIO', 'unreadable', 'internal'],
  ['ENAMETOOLONG', 'name-refused', 'name-refused'],
  ['EWHATEVER', 'internal', 'internal'],
])('%s of a source is %s, of a target %s', (errno, source, target) => {
  const cause = Object.assign(new Error('open /home/rui/private'), { code: errno });
  expect(diskError('source', cause)).toMatchObject({ code: source, protocolCode: errno });
  expect(diskError('target', cause)).toMatchObject({ code: target, message: expect.not.stringContaining('private') });
});

test('on Windows the mark of a download lies beside the content', async () => {
  const file = path.join(temporaryFolder(), 'a.txt');
  fs.writeFileSync(file, 'content');
  await markDownloaded(file, 'win32', 0);
  expect(fs.readFileSync(`${file}:Zone.Identifier`, 'utf8')).toBe('[ZoneTransfer]\r\nZoneId=3\r\n');
  await markDownloaded('/nowhere/at/all', 'win32', 0);
  await markDownloaded(file, 'darwin', 0);
});

test('ranges count each byte once, whatever the order', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(60), fc.nat(20))), (pieces) => {
      const ranges = new ByteRanges();
      const model = new Set<number>();
      for (const [from, length] of pieces) {
        ranges.add(from, from + length);
        for (let at = from; at < from + length; at++) model.add(at);
      }
      expect(ranges.covered).toBe(model.size);
      let prefix = 0;
      while (model.has(prefix)) prefix++;
      expect(ranges.prefix).toBe(prefix);
      const flat = ranges.runs.flat();
      expect(flat).toEqual([...new Set(flat)].sort((a, b) => a - b));
    }),
    sample(100),
  );
});
