// What holds for every description, not only for the examples, and for what a real client sent.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatCidUrl,
  formatFileDate,
  formatFileRange,
  isToken,
  parseCidUrl,
  parseFileDate,
  parseFileRange,
} from '../../../../protocols/sip/file-transfer/description/file-attributes.ts';
import { readOffer, refusalOf } from '../../../../protocols/sip/file-transfer/description/offer-check.ts';
import {
  closedMedia,
  type FileMedia,
  formatDescription,
  isPutOff,
  type OfferedMedia,
  parseAnswer,
  parseDescription,
  putOffMedia,
  refusedMedia,
} from '../../../../protocols/sip/file-transfer/description/session-description.ts';
import { sample } from '../../../extent.ts';

const WHOLE_SECONDS = { min: 0, max: Date.UTC(9999, 11, 31) / 1000 };
const time = fc.integer(WHOLE_SECONDS).map((seconds) => seconds * 1000);
const position = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const token = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme-ascii' }).filter(isToken);
const hexDigits = (length: number) =>
  fc.string({ minLength: length, maxLength: length, unit: fc.constantFrom(...Array.from('0123456789abcdef')) });
const hashes = fc
  .tuple(fc.option(hexDigits(40), { nil: undefined }), fc.option(hexDigits(64), { nil: undefined }))
  .map(([one, two]) => [
    ...(one === undefined ? [] : [{ algorithm: 'sha-1', value: one } as const]),
    ...(two === undefined ? [] : [{ algorithm: 'sha-256', value: two } as const]),
  ]);
/** Names as a disk allows them; a lone surrogate is no text, and becomes U+FFFD on the way. */
const name = fc
  .string({ minLength: 1, maxLength: 80, unit: 'grapheme' })
  .filter((text) => Buffer.from(text).toString() === text);

const file: fc.Arbitrary<FileMedia> = fc.record(
  {
    port: fc.integer({ min: 1, max: 65_535 }),
    host: fc.constant('192.0.2.1'),
    secure: fc.constant(false),
    path: fc.constant(['msrp://192.0.2.1:7654/jshA7we;tcp']),
    direction: fc.constantFrom('sendonly', 'recvonly'),
    setup: fc.constantFrom('active', 'passive', 'actpass'),
    acceptTypes: fc.constantFrom(['*'], ['message/cpim', 'text/*']),
    selector: fc.record(
      { name, type: fc.constantFrom('a/b', 'image/jpeg'), size: position, hashes },
      { requiredKeys: ['hashes', 'size'] },
    ),
    transferId: token,
    disposition: fc.constantFrom('attachment', 'render'),
    dates: fc.record({ createdAt: time, modifiedAt: time, readAt: time }, { requiredKeys: [] }),
    range: position.map((start) => ({ start })),
    iconId: fc.constant('id2@example.com'),
  },
  {
    requiredKeys: ['port', 'host', 'secure', 'path', 'direction', 'acceptTypes', 'selector', 'dates'],
  },
);
const origin = { sessionId: 1, version: 1, host: '192.0.2.1' };

test('every date comes back to the second', () => {
  fc.assert(
    fc.property(fc.record({ createdAt: time, modifiedAt: time, readAt: time }, { requiredKeys: [] }), (dates) => {
      expect(parseFileDate(formatFileDate(dates) ?? '')).toEqual(dates);
    }),
    sample(100),
  );
});

test('every range comes back', () => {
  fc.assert(
    fc.property(position, fc.option(fc.nat({ max: 1_000_000 }), { nil: undefined }), (start, length) => {
      const stop = length === undefined ? undefined : start + length;
      fc.pre(stop === undefined || Number.isSafeInteger(stop));
      const range = stop === undefined ? { start } : { start, stop };
      expect(parseFileRange(formatFileRange(range))).toEqual(range);
    }),
    sample(100),
  );
});

