/**
 * The seam between SIP and what is built on it (messages, presence, file transfer, the server-less mode).
 *
 * - {@link SipUserAgent}: one SIP endpoint. `invite()` makes a {@link SipSession}; `onInvite` hands over incoming ones;
 *   `request()` sends any other request and resolves to its final answer, never rejecting.
 * - With a `ServerNetwork` everything goes to one server; with a `KeyedNetwork` there is none: it listens on its own port, each
 *   request goes to the peer whose id its URI names, and every flow proves the peer at its other end.
 * - Session descriptions are text this layer never reads (`session-description-handler.ts`).
 *
 * @example
 * const agent = new SipUserAgent({ address: 'sip:ana@campus.test', network, … });
 * await agent.connect();
 * agent.onInvite = (session) => session.accept({ sdp: answer });
 * const session = agent.invite('sip:bob@127.0.0.1:5070', { sdp: offer });
 * session.onState((s) => { if (s.state === 'established') use(s.remote.sdp); });
 */

import { type Core, Grammar, Inviter, type Session, type URI, UserAgent } from 'sip.js';
import { type Address, domainOf, Emitter, type ProviderLog, type Subscribe, userOf } from '../contract/index.ts';
import { unawaited } from '../contract/unawaited.ts';
import { disposeCore, setCredentials } from './authentication/credentials.ts';
import type { DigestClient } from './authentication/digest-client.ts';
import { displayName } from './header-text.ts';
import { refusalOfDescription } from './inspection/request-inspection.ts';
import { type OutgoingRequest, type SipAnswer, sendRequest } from './request.ts';
import { PassThroughDescriptions, type SessionDescription } from './session-description-handler.ts';
import { addressOfUri, toSipUri } from './sip-address.ts';
import { adaptCore, presetDescriptions } from './sip-js-fixes.ts';
import { guardInvitations } from './sip-js-timers.ts';
import { type IncomingText, PRODUCT, SipJsSession, type SipSession } from './sip-session.ts';
import type { Network } from './transport/network.ts';
import { FLOW_PEER_HEADER, SipTransport } from './transport/sip-transport.ts';
import type { MessageHead } from './transport/wire/message-head.ts';
import { hostText, VIA_HOST } from './transport/wire/via.ts';

export interface UserAgentOptions {
  address: Address;
  /** Shown to others beside the address; may be empty. */
  displayName: string;
  network: Network;
  log: ProviderLog;
  /** Body types we take in a MESSAGE, for OPTIONS. */
  accept: readonly string[];
  /** User part of our Contact; random without. */
  contactUser?: string;
}

const ALLOW = ['INVITE', 'ACK', 'CANCEL', 'BYE', 'MESSAGE', 'NOTIFY', 'OPTIONS'] as const;
const SUPPORTED = ['outbound', 'eventlist'] as const;
/** Longer than proxies wait (RFC 3261 §16.6 timer C, 3 min): who called decides how long to ring. */
const NO_ANSWER_SECONDS = 600;

/** One SIP endpoint on sip.js. */
export class SipUserAgent {
  readonly address: Address;
  /** Called for each incoming INVITE with a description; must accept or reject it sooner or later. Unset: 480. */
  onInvite: ((session: SipSession) => void) | undefined;
  /** Called for each incoming MESSAGE, outside sessions or within one (RFC 3428 §4); must answer it. Unset: 405. */
  onMessage: ((request: IncomingText) => void) | undefined;
  /** Asked for each MESSAGE and INVITE outside sessions: seconds after which it may be sent again. Unset or undefined: it is taken. */
  excess: ((from: Address, bytes: number) => number | undefined) | undefined;
  /** Says what sessions we can have, for OPTIONS (RFC 3264 §9). Unset or undefined: the answer has no body. */
  describe: (() => string | undefined) | undefined;
  readonly #userAgent: UserAgent;
  readonly #network: Network;
  readonly #sessions = new Set<SipJsSession>();
  readonly #askedByOwn = new Emitter<void>();
  /** Our own account asked what we can (OPTIONS): another of our devices, or we ourselves. */
  readonly onAskedByOwn: Subscribe<void> = this.#askedByOwn.on;
  readonly #heard = new Emitter<Address>();
  /** Somebody wrote to us, invited us, or asked what we can, outside sessions. */
  readonly onHeard: Subscribe<Address> = this.#heard.on;
  readonly #disconnected = new Emitter<Error>();
  /** The connection broke by itself (not by `disconnect`). */
  readonly onDisconnected: Subscribe<Error> = this.#disconnected.on;

