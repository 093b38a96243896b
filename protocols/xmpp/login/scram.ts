import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { ProviderError } from '../../contract/index.ts';

const deriveKey = promisify(pbkdf2);

/** RFC 7677 §4 asks for 4096 at least; the upper bound keeps a hostile server from burning a processor. */
const ITERATIONS = { minimum: 4096, maximum: 1_000_000 };

export type ScramMechanism = 'SCRAM-SHA-512' | 'SCRAM-SHA-256' | 'SCRAM-SHA-1';
const DIGESTS: Record<ScramMechanism, { name: string; bytes: number }> = {
  'SCRAM-SHA-512': { name: 'sha512', bytes: 64 },
  'SCRAM-SHA-256': { name: 'sha256', bytes: 32 },
  'SCRAM-SHA-1': { name: 'sha1', bytes: 20 },
};

const refuse = (protocolCode: string): ProviderError => new ProviderError('policy', { protocolCode });

/** RFC 4013, as far as it matters to a password somebody can type: odd spaces, invisible characters, NFKC. */
export const prepare = (text: string): string =>
  text
    .replace(/\p{Zs}/gu, ' ')
    .replace(/\u00ad|\u034f|\u1806|[\u180b-\u180d]|[\u200b-\u200d]|\u2060|[\ufe00-\ufe0f]|\ufeff/g, '')
    .normalize('NFKC');

/** What a server says about SASL in its features. */
export interface Advertised {
  mechanisms: readonly string[];
  /** Types of channel binding (XEP-0440); undefined where the server says nothing of them. */
  channelBindings?: readonly string[] | undefined;
}

/** XEP-0474 §6.1: each list sorted by its bytes ("i;octet"), joined by %x1E, the two by %x1F. */
const advertisedText = ({ mechanisms, channelBindings }: Advertised): string =>
  [mechanisms, ...(channelBindings ? [channelBindings] : [])]
    .map((names) => [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).join('\u001e'))
    .join('\u001f');

const attributesOf = (message: string): Map<string, string> =>
  new Map(message.split(',').map((part) => [part.slice(0, 1), part.slice(2)]));

/**
 * One SCRAM exchange as a client (RFC 5802), which also proves the server: `finish` rejects a server that does not know the
 * password. A server that speaks XEP-0474 proves in the same way what it offered: a mechanism that an attacker took out of its list is
 * found out. Faults are `policy` with the reason as `protocolCode`.
 *
 * @example
 * const scram = new Scram('SCRAM-SHA-256', 'ana', password);
 * send(scram.first); send(await scram.answer(challenge)); scram.finish(serverFinal);
 */
export class Scram {
  readonly #digest: { name: string; bytes: number };
  readonly #password: string;
  readonly #nonce: string;
  readonly #bare: string;
  readonly #advertised: Advertised | undefined;
  #serverSignature: Buffer | undefined;

  constructor(
    mechanism: ScramMechanism,
    user: string,
    password: string,
    { nonce = randomBytes(24).toString('base64'), advertised }: { nonce?: string; advertised?: Advertised } = {},
  ) {
    this.#advertised = advertised;
    this.#digest = DIGESTS[mechanism];
    this.#password = password;
    this.#nonce = nonce;
    // RFC 5802 §5.1: these two would end the name
    const name = prepare(user).replaceAll('=', '=3D').replaceAll(',', '=2C');
    this.#bare = `n=${name},r=${nonce}`;
  }

  /** client-first-message; "n": no channel binding here (RFC 5802 §7). */
  get first(): string {
    return `n,,${this.#bare}`;
  }

  /** client-final-message for this server-first-message. */
  async answer(serverFirst: string): Promise<string> {
    const attributes = attributesOf(serverFirst);
    const nonce = attributes.get('r') ?? '';
    const salt = Buffer.from(attributes.get('s') ?? '', 'base64');
    const iterations = Number(attributes.get('i'));
    // RFC 5802 §5.1: an extension we must know and do not
    if (attributes.has('m')) throw refuse('scram-extension');
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) throw refuse('scram-nonce');
    const offered = attributes.get('h');
    if (offered !== undefined && this.#advertised) {
      // XEP-0474 §6.2; the attribute is part of what both sides sign
      const ours = createHash(this.#digest.name).update(advertisedText(this.#advertised)).digest('base64');
      if (offered !== ours) throw refuse('scram-downgrade');
    }
    if (salt.length === 0) throw refuse('scram-salt');
    if (!Number.isInteger(iterations) || iterations < ITERATIONS.minimum || iterations > ITERATIONS.maximum) {
      throw refuse('scram-iterations');
    }
    const { name, bytes } = this.#digest;
    const hmac = (key: Buffer, text: string): Buffer => createHmac(name, key).update(text).digest();
    const salted = await deriveKey(prepare(this.#password), salt, iterations, bytes, name);
    const clientKey = hmac(salted, 'Client Key');
    const withoutProof = `c=${Buffer.from('n,,').toString('base64')},r=${nonce}`;
    const signed = `${this.#bare},${serverFirst},${withoutProof}`;
    const signature = hmac(createHash(name).update(clientKey).digest(), signed);
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
    this.#serverSignature = hmac(hmac(salted, 'Server Key'), signed);
    return `${withoutProof},p=${proof.toString('base64')}`;
  }

  /** Returns when this server-final-message proves that the server knows the password; throws otherwise. */
  finish(serverFinal: string): void {
    const shown = Buffer.from(attributesOf(serverFinal).get('v') ?? '', 'base64');
    const wanted = this.#serverSignature;
    if (!wanted || shown.length !== wanted.length || !timingSafeEqual(shown, wanted)) {
      throw refuse('server-signature-mismatch');
    }
  }
}
