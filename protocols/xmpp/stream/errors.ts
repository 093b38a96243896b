import { ProviderError, type ProviderErrorCode } from '../../contract/index.ts';
import { NS } from '../namespaces.ts';
import type { Element } from './xml.ts';

/** The defined condition of an `<error/>` or `<failure/>`: the first child in that namespace that is not `<text/>`. */
export const conditionOf = (element: Element | undefined, namespace: string): string =>
  element
    ?.getChildElements()
    .find((child) => child.getNS() === namespace && child.getName() !== 'text')
    ?.getName() ?? 'undefined-condition';

type Meaning = { code: ProviderErrorCode; retryable: boolean };

const stop = (code: ProviderErrorCode): Meaning => ({ code, retryable: false });
const wait = (code: ProviderErrorCode): Meaning => ({ code, retryable: true });

// RFC 6120 §4.9.3. What is not retryable stops the account until a person has acted.
const STREAM_ERRORS: Readonly<Record<string, Meaning>> = {
  conflict: stop('account-conflict'),
  'host-unknown': stop('host-unknown'),
  'host-gone': stop('host-unknown'),
  'not-authorized': stop('credentials-rejected'),
  'unsupported-version': stop('not-this-protocol'),
  'invalid-namespace': stop('not-this-protocol'),
  'policy-violation': stop('policy'),
  'connection-timeout': wait('network'),
};

// RFC 6120 §4.9.3: these are about the server, the account or the connection, whatever we send.
const NOT_ABOUT_A_STANZA = new Set([
  'conflict',
  'connection-timeout',
  'host-gone',
  'host-unknown',
  'not-authorized',
  'remote-connection-failed',
  'reset',
  'see-other-host',
  'system-shutdown',
]);

/** The server closed the stream and said why. */
export class StreamError extends ProviderError {
  /** A stanza was above the server's limit. */
  readonly isTooBig: boolean;
  /** What we sent may be the reason. */
  readonly isAboutStanza: boolean;

  constructor(condition: string, { code, retryable }: Meaning, isTooBig: boolean) {
    super(code, { retryable, protocolCode: isTooBig ? 'stanza-too-big' : condition });
    this.isTooBig = isTooBig;
    this.isAboutStanza = !NOT_ABOUT_A_STANZA.has(condition);
  }
}

/** RFC 6120 §4.9.3.14 has no condition of its own for size: Prosody adds an element, ejabberd a text. */
const saysTooBig = (element: Element): boolean =>
  element.getChild('stanza-too-big', NS.applicationErrors) !== undefined ||
  /too (big|large)/i.test(element.getChildText('text', NS.streamErrors) ?? '');

/** Why the server closed the stream. `established`: after login, where a broken rule is an accident and not a refusal. */
export const streamErrorOf = (element: Element, established: boolean): StreamError => {
  const condition = conditionOf(element, NS.streamErrors);
  const { code, retryable } = STREAM_ERRORS[condition] ?? wait('server-unavailable');
  const accident = established && condition === 'policy-violation';
  return new StreamError(condition, { code, retryable: retryable || accident }, accident && saysTooBig(element));
};

// RFC 6120 §4.9.3: what the server cannot read or does not allow, as a fault of the one text that it closes the stream over
const CONTENT_ERRORS: Readonly<Record<string, ProviderErrorCode>> = {
  'bad-format': 'malformed',
  'bad-namespace-prefix': 'malformed',
  'invalid-xml': 'malformed',
  'not-well-formed': 'malformed',
  'restricted-xml': 'malformed',
  'policy-violation': 'policy',
};

/** What the sender of a stanza is told over which the server closed the stream again and again. */
export const refusalOf = (cause: ProviderError): ProviderError => {
  const code = cause instanceof StreamError ? CONTENT_ERRORS[cause.protocolCode ?? ''] : cause.code;
  return new ProviderError(code ?? 'server-unavailable', { protocolCode: cause.protocolCode });
};

// RFC 6120 §6.5
const SASL_FAILURES: Readonly<Record<string, Meaning>> = {
  'not-authorized': stop('credentials-rejected'),
  'credentials-expired': stop('credentials-rejected'),
  'invalid-authzid': stop('credentials-rejected'),
  'account-disabled': stop('policy'),
  'encryption-required': stop('policy'),
  'mechanism-too-weak': stop('policy'),
  'invalid-mechanism': stop('not-supported'),
};

export const saslFailureOf = (element: Element): ProviderError => {
  const condition = conditionOf(element, NS.sasl);
  const { code, retryable } = SASL_FAILURES[condition] ?? wait('server-unavailable');
  return new ProviderError(code, { retryable, protocolCode: condition });
};

// RFC 6120 §8.3.3
const STANZA_ERRORS: Readonly<Record<string, Meaning>> = {
  'service-unavailable': wait('peer-offline'),
  'recipient-unavailable': wait('peer-offline'),
  'remote-server-timeout': wait('peer-offline'),
  'item-not-found': stop('peer-unknown'),
  'remote-server-not-found': stop('peer-unknown'),
  gone: stop('peer-unknown'),
  'jid-malformed': stop('address-invalid'),
  'feature-not-implemented': stop('not-supported'),
  'not-acceptable': stop('policy'),
  'not-allowed': stop('policy'),
  'not-authorized': stop('policy'),
  forbidden: stop('policy'),
  'policy-violation': stop('policy'),
  'registration-required': stop('policy'),
  'subscription-required': stop('policy'),
  'bad-request': stop('malformed'),
  'resource-constraint': wait('server-unavailable'),
  'internal-server-error': wait('server-unavailable'),
};

/** What a stanza of type `error` says. Never throws, whatever is or is not inside. */
export const stanzaErrorOf = (stanza: Element): ProviderError => {
  const error = stanza.getChild('error');
  const condition = conditionOf(error, NS.stanzaErrors);
  // XEP-0191 §3.4: a blocked sender, or one whom we block ourselves
  if (error?.getChild('blocked', NS.blockingErrors)) return new ProviderError('blocked', { protocolCode: condition });
  const tooLarge = error?.getChild('file-too-large', NS.httpUpload);
  if (tooLarge) {
    // XEP-0363 §5
    const limit = tooLarge.getChildText('max-file-size', NS.httpUpload)?.trim() ?? '';
    const known = /^\d{1,15}$/.test(limit) ? { limit: Number(limit) } : {};
    return new ProviderError('too-big', { protocolCode: condition, ...known });
  }
  const { code, retryable } = STANZA_ERRORS[condition] ?? {
    code: 'server-unavailable' as const,
    retryable: error?.attrs.type === 'wait',
  };
  return new ProviderError(code, { retryable, protocolCode: condition });
};
