import { isIP } from 'node:net';
import { type Address, ProviderError } from '../../contract/index.ts';
import { parseChallenges } from '../authentication/challenges.ts';
import type { DigestClient } from '../authentication/digest-client.ts';
import type { TlsTrust } from '../transport/tls-trust.ts';
import { exchange, type HttpAnswer, hostOf } from './http-exchange.ts';
import { type DocumentName, documentPath } from './xcap-uri.ts';

/** Largest document we read or write, bytes. */
export const DOCUMENT_MAXIMUM = 1_048_576;
const TIMEOUT = 10_000;
const ETAG_MAXIMUM = 1_000;
const SCOPE = 'XCAP';
/** Answers that a server gives to those whose password it has taken. */
const TAKEN: ReadonlySet<number> = new Set([200, 201, 304, 404, 409, 412]);

export interface XcapClientOptions {
  /** The XCAP root, ending in a slash. */
  root: URL;
  owner: Address;
  trust: Omit<TlsTrust, 'names'>;
  /** Names the certificate may carry beside the root's host. */
  names: readonly string[];
  /** What challenges are answered with; rejects with `credentials-missing`. */
  credentials(): Promise<DigestClient>;
  /** Credentials go without TLS, too, and not to this machine alone. */
  plain?: boolean;
  /** The server has taken the password, and the client is bound to how it was asked for. */
  onTaken?: () => void;
  /** Milliseconds for one exchange. Default 10 s. */
  timeout?: number | undefined;
  /** Bytes of an answer. Default 1 MiB. */
  maximum?: number | undefined;
}

/** A document as the server has it. */
export interface Fetched {
  text: string;
  /** Absent where the server sends none, or one too long to be sent back. */
  etag?: string | undefined;
}

/** Under which condition a document may be written (RFC 4825 §7.11). */
export type Condition = { ifMatch: string } | 'only-new' | 'any';

/**
 * Reads and writes whole XCAP documents (RFC 4825) with digest authentication. Every method rejects with a `ProviderError`
 * for what is not in its result: those of `exchange`, `credentials-rejected`, `policy` (403), `not-supported` (405, a
 * redirect), `malformed` (400, 409), `too-big`, `server-unavailable`, `tls-required` (it wants the password without TLS),
 * `authentication-weaker` and `authentication-changed` (otherwise than before).
 */
export class XcapClient {
  readonly #options: XcapClientOptions;
  readonly #ended = new AbortController();
  #isTaken = false;

  constructor(options: XcapClientOptions) {
    this.#options = options;
  }

  get root(): URL {
    return this.#options.root;
  }

  /** `none`: there is no such document; `same`: it still has this tag. */
  async get(auid: string, etag?: string): Promise<Fetched | 'none' | 'same'> {
    const answer = await this.#send('GET', this.#own(auid), etag === undefined ? {} : { 'If-None-Match': etag });
    if (answer.status === 404) return 'none';
    if (answer.status === 304 && etag !== undefined) return 'same';
    if (answer.status !== 200) throw errorOf(answer);
    return { text: answer.body, etag: etagOf(answer) };
  }

  /** The tag it has now, or `conflict`: somebody else was quicker. */
  async put(
    auid: string,
    contentType: string,
    text: string,
    condition: Condition,
  ): Promise<{ etag: string | undefined } | 'conflict'> {
    if (Buffer.byteLength(text) > DOCUMENT_MAXIMUM) throw new ProviderError('too-big');
    const headers = { 'Content-Type': contentType, ...conditionHeaders(condition) };
    const answer = await this.#send('PUT', this.#own(auid), headers, text);
    if (answer.status === 412) return 'conflict';
    if (answer.status !== 200 && answer.status !== 201) throw errorOf(answer);
    return { etag: etagOf(answer) };
  }

  /** A document of the global tree; undefined where there is none. */
  async global(auid: string): Promise<string | undefined> {
    const answer = await this.#send('GET', { auid }, {});
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw errorOf(answer);
    return answer.body;
  }

  /** Gives up what is under way, and everything after. */
  stop(): void {
    this.#ended.abort();
  }

  /** On a network without TLS a listener could try words on the digest, and a man in the middle could have any made (RFC 7616 §5.1). */
  get #mayTell(): boolean {
    const { root, plain = false } = this.#options;
    return plain || root.protocol === 'https:' || isThisMachine(hostOf(root));
  }

  #own(auid: string): DocumentName {
    return { auid, owner: this.#options.owner };
  }

  async #send(
    method: 'GET' | 'PUT',
    name: DocumentName,
    headers: Record<string, string>,
    body?: string,
  ): Promise<HttpAnswer> {
    const { root, trust, names, timeout = TIMEOUT, maximum = DOCUMENT_MAXIMUM } = this.#options;
    // not by `new URL(path, root)`: "sip:" at its beginning would be taken for a scheme
    const url = new URL(root.href + documentPath(name));
    const rules = {
      trust: { ...trust, names: [hostOf(root), ...names] },
      timeout,
      maximum,
      signal: this.#ended.signal,
    };
    const digest = { method, uri: url.pathname, body: body ?? '' };
    const client = await this.#options.credentials();
    const mayTell = this.#mayTell;
    const ask = (authorization: string | undefined): Promise<HttpAnswer> =>
      exchange(
        { method, url, headers: { ...headers, ...(authorization ? { Authorization: authorization } : {}) }, body },
        rules,
      );
    let given = mayTell ? client.preempt(SCOPE, digest)[0]?.value : undefined;
    let answer = await ask(given);
    // RFC 7616 §3.3: once more for a nonce that was only too old
    for (let round = 0; round < 2 && answer.status === 401; round++) {
      const challenges = parseChallenges(answer.headers['www-authenticate'] ?? '');
      if (!mayTell) throw new ProviderError('tls-required', { protocolCode: 'xcap' });
      const [best] = client.answer(challenges, digest);
      const needed = best ? undefined : client.consentNeeded(challenges);
      if (needed) throw new ProviderError(needed.code, { protocolCode: needed.allow });
      if (!best || (round > 0 && !best.stale)) break;
      client.remember(SCOPE, [best]);
      given = best.value;
      answer = await ask(given);
    }
    if (given !== undefined && TAKEN.has(answer.status) && !this.#isTaken) {
      this.#isTaken = true;
      client.bind([SCOPE]);
      this.#options.onTaken?.();
    }
    return answer;
  }
}

/** By its address; a name may lead anywhere. */
const isThisMachine = (host: string): boolean => host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

const conditionHeaders = (condition: Condition): Record<string, string> => {
  if (condition === 'any') return {};
  return condition === 'only-new' ? { 'If-None-Match': '*' } : { 'If-Match': condition.ifMatch };
};

const etagOf = ({ headers }: HttpAnswer): string | undefined =>
  headers.etag && headers.etag.length <= ETAG_MAXIMUM ? headers.etag : undefined;

/** RFC 4825 §11, RFC 9110 §15. */
const errorOf = ({ status, headers }: HttpAnswer): ProviderError => {
  const seconds = Number.parseInt(headers['retry-after'] ?? '', 10);
  const facts = { protocolCode: status, ...(seconds >= 0 ? { retryAfter: seconds } : {}) };
  if (status === 401 || status === 407) return new ProviderError('credentials-rejected', facts);
  if (status === 403) return new ProviderError('policy', facts);
  if (status === 400 || status === 409) return new ProviderError('malformed', facts);
  if (status === 413 || status === 507) return new ProviderError('too-big', facts);
  if (status === 429 || status >= 500) return new ProviderError('server-unavailable', { ...facts, retryable: true });
  return new ProviderError('not-supported', facts);
};
