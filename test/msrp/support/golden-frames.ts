/** Frames and what they mean: text both ways. Several are as real peers sent them. */
export interface GoldenFrame {
  name: string;
  wire: Buffer;
  start: { kind: 'request'; method: string } | { kind: 'response'; status: number; comment: string };
  transactionId: string;
  headers: [string, string][];
  /** Undefined for a frame without body. */
  body: Buffer | undefined;
  flag: '$' | '+' | '#';
}

const A = 'msrp://127.0.0.1:43759/e42d6b1d4a45e91d3e8c;tcp';
const B = 'msrp://127.0.0.1:40373/f7546cf3ec242d3c3f4b;tcp';
const paths: [string, string][] = [
  ['To-Path', B],
  ['From-Path', A],
];

function frame(
  name: string,
  transactionId: string,
  start: GoldenFrame['start'],
  headers: [string, string][],
  body: Buffer | string | undefined,
  flag: GoldenFrame['flag'] = '$',
): GoldenFrame {
  const word =
    start.kind === 'request' ? start.method : `${start.status}${start.comment === '' ? '' : ` ${start.comment}`}`;
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const head = `MSRP ${transactionId} ${word}\r\n${headers.map(([key, value]) => `${key}: ${value}\r\n`).join('')}`;
  const wire = Buffer.concat([
    Buffer.from(head),
    ...(bytes === undefined ? [] : [Buffer.from('\r\n'), bytes, Buffer.from('\r\n')]),
    Buffer.from(`-------${transactionId}${flag}\r\n`),
  ]);
  return { name, wire, start, transactionId, headers, body: bytes, flag };
}

const send = { kind: 'request', method: 'SEND' } as const;

const cpim =
  'From: Alice Ñandú <sip:alice@im.test>\r\nTo: <sip:bob@im.test>\r\nDateTime: 2026-11-22T19:28:37.952320+00:00\r\n\r\n' +
  'MIME-Version: 1.0\nContent-Type: text/plain; charset="utf8"\nContent-Transfer-Encoding: \n\nHello Bob, ünïcödé ✓';

export const GOLDEN_FRAMES: GoldenFrame[] = [
  frame(
    'a bodiless request that binds',
    'dfd532afcb84c98',
    send,
    [...paths, ['Byte-Range', '1-0/0'], ['Message-ID', '2bf7353903c8eaef']],
    undefined,
  ),
  frame('a response', 'dfd532afcb84c98', { kind: 'response', status: 200, comment: 'OK' }, paths, undefined),
  frame('a response without comment', 'a786hjs2', { kind: 'response', status: 200, comment: '' }, paths, undefined),
  frame(
    'a message in CPIM',
    '431970a7fbc3117f',
    send,
    [
      ...paths,
      ['Byte-Range', '1-216/216'],
      ['Message-ID', '871bb228bbe59419'],
      ['Failure-Report', 'yes'],
      ['Success-Report', 'yes'],
      ['Content-Type', 'message/cpim'],
    ],
    cpim,
  ),
  frame(
    'a report',
    'c6409ffb968ca00c',
    { kind: 'request', method: 'REPORT' },
    [...paths, ['Status', '000 200 OK'], ['Message-ID', '871bb228bbe59419'], ['Byte-Range', '1-224/216']],
    undefined,
  ),
  frame('text beyond ASCII', 'abcd', send, [...paths, ['Content-Type', 'text/plain']], 'reunião 👍🏽 às 9\r\n'),
  frame(
    'a header beyond ASCII',
    'tid-with.all+%=9',
    send,
    [...paths, ['X-Subject', 'reunião ✓'], ['Content-Type', 'text/plain']],
    'x',
  ),
  frame('an empty body', 'emptybody1', send, [...paths, ['Content-Type', 'text/plain']], ''),
  frame('a body of CRLFs', 'crlfcrlf', send, [...paths, ['Content-Type', 'text/plain']], '\r\n\r\n\r\n', '+'),
  frame(
    'end-lines that are none',
    'd93kswow',
    send,
    [...paths, ['Content-Type', 'text/plain']],
    '-------d93kswowX\r\n-------d93kswow\r\n-------d93kswo$\r\n-------d93kswow$ \r\n-------d93kswow$\r-------d93kswow$\r\n' +
      '--------d93kswow$\r\n\r\r\n------d93kswow$\r\n-------',
    '+',
  ),
  frame(
    'a body that begins with hyphens',
    'hyphens1',
    send,
    [...paths, ['Content-Type', 'text/plain']],
    '-------hyphens2$\r\n',
    '#',
  ),
  frame(
    'bytes that are no text',
    'binary01',
    send,
    [...paths, ['Content-Type', 'a/b']],
    Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
  ),
  frame(
    'unknown headers and an unknown method',
    'tid00001',
    { kind: 'request', method: 'FILE_OFFSET' },
    [...paths, ['X-Whatever', ' spaces  kept: yes ']],
    undefined,
  ),
];
