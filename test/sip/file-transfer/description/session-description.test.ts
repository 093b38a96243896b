import { describe, expect, test } from 'vitest';
import {
  MAXIMUM_ICON_BYTES,
  readOffer,
  refusalOf,
} from '../../../../protocols/sip/file-transfer/description/offer-check.ts';
import {
  type FileMedia,
  formatDescription,
  MAXIMUM_MEDIA,
  offersFiles,
  parseDescription,
  refusedMedia,
} from '../../../../protocols/sip/file-transfer/description/session-description.ts';

const lines = (...text: string[]): string => `${text.join('\r\n')}\r\n`;
const head = ['v=0', 'o=- 4004363954 4004363954 IN IP4 127.0.0.1', 's=sipsimple 5.5.0', 't=0 0'];
const HASH = 'E0:5C:13:18:5F:13:18:F2:E0:1D:35:7B:7F:FA:BA:E1:A3:5A:1F:8F';

/** As Blink 5.5 sends it, taken from the wire. */
const blinkOffer = lines(
  ...head,
  'm=message 41799 TCP/TLS/MSRP *',
  'c=IN IP4 127.0.0.1',
  'a=path:msrps://127.0.0.1:41799/6c6b71509c5e8e1011ca;tcp',
  'a=sendonly',
  'a=accept-types:*',
  'a=setup:actpass',
  `a=file-selector:name:"payload ünï.bin" type:application/octet-stream size:204817 hash:sha-1:${HASH}`,
  'a=x-file-offset',
  'a=file-transfer-id:17f0aa06-cee9-47cc-95e5-7269d5d60ddc',
);

const fileOf = (sdp: string, index = 0): FileMedia => {
  const media = parseDescription(sdp)?.[index];
  if (media?.kind !== 'file') throw new Error('no file in the description');
  return media.file;
};

const whole: FileMedia = {
  port: 7654,
  secure: true,
  path: ['msrps://192.0.2.1:7654/jshA7we;tcp'],
  direction: 'sendonly',
  setup: 'actpass',
  fingerprint: 'sha-256 AA:BB',
  acceptTypes: ['*'],
  maxSize: 5_000_000_000,
  selector: {
    name: 'My cool picture.jpg',
    type: 'image/jpeg',
    size: 32349,
    hashes: [{ algorithm: 'sha-1', value: HASH.replaceAll(':', '').toLowerCase() }],
  },
  transferId: 'vBnG916bdberum2fFEABR1FR3ExZMUrd',
  disposition: 'attachment',
  dates: { modifiedAt: Date.UTC(2006, 4, 15, 12, 1, 31) },
  range: { start: 1, stop: 32349 },
  iconId: 'id2@alicepc.example.com',
};
const wholeText = lines(
  'v=0',
  'o=- 7 8 IN IP4 192.0.2.1',
  's=-',
  'c=IN IP4 192.0.2.1',
  't=0 0',
  'm=message 7654 TCP/TLS/MSRP *',
  'a=setup:actpass',
  'a=fingerprint:sha-256 AA:BB',
  'a=sendonly',
  'a=path:msrps://192.0.2.1:7654/jshA7we;tcp',
  'a=accept-types:*',
  'a=max-size:5000000000',
  `a=file-selector:name:"My cool picture.jpg" type:image/jpeg size:32349 hash:sha-1:${HASH}`,
  'a=file-transfer-id:vBnG916bdberum2fFEABR1FR3ExZMUrd',
  'a=file-disposition:attachment',
  'a=file-date:modification:"Mon, 15 May 2006 12:01:31 +0000"',
  'a=file-icon:cid:id2@alicepc.example.com',
  'a=file-range:1-32349',
);