  constructor(options: UserAgentOptions) {
    this.address = options.address;
    this.#network = options.network;
    const transport = new SipTransport(options.network, options.log, domainOf(options.address), (head) =>
      this.#belongsToUs(head),
    );
    this.#userAgent = new UserAgent({
      uri: toSipUri(options.address),
      displayName: displayName(options.displayName),
      viaHost: VIA_HOST,
      ...(options.contactUser === undefined ? {} : { contactName: options.contactUser }),
      forceRport: true,
      contactParams: { transport: 'tcp' },
      transportConstructor: class {
        constructor() {
          // biome-ignore lint/correctness/noConstructorReturn: sip.js wants a class, and the transport is made already
          return transport;
        }
      } as unknown as NonNullable<ConstructorParameters<typeof UserAgent>[0]>['transportConstructor'] & {},
      sessionDescriptionHandlerFactory: () => new PassThroughDescriptions(),
      sipExtensionExtraSupported: [...SUPPORTED],
      // sip.js answers 482 to a Call-ID beginning with these five characters; longer, none does, and we can write to ourselves
      sipjsId: 'client',
      userAgentString: PRODUCT,
      noAnswerTimeout: NO_ANSWER_SECONDS,
      sendInitialProvisionalResponse: false,
      logBuiltinEnabled: false,
      logConfiguration: false,
      gracefulShutdown: false,
      delegate: {
        onInvite: (invitation) =>
          this.#invited(new SipJsSession(invitation, descriptionsOf(invitation)), invitation.request),
        onNotify: (notification) => unawaited(notification.reject({ statusCode: 481 })),
        onDisconnect: (error) => {
          if (error) this.#disconnected.emit(error);
        },
      },
    });
    guardInvitations(this.core);
    const messaged = (request: Core.IncomingMessageRequest, from: URI): void =>
      this.#messaged({
        message: request.message,
        from: addressOfUri(from),
        accept: () => {
          request.accept();
        },
        reject: (answer) => {
          request.reject(answer);
        },
      });
    this.core.delegate.onMessage = (request) => messaged(request, request.message.from.uri);
    adaptCore(this.core, {
      allow: ALLOW,
      accept: ['application/sdp', ...options.accept],
      supported: SUPPORTED,
      // RFC 4569: whoever asks learns that we take message sessions
      contact: () => `${this.contact};message`,
      description: () => this.describe?.(),
      excess: (from, bytes) => this.excess?.(addressOfUri(from), bytes),
      isGenuine: (message) => this.#isGenuine(message),
      early: messaged,
      asked: (from) => {
        if (from.user === this.uri.user && from.host === this.uri.host) this.#askedByOwn.emit();
        else this.#heard.emit(addressOfUri(from));
      },
    });
  }

  get core(): Core.UserAgentCore {
    return this.#userAgent.userAgentCore;
  }

  /** Our Contact header value, with the address of the live connection. */
  get contact(): string {
    return this.#userAgent.contact.toString();
  }

  /** User part of our Contact: random unless given, and so what our own binding is known by. */
  get contactUser(): string {
    return this.#userAgent.contact.uri.user ?? '';
  }

  /** Methods we take. */
  get allow(): readonly string[] {
    return ALLOW;
  }

  /** What challenges are answered with from now on; undefined: nothing. */
  setCredentials(client: DigestClient | undefined): void {
    setCredentials(this.core, client);
  }

  /** Our AOR as sip.js has it. */
  get uri(): URI {
    return this.core.configuration.aor;
  }

  /** Where our domain registers us (RFC 3261 §10.2). */
  get registrar(): URI {
    return Grammar.URIParse(`sip:${this.uri.host}`) ?? this.uri;
  }

  /** IP address, port and protocol in our Contact; undefined while not connected. The address suits an SDP `c=` line. */
  get local(): Network['local'] {
    return this.#network.local;
  }

  get connected(): boolean {
    return this.#userAgent.transport.isConnected();
  }

  /** Connects (or begins to listen). Rejects with a `ProviderError`. */
  async connect(): Promise<void> {
    if (this.#userAgent.state !== 'Started') await this.#userAgent.start();
    else await this.#userAgent.transport.connect();
    const { local } = this.#network;
    if (!local) return;
    const { uri } = this.#userAgent.contact;
    uri.host = hostText(local.address);
    uri.port = local.port;
    uri.setParam('transport', local.protocol.toLowerCase());
    for (const session of this.#sessions) session.renewContact(this.#userAgent.contact.toString({ outbound: true }));
  }

  /** Closes the connection; sessions live on and can be ended after the next `connect`. Never rejects. */
  async disconnect(): Promise<void> {
    await this.#userAgent.transport.disconnect().catch(() => {});
  }

  /** Finds out soon whether the connection still lives. */
  probe(): void {
    this.#network.probe();
  }

  /** Ends all sessions, closes the connection and lets go of every timer. Never rejects. */
  async stop(): Promise<void> {
    for (const session of this.#sessions) session.end();
    await this.disconnect();
    if (this.#userAgent.state === 'Started') await this.#userAgent.stop().catch(() => {});
    disposeCore(this.core);
  }

  /**
   * Offers a session. `to` is an address, in direct mode with port and maybe `;transport=udp`. Throws `address-invalid`.
   * States are told by events, never before this returns.
   */
  invite(to: string, offer: SessionDescription): SipSession {
    // a multipart offer is a session description too; sip.js can't know
    const extraHeaders = offer.parts?.length ? ['Content-Disposition: session'] : [];
    const inviter = new Inviter(this.#userAgent, toSipUri(to), { extraHeaders });
    const descriptions = descriptionsOf(inviter);
    descriptions.local = offer;
    const session = this.#keep(new SipJsSession(inviter, descriptions));
    queueMicrotask(() => {
      if (session.state.state !== 'inviting') return;
      inviter
        .invite({
          requestDelegate: {
            onProgress: ({ message }) => session.progressed(message),
            onReject: ({ message }) => session.rejected(message),
            onRedirect: ({ message }) => session.rejected(message),
          },
        })
        .catch(() => session.end());
    });
    return session;
  }

  /** Sends a request outside sessions and resolves to its final answer. Never rejects. */
  request(request: OutgoingRequest): Promise<SipAnswer> {
    return sendRequest(this.core, request);
  }

  #messaged(text: IncomingText): void {
    this.#heard.emit(text.from);
    if (this.onMessage) this.onMessage(text);
    else text.reject({ statusCode: 405, extraHeaders: [`Allow: ${ALLOW.join(', ')}`] });
  }

  #invited(session: SipJsSession, request: Core.IncomingRequestMessage): void {
    this.#keep(session);
    this.#heard.emit(session.peer);
    const refusal = refusalOfDescription(request);
    if (refusal) session.refuse(refusal);
    else if (!session.remote) session.reject(488, 'An offer is needed in the INVITE');
    else if (this.onInvite) this.onInvite(session);
    else session.reject(480);
  }

  /** Whether a request is within one of our dialogs, or the first NOTIFY of a subscription, which may precede its 200. */
  #belongsToUs(head: MessageHead): boolean {
    const tagOf = (name: string): string => /;\s*tag\s*=\s*([^;\s]+)/i.exec(head.get(name) ?? '')?.[1] ?? '';
    const { dialogs, subscribers } = this.core;
    const ours = `${head.get('call-id')}${tagOf('to')}`;
    const event = head.get('event')?.split(';', 1)[0]?.trim() ?? '';
    return tagOf('to') !== '' && (dialogs.has(`${ours}${tagOf('from')}`) || subscribers.has(`${ours}${event}`));
  }

  /**
   * Where the flow proves the peer at its other end, no peer writes as another: the From is theirs, and what belongs to a dialog is
   * from the one it is with. Within a dialog only the user part counts: our own INVITE named host and port.
   */
  #isGenuine(message: Core.IncomingRequestMessage): boolean {
    const peer = message.getHeader(FLOW_PEER_HEADER);
    if (peer === undefined) return true;
    const { from, callId, fromTag, toTag } = message;
    if (!toTag) return addressOfUri(from.uri) === peer;
    const dialog = this.core.dialogs.get(`${callId}${toTag}${fromTag}`);
    return [from.uri.user, dialog?.remoteURI.user ?? from.uri.user].every((user) => user === userOf(peer));
  }

  #keep(session: SipJsSession): SipJsSession {
    this.#sessions.add(session);
    session.onMessage = (text) => this.#messaged(text);
    const stop = session.onState(({ state }) => {
      if (state !== 'rejected' && state !== 'ended') return;
      this.#sessions.delete(session);
      stop();
    });
    return session;
  }
}

/** sip.js makes the handler when it first needs one; we need it before. */
const descriptionsOf = (session: Session): PassThroughDescriptions => {
  const descriptions = new PassThroughDescriptions();
  presetDescriptions(session, descriptions);
  return descriptions;
};
