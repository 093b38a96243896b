import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AcceptHook,
  type Chunking,
  type FrameHandler,
  FrameParser,
  formatByteRange,
  formatPath,
  formatUri,
  MsrpError,
  parseByteRange,
  parsePath,
  parseUri,
  RangeSet,
  sameUri,
} from '../../../msrp/index.ts';
import { sample } from '../../extent.ts';
import { GOLDEN_FRAMES } from '../support/golden-frames.ts';
import { endpoint, Mailbox, pair, RawPeer } from '../support/support.ts';

/** What a parser says about a stream, however it was cut: bodies in one piece. */
function events(pieces: Iterable<Uint8Array>): string[] {
  const seen: string[] = [];
  let body: Buffer[] = [];
  const handler: FrameHandler = {
    head: (head, hasBody) => seen.push(`head ${JSON.stringify({ ...head, headers: [...head.headers] })} ${hasBody}`),
    body: (bytes) => body.push(Buffer.from(bytes)),
    end: (flag) => {
      seen.push(`body ${Buffer.concat(body).toString('latin1')}`, `end ${flag}`);
      body = [];
    },
  };
  const parser = new FrameParser(handler);
  try {
    for (const piece of pieces) parser.push(piece);
  } catch (error) {
    if (!(error instanceof MsrpError)) throw error;
    seen.push(`fault ${error.code}`);
    return seen;
  }
  seen.push(`rest ${Buffer.concat(body).length > 0}`);
  return seen;
}

/** The same bytes in other pieces. */
function cut(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set(cuts.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...places, bytes.length].map((place, index) => bytes.subarray(index === 0 ? 0 : places[index - 1], place));
}

const golden = fc.constantFrom(...GOLDEN_FRAMES.map(({ wire }) => wire));
const stream = fc.array(golden, { minLength: 1, maxLength: 5 }).map((frames) => Buffer.concat(frames));
const cuts = fc.array(fc.nat(), { maxLength: 20 });
/** Faults as they happen on a wire, or are made: bytes changed, lost, put in between. */
const mutation = fc.record({ at: fc.nat(), remove: fc.nat(3), insert: fc.uint8Array({ maxLength: 4 }) });
const mutated = fc.tuple(stream, fc.array(mutation, { minLength: 1, maxLength: 4 })).map(([bytes, mutations]) => {
  let result = bytes;
  for (const { at, remove, insert } of mutations) {
    const place = at % (result.length + 1);
    result = Buffer.concat([result.subarray(0, place), insert, result.subarray(place + remove)]);
  }
  return result;
});

describe('the frame parser', () => {
  it('sees the same frames wherever their bytes are cut', () => {
    fc.assert(
      fc.property(stream, cuts, (bytes, places) => {
        expect(events(cut(bytes, places))).toEqual(events([bytes]));
      }),
      sample(300),
    );
  });

  it('says the same about damaged frames wherever they are cut, and only ever throws errors with a code', () => {
    fc.assert(
      fc.property(mutated, cuts, (bytes, places) => {
        const [whole, pieces] = [events([bytes]), events(cut(bytes, places))];
        // what a frame that was broken off had as body depends on how much of it is held back
        const comparable = (seen: string[]) => seen.filter((entry) => !entry.startsWith('rest'));
        expect(comparable(pieces)).toEqual(comparable(whole));
      }),
      sample(500),
    );
  });

  it('survives anything', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), cuts, (bytes, places) => {
        expect(events(cut(bytes, places)).length).toBeGreaterThan(0);
      }),
      sample(100),
    );
  });

  it('gives back any body, also one full of hyphens and line ends', () => {
    const pieces = fc.constantFrom(
      '-',
      '-------',
      '\r\n',
      '\r',
      'tid00001',
      '-------tid00001',
      '$',
      '+',
      '#',
      'x',
      'é',
      '👍',
    );
    const body = fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(body, cuts, (text, places) => {
        // RFC 4975 §7.1: the sender sees to it that the end-line is not in the body
        fc.pre(!/-------tid00001[$+#]/.test(text));
        const wire = Buffer.from(`MSRP tid00001 SEND\r\nContent-Type: a/b\r\n\r\n${text}\r\n-------tid00001$\r\n`);
        const seen = events(cut(wire, places));
        expect(seen).toContain(`body ${Buffer.from(text).toString('latin1')}`);
        expect(seen).toContain('end $');
      }),
      sample(500),
    );
  });
});