describe('a description of files', () => {
  test('with everything in it is written', () => {
    const text = formatDescription({ sessionId: 7, version: 8, host: '192.0.2.1' }, [{ kind: 'file', file: whole }]);
    expect(text.split('\r\n').sort()).toEqual(wholeText.split('\r\n').sort());
    // the lines before the attributes stand in the order of RFC 4566 §5
    expect(text.slice(0, text.indexOf('a='))).toBe(wholeText.slice(0, wholeText.indexOf('a=')));
  });
  test('with everything in it is read', () => expect(fileOf(wholeText)).toEqual({ ...whole, host: '192.0.2.1' }));

  test('from Blink is read', () => {
    expect(fileOf(blinkOffer)).toEqual({
      port: 41799,
      host: '127.0.0.1',
      secure: true,
      path: ['msrps://127.0.0.1:41799/6c6b71509c5e8e1011ca;tcp'],
      direction: 'sendonly',
      setup: 'actpass',
      acceptTypes: ['*'],
      selector: {
        name: 'payload ünï.bin',
        type: 'application/octet-stream',
        size: 204817,
        hashes: [{ algorithm: 'sha-1', value: HASH.replaceAll(':', '').toLowerCase() }],
      },
      transferId: '17f0aa06-cee9-47cc-95e5-7269d5d60ddc',
      dates: {},
    });
    expect(refusalOf(fileOf(blinkOffer))).toBeUndefined();
  });

  test('of an IPv6 host says so', () => {
    const text = formatDescription({ sessionId: 1, version: 1, host: '2001:db8::1' }, []);
    expect(text).toContain('o=- 1 1 IN IP6 2001:db8::1\r\n');
    expect(text).toContain('c=IN IP6 2001:db8::1\r\n');
  });

  test('keeps other media in their place and answers them with port 0', () => {
    const offer = `${blinkOffer}m=audio 5000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\n${blinkOffer.slice(blinkOffer.indexOf('m='))}`;
    const media = parseDescription(offer) ?? [];
    expect(media.map((line) => line.kind)).toEqual(['file', 'other', 'file']);
    expect(formatDescription({ sessionId: 1, version: 1, host: '192.0.2.1' }, media)).toContain(
      'm=audio 0 RTP/AVP 0 8\r\n',
    );
  });

  test('takes direction, setup and fingerprint from the session where the media line has none', () => {
    const text = lines(
      ...head,
      'a=sendonly',
      'a=setup:passive',
      'a=fingerprint:SHA-256 ab:cd',
      'm=message 9 TCP/MSRP *',
      'a=path:msrp://192.0.2.1:9/s;tcp',
      'a=file-selector:size:1',
    );
    expect(fileOf(text)).toMatchObject({ direction: 'sendonly', setup: 'passive', fingerprint: 'SHA-256 ab:cd' });
  });

  test('without a role or with holdconn leaves the offerer to connect (RFC 6135 §4.2.1)', () => {
    expect(fileOf(blinkOffer.replace('a=setup:actpass\r\n', '')).setup).toBeUndefined();
    expect(fileOf(blinkOffer.replace('actpass', 'holdconn')).setup).toBeUndefined();
  });

  test('is told from a chat by its file-selector', () => {
    expect(offersFiles(blinkOffer)).toBe(true);
    expect(offersFiles(blinkOffer.replace(/a=file-selector.*\r\n/, ''))).toBe(false);
    expect(offersFiles('nonsense')).toBe(false);
  });

  test('a name cannot write lines of its own', () => {
    const evil = {
      ...whole,
      selector: { hashes: [], size: 1, name: 'a\r\na=path:msrp://evil:1/x;tcp\r\nm=audio 1 X 0' },
    };
    const text = formatDescription({ sessionId: 1, version: 1, host: '192.0.2.1' }, [{ kind: 'file', file: evil }]);
    expect(text.match(/^a=path:/gm)).toHaveLength(1);
    expect(text.match(/^m=/gm)).toHaveLength(1);
    expect(fileOf(text).selector?.name).toBe(evil.selector.name);
  });

  test('a refusal mirrors selector and transfer id with port 0 (RFC 5547 §8.3)', () => {
    const refused = refusedMedia(fileOf(blinkOffer));
    const text = formatDescription({ sessionId: 1, version: 1, host: '192.0.2.1' }, [{ kind: 'file', file: refused }]);
    expect(text).toContain('m=message 0 TCP/TLS/MSRP *\r\n');
    expect(fileOf(text)).toMatchObject({
      port: 0,
      direction: 'recvonly',
      selector: fileOf(blinkOffer).selector,
      transferId: '17f0aa06-cee9-47cc-95e5-7269d5d60ddc',
    });
  });
});

