import { describe, expect, test } from 'vitest';
import {
  formatMultipartRelated,
  mimeParameter,
  parseMultipart,
  partBytes,
  rootPart,
} from '../../../protocols/sip/file-transfer/multipart-related.ts';
import { MAXIMUM_ICON_BYTES, readOffer } from '../../../protocols/sip/file-transfer/offer-check.ts';

const SDP = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=message 9 TCP/MSRP *\r\na=file-selector:size:1\r\n';
const picture = Uint8Array.from({ length: 1000 }, (_, index) => (index * 7) % 256);

describe('multipart/related with a picture', () => {
  test('comes back as it was written', () => {
    const { contentType, body } = formatMultipartRelated(
      SDP,
      [{ contentId: 'i@a', type: 'image/png', data: picture }],
      'b1',
    );
    expect(contentType).toBe('multipart/related; type="application/sdp"; boundary="b1"');
    const parts = parseMultipart(contentType, body) ?? [];
    expect(parts).toHaveLength(2);
    expect(rootPart(contentType, parts)?.body).toBe(SDP);
    expect(parts[1] && partBytes(parts[1])).toEqual(Buffer.from(picture));
    for (const line of body.split('\r\n')) expect(line.length).toBeLessThanOrEqual(78);
  });

  test('is an offer with its picture found by Content-ID', () => {
    const { contentType, body } = formatMultipartRelated(
      SDP,
      [{ contentId: 'i@a', type: 'image/png', data: picture }],
      'b1',
    );
    const offer = readOffer(contentType, body);
    expect('icons' in offer && offer.icons.get('i@a')).toEqual({ type: 'image/png', data: Buffer.from(picture) });
  });

  test('a picture too big, of another type or damaged on the way is left out and the offer stands', () => {
    const icons = [
      { contentId: 'big@a', type: 'image/png', data: new Uint8Array(MAXIMUM_ICON_BYTES + 1) },
      { contentId: 'script@a', type: 'image/svg+xml', data: picture },
    ];
    const { contentType, body } = formatMultipartRelated(SDP, icons, 'b1');
    expect(readOffer(contentType, body)).toMatchObject({ icons: new Map() });
    const binary =
      '--b1\r\nContent-Type: application/sdp\r\n\r\n' +
      SDP +
      '\r\n--b1\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <i@a>\r\n\r\n\uFFFDPNG\r\n--b1--\r\n';
    expect(readOffer(contentType, binary)).toMatchObject({ icons: new Map() });
  });
});

describe('the multipart reader', () => {
  const type = 'Multipart/Related; start="<root@a>"; type="application/sdp"; boundary=simple';
  test('takes line ends of either kind, preamble, folded headers and a root named by start', () => {
    const body =
      'preamble\n--simple\nContent-Type: text/plain\n\nfirst\n--simple \nContent-ID:\n <root@a>\n\nsecond\nline\n--simple--\nepilogue';
    const parts = parseMultipart(type, body) ?? [];
    expect(parts.map((part) => part.body)).toEqual(['first', 'second\nline']);
    expect(rootPart(type, parts)?.body).toBe('second\nline');
  });
  test('a part without headers begins with an empty line', () => {
    expect(parseMultipart(type, '--simple\r\n\r\nbody\r\n--simple--')?.[0]).toEqual({
      headers: new Map(),
      body: 'body',
    });
  });
  test('a line that only begins like the boundary is content', () => {
    expect(parseMultipart(type, '--simple\r\n\r\na\r\n--simpler\r\nb\r\n--simple--')?.[0]?.body).toBe(
      'a\r\n--simpler\r\nb',
    );
  });
  test('a body that is cut at any place is no multipart', () => {
    const body = '--simple\r\nA: b\r\n\r\ntext\r\n--simple\r\n\r\nmore\r\n--simple--';
    for (let length = 0; length < body.length; length++) {
      const parts = parseMultipart(type, body.slice(0, length));
      expect(parts, `cut at ${length}`).toBeUndefined();
    }
    expect(parseMultipart(type, body)).toHaveLength(2);
  });
  test('no boundary or one too long is refused', () => {
    expect(parseMultipart('multipart/related', '--\r\n\r\n\r\n----')).toBeUndefined();
    expect(
      parseMultipart(
        `multipart/related; boundary=${'b'.repeat(71)}`,
        `--${'b'.repeat(71)}\r\n\r\nx\r\n--${'b'.repeat(71)}--`,
      ),
    ).toBeUndefined();
  });
  test('more parts than 64 are refused', () => {
    expect(parseMultipart(type, `${'--simple\r\n\r\nx\r\n'.repeat(64)}--simple--`)).toHaveLength(64);
    expect(parseMultipart(type, `${'--simple\r\n\r\nx\r\n'.repeat(65)}--simple--`)).toBeUndefined();
  });
  test('a quoted parameter may hold separators', () => {
    expect(mimeParameter('a/b; X="1;\\"2"; boundary = q ', 'x')).toBe('1;"2');
    expect(mimeParameter('a/b; x=1; boundary = q ', 'boundary')).toBe('q');
    expect(mimeParameter('a/b; x=1', 'y')).toBeUndefined();
  });
});
