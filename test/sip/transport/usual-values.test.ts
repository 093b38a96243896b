import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { Grammar, NameAddrHeader, URI } from 'sip.js';
import { expect, test } from 'vitest';
import { MessageHead } from '../../../protocols/sip/transport/wire/message-head.ts';
import { readUsual } from '../../../protocols/sip/transport/wire/usual-values.ts';
import { sample } from '../../extent.ts';

const RULES: Readonly<Record<string, string>> = {
  via: 'Via',
  from: 'From',
  to: 'To',
  contact: 'Contact',
  'call-id': 'Call_ID',
  cseq: 'CSeq',
  'content-type': 'Content_Type',
  'content-length': 'Content_Length',
  'max-forwards': 'Max_Forwards',
};
/** With its parameters in their order. */
const written = (parsed: unknown): string =>
  parsed instanceof URI || parsed instanceof NameAddrHeader ? parsed.toString() : '';
/** What the grammar itself makes of it. */
const slowly = (value: string, rule: string): unknown => Grammar.parse(value, rule);

/** Everything in the captured messages of a real client and a real server that sip.js has a rule for. */
const captured = (): [rule: string, value: string][] => {
  const text = readFileSync(new URL('../captures/messages.txt', import.meta.url), 'utf8').replaceAll('\n', '\r\n');
  return text.split(/^==== .*\r\n/m).flatMap((message) => {
    const head = message.split('\r\n\r\n', 1)[0] ?? '';
    const parsed = MessageHead.parse(head);
    if (!parsed) return [];
    const fields = Object.entries(RULES).flatMap(([name, rule]) =>
      parsed.all(name).map((value): [string, string] => [rule, value]),
    );
    return [['Request_Response', head.split('\r\n', 1)[0] ?? ''], ...fields];
  });
};

test('what a real client and a real server wrote is read without the grammar, and as it would be', () => {
  const values = captured();
  expect(values.length).toBeGreaterThan(150);
  for (const [rule, value] of values) {
    expect([rule, value, readUsual(value, rule)]).toEqual([rule, value, slowly(value, rule)]);
    expect([rule, value, readUsual(value, rule)]).not.toEqual([rule, value, undefined]);
  }
});

