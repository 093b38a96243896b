import { describe, expect, it } from 'vitest';
import { type CpimMessage, cpimHeader, formatCpim, parseCpim } from '../../msrp/index.ts';
import { pair } from './support/support.ts';

const IMDN = 'urn:ietf:params:imdn';

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
    expect(message).toMatchObject({
      from: { name: 'Alice Ñandú', uri: 'sip:alice@im.test' },
      to: [{ uri: 'sip:bob@im.test' }],
      subject: 'Subj',
      dateTime: new Date('2026-11-22T19:28:38.093Z'),
      contentType: 'text/plain; charset="utf8"',
    });
    expect(cpimHeader(message, IMDN, 'Message-ID')).toBe('5d1b7a89');
    expect(cpimHeader(message, 'urn:other', 'Message-ID')).toBeUndefined();
    expect(Buffer.from(message.body).toString()).toBe('Hello Bob, ünïcödé ✓');
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
      subject: 'the weather will be fine today',
      translatedSubjects: [{ text: "beau temps prevu pour aujourd'hui", language: 'fr' }],
      require: [{ namespace: 'mid:MessageFeatures@id.foo.com', name: 'VitalMessageOption' }],
      headers: [
        { namespace: 'mid:MessageFeatures@id.foo.com', name: 'VitalMessageOption', value: 'Confirmation-requested' },
      ],
      contentType: 'text/xml; charset=utf-8',
    });
    expect(Buffer.from(message.body).toString()).toBe('<body>\r\nHere is the text\r\n</body>');
  });

  it('mean after reading what was meant before writing', () => {
    const message: CpimMessage = {
      from: { name: 'Ália "the Ñandú" \\ <x>', uri: 'sip:alice@example.org' },
      to: [{ name: 'Bob B', uri: 'sip:bob@example.org' }, { uri: 'sip:carol@example.org' }],
      cc: [{ uri: 'sip:dave@example.org' }],
      dateTime: new Date('2026-11-22T19:28:38.093Z'),
      subject: 'reunião\r\nInjected: no\t\u0007\\',
      translatedSubjects: [{ text: 'meeting', language: 'en' }],
      require: [
        { namespace: IMDN, name: 'Message-ID' },
        { namespace: 'urn:vital', name: 'Option' },
        { namespace: 'urn:ietf:params:cpim-headers:', name: 'Subject' },
      ],
      headers: [{ namespace: IMDN, name: 'Message-ID', value: 'a b 👍\r\n' }],
      contentType: 'text/plain; charset=utf-8',
      contentHeaders: [{ name: 'Content-ID', value: '<x>' }],
      body: Buffer.from('\r\n\r\nreunião 👍\n\n'),
    };
    const written = formatCpim(message);
    expect(parseCpim(written)).toEqual(message);
    expect(written.toString()).toContain('Subject: reunião\\r\\nInjected: no\\t\\u0007\\\\\r\n');
  });

  it('with an endless header are refused', () => {
    expect(() => parseCpim(Buffer.from(`X: ${'y'.repeat(17_000)}\r\n\r\n\r\nhello`))).toThrow(
      expect.objectContaining({ code: 'cpim-malformed', status: 400 }),
    );
  });

  it('are checked before they are sent', async () => {
    const { active } = await pair();
    expect(() => active.send({ contentType: 'message/cpim', body: 'no envelope' })).toThrow(
      expect.objectContaining({ code: 'cpim-malformed' }),
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
    const body = Buffer.alloc(100_000, 'é');
    const wrapped = formatCpim({ to: [{ uri: 'sip:b@c' }], headers: [], contentType: 'text/plain', body });
    active.send({ contentType: 'message/cpim', body: wrapped });
    expect(parseCpim((await mailbox.next()).bytes).body).toEqual(body);
  });
});