describe('a broken offer is refused before anybody is asked', () => {
  const cases: [string, string, string][] = [
    ['without a path', blinkOffer.replace(/a=path.*\r\n/, ''), 'Path is missing'],
    ['with a path that is no URI', blinkOffer.replace('msrps://', 'http://'), 'Path does not fit the media line'],
    ['with a path without a port', blinkOffer.replace(':41799/', '/'), 'Path does not fit the media line'],
    [
      'with a path without a session',
      blinkOffer.replace('/6c6b71509c5e8e1011ca', ''),
      'Path does not fit the media line',
    ],
    ['with msrp over TLS', blinkOffer.replace('msrps://', 'msrp://'), 'Path does not fit the media line'],
    ['with msrps over TCP', blinkOffer.replace('TCP/TLS/MSRP', 'TCP/MSRP'), 'Path does not fit the media line'],
    ['that is closed', blinkOffer.replace('m=message 41799', 'm=message 0'), 'Media line is closed'],
    ['with a port that is none', blinkOffer.replace('m=message 41799', 'm=message 70000'), 'Port out of range'],
    ['that stands still', blinkOffer.replace('sendonly', 'inactive'), 'Nothing is sent or received'],
    ['with a broken selector', blinkOffer.replace('size:204817', 'size:-1'), 'File selector is broken'],
    ['with an empty selector', blinkOffer.replace(/(a=file-selector).*\r\n/, '$1\r\n'), 'File selector is empty'],
    ['with a name only', blinkOffer.replace(/(a=file-selector:).*\r\n/, '$1name:"a"\r\n'), 'File selector is empty'],
    ['of the second half of a file', `${blinkOffer}a=file-range:100000-204817\r\n`, 'Only whole files are received'],
  ];
  test.each(cases)('%s', (_, sdp, reason) => {
    expect(refusalOf(fileOf(sdp))).toEqual({ statusCode: 488, reason });
  });

  test('one with the whole file as its range is taken', () => {
    expect(refusalOf(fileOf(`${blinkOffer}a=file-range:1-204817\r\n`))).toBeUndefined();
    expect(refusalOf(fileOf(`${blinkOffer}a=file-range:1-*\r\n`))).toBeUndefined();
  });

  test('an unreadable one is 400', () => {
    expect(readOffer({ sdp: 'hello' })).toMatchObject({ statusCode: 400 });
    expect(readOffer({ sdp: lines(...head) })).toMatchObject({ statusCode: 400 });
  });

  test('one with more lines than anybody sends is 400', () => {
    const media = 'm=message 9 TCP/MSRP *\r\na=file-selector:size:1\r\n';
    expect(readOffer({ sdp: lines(...head) + media.repeat(MAXIMUM_MEDIA) })).toMatchObject({ icons: new Map() });
    expect(readOffer({ sdp: lines(...head) + media.repeat(MAXIMUM_MEDIA + 1) })).toMatchObject({ statusCode: 400 });
  });

  test('a media line that is none does no harm', () => {
    expect(parseDescription(lines(...head, 'm=', 'a=file-selector:size:1', 'm=message x y'))).toHaveLength(2);
  });
});

describe('the pictures beside an offer', () => {
  const content = Uint8Array.of(1, 2, 3);
  test('are found by their Content-ID', () => {
    const parts = [{ contentType: 'image/PNG; name=x', content, contentId: 'i@a' }];
    expect(readOffer({ sdp: blinkOffer, parts })).toMatchObject({
      icons: new Map([['i@a', { type: 'image/png', data: content }]]),
    });
  });
  test('are left out, and the offer stands, when they are no pictures, too big, empty or nameless', () => {
    const parts = [
      { contentType: 'image/svg+xml', content, contentId: 'a' },
      { contentType: 'image/png', content: new Uint8Array(MAXIMUM_ICON_BYTES + 1), contentId: 'b' },
      { contentType: 'image/png', content: new Uint8Array(0), contentId: 'c' },
      { contentType: 'image/png', content },
    ];
    expect(readOffer({ sdp: blinkOffer, parts })).toMatchObject({ icons: new Map() });
  });
});