/** Pieces of a value: what is usual, and what is only like it. */
const piece = (usual: readonly string[], odd: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...usual) }, { weight: 1, arbitrary: fc.constantFrom(...odd) });
const joined = (...pieces: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc.tuple(...pieces).map((all) => all.join(''));
const repeated = (unit: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(unit, { maxLength: 4 }).map((all) => all.join(''));

const known = ['tag=a1', 'TAG=b', 'transport=tcp', 'Transport=TLS', 'lr', 'lr=on', 'expires=60', 'expires=007'];
const inVia = ['branch=z9hG4bKa', 'branch=b', 'rport', 'rport=5060', 'received=1.2.3.4', 'ttl=5', 'maddr=a.b'];
const others = [
  'ob',
  'alias=127.0.0.1~5060~2',
  'alias',
  '+sip.instance="<urn:uuid:x>"',
  'reg-id=1',
  'x="a;b=c"',
  'gr=é',
];
const near = [
  'lrx',
  'lr=',
  'tags=1',
  'tag',
  'tag=',
  'tag="a"',
  'transports=tcp',
  'transport=ws',
  'user=phone',
  'users',
  'method=A',
]
  .concat([
    'qx',
    'q=0.5',
    'q=x',
    'expiresx=1',
    'expires=x',
    'expires',
    'branchx',
    'branch',
    'rports',
    'rport=x',
    'received=a',
  ])
  .concat([
    '__proto__',
    '__proto__=1',
    'constructor=1',
    'hasOwnProperty=1',
    'toString=x',
    'x%41=%41',
    'x=',
    'x= y',
    'x=[::1]',
  ])
  .concat(['x="a\\"b"', 'x="é,"', 'ſ=ſ', 'x==', '', 'x=a b', 'x,y', 'ttlx', 'maddrx=1', '=', 'x="a"b']);
const parameters = repeated(joined(piece([';'], ['; ', ' ;', ',', '']), piece([...known, ...inVia, ...others], near)));
const host = piece(
  ['a', 'campus.test', 'a-b.c-d', 'x3', '1.2.3.4', 'A.B', '255.255.255.255', 'client.invalid'],
  [
    'a--b',
    'a-',
    '-a',
    'x_y',
    '3x.4',
    'a.3',
    '1.2.3.400',
    '01.2.3.4',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.4a',
    'a.',
    '[::1]',
    'K.test',
    '',
  ],
);
const port = piece(['', ':5060', ':05'], [':', ':999999', ':65536']);
const user = piece(
  ['alice@', 'A.b-c@', "a'b@", '+48@', ''],
  ['a%20b@', 'a%ff@', 'a:pw@', 'a;x=1@', '@', 'é@', 'a&b@', 'ſ@'],
);
const uri = joined(
  piece(['sip:', 'SIP:'], ['sips:', 'tel:', 'ſip:']),
  user,
  host,
  port,
  parameters,
  piece([''], ['?a=b']),
);
const name = piece(
  ['', '"Ana" ', '"Ana"', '"Zażółć 🎓" ', '""', '" x " ', '"<sip:a@b>" ', '"\u0085"'],
  ['"a\\"b" ', '"a\tb" ', 'Ana ', '"\u007f"', '"a"  ', ' ', '"'],
);
const nameAddress = joined(
  name,
  piece(['<'], ['', '< ']),
  uri,
  piece(['>'], ['', ' >', '> ']),
  parameters,
  piece([''], [',<sip:a@b>']),
);
const startLine = fc.oneof(
  joined(piece(['MESSAGE ', 'INVITE '], ['INVITES ', 'message ', 'FOO ']), uri, piece([' SIP/2.0'], [' SIP/3.0', ''])),
  piece(
    ['SIP/2.0 200 OK', 'SIP/2.0 200 ', "SIP/2.0 488 Don't, no."],
    ['SIP/2.0 200', 'sip/2.0 200 OK', 'SIP/2.0 099 x', 'SIP/2.0 700 x', 'SIP/2.0 404 Não'],
  ),
);
const via = joined(
  piece(['SIP/2.0/', 'sip/2.0/'], ['SIP / 2.0 / ', 'SIP/3.0/']),
  piece(['TCP ', 'udp ', 'TLS '], ['SCTP ', 'TCP']),
  host,
  port,
  parameters,
);
const type = joined(
  piece(
    ['text/plain', 'TEXT/Plain', 'application/x-y', 'message/imdn+xml', 'multipart/related'],
    ['textual/x', 'x/y', 'image/*', 'text/', 'garbage'],
  ),
  repeated(
    piece(
      [';charset=utf-8', '; charset="UTF-8"', ';boundary="a b/c"', ';type="application/sdp"'],
      [' ; a=b', ';a', ';a=', ';a="é"', ';a-b=c', ';'],
    ),
  ),
);
const simple = piece(
  ['1 MESSAGE', '01 INVITE', '4294967296 BYE', '0', '12', '012', 'a@b', 'abc'],
  ['1  ACK', '1 INVITES', '1 FOO', '99999999999 BYE', '-1', '', '1 ', 'a@', '@', 'a@b@c', 'a b', "a'(b)<c>", 'é'],
);

test.each([
  ['SIP_URI', uri],
  ['From', nameAddress],
  ['To', nameAddress],
  ['Name_Addr_Header', nameAddress],
  ['Contact', nameAddress],
  ['Via', via],
  ['Request_Response', startLine],
  ['CSeq', simple],
  ['Content_Length', simple],
  ['Max_Forwards', simple],
  ['Call_ID', simple],
  ['Content_Type', type],
])('whatever is read without the grammar by the rule %s is what the grammar reads', (rule, values) => {
  let quickly = 0;
  fc.assert(
    fc.property(values, (text) => {
      const quick = readUsual(text, rule);
      if (quick === undefined) return;
      quickly += 1;
      expect([text, quick]).toEqual([text, slowly(text, rule)]);
      expect(written(quick)).toBe(written(slowly(text, rule)));
    }),
    sample(1000),
  );
  expect(quickly).toBeGreaterThan(50);
});

test('a rule of the grammar that is not read otherwise is left to it', () => {
  expect(readUsual('x', '__proto__')).toBeUndefined();
  expect(readUsual('x', 'constructor')).toBeUndefined();
});
