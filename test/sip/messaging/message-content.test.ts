import { describe, expect, test } from 'vitest';
import { CpimError, cpimHeader, formatCpim, parseCpim } from '../../../msrp/wrapping/cpim.ts';
import { formatImdn, parseImdn } from '../../../protocols/sip/messaging/imdn.ts';
import { formatIsComposing, parseIsComposing } from '../../../protocols/sip/messaging/is-composing.ts';
import { readContent, readStoredContent, wrapText } from '../../../protocols/sip/messaging/message-content.ts';

const IMDN = 'urn:ietf:params:imdn';
const GOLDEN = {
  from: { name: 'Ana "ą" \\', uri: 'sip:ana@campus.test' },
  to: [{ uri: 'sip:bob@campus.test' }],
  dateTime: new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 6)),
  headers: [
    { namespace: IMDN, name: 'Message-ID', value: 'm1' },
    { namespace: IMDN, name: 'Disposition-Notification', value: 'positive-delivery, display' },
  ],
  contentType: 'text/plain;charset=utf-8',
  contentHeaders: [{ name: 'Content-Disposition', value: 'render' }],
  body: Buffer.from('reunião 🎓\r\n\r\nFrom: x'),
};
const TEXT = [
  'From: "Ana \\"ą\\" \\\\" <sip:ana@campus.test>',
  'To: <sip:bob@campus.test>',
  'DateTime: 2026-01-02T03:04:05.006Z',
  'NS: imdn <urn:ietf:params:imdn>',
  'imdn.Message-ID: m1',
  'imdn.Disposition-Notification: positive-delivery, display',
  '',
  'Content-Type: text/plain;charset=utf-8',
  'Content-Disposition: render',
  '',
  'reunião 🎓\r\n\r\nFrom: x',
].join('\r\n');

describe('CPIM', () => {
  test('is written so', () => expect(formatCpim(GOLDEN).toString()).toBe(TEXT));
  test('is read so', () => expect(parseCpim(Buffer.from(TEXT))).toEqual(GOLDEN));

  test('nothing in a value becomes a header of its own', () => {
    const text = formatCpim({ ...GOLDEN, subject: 'a\r\nTo: <sip:eve@x>', headers: [] }).toString();
    expect(text.split('\r\n').filter((line) => line.startsWith('To:'))).toEqual(['To: <sip:bob@campus.test>']);
    expect(parseCpim(Buffer.from(text)).subject).toBe('a\r\nTo: <sip:eve@x>');
  });

  test('bare line feeds and unquoted names are taken, as Blink writes them', () => {
    const message = parseCpim(
      Buffer.from(
        'From: Alice Ñandú <sip:alice@im.test>\r\nDateTime: 2026-01-02T03:04:05.123456+00:00\r\n\r\nMIME-Version: 1.0\nContent-Type: text/plain; charset="utf8"\nContent-Transfer-Encoding: \n\nüñ',
      ),
    );
    expect(message.from).toEqual({ name: 'Alice Ñandú', uri: 'sip:alice@im.test' });
    expect(message.dateTime?.getTime()).toBe(Date.UTC(2026, 0, 2, 3, 4, 5, 123));
    expect([message.contentType, Buffer.from(message.body).toString()]).toEqual(['text/plain; charset="utf8"', 'üñ']);
  });

  test('a prefix is what the message says it is', () => {
    const message = parseCpim(Buffer.from('NS: x <urn:ietf:params:imdn>\r\nx.Message-ID: 7\r\n\r\n\r\n'));
    expect(cpimHeader(message, IMDN, 'message-id')).toBe('7');
    expect(message.contentType).toBe('text/plain');
  });

  test.each([
    ['cpim-malformed', 'hello'],
    ['cpim-malformed', 'no colon here\r\n\r\n\r\n'],
    ['cpim-malformed', 'From: <sip:a@b>\r\n\r\nContent-Type: text/plain'],
    ['cpim-too-many-headers', `${'To: <sip:a@b>\r\n'.repeat(101)}\r\n\r\n`],
  ])('%s', (code, text) => {
    expect(() => parseCpim(Buffer.from(text))).toThrow(CpimError);
    expect(() => parseCpim(Buffer.from(text))).toThrow(code);
  });
});