describe('values', () => {
  const uri = fc.record({
    secure: fc.boolean(),
    userinfo: fc.option(fc.stringMatching(/^[a-z0-9.]{1,8}$/), { nil: undefined }),
    host: fc.oneof(
      fc.ipV4(),
      fc.ipV6().map((address) => new URL(`http://[${address}]/`).hostname.slice(1, -1)),
      fc.domain(),
    ),
    port: fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined }),
    sessionId: fc.option(fc.stringMatching(/^[A-Za-z0-9\-._~+=/]{1,20}$/), { nil: undefined }),
    transport: fc.constantFrom('tcp', 'ws'),
    parameters: fc.array(
      fc.tuple(fc.stringMatching(/^[a-z]{1,5}$/), fc.option(fc.stringMatching(/^[a-z0-9]{1,5}$/), { nil: undefined })),
      {
        maxLength: 2,
      },
    ),
  });

  it('URIs and paths mean the same after writing and reading', () => {
    fc.assert(
      fc.property(fc.array(uri, { minLength: 1, maxLength: 3 }), (path) => {
        const read = parsePath(formatPath(path));
        expect(read).toEqual(path.map((one) => ({ ...one, host: one.host.toLowerCase() })));
        for (const [index, one] of read.entries()) expect(sameUri(one, path[index] ?? one)).toBe(true);
      }),
      sample(100),
    );
  });

  it('URIs are read or refused with their code, never anything else', () => {
    const text = fc.oneof(
      fc.string(),
      uri.map(formatUri),
      fc
        .tuple(uri.map(formatUri), fc.nat(), fc.string({ maxLength: 2 }))
        .map(([a, at, b]) => a.slice(0, at % a.length) + b + a.slice((at % a.length) + 1)),
    );
    fc.assert(
      fc.property(text, (candidate) => {
        try {
          expect(formatUri(parseUri(candidate)).length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid-uri' });
        }
      }),
      sample(500),
    );
  });

  it.each([
    ['msrp://a.example:1/x;tcp', 'MSRP://A.EXAMPLE:1/x;TCP', true],
    ['msrp://a.example:1/x;tcp', 'msrps://a.example:1/x;tcp', false],
    ['msrp://a.example:1/x;tcp', 'msrp://a.example:1/X;tcp', false],
    ['msrp://a.example:1/x;tcp', 'msrp://a.example/x;tcp', false],
    ['msrp://a.example:2855/x;tcp', 'msrp://a.example/x;tcp', false],
    ['msrp://a.example:1/x;tcp', 'msrp://a.example:1;tcp', false],
    ['msrp://a.example:1/x;tcp', 'msrp://a.example:1/x;ws', false],
    ['msrp://bob@a.example:1/x;tcp', 'msrp://a.example:1/x;tcp;p=1', true],
    ['msrp://[::1]:1/x;tcp', 'msrp://[0:0:0:0:0:0:0:1]:1/x;tcp', true],
    ['msrp://a%2eexample:1/x;tcp', 'msrp://a.example:1/x;tcp', true],
  ])('RFC 4975 §6.1: %s and %s are the same: %s', (a, b, same) => {
    expect(sameUri(parseUri(a), parseUri(b))).toBe(same);
    expect(sameUri(parseUri(b), parseUri(a))).toBe(same);
  });

  it('byte ranges mean the same after writing and reading', () => {
    const number = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
    const optional = fc.option(fc.oneof(number, fc.constant(0)), { nil: undefined });
    fc.assert(
      fc.property(fc.record({ start: number, end: optional, total: optional }), (range) => {
        expect(parseByteRange(formatByteRange(range))).toEqual(range);
      }),
      sample(100),
    );
  });

  it('range sets know the same bytes as a plain set does', () => {
    const interval = fc.tuple(fc.nat(60), fc.nat(12)).map(([start, length]) => ({ start, end: start + length }));
    fc.assert(
      fc.property(fc.array(interval, { maxLength: 20 }), interval, (intervals, asked) => {
        const ranges = new RangeSet(intervals);
        const bytes = new Set(
          intervals.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i)),
        );
        expect(ranges.size).toBe(bytes.size);
        const inside = Array.from({ length: asked.end - asked.start }, (_, i) => bytes.has(asked.start + i));
        expect(ranges.covers(asked.start, asked.end)).toBe(inside.every(Boolean));
        expect(ranges.overlaps(asked.start, asked.end)).toBe(inside.some(Boolean));
        let previous = -1;
        for (const { start, end } of ranges.toArray()) {
          expect(start).toBeGreaterThan(previous);
          expect(end).toBeGreaterThan(start);
          previous = end;
        }
        expect(ranges.end).toBe(bytes.size === 0 ? 0 : Math.max(...bytes) + 1);
      }),
      sample(500),
    );
  });
});

