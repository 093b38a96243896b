import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { TlsIdentity } from '../../../msrp/index.ts';

// the few tags of X.690 that a certificate needs
const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const EXPLICIT_0 = 0xa0;

const COMMON_NAME = Buffer.from('550403', 'hex'); // 2.5.4.3
const ECDSA_WITH_SHA256 = Buffer.from('2a8648ce3d040302', 'hex'); // 1.2.840.10045.4.3.2

const DAY = 86_400_000;

/** Tag, length, value; X.690 §8.1.3 and §10.1: lengths from 128 on are counted themselves, in as few octets as hold them. */
function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(content);
  if (value.length < 128) return Buffer.concat([Buffer.of(tag, value.length), value]);
  const digits = value.length.toString(16);
  // one octet too many is no DER: OpenSSL lets it pass, the BoringSSL of Electron does not
  const length = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length), length, value]);
}

// RFC 5280 §4.1.2.5.1: until 2049 a UTCTime such as 261122203100Z, seconds always, no fraction
const time = (at: number): Buffer =>
  der(
    UTC_TIME,
    Buffer.from(
      `${new Date(at)
        .toISOString()
        .slice(2)
        .replace(/[-:T]|\.\d+Z$/g, '')}Z`,
    ),
  );

/** A new private key on P-256. */
export const createKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

/**
 * Makes a self-signed certificate on P-256. Node can read certificates but not write them, and this one form is all
 * that is needed: one common name, no extensions, valid from a day ago (clocks differ) to thirty days ahead.
 *
 * The name says nothing about the person: "if the endpoint is able to make anonymous sessions, a distinct certificate
 * MUST be used" (RFC 4975 §14.4), and a peer looks at nothing but the fingerprint in the SDP (`fingerprintOf`).
 *
 * `privateKey`: where the key itself is what a peer knows; a new one without.
 *
 * @example endpoint.listen({ host, tls: createCertificate(Date.now()) })
 */
export function createCertificate(now: number, privateKey = createKey()): TlsIdentity {
  const algorithm = der(SEQUENCE, der(OBJECT_IDENTIFIER, ECDSA_WITH_SHA256));
  const name = der(
    SEQUENCE,
    der(SET, der(SEQUENCE, der(OBJECT_IDENTIFIER, COMMON_NAME), der(UTF8_STRING, Buffer.from('AIMS')))),
  );
  // RFC 5280 §4.1.2.2: positive and at most 20 octets; the first octet is kept between 1 and 127
  const serial = Buffer.concat([Buffer.of(1), randomBytes(15)]);
  const toBeSigned = der(
    SEQUENCE,
    der(EXPLICIT_0, der(INTEGER, Buffer.of(2))),
    der(INTEGER, serial),
    algorithm,
    name,
    der(SEQUENCE, time(now - DAY), time(now + 30 * DAY)),
    name,
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  const whole = der(SEQUENCE, toBeSigned, algorithm, der(BIT_STRING, Buffer.of(0), signature));
  const lines = whole.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}