describe('IMDN', () => {
  const text =
    '<?xml version="1.0" encoding="UTF-8"?>\r\n<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>m&#38;1</message-id><datetime>2026-01-02T03:04:05.006Z</datetime><recipient-uri>sip:bob@campus.test</recipient-uri><original-recipient-uri>sip:bob@campus.test</original-recipient-uri><delivery-notification><status><delivered/></status></delivery-notification></imdn>';
  test('is written so', () => {
    const { dateTime } = GOLDEN;
    expect(formatImdn({ messageId: 'm&1', recipient: 'sip:bob@campus.test', dateTime, disposition: 'delivered' })).toBe(
      text,
    );
  });
  test('is read so', () => expect(parseImdn(text)).toEqual({ messageId: 'm&1', disposition: 'delivered' }));
  test('what has no mark says nothing', () => {
    expect(parseImdn(text.replace('<delivered/>', '<forbidden/>'))).toBeUndefined();
    expect(parseImdn(text.replace('xml:ns:imdn', 'xml:ns:other'))).toBeUndefined();
    expect(parseImdn(text.replace('<message-id>m&#38;1</message-id>', ''))).toBeUndefined();
  });
  test('a failed delivery is told', () => {
    expect(parseImdn(text.replace('<delivered/>', '<failed/>'))?.disposition).toBe('failed');
  });
});

test('isComposing goes both ways, and holds for as long as it says', () => {
  expect(parseIsComposing(formatIsComposing('composing'))).toEqual({ state: 'composing', refresh: 60 });
  expect(parseIsComposing(formatIsComposing('paused'))).toEqual({ state: 'paused', refresh: 120 });
  expect(parseIsComposing('<isComposing xmlns="x"><state>active</state></isComposing>')).toBeUndefined();
});

