import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { PartFile } from '../../../../electron/core/transfers/files/part-file.ts';
import { smallDisk } from '../../../core/support/small-disk.ts';
import { offerOne } from '../../../protocols/offer-one.ts';
import { Arrival, acceptInto, Content, fileOf, nextOffers, outcome, twoPeers } from '../file-peers.ts';

const MIB = 1024 * 1024;

/** A long content of which nothing is kept in memory; remembers how far it was read. */
class Pattern extends Content {
  readonly length: number;
  furthest = 0;

  constructor(length: number) {
    super(new Uint8Array(0));
    this.length = length;
  }
  override get size(): number {
    return this.length;
  }
  override async read(buffer: Uint8Array, position: number): Promise<number> {
    const count = Math.min(buffer.length, this.length - position);
    buffer.fill(position % 251, 0, count);
    this.furthest = Math.max(this.furthest, position + count);
    return count;
  }
}

test('a disk that is slow holds its sender back, and nobody else', async () => {
  const { from, to, address } = await twoPeers();
  const offered = nextOffers(to, 2);
  const [slow, quick] = [new Pattern(96 * MIB), new Content(randomBytes(24 * MIB))];
  const one = offerOne(from.files, address, fileOf(slow, { size: slow.length, hashes: [] }));
  const two = offerOne(from.files, address, fileOf(quick));
  const [held, free] = await offered;
  if (!held || !free) throw new Error('no offers');
  let written = 0;
  const pending: (() => void)[] = [];
  let isFrozen = true;
  const isStuck = new Promise<void>((reached) => {
    acceptInto(held, {
      write: (data) => {
        written += data.length;
        if (written < MIB || !isFrozen) return undefined;
        reached();
        return new Promise((done) => pending.push(done));
      },
      close: async () => {},
      abort: async () => {},
    });
  });
  await isStuck;
  const before = process.memoryUsage().rss;
  const arrival = new Arrival(quick.size);
  acceptInto(free, arrival);
  expect(await Promise.all([outcome(free), outcome(two)])).toEqual(['finished', 'finished']);
  expect(arrival.bytes.equals(quick.bytes)).toBe(true);
  // what it was given is what it has not taken yet
  expect(written).toBeLessThan(4 * MIB);
  // what is on its way fills the buffers of both sockets and ours
  expect(slow.furthest).toBeLessThan(32 * MIB);
  expect(process.memoryUsage().rss - before).toBeLessThan(192 * MIB);
  isFrozen = false;
  for (const done of pending) done();
  expect(await Promise.all([outcome(held), outcome(one)])).toEqual(['finished', 'finished']);
  expect(written).toBe(slow.length);
});

test('a disk that is full ends its file on both sides, and no other', async () => {
  const disk = smallDisk(2);
  if (!disk) return;
  const { from, to, address } = await twoPeers();
  const offered = nextOffers(to, 2);
  const contents = [new Content(randomBytes(1.5 * MIB)), new Content(randomBytes(8 * MIB))];
  const sending = contents.map((content) => offerOne(from.files, address, fileOf(content)));
  const [full, other] = await offered;
  if (!full || !other) throw new Error('no offers');
  const part = await PartFile.create(disk.folder, 'a.bin', { size: 1.5 * MIB, hashes: [], ceiling: 0 });
  // somebody else is quicker
  disk.fill();
  acceptInto(full, part);
  const arrival = new Arrival(8 * MIB);
  acceptInto(other, arrival);
  expect(await Promise.all([full, ...sending.slice(0, 1)].map(outcome))).toEqual([
    'failed no-space',
    'failed peer-cannot-keep',
  ]);
  expect(await Promise.all([other, ...sending.slice(1)].map(outcome))).toEqual(['finished', 'finished']);
  expect(arrival.bytes.equals(contents[1]?.bytes ?? Buffer.alloc(0))).toBe(true);
  expect(fs.readdirSync(disk.folder)).toContain('ballast');
});
