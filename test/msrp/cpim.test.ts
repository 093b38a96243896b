import { describe, expect, it } from 'vitest';
import { contentHeader, extensionHeader, formatCpim, MsrpError, parseCpim } from '../../msrp/index.ts';
import { pair } from './support.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe('CPIM envelopes (RFC 3862)', () => {
  it('are read as a peer sends them: bare LF inside, unquoted names, microseconds, an empty transfer encoding', () => {
    const message = parseCpim(
      Buffer.from(
        'From: Alice Ñandú <sip:alice@im.test>\r\nTo: <sip:bob@im.test>\r\nSubject: Subj\r\n' +
          'DateTime: 2026-11-22T19:28:38.093192+00:00\r\nNS: imdn <urn:ietf:params:imdn>\r\n' +
          'imdn.Message-ID: 5d1b7a89\r\nimdn.Disposition-Notification: positive-delivery, display\r\n\r\n' +
          'MIME-Version: 1.0\nContent-Type: text/plain; charset="utf8"\nContent-Transfer-Encoding: \n\nHello Bob, ünïcödé ✓',
      ),
    );
    expect(message.from).toEqual({ name: 'Alice Ñandú', uri: 'sip:alice@im.test' });
    expect(message.to).toEqual([{ uri: 'sip:bob@im.test' }]);
    expect(message.subjects).toEqual([{ text: 'Subj' }]);
    expect(message.dateTime?.toISOString()).toBe('2026-11-22T19:28:38.093Z');
    expect(extensionHeader(message, 'urn:ietf:params:imdn', 'Message-ID')).toBe('5d1b7a89');
    expect(extensionHeader(message, 'urn:ietf:params:imdn', 'Disposition-Notification')).toBe(
      'positive-delivery, display',
    );
    expect(extensionHeader(message, 'urn:other', 'Message-ID')).toBeUndefined();
    expect(contentHeader(message, 'content-type')).toBe('text/plain; charset="utf8"');
    expect(text(message.content)).toBe('Hello Bob, ünïcödé ✓');
  });

  it('are read as RFC 3862 §5.1 has them', () => {
    const message = parseCpim(
      Buffer.from(
        'From: MR SANDERS <im:piglet@100akerwood.com>\r\nTo: Depressed Donkey <im:eeyore@100akerwood.com>\r\n' +
          'cc: <im:tigger@100akerwood.com>\r\nDateTime: 2000-12-13T13:40:00-08:00\r\nSubject: the weather will be fine today\r\n' +
          "Subject:;lang=fr beau temps prevu pour aujourd\\'hui\r\nNS: MyFeatures <mid:MessageFeatures@id.foo.com>\r\n" +
          'Require: MyFeatures.VitalMessageOption\r\nMyFeatures.VitalMessageOption: Confirmation-requested\r\n\r\n' +
          'Content-type: text/xml; charset=utf-8\r\nContent-ID:\r\n <1234567890@foo.com>\r\n\r\n<body>\r\nHere is the text\r\n</body>',
      ),
    );
    expect(message).toMatchObject({
      cc: [{ uri: 'im:tigger@100akerwood.com' }],
      subjects: [
        { text: 'the weather will be fine today' },
        { text: "beau temps prevu pour aujourd'hui", language: 'fr' },
      ],
      require: ['MyFeatures.VitalMessageOption'],
      headers: [{ name: 'MyFeatures.VitalMessageOption', value: 'Confirmation-requested' }],
    });
    expect(contentHeader(message, 'Content-ID')).toBe('<1234567890@foo.com>');
    expect(text(message.content)).toBe('<body>\r\nHere is the text\r\n</body>');
  });

  it('mean after reading what was meant before writing', () => {
    const message = {
      from: { name: 'Ália "the Ñandú" \\ <x>', uri: 'sip:alice@example.org' },
      to: [{ name: 'Bob B', uri: 'sip:bob@example.org' }, { uri: 'sip:carol@example.org' }],
      cc: [{ uri: 'sip:dave@example.org' }],
      dateTime: new Date('2026-11-22T19:28:38.093Z'),
      subjects: [{ text: 'reunião\r\nInjected: no\t\u0007\\' }, { text: 'meeting', language: 'en' }],
      namespaces: new Map([
        ['imdn', 'urn:ietf:params:imdn'],
        ['', 'urn:default'],
      ]),
      require: ['imdn.Message-ID'],
      headers: [{ name: 'imdn.Message-ID', value: 'a b 👍' }],
      contentHeaders: [['Content-Type', 'text/plain; charset=utf-8']] as [string, string][],
      content: Buffer.from('\r\n\r\nreunião 👍\n\n'),
    };
    expect(parseCpim(formatCpim(message))).toEqual(message);
  });

  it('decode content in base64', () => {
    const message = parseCpim(
      Buffer.from(
        'From: <sip:a@b>\r\n\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBO\r\nRw==',
      ),
    );
    expect(text(message.content)).toBe(Buffer.from('iVBORw==', 'base64').toString());
  });

  it.each([
    '',
    'From: <sip:a@b>\r\n',
    'From: <sip:a@b>\r\n\r\nhello',
    'From: <sip:a@b>\r\n\r\nContent-ID: x\r\n\r\nhello',
    'From: nobody\r\n\r\nContent-Type: text/plain\r\n\r\nhello',
    'no header\r\n\r\nContent-Type: text/plain\r\n\r\nhello',
    'X: y\r\n'.repeat(65) + '\r\nContent-Type: text/plain\r\n\r\nhello',
    `X: ${'y'.repeat(17_000)}\r\n\r\nContent-Type: text/plain\r\n\r\nhello`,
  ])('that are none are refused: %.30j', (body) => {
    expect(() => parseCpim(Buffer.from(body))).toThrow(
      expect.objectContaining({ code: 'invalid-content', status: 400 }),
    );
  });

  it('cannot be written with what would break them', () => {
    const good = { to: [], contentHeaders: [['Content-Type', 'text/plain']] as const, content: new Uint8Array() };
    expect(() => formatCpim({ ...good, to: [{ uri: 'sip:a> \r\nX: y' }] })).toThrow(MsrpError);
    expect(() => formatCpim({ ...good, headers: [{ name: 'a b', value: '' }] })).toThrow(MsrpError);
    expect(() => formatCpim({ ...good, contentHeaders: [['Content-Type', 'a\r\nb']] })).toThrow(MsrpError);
  });

  it('are checked before they are sent', async () => {
    const { active } = await pair();
    expect(() => active.send({ contentType: 'message/cpim', body: 'no envelope' })).toThrow(
      expect.objectContaining({ code: 'invalid-content' }),
    );
  });

  it('are not delivered when they are bad: the peer gets 400', async () => {
    const { active, mailbox } = await pair({ active: { wrappers: [] } });
    const message = active.send({ contentType: 'message/cpim; x=y', body: 'no envelope' });
    expect(await message.sent).toMatchObject({ state: 'refused', status: 400 });
    expect((await mailbox.next()).outcome).toMatchObject({ state: 'failed', error: { code: 'invalid-content' } });
  });

  it('go through a session in chunks as they are', async () => {
    const { active, mailbox } = await pair({ active: { chunking: 10 } });
    const content = Buffer.alloc(100_000, 'é');
    const body = formatCpim({ to: [{ uri: 'sip:b@c' }], contentHeaders: [['Content-Type', 'text/plain']], content });
    active.send({ contentType: 'message/cpim', body });
    const received = await mailbox.next();
    expect(parseCpim(received.bytes).content).toEqual(content);
  });
});
