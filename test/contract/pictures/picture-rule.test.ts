import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ICON_LIMITS, pictureWithin } from '../../../electron/contract/index.ts';
import { pictureSizeOf } from '../../../electron/contract/pictures/picture-size.ts';
import { sample } from '../../extent.ts';
import { avif, extendedWebp, gif, jpeg, losslessWebp, lossyWebp, png } from './made-pictures.ts';

describe('how large a picture is, is known before anything decodes it', () => {
  test.each([
    ['png', png(300, 20)],
    ['jpeg', jpeg(300, 20)],
    ['gif', gif(300, 20)],
    ['webp', lossyWebp(300, 20)],
    ['webp', losslessWebp(300, 20)],
    ['webp', extendedWebp(300, 20)],
    ['avif', avif({ width: 300, height: 20 })],
  ])('%s', (format, data) => {
    expect(pictureSizeOf(data)).toEqual({ type: `image/${format}`, width: 300, height: 20 });
  });

  test('of a real file', () => {
    const data = fs.readFileSync(path.join(import.meta.dirname, '../../../assets/icon.png'));
    expect(pictureSizeOf(data)).toEqual({ type: 'image/png', width: 512, height: 512 });
  });

  test('wherever a file hides a larger picture than the one it speaks of first', () => {
    const large = { width: 20_000, height: 16_000 };
    const files = [
      jpeg(64, 64, { after: jpeg(large.width, large.height) }),
      gif(64, 64, { left: 0, top: 0, ...large }),
      gif(64, 64, { left: 10_000, top: 8_000, width: 10_000, height: 8_000 }),
      avif({ width: 64, height: 64 }, large),
    ];
    for (const data of files) expect(pictureSizeOf(data)).toMatchObject(large);
    expect(pictureSizeOf(extendedWebp(64, 64, { width: 16_000, height: 9_000 }))).toMatchObject({ width: 16_000 });
    // the small one within the Exif part of a photograph is not what is decoded
    expect(pictureSizeOf(jpeg(4_000, 3_000, { thumbnail: jpeg(160, 120) }))).toMatchObject({
      width: 4_000,
      height: 3_000,
    });
  });

  test('or it is not known, and then it is no picture', () => {
    const noHeight = jpeg(300, 0);
    for (const data of [noHeight, png(0, 20), Buffer.alloc(0), Buffer.from('<svg/>'), Buffer.from('BM6\0\0\0')]) {
      expect(pictureSizeOf(data)).toBeUndefined();
    }
  });

  test('whatever was cut off or changed, it is answered and nothing else happens', () => {
    const whole = [
      png(30, 20),
      jpeg(30, 20),
      gif(30, 20),
      extendedWebp(30, 20),
      lossyWebp(30, 20),
      avif({ width: 3, height: 2 }),
    ];
    const change = fc.record({
      file: fc.constantFrom(...whole),
      cut: fc.nat({ max: 400 }),
      at: fc.nat({ max: 400 }),
      byte: fc.nat({ max: 255 }),
    });
    fc.assert(
      fc.property(change, ({ file, cut, at, byte }) => {
        const data = Buffer.from(file.subarray(0, cut));
        if (at < data.length) data[at] = byte;
        const found = pictureSizeOf(data);
        if (found) expect(Math.min(found.width, found.height)).toBeGreaterThan(0);
      }),
      sample(2_000),
    );
  });
});

describe('the small picture of an offered file', () => {
  test('is shown up to 512 by 512 pixels and 64 KiB, and not one above', () => {
    expect(pictureWithin(png(512, 512), ICON_LIMITS)).toMatchObject({ width: 512, height: 512 });
    expect(pictureWithin(png(513, 1), ICON_LIMITS)).toBeUndefined();
    expect(pictureWithin(png(1, 513), ICON_LIMITS)).toBeUndefined();
    const padded = (length: number) => Buffer.concat([png(8, 8), Buffer.alloc(length)]).subarray(0, length);
    expect(pictureWithin(padded(64 * 1024), ICON_LIMITS)).toBeDefined();
    expect(pictureWithin(padded(64 * 1024 + 1), ICON_LIMITS)).toBeUndefined();
  });

  test('is not shown when it would take over a gigabyte, however few bytes it has', () => {
    const bomb = png(20_000, 20_000);
    expect(bomb.length).toBeLessThan(ICON_LIMITS.maximumBytes);
    expect(pictureWithin(bomb, ICON_LIMITS)).toBeUndefined();
  });
});
