import { randomUUID } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { type ConnectingStep, ProviderError } from '../../contract/index.ts';
import { unawaited } from '../../contract/unawaited.ts';
import { parseJid } from '../address.ts';
import { NS } from '../namespaces.ts';
import type { Session } from '../session/session.ts';
import { dial } from '../stream/dial.ts';
import { stanzaErrorOf } from '../stream/errors.ts';
import { secure, type Trust } from '../stream/secure-socket.ts';
import type { Target } from '../stream/targets.ts';
import { type Element, xml } from '../stream/xml.ts';
import { nonza, XmlStream } from '../stream/xml-stream.ts';
import { authenticate, type PasswordRules } from './sasl.ts';

export interface Credentials {
  bareJid: string;
  domain: string;
  /** Login name. */
  user: string;
  resource: string;
  /** Asked for once TLS is up; undefined when none is kept. */
  password: () => Promise<string | undefined>;
  rules: PasswordRules;
}

export interface LoginOptions {
  credentials: Credentials;
  target: Target;
  trust: Trust;
  session: Session;
  /** Milliseconds for each step. */
  timeout: number;
  signal: AbortSignal;
  onStep: (step: ConnectingStep) => void;
  /** Once, when the stream that this login made is gone. */
  onDown: (cause: ProviderError, redirect?: string) => void;
}

export interface LoggedIn {
  stream: XmlStream;
  /** True when the old session goes on and nothing of it was lost. */
  resumed: boolean;
  features: Element;
}

/** RFC 6120 §5: no STARTTLS offered is a server, or somebody before it, that wants our password in clear. */
const startTls = async (stream: XmlStream, features: Element, options: LoginOptions): Promise<Element> => {
  const { credentials, trust, timeout, signal } = options;
  if (!features.getChild('starttls', NS.tls)) throw new ProviderError('tls-required');
  const answer = stream.expect((element) => element.getNS() === NS.tls, timeout, 'starttls');
  unawaited(stream.send(nonza('starttls', NS.tls)));
  if (!(await answer).is('proceed'))
    throw new ProviderError('server-unavailable', { retryable: true, protocolCode: 'starttls' });
  const plain = stream.release();
  const abort = (): void => {
    plain.destroy();
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    stream.adopt(await secure(plain, { trust, host: credentials.domain, timeout }));
  } finally {
    signal.removeEventListener('abort', abort);
  }
  return stream.open(timeout);
};

/** XEP-0198 §5. False when the old session is gone for good. */
const resume = async (stream: XmlStream, { session, timeout }: LoginOptions): Promise<boolean> => {
  const { management } = session;
  let resumed = false;
  const answer = stream.expect(
    (element) => {
      if (element.getNS() !== NS.streamManagement) return false;
      const texts = element.is('resumed') ? management.onResumed(element) : undefined;
      if (element.is('failed')) management.onFailed(element);
      if (texts) {
        // in this turn: the stanzas that follow in the same segment belong to the resumed count
        resumed = true;
        session.attach(stream);
        session.replay(texts);
      }
      return true;
    },
    timeout,
    'resume',
  );
  unawaited(stream.send(management.resume()));
  const element = await answer;
  if (!resumed && !element.is('failed')) {
    // a server that counts wrong; a new session is the only way on
    management.abandon();
    throw new ProviderError('malformed', { retryable: true, protocolCode: 'resume' });
  }
  return resumed;
};

