import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FrameHandler, type FrameLimits, FrameParser, MsrpError } from '../../../msrp/index.ts';
import { sample } from '../../extent.ts';

/** What a parser says about a stream; bodies in one piece. */
function events(pieces: Iterable<Uint8Array>, limits?: FrameLimits): string[] {
  const seen: string[] = [];
  let body = '';
  const handler: FrameHandler = {
    head: (head, hasBody) => seen.push(`head ${JSON.stringify({ ...head, headers: [...head.headers] })} ${hasBody}`),
    body: (bytes) => {
      body += Buffer.from(bytes).toString('latin1');
    },
    end: (flag) => {
      seen.push(`body ${body}`, `end ${flag}`);
      body = '';
    },
  };
  const parser = new FrameParser(handler, limits);
  try {
    for (const piece of pieces) parser.push(piece);
  } catch (error) {
    if (!(error instanceof MsrpError)) throw error;
    seen.push(`fault ${error.code}`);
  }
  return seen;
}

/** A head that comes in single bytes is never compared with the one before: this is what should be seen. */
const taken = (stream: Buffer) => events(Array.from(stream, (byte) => Uint8Array.of(byte)));

const PATHS = 'To-Path: msrp://127.0.0.1:9/there;tcp\r\nFrom-Path: msrp://127.0.0.1:8/here;tcp\r\n';
const chunk = (id: string, range: string, body = 'abc', flag = '+') =>
  `MSRP ${id} SEND\r\n${PATHS}Message-ID: 12345\r\nByte-Range: ${range}\r\n` +
  `Content-Description: reunião\r\nContent-Type: text/plain\r\n\r\n${body}\r\n-------${id}${flag}\r\n`;
const response = (id: string, endId = id, flag = '$') => `MSRP ${id} 200 OK\r\n${PATHS}-------${endId}${flag}\r\n`;

const ID = fc.constantFrom('abcd1234', 'abcd1235', 'x.-+%=yz', '.bcd1234', 'abcd 234', 'short', 'ab\r\n1234');
const RANGE = fc.constantFrom(
  '1-3/9',
  '4-6/9',
  '7-*/9',
  '10-*/1234567890',
  '4-6/9 ',
  ' 4-6/9',
  '',
  '4-6/x',
  '9'.repeat(60),
);
const FRAME = fc.oneof(
  fc.tuple(ID, RANGE).map(([id, range]) => chunk(id, range)),
  fc.tuple(ID, ID).map(([id, endId]) => response(id, endId)),
  ID.map((id) => response(id)),
  fc.tuple(ID, RANGE, fc.constantFrom('$', '#', '+', '-')).map(([id, range, flag]) => chunk(id, range, 'def', flag)),
  ID.map((id) => response(id, id, '+')),
);
const mutation = fc.record({ at: fc.nat(), byte: fc.nat(255) });

describe('heads like the one before', () => {
  it('are recognised without being taken for what they are not', () => {
    fc.assert(
      fc.property(fc.array(FRAME, { minLength: 3, maxLength: 8 }), (frames) => {
        const stream = Buffer.from(frames.join(''), 'utf8');
        expect(events([stream])).toEqual(taken(stream));
      }),
      sample(1000),
    );
  });

  it('are seen for what they are with any byte changed', () => {
    const plain = Buffer.from(
      [
        chunk('abcd1234', '4-6/99'),
        response('abcd1234'),
        chunk('abcd1235', '7-9/99'),
        response('abcd1235'),
        chunk('abcd1236', '10-12/99'),
        response('abcd1236'),
      ].join(''),
    );
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
        const stream = Buffer.from(plain);
        for (const { at, byte } of mutations) stream[at % stream.length] = byte;
        expect(events([stream])).toEqual(taken(stream));
      }),
      sample(1000),
    );
  });

  it('keep the limits', () => {
    const frames = [chunk('abcd1234', '4-6/9'), chunk('abcd1235', '4-6/1234567890123')].map((text) =>
      Buffer.from(text),
    );
    // each by a parser that has seen none before
    const apart = (limits: FrameLimits) => frames.flatMap((frame) => events([frame], limits));
    for (let headerBlock = 200; headerBlock < 260; headerBlock++) {
      const limits = { startLine: 512, headerLine: 8192, headerBlock, headerCount: 64 };
      const expected = apart(limits);
      if (expected[0] !== 'fault headers-too-long') expect(events([Buffer.concat(frames)], limits)).toEqual(expected);
    }
    for (let headerLine = 40; headerLine < 80; headerLine++) {
      const limits = { startLine: 512, headerLine, headerBlock: 16_384, headerCount: 64 };
      const expected = apart(limits);
      if (expected[0] !== 'fault header-line-too-long')
        expect(events([Buffer.concat(frames)], limits)).toEqual(expected);
    }
  });

  it('may name their range in other words, or twice', () => {
    const renamed = (id: string, range: string) => chunk(id, range).replace('Byte-Range', 'byte-range');
    const twice = (id: string, range: string) =>
      chunk(id, range).replace('Byte-Range', `byte-range: 5-*/9\r\nByte-Range`);
    for (const make of [renamed, twice]) {
      const stream = Buffer.from(
        [make('abcd1234', '4-6/9'), make('abcd1235', '7-9/9'), make('abcd1236', '1-2/9')].join(''),
      );
      expect(events([stream])).toEqual(taken(stream));
    }
  });
});
