import { readFileSync } from 'node:fs';
import { tortureMessages } from '../by-the-book/torture/archive.ts';

const capture = (name: string): string =>
  readFileSync(new URL(`../captures/${name}`, import.meta.url), 'utf8').replaceAll('\n', '\r\n');

const usual = (method: string, lines: readonly string[], body: string): string =>
  [
    `${method} sip:ana@campus.test SIP/2.0`,
    'Via: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bKfuzz;rport',
    'Max-Forwards: 70',
    'From: "Bob" <sip:bob@campus.test>;tag=1',
    'To: <sip:ana@campus.test>',
    'Call-ID: fuzz',
    `CSeq: 1 ${method}`,
    'Contact: <sip:bob@127.0.0.1:5060;transport=tcp>',
    ...lines,
    '',
    body,
  ].join('\r\n');

const XML = '<?xml version="1.0"?>\r\n';
const BODIES: readonly (readonly [type: string, body: string])[] = [
  [
    'application/im-iscomposing+xml',
    `${XML}<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"><state>active</state><refresh>60</refresh></isComposing>`,
  ],
  [
    'message/imdn+xml',
    `${XML}<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>1</message-id><datetime>2026-11-23T00:00:00Z</datetime><display-notification><status><displayed/></status></display-notification></imdn>`,
  ],
  [
    'multipart/mixed;boundary=x',
    '--x\r\nContent-Type: text/plain\r\n\r\none\r\n--x\r\nContent-Transfer-Encoding: base64\r\n\r\ndHdv\r\n--x--\r\n',
  ],
  [
    'message/cpim',
    'From: Bob <sip:bob@campus.test>\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: 1\r\n\r\nContent-Type: text/plain\r\n\r\nhi',
  ],
];

/** Whole messages as real programs write them, and some of ours. */
export const SAMPLES: readonly string[] = [
  ...capture('messages.txt')
    .split(/^==== .*\r\n/m)
    .slice(1)
    .map((message) => message.replace(/^MESSAGE \S+/, 'MESSAGE sip:ana@campus.test').replace(/\r\n$/, '')),
  ...['sdp-tcp.txt', 'sdp-msrptls.txt'].flatMap((name) =>
    capture(name)
      .split(/^### /m)
      .filter((section) => section.startsWith('OFFER\r\n'))
      .map((section) => usual('INVITE', ['Content-Type: application/sdp'], section.slice(7))),
  ),
  ...BODIES.map(([type, body]) => usual('MESSAGE', [`Content-Type: ${type}`], body)),
  // as they are, and for us
  ...[...tortureMessages('rfc4475').values(), ...tortureMessages('rfc5118').values()].flatMap((message) => {
    const text = message.toString('utf8').replace(/\r?\n/g, '\r\n');
    const ours = text.replace(/^(\S+\s+)sips?:\S+?(?=[;\s])/, '$1sip:ana@campus.test');
    return [text, ours].map((each) => (each.includes('\r\n\r\n') ? each : `${each}\r\n`));
  }),
  usual('OPTIONS', [], ''),
  usual('CANCEL', [], ''),
  usual('BYE', [], ''),
  usual('ACK', [], ''),
  usual('SUBSCRIBE', ['Event: presence'], ''),
  usual('NOTIFY', ['Event: presence', 'Subscription-State: active;expires=60'], ''),
  usual('REFER', ['Refer-To: <sip:eve@campus.test>'], ''),
];

const NASTY = [
  '\r\n',
  '\r',
  '\n',
  '\0',
  '\r\n\r\n',
  '\r\n ',
  ' ',
  '\t',
  '"',
  '\\',
  '<',
  '>',
  ';',
  ',',
  ':',
  '@',
  '%',
  '%00',
  '%0d%0a',
  '%ff',
  '[',
  ']',
]
  .concat([
    '::',
    '=',
    ';tag=',
    ';tag=',
    ';lr',
    ';branch=',
    '-1',
    '99999999999999999999',
    '1e9',
    '0x10',
    'NaN',
    '*',
    '\ud800',
    '🎓',
    '\u2028',
    '\u202e',
  ])
  .concat([
    '__proto__',
    'constructor',
    'sip:',
    'sips:a@b',
    'tel:+1',
    'im:a@b',
    'SIP/2.0',
    'Require: x\r\n',
    'Content-Length: 5\r\n',
    'l: 1\r\n',
  ])
  .concat([
    'Content-Type: message/cpim\r\n',
    'Content-Encoding: gzip\r\n',
    '<!DOCTYPE a [<!ENTITY b "c">]>',
    'x'.repeat(5000),
    ';a'.repeat(2000),
    '<a>'.repeat(500),
  ]);

/** A text, spoilt in one to four places with pieces of its own, of `others` and of what is nasty. */
export const spoilt = (good: string, random: () => number, others: readonly string[]): string => {
  const below = (limit: number): number => Math.floor(random() * limit);
  const one = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  let text = good;
  for (let left = 1 + below(4); left > 0; left--) {
    const at = below(text.length);
    const to = Math.min(text.length, at + 1 + below(below(4) === 0 ? 400 : 12));
    switch (below(8)) {
      case 0:
        text = text.slice(0, at) + text.slice(to);
        break;
      case 1:
        text = text.slice(0, to) + text.slice(at);
        break;
      case 2:
        text = text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1);
        break;
      case 3:
      case 4:
        text = text.slice(0, at) + one(NASTY) + text.slice(at);
        break;
      case 5: {
        const lines = text.split('\r\n');
        lines.splice(below(lines.length), 1, ...(below(2) ? [] : [one(lines), one(one(others).split('\r\n'))]));
        text = lines.join('\r\n');
        break;
      }
      case 6:
        text = text.replace(/(?<=[:=] ?)\S.*/g, (value) => (below(10) === 0 ? one(NASTY) : value));
        break;
      default: {
        const other = one(others);
        text = text.slice(0, at) + other.slice(below(other.length));
      }
    }
  }
  return text;
};

/** One message, spoilt in one to four places. `framed`: its Content-Length was put right again, as it is for seven in eight. */
export const mutated = (random: () => number): { text: string; framed: boolean } => {
  const below = (limit: number): number => Math.floor(random() * limit);
  const text = spoilt(SAMPLES[below(SAMPLES.length)] ?? '', random, SAMPLES);
  if (below(8) === 0) return { text, framed: false };
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const body = rest.join('\r\n\r\n');
  const bare = head.replace(/\r\n(?:content-length|l)[ \t]*:[^\r\n]*/gi, '');
  return { text: `${bare}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`, framed: true };
};