/** RFC 6120 §7. The session begins in the turn of the answer, so that no stanza right behind it is missed. */
const bind = async (stream: XmlStream, { credentials, session, timeout }: LoginOptions): Promise<void> => {
  const id = randomUUID();
  let bound = false;
  let isOther = false;
  const answer = stream.expect(
    (element) => {
      if (!element.is('iq', NS.client) || element.attrs.id !== id) return false;
      const jid = element.getChild('bind', NS.bind)?.getChildText('jid', NS.bind) ?? '';
      const given = parseJid(jid);
      // RFC 6120 §7.6.1 lets a server choose the resource; in another account's name nothing we hear could be believed
      isOther = given !== undefined && given.bare !== credentials.bareJid;
      bound = element.attrs.type === 'result' && Boolean(given?.resource) && !isOther;
      if (bound) session.begin(stream, jid);
      return true;
    },
    timeout,
    'bind',
  );
  const child = xml('bind', { xmlns: NS.bind }, xml('resource', {}, credentials.resource));
  unawaited(stream.send(xml('iq', { type: 'set', id }, child)));
  const element = await answer;
  if (isOther) throw new ProviderError('policy', { protocolCode: 'bind' });
  if (!bound) {
    const protocolCode = element.attrs.type === 'error' ? stanzaErrorOf(element).protocolCode : 'bind';
    throw new ProviderError('server-unavailable', { retryable: true, protocolCode });
  }
};

const enableManagement = async (stream: XmlStream, { session, timeout }: LoginOptions): Promise<void> => {
  const { management } = session;
  const answer = stream.expect(
    (element) => {
      if (element.getNS() !== NS.streamManagement) return false;
      if (element.is('enabled')) management.onEnabled(element);
      else if (element.is('failed')) management.onFailed(element);
      else return false;
      return true;
    },
    timeout,
    'enable',
  );
  unawaited(stream.send(management.enable()));
  await answer;
};

const negotiate = async (stream: XmlStream, options: LoginOptions, down: Promise<ProviderError>): Promise<LoggedIn> => {
  const { credentials, session, timeout, onStep } = options;
  let features = await stream.open(timeout);
  if (!stream.isSecure()) {
    onStep('securing');
    features = await startTls(stream, features, options);
  }
  onStep('authenticating');
  // a store that waits for a person must not outlive the connection
  const password = await Promise.race([credentials.password(), down]);
  if (password instanceof ProviderError) throw password;
  if (password === undefined) throw new ProviderError('credentials-missing');
  await authenticate(stream, features, { user: credentials.user, password, timeout, rules: credentials.rules });
  stream.markEstablished();
  features = await stream.open(timeout);
  onStep('registering');
  session.limit(features);
  const managed = features.getChild('sm', NS.streamManagement) !== undefined;
  if (managed && session.management.resumable && (await resume(stream, options))) {
    return { stream, resumed: true, features };
  }
  await bind(stream, options);
  if (managed) await enableManagement(stream, options);
  return { stream, resumed: false, features };
};

/**
 * From nothing to a stream on which stanzas flow, at one place: connect, TLS, SASL, then the old session or a new one. No
 * step waits longer than its limit, nothing of ours is written before TLS but the stream header and the wish for TLS, and
 * whatever goes wrong leaves no socket and no listener behind.
 */
export const login = async (options: LoginOptions): Promise<LoggedIn> => {
  const { credentials, target, trust, session, timeout, signal, onStep, onDown } = options;
  onStep('connecting');
  const plain = await dial(target.host, target.port, timeout, signal);
  session.serverAddress = plain.remoteAddress;
  let first: typeof plain | TLSSocket = plain;
  if (target.tls === 'direct') {
    onStep('securing');
    first = await secure(plain, { trust, host: credentials.domain, protocol: 'xmpp-client', timeout });
  }
  let fell: (cause: ProviderError) => void = () => {};
  const down = new Promise<ProviderError>((resolve) => {
    fell = resolve;
  });
  const stream = new XmlStream(credentials.domain, first, {
    // nothing is taken from a stream before it carries the session
    element: (element) => {
      if (session.isOn(stream)) session.take(element);
    },
    settle: () => {
      session.settle();
    },
    down: (cause, redirect) => {
      signal.removeEventListener('abort', abort);
      if (session.isOn(stream)) session.blame(cause);
      fell(cause);
      onDown(cause, redirect);
    },
  });
  const abort = (): void => stream.fail(new ProviderError('cancelled'));
  signal.addEventListener('abort', abort, { once: true });
  stream._jid(credentials.bareJid);
  try {
    return await negotiate(stream, options, down);
  } catch (cause) {
    const error = ProviderError.from(cause);
    stream.fail(error);
    throw error;
  }
};
