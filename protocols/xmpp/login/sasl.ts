import { ProviderError } from '../../contract/index.ts';
import { unawaited } from '../../contract/unawaited.ts';
import { NS } from '../namespaces.ts';
import { saslFailureOf } from '../stream/errors.ts';
import { type Element, xml } from '../stream/xml.ts';
import type { XmlStream } from '../stream/xml-stream.ts';
import { type Advertised, prepare, Scram, type ScramMechanism } from './scram.ts';

// Best first. PLAIN shows the password to the server, so it is used (inside TLS) only where a directory leaves no choice.
const PREFERENCE: readonly (ScramMechanism | 'PLAIN')[] = ['SCRAM-SHA-512', 'SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN'];

const encode = (text: string): string => Buffer.from(text).toString('base64');
// RFC 6120 §6.4.2: a lone "=" is an empty answer
const decode = (element: Element): string => Buffer.from(element.getText().replace(/^=$/, ''), 'base64').toString();

const exchange = async (stream: XmlStream, sent: Element, timeout: number): Promise<Element> => {
  const answer = stream.expect((element) => element.getNS() === NS.sasl, timeout, 'sasl');
  unawaited(stream.send(sent));
  const element = await answer;
  if (element.is('failure')) throw saslFailureOf(element);
  return element;
};

/** What is kept of how a server asks for the password. */
export interface PasswordRules {
  /** Whether the password itself may be shown to the server. */
  mayUsePlain(): boolean;
  /** It offers a way in which it is not. */
  onScramOffered(): void;
}

const advertisedBy = (features: Element): Advertised => {
  const bindings = features.getChild('sasl-channel-binding', NS.channelBinding);
  const mechanisms = features.getChild('mechanisms', NS.sasl)?.getChildren('mechanism', NS.sasl) ?? [];
  return {
    mechanisms: mechanisms.map((mechanism) => mechanism.getText().trim()),
    channelBindings: bindings?.getChildren('channel-binding', NS.channelBinding).map(({ attrs }) => attrs.type ?? ''),
  };
};

/**
 * Proves who we are and, with SCRAM, who the server is (RFC 6120 §6). The stream must be protected by TLS. Rejects with
 * `credentials-rejected`, `authentication-weaker`, `policy`, `not-supported`, `server-unavailable` or the fault of the stream.
 */
export const authenticate = async (
  stream: XmlStream,
  features: Element,
  { user, password, timeout, rules }: { user: string; password: string; timeout: number; rules: PasswordRules },
): Promise<void> => {
  if (!stream.isSecure()) throw new ProviderError('tls-required');
  const advertised = advertisedBy(features);
  const mechanism = PREFERENCE.find((name) => advertised.mechanisms.includes(name));
  if (!mechanism) throw new ProviderError('not-supported', { protocolCode: 'no-mechanism' });
  const start = (text: string): Element => xml('auth', { xmlns: NS.sasl, mechanism }, encode(text));
  if (mechanism === 'PLAIN') {
    // XEP-0474 §7: an attacker that took SCRAM out of the list would be shown the password
    if (!rules.mayUsePlain()) throw new ProviderError('authentication-weaker', { protocolCode: mechanism });
    const answer = await exchange(stream, start(`\0${prepare(user)}\0${prepare(password)}`), timeout);
    if (!answer.is('success')) throw new ProviderError('not-this-protocol', { protocolCode: 'sasl' });
    return;
  }
  rules.onScramOffered();
  const scram = new Scram(mechanism, user, password, { advertised });
  const challenge = await exchange(stream, start(scram.first), timeout);
  if (!challenge.is('challenge')) throw new ProviderError('policy', { protocolCode: 'server-signature-mismatch' });
  const response = xml('response', { xmlns: NS.sasl }, encode(await scram.answer(decode(challenge))));
  let last = await exchange(stream, response, timeout);
  scram.finish(decode(last));
  // RFC 6120 §6.4.6 allows the proof in a challenge of its own, before an empty success
  if (last.is('challenge')) last = await exchange(stream, xml('response', { xmlns: NS.sasl }), timeout);
  if (!last.is('success')) throw new ProviderError('not-this-protocol', { protocolCode: 'sasl' });
};