test('every Content-ID comes back', () => {
  const part = fc
    .string({ minLength: 1, maxLength: 30, unit: 'grapheme-ascii' })
    .filter((text) => !/[\s<>@"]/.test(text));
  fc.assert(
    fc.property(part, part, (left, right) => {
      expect(parseCidUrl(formatCidUrl(`${left}@${right}`))).toBe(`${left}@${right}`);
    }),
    sample(100),
  );
});

test('no text makes a reader of an attribute throw', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300, unit: 'binary' }), (text) => {
      parseFileDate(text);
      parseFileRange(text);
      parseCidUrl(`cid:${text}`);
    }),
    sample(100),
  );
});

test('every description of files comes back as it was', () => {
  fc.assert(
    fc.property(fc.array(file, { minLength: 1, maxLength: 8 }), (files) => {
      const media = files.map((each): OfferedMedia => ({ kind: 'file', file: each }));
      expect(parseDescription(formatDescription(origin, media))).toEqual(media);
    }),
    sample(100),
  );
});

test('every offered file is either taken or refused, whatever became of the description on the way', () => {
  fc.assert(
    fc.property(file, fc.nat(), fc.string({ maxLength: 5, unit: 'binary' }), (each, at, rubbish) => {
      const sdp = formatDescription(origin, [{ kind: 'file', file: each }]);
      const cut = 3 + (at % (sdp.length - 3));
      for (const spoilt of [sdp.slice(0, cut), sdp.slice(0, cut) + rubbish + sdp.slice(cut + rubbish.length)]) {
        const offer = readOffer({ sdp: spoilt });
        if ('statusCode' in offer) continue;
        for (const media of offer.media) if (media.kind === 'file') refusalOf(media.file);
      }
    }),
    sample(100),
  );
});

test('no, not yet and over are told apart, and keep what tells the file', () => {
  fc.assert(
    fc.property(
      file.filter(({ direction }) => direction === 'sendonly'),
      (offered) => {
        const said = (media: FileMedia): FileMedia | undefined => {
          const [line] = parseAnswer(formatDescription(origin, [{ kind: 'file', file: media }])) ?? [];
          return line?.kind === 'file' ? line.file : undefined;
        };
        for (const media of [refusedMedia(offered), putOffMedia(offered), closedMedia(offered)]) {
          const { port, selector, transferId, path } = said(media) ?? offered;
          expect({ port, selector, transferId, path }).toEqual({
            port: 0,
            selector: offered.selector,
            transferId: offered.transferId,
            path: [],
          });
        }
        expect(isPutOff(said(putOffMedia(offered)) ?? offered)).toBe(true);
        expect(isPutOff(said(refusedMedia(offered)) ?? offered)).toBe(false);
        expect(isPutOff(offered)).toBe(false);
      },
    ),
    sample(100),
  );
});

describe.each(['sdp-tcp.txt', 'sdp-msrptls.txt'])('what sipsimple 5.5.0 sent: %s', (capture) => {
  const blocks = readFileSync(new URL(`../../captures/${capture}`, import.meta.url), 'utf8').split(/^### /m);
  const said = (word: string): string[] =>
    blocks
      .filter((block) => block.startsWith(word))
      .map((block) => `${block.slice(block.indexOf('v=0')).trim().replaceAll('\n', '\r\n')}\r\n`);

  test('every offer is a chat or a file, and every file could be taken', () => {
    const kinds = said('OFFER').map((sdp) => {
      const [media] = parseDescription(sdp) ?? [];
      if (media?.kind !== 'file') return media?.kind;
      expect(refusalOf(media.file)).toBeUndefined();
      expect(media.file.selector?.hashes[0]?.value).toMatch(/^[0-9a-f]{40}$/);
      return media.file.direction;
    });
    expect(new Set(kinds)).toEqual(new Set(['chat', 'sendonly', 'recvonly']));
  });

  test('every answer is read, with the id of its offer', () => {
    const offers = said('OFFER').flatMap((sdp) => parseDescription(sdp) ?? []);
    const ids = new Set(offers.map((media) => (media.kind === 'file' ? media.file.transferId : undefined)));
    for (const sdp of said('ANSWER')) {
      const [media] = parseAnswer(sdp) ?? [];
      if (media?.kind !== 'file') throw new Error('no MSRP line');
      expect(media.file.setup).toBe('passive');
      expect(ids.has(media.file.transferId)).toBe(true);
    }
  });
});
