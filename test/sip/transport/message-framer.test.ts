import { expect, test } from 'vitest';
import {
  type FramerLimits,
  FramingError,
  MessageFramer,
} from '../../../protocols/sip/transport/wire/message-framer.ts';

const BODY = 'reunião 🎓\r\n\r\nSIP/2.0 200 OK\r\n';
const message = (body: string, length = 'Content-Length'): string =>
  `MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP x\r\n${length}: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const STREAM = Buffer.from(`\r\n\r\n${message(BODY)}\r\n${message('', 'l')}\r\n\r\n${message('ł', 'content-length ')}`);

const framer = (limits?: FramerLimits) => {
  const seen: string[] = [];
  const made = new MessageFramer(
    {
      message: (head, body) => seen.push(`${head.length} ${body.toString()}`),
      oversized: (head) => seen.push(`oversized ${head.length}`),
      crlf: () => seen.push('crlf'),
    },
    limits,
  );
  return { seen, push: (bytes: Buffer | string) => made.push(Buffer.from(bytes as string)) };
};
const WHOLE = (() => {
  const { seen, push } = framer();
  push(STREAM);
  return seen;
})();

test('a stream is cut into its messages and keep-alives', () => {
  expect(WHOLE.map((each) => each.replace(/^\d+ /, ''))).toEqual([
    'crlf',
    'crlf',
    BODY,
    'crlf',
    '',
    'crlf',
    'crlf',
    'ł',
  ]);
});

test('every split of the stream into two gives the same', () => {
  for (let at = 0; at <= STREAM.length; at++) {
    const { seen, push } = framer();
    push(STREAM.subarray(0, at));
    push(STREAM.subarray(at));
    expect(seen, `split at ${at}`).toEqual(WHOLE);
  }
});

test('byte by byte gives the same', () => {
  const { seen, push } = framer();
  for (const byte of STREAM) push(Buffer.from([byte]));
  expect(seen).toEqual(WHOLE);
});

test.each([
  ['not-sip', '220 mail.campus.test ESMTP\r\n'],
  ['not-sip', 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'],
  ['content-length-missing', 'OPTIONS sip:a SIP/2.0\r\nVia: x\r\n\r\n'],
  ['content-length-invalid', 'OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n'],
  ['content-length-invalid', 'OPTIONS sip:a SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n'],
  ['content-length-invalid', 'OPTIONS sip:a SIP/2.0\r\nContent-Length: 1, 1\r\n\r\n'],
  ['content-length-invalid', 'OPTIONS sip:a SIP/2.0\r\nContent-Length: +1\r\n\r\n'],
  ['content-length-invalid', 'OPTIONS sip:a SIP/2.0\r\nContent-Length: 0x1\r\n\r\n'],
  ['content-length-invalid', 'OPTIONS sip:a SIP/2.0\r\nContent-Length:\r\n\r\n'],
  ['content-length-invalid', 'OPTIONS sip:a SIP/2.0\r\nContent-Length: 18446744073709551617\r\n\r\n'],
  ['body-too-big', 'OPTIONS sip:a SIP/2.0\r\nContent-Length: 101\r\n\r\n'],
  ['head-too-big', `OPTIONS sip:a SIP/2.0\r\nX: ${'x'.repeat(300)}`],
  ['head-too-big', `OPTIONS sip:a SIP/2.0\r\nX: ${'x'.repeat(300)}\r\n\r\n`],
])('%s ends the stream', (code, text) => {
  const { push } = framer({ headBytes: 200, bodyBytes: 50, passedOverBytes: 100 });
  let error: unknown;
  try {
    push(text);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(FramingError);
  expect((error as FramingError).code).toBe(code);
});

test('a body beyond the limit is passed over at every split, and the stream goes on', () => {
  const stream = Buffer.from(`${message('x'.repeat(60))}${message('next')}`);
  for (let at = 0; at <= stream.length; at++) {
    const { seen, push } = framer({ headBytes: 200, bodyBytes: 50, passedOverBytes: 100 });
    push(stream.subarray(0, at));
    push(stream.subarray(at));
    expect(
      seen.map((each) => each.replace(/\d+ /, '')),
      `split at ${at}`,
    ).toEqual([expect.stringMatching(/^oversized/), 'next']);
  }
});