describe('sessions over real sockets', () => {
  const PEER = 'msrp://127.0.0.1:9/peersession;tcp';

  it('put together messages whose chunks come in any order, in turns and twice', async () => {
    const own = endpoint();
    const listener = await own.listen({ host: '127.0.0.1' });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.nat(), { minLength: 30, maxLength: 30 }),
        fc.integer({ min: 1, max: 50 }),
        async (bodies, chunk, order, piece) => {
          const mailbox = new Mailbox();
          const session = own.createSession({ listener, accept: mailbox.accept });
          const frames = bodies.flatMap((body, id) =>
            Array.from({ length: Math.ceil(body.length / chunk) }, (_, i) => {
              const [from, to] = [i * chunk, Math.min(body.length, (i + 1) * chunk)];
              const tid = `tid${id}x${i}xxxx`;
              return Buffer.concat([
                Buffer.from(
                  `MSRP ${tid} SEND\r\nTo-Path: ${session.localPath}\r\nFrom-Path: ${PEER}\r\nMessage-ID: message${id}\r\n` +
                    `Byte-Range: ${from + 1}-*/${body.length}\r\nContent-Type: a/b\r\n\r\n`,
                ),
                body.subarray(from, to),
                Buffer.from(`\r\n-------${tid}${to === body.length ? '$' : '+'}\r\n`),
              ]);
            }),
          );
          // any order, and the first few once more
          const keyed = frames
            .map((frame, i) => ({ frame, key: order[i % order.length] ?? 0 }))
            .sort((a, b) => a.key - b.key);
          const all = Buffer.concat([...keyed, ...keyed.slice(0, 2)].map(({ frame }) => frame));
          const peer = await RawPeer.connect(listener.port);
          for (let i = 0; i < all.length; i += piece) peer.write(all.subarray(i, i + piece));
          const received = new Map<string, string>();
          for (const _ of bodies) {
            const { messageId, bytes } = await mailbox.next();
            received.set(messageId, bytes.toString('latin1'));
          }
          for (const [id, body] of bodies.entries()) {
            expect(received.get(`message${id}`)).toBe(Buffer.from(body).toString('latin1'));
          }
          peer.socket.destroy();
          session.abort();
        },
      ),
      sample(40),
    );
  }, 60_000);

  it('never harm each other, whatever a peer writes', async () => {
    const { active, mailbox, passive } = await pair();
    const port = parseUri(passive.localPath).port ?? 0;
    await fc.assert(
      fc.asyncProperty(fc.oneof(mutated, fc.uint8Array({ maxLength: 300 })), async (bytes) => {
        const peer = await RawPeer.connect(port);
        peer.write(bytes);
        peer.socket.end();
        await peer.closed();
      }),
      sample(60),
    );
    active.send({ contentType: 'text/plain', body: 'still well' });
    expect((await mailbox.next()).bytes.toString()).toBe('still well');
  }, 60_000);

  it('know what was confirmed whenever the connection breaks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 60_000 }),
        fc.constantFrom<Chunking>('whole', 1000, 4096),
        async (at, chunking) => {
          const mailbox = new Mailbox();
          let offered = false;
          const accept: AcceptHook = (offer) => {
            offered = true;
            return mailbox.accept(offer);
          };
          const { active, passive } = await pair({ active: { chunking, window: 8192 }, passive: { accept } });
          const body = Buffer.alloc(60_000, 'abcdefg');
          const message = active.send({ contentType: 'text/plain', body, progressEvery: 1 });
          message.onProgress(({ handed }) => {
            if (handed >= at) passive.abort();
          });
          const outcome = await message.sent;
          if (outcome.state !== 'failed') {
            expect(outcome.state).toBe('sent');
            return;
          }
          // broken off before the first chunk came
          if (!offered) return;
          const received = await mailbox.next();
          if (received.outcome.state === 'completed') return;
          if (received.outcome.state !== 'failed') throw new Error(received.outcome.state);
          // nothing is confirmed that did not arrive
          const arrived = new RangeSet(received.outcome.received);
          for (const { start, end } of outcome.confirmed) expect(arrived.covers(start, end)).toBe(true);
          expect(received.bytes.equals(body.subarray(0, received.bytes.length))).toBe(true);
        },
      ),
      sample(30),
    );
  }, 60_000);
});