describe('a MESSAGE body', () => {
  const wrapped = wrapText(
    { id: 'm1', text: 'zażółć', composedAt: 0 },
    { from: 'sip:a@x', to: 'sip:b@x', wants: ['positive-delivery', 'display'] },
  );
  const body = Buffer.from(wrapped.content);

  test('wrapped says who asks for what', () => {
    expect(readContent('Message/CPIM', body)).toEqual({
      kind: 'text',
      text: 'zażółć',
      id: 'm1',
      writtenAt: new Date(0),
      wants: { delivery: true, display: true },
    });
  });

  test('kept by a server as text/plain is still what it was', () => {
    expect(readStoredContent('text/plain', body)).toMatchObject({ kind: 'text', text: 'zażółć', id: 'm1' });
    expect(readContent('text/plain', body)).toMatchObject({ kind: 'text', text: wrapped.content });
    for (const html of [
      '<p>See <b>this</b> &amp; that</p>',
      '<!DOCTYPE HTML><html><head><style>p{}</style></head><body>See this &amp; that</body></html>',
      '<div dir="ltr">See this &amp; that<br/></div>\r\n',
    ])
      expect(readStoredContent('text/plain', Buffer.from(html))).toMatchObject({
        kind: 'text',
        text: 'See this & that',
      });
    for (const text of ['a < b and c > d', '<p> is a paragraph', 'use <b>bold</b> here', '<3'])
      expect(readStoredContent('text/plain', Buffer.from(text))).toMatchObject({ kind: 'text', text });
    expect(readStoredContent('text/plain', Buffer.from(formatIsComposing('composing')))).toEqual({ kind: 'nothing' });
    expect(readStoredContent('text/plain', Buffer.from('From: me\r\nhello'))).toMatchObject({
      text: 'From: me\r\nhello',
    });
  });

  const parts = (...each: readonly [type: string, content: string][]) =>
    `${each.map(([type, content]) => `--b\r\nContent-Type: ${type}\r\n\r\n${content}\r\n`).join('')}--b--\r\n`;
  const HTML = ['text/html', '<b>x</b>'] as const;

  test.each([
    ['multipart/mixed', parts(['text/plain', 'olá ę'], ['image/png', '\0']), 'olá ę'],
    ['multipart/mixed', parts(['text/plain', 'one'], [...HTML], ['text/plain', 'two']), 'one\nx\ntwo'],
    [
      'multipart/alternative',
      parts(['text/plain', 'plain'], ['text/plain;charset=utf-8', 'better'], [...HTML]),
      'better',
    ],
    ['multipart/related', parts(['message/cpim', wrapped.content], [...HTML]), 'zażółć\nx'],
  ])('what we can show of %s is its text', (type, body, text) => {
    expect(readContent(`${type};boundary="b"`, Buffer.from(body))).toMatchObject({ kind: 'text', text });
  });

  test('with several notifications in it tells them all (RFC 5438 §8.3)', () => {
    const imdn = (id: string, status: string) =>
      `<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>${id}</message-id><${status}</imdn>`;
    const delivered = imdn('1', 'delivery-notification><status><delivered/></status></delivery-notification>');
    const displayed = imdn('2', 'display-notification><status><displayed/></status></display-notification>');
    const all = parts(['message/imdn+xml', delivered], ['message/imdn+xml', displayed]);
    const told = {
      kind: 'imdn',
      imdns: [
        { messageId: '1', disposition: 'delivered' },
        { messageId: '2', disposition: 'displayed' },
      ],
    };
    expect(readContent('multipart/mixed;boundary=b', Buffer.from(all))).toEqual(told);
    const head = 'From: <sip:a@b>\r\n\r\nContent-Type: multipart/mixed;boundary="b"\r\n\r\n';
    expect(readContent('message/cpim', Buffer.from(`${head}${all}`))).toEqual(told);
    const each = parts(['message/cpim', `From: <sip:a@b>\r\n\r\nContent-Type: message/imdn+xml\r\n\r\n${delivered}`]);
    expect(readContent('multipart/mixed;boundary=b', Buffer.from(each))).toMatchObject({ imdns: [{ messageId: '1' }] });
  });

  test.each([
    ['base64', Buffer.from('zażółć').toString('base64'), 'zażółć'],
    ['quoted-printable', 'za=C5=BC=C3=B3=C5=82=C4=87 =\r\nend', 'zażółć end'],
    ['8bit', 'zażółć', 'zażółć'],
    ['', 'zażółć', 'zażółć'],
  ])('wrapped with the transfer encoding %s is read', (encoding, content, text) => {
    const head = `From: <sip:a@b>\r\n\r\nContent-Type: text/plain;charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}`;
    expect(readContent('message/cpim', Buffer.from(`${head}\r\n\r\n${content}`))).toMatchObject({ text });
  });

  test('what another program writes as HTML arrives, also in CPIM and beside nothing else', () => {
    const shown = { kind: 'text', text: 'x' };
    const head = 'Require: imdn.Message-ID\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: 1\r\n\r\n';
    const wrapped = Buffer.from(`${head}Content-Type: text/html\r\n\r\n<b>x</b>`);
    expect(readContent('text/html; charset=UTF-8', Buffer.from('<b>x</b>'))).toMatchObject(shown);
    expect(readContent('multipart/mixed;boundary=b', Buffer.from(parts([...HTML])))).toMatchObject(shown);
    expect(readContent('message/cpim', wrapped)).toMatchObject({ ...shown, id: '1' });
    expect(readContent('text/html', Buffer.from('<script>x</script>'))).toEqual({ kind: 'nothing' });
  });

  test('wrapped in CPIM that requires what we know is read, whatever prefix it has', () => {
    const head =
      'From: <sip:a@b>\r\nNS: note <urn:ietf:params:imdn>\r\nRequire: note.Message-ID,Subject\r\nnote.Message-ID: 1';
    expect(readContent('message/cpim', Buffer.from(`${head}\r\n\r\n\r\nx`))).toMatchObject({ text: 'x', id: '1' });
  });

  test('wrapped in CPIM, in multipart, in CPIM is refused', () => {
    const inner = parts(['message/cpim', wrapped.content]);
    const head = 'From: <sip:a@b>\r\n\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n';
    expect(readContent('message/cpim', Buffer.from(`${head}${inner}`))).toEqual({ kind: 'unsupported' });
  });

  test.each([
    ['multipart/mixed;boundary=b', parts(['multipart/mixed;boundary=c', '--c\r\n\r\nx\r\n--c--'])],
    ['multipart/mixed', parts(['text/plain', 'no boundary is named'])],
    ['message/cpim', 'Require: x.Vital\r\n\r\n\r\nx'],
    ['message/cpim', 'NS: imdn <urn:other>\r\nRequire: imdn.Message-ID\r\nimdn.Message-ID: 1\r\n\r\n\r\nx'],
    // the requirement is of another namespace than the header that is there
    [
      'message/cpim',
      'NS: evil <urn:evil>\r\nNS: imdn <urn:ietf:params:imdn>\r\nRequire: evil.Message-ID\r\nimdn.Message-ID: 1\r\n\r\n\r\nx',
    ],
    // for those who gather notifications, which nobody does here
    ...['Original-To', 'IMDN-Route'].map((name) => [
      'message/cpim',
      `NS: imdn <urn:ietf:params:imdn>\r\nRequire: imdn.${name}\r\nimdn.${name}: <sip:c@d>\r\n\r\n\r\nx`,
    ]),
    ['text/plain;charset=iso-8859-1', 'x'],
    ['message/cpim', 'no cpim'],
    ['message/cpim', 'From: <sip:a@b>\r\n\r\nContent-Type: image/png\r\n\r\nx'],
  ])('%s that we can’t show is refused', (type, text) => {
    expect(readContent(type, Buffer.from(text))).toEqual({ kind: 'unsupported' });
  });
});
