import { describe, expect, it } from 'vitest';
import { type FrameHead, FrameParser, MsrpError } from '../../../msrp/index.ts';
import { GOLDEN_FRAMES, type GoldenFrame } from '../support/golden-frames.ts';

interface Parsed {
  head: FrameHead;
  body: Buffer | undefined;
  flag: string;
}

/** Parses pieces; bodies are copied at once, as their memory is only lent. */
function parse(pieces: Iterable<Uint8Array>): Parsed[] {
  const frames: Parsed[] = [];
  let head: FrameHead | undefined;
  let body: Buffer[] | undefined;
  const parser = new FrameParser({
    head(seen, hasBody) {
      expect(head).toBeUndefined();
      head = seen;
      body = hasBody ? [] : undefined;
    },
    body(bytes) {
      expect(bytes.length).toBeGreaterThan(0);
      body?.push(Buffer.from(bytes));
    },
    end(flag) {
      if (head === undefined) throw new Error('an end without a head');
      frames.push({ head, body: body === undefined ? undefined : Buffer.concat(body), flag });
      head = undefined;
    },
  });
  for (const piece of pieces) parser.push(piece);
  expect(parser.idle).toBe(true);
  return frames;
}

function expectFrame(parsed: Parsed | undefined, golden: GoldenFrame): void {
  expect({ ...parsed?.head, headers: [...(parsed?.head.headers ?? [])] }).toEqual({
    ...golden.start,
    transactionId: golden.transactionId,
    headers: golden.headers,
  });
  expect(parsed?.body?.toString('latin1')).toBe(golden.body?.toString('latin1'));
  expect(parsed?.flag).toBe(golden.flag);
}

describe('the frame parser', () => {
  it.each(GOLDEN_FRAMES)('reads $name at every split', (golden) => {
    const { wire } = golden;
    for (let cut = 0; cut <= wire.length; cut++) {
      const frames = parse([wire.subarray(0, cut), wire.subarray(cut)]);
      expect(frames).toHaveLength(1);
      expectFrame(frames[0], golden);
    }
  });

  it.each(GOLDEN_FRAMES)('reads $name byte by byte', (golden) => {
    const frames = parse(Array.from(golden.wire, (byte) => Uint8Array.of(byte)));
    expect(frames).toHaveLength(1);
    expectFrame(frames[0], golden);
  });

  it('reads all frames from one piece, with stray line ends between them', () => {
    const frames = parse([Buffer.concat(GOLDEN_FRAMES.flatMap(({ wire }) => [Buffer.from('\r\n\r\n'), wire]))]);
    expect(frames).toHaveLength(GOLDEN_FRAMES.length);
    for (const [index, golden] of GOLDEN_FRAMES.entries()) expectFrame(frames[index], golden);
  });

  it('reads all frames in pieces of any size', () => {
    const all = Buffer.concat(GOLDEN_FRAMES.map(({ wire }) => wire));
    for (let size = 1; size < 200; size++) {
      const pieces: Buffer[] = [];
      for (let i = 0; i < all.length; i += size) pieces.push(all.subarray(i, i + size));
      const frames = parse(pieces);
      for (const [index, golden] of GOLDEN_FRAMES.entries()) expectFrame(frames[index], golden);
    }
  });

  it('takes an end-line straight after the empty line for the end of an empty body', () => {
    const wire = Buffer.from('MSRP abcd1234 SEND\r\nContent-Type: text/plain\r\n\r\n-------abcd1234$\r\n');
    for (let cut = 0; cut <= wire.length; cut++) {
      const [frame] = parse([wire.subarray(0, cut), wire.subarray(cut)]);
      expect(frame?.body?.length).toBe(0);
    }
  });

  it('hands bodies over without copying them', () => {
    const wire = Buffer.from('MSRP abcd1234 SEND\r\nContent-Type: text/plain\r\n\r\nbody\r\n-------abcd1234$\r\n');
    let seen: Uint8Array | undefined;
    new FrameParser({
      head: () => undefined,
      body: (bytes) => {
        seen = bytes;
      },
      end: () => undefined,
    }).push(wire);
    expect(seen?.buffer).toBe(wire.buffer);
  });

  it('writes header names canonically whatever their case', () => {
    const wire = 'MSRP abcd1234 SEND\r\nTO-PATH: x\r\nmessage-id: y\r\nX-oTher: z\r\n-------abcd1234$\r\n';
    const [frame] = parse([Buffer.from(wire)]);
    expect([...(frame?.head.headers ?? [])]).toEqual([
      ['To-Path', 'x'],
      ['Message-ID', 'y'],
      ['X-oTher', 'z'],
    ]);
    expect(frame?.head.headers.get('Message-Id')).toBe('y');
    expect(frame?.head.headers.get('x-other')).toBe('z');
  });

  const start = 'MSRP abcd1234 SEND\r\n';
  it.each([
    ['malformed-frame', 'HTTP/1.1 200 OK\r\n'],
    ['malformed-frame', 'MSRP abcd1234 send\r\n'],
    ['malformed-frame', 'MSRP abcd1234\r\n'],
    ['malformed-frame', 'MSRP abcd1234 SEND OK\r\n'],
    ['invalid-transaction-id', 'MSRP abc SEND\r\n'],
    ['invalid-transaction-id', `MSRP ${'a'.repeat(33)} SEND\r\n`],
    ['invalid-transaction-id', 'MSRP -bcd SEND\r\n'],
    ['malformed-frame', `${start}To-Path: a\nFrom-Path: b\r\n`],
    ['malformed-frame', `${start}To-Path: a\rb\r\n`],
    ['malformed-frame', `${start}To-Path: a\0b\r\n`],
    ['malformed-frame', `${start}no colon\r\n-------abcd1234$\r\n`],
    ['malformed-frame', `${start}-------abcd1235$\r\n`],
    ['malformed-frame', `${start}-------abcd1234X\r\n`],
    ['start-line-too-long', `MSRP abcd1234 200 ${'x'.repeat(512)}\r\n`],
    ['start-line-too-long', 'M'.repeat(600)],
    ['header-line-too-long', `${start}X: ${'x'.repeat(8190)}\r\n`],
    ['header-line-too-long', `${start}X: ${'x'.repeat(8200)}`],
    ['headers-too-long', start + `X: ${'x'.repeat(5000)}\r\n`.repeat(4)],
    ['too-many-headers', start + 'X: x\r\n'.repeat(65)],
  ])('refuses with %s what is no frame, in one piece and byte by byte: %.40j', (code, wire) => {
    const handler = { head: () => undefined, body: () => undefined, end: () => undefined };
    const whole = new FrameParser(handler);
    const bytewise = new FrameParser(handler);
    const refusal = expect.objectContaining({ code });
    expect(() => whole.push(Buffer.from(wire))).toThrow(refusal);
    expect(() => {
      for (const byte of Buffer.from(wire)) bytewise.push(Uint8Array.of(byte));
    }).toThrow(refusal);
    expect(() => whole.push(Buffer.from(start))).not.toThrow(MsrpError);
    expect(whole.idle).toBe(false);
  });

  it('takes heads up to the limits', () => {
    const lines = `X: ${'x'.repeat(8189)}\r\n` + `Y: ${'y'.repeat(8000)}\r\n`;
    expect(parse([Buffer.from(`${start}${lines}-------abcd1234$\r\n`)])).toHaveLength(1);
    expect(parse([Buffer.from(`${start}${'X: x\r\n'.repeat(64)}-------abcd1234$\r\n`)])).toHaveLength(1);
  });
});
