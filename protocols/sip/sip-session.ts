import type { Core } from 'sip.js';
import { type Invitation, type Inviter, type Message, RequestPendingError, SessionState } from 'sip.js';
import { type Address, Emitter, type Subscribe } from '../contract/index.ts';
import { unawaited } from '../contract/unawaited.ts';
import { headerText, shownName } from './header-text.ts';
import { isDescription, type Refusal } from './inspection/request-inspection.ts';
import { retryAfterOf } from './request.ts';
import type { PassThroughDescriptions, ReofferAnswerer, SessionDescription } from './session-description-handler.ts';
import { addressOfUri } from './sip-address.ts';
import { partsOf, renewContact } from './sip-js-fixes.ts';
import { LOCAL_ANSWER_HEADER } from './transport/sip-transport.ts';

/** What this program calls itself in its messages (RFC 3261 §20.41). */
export const PRODUCT = 'AIMS';

/** A final answer to our INVITE that is not an acceptance. */
export interface Rejection {
  /** 300–699; 400 also for a 200 without an answer, 408 when no answer came, 487 after our own cancel, 503 when the connection broke. */
  status: number;
  /** No answer came over the network. */
  local: boolean;
  reason: string;
  /** Seconds (Retry-After). */
  retryAfter: number | undefined;
  /** Text of a Warning header (RFC 3261 §20.43). */
  warning: string | undefined;
}

/** A MESSAGE, outside or within a session. Either is to be called, once. */
export interface IncomingText {
  readonly message: Core.IncomingRequestMessage;
  /** Within a session its peer: no server looks at the From there. */
  readonly from: Address;
  /** Answers 200. */
  accept(): void;
  reject(options: Core.ResponseOptions): void;
}

/** What an acceptance that describes no session comes to. */
const NO_ANSWER: Rejection = {
  status: 400,
  local: false,
  reason: 'Missing session description',
  retryAfter: undefined,
  warning: undefined,
};

/**
 * ```
 * outgoing: inviting --200--> established --BYE--> ended
 *              |  \--cancel()--> ended{us}
 *              +--3xx-6xx, 200 without an answer, connection lost--> rejected
 * incoming: invited --accept()--> answering --200 sent--> established --BYE--> ended
 *              |\--reject()--> ended{us}        \--could not be sent--> ended{network}
 *              \--CANCEL--> ended{peer}
 * ```
 * Nothing follows `rejected` and `ended`.
 */
export type SipSessionState =
  | { state: 'inviting' }
  | { state: 'invited' }
  | { state: 'answering' }
  | { state: 'established'; remote: SessionDescription }
  | { state: 'rejected'; rejection: Rejection }
  /** `reason`: the Reason header (RFC 3326) of the peer's BYE or CANCEL, as it came; `status`: by which we refused its INVITE. */
  | { state: 'ended'; by: 'us' | 'peer' | 'network'; reason?: string; status?: number };

/** What both directions can do. */
export interface SipSession {
  readonly id: string;
  readonly direction: 'incoming' | 'outgoing';
  readonly peer: Address;
  /** The name the peer gave for itself; unverified. */
  readonly peerName: string | undefined;
  readonly state: SipSessionState;
  /** Every move after the call that made the session returned. */
  readonly onState: Subscribe<SipSessionState>;
  /** A provisional answer (180, 183) to our INVITE. */
  readonly onProgress: Subscribe<number>;
  /** Outgoing: a device has been reached, and said so (180, 183); `alike`: one of them runs this program. */
  readonly rung: { alike: boolean } | undefined;
  /** Incoming: what the peer offers. Outgoing: undefined until `established`. */
  readonly remote: SessionDescription | undefined;
  /** Value of a header of the INVITE (incoming). */
  header(name: string): string | undefined;
  /** Incoming and `invited` only; answers 180. */
  ring(): void;
  /** Incoming and `invited` only; answers 200 with our description. */
  accept(answer: SessionDescription): void;
  /** Incoming and `invited` only. `warning` becomes a 399 Warning. */
  reject(status: number, warning?: string): void;
  /** Ends whatever there is: 480, or CANCEL or BYE with `reason` as the Reason header (RFC 3326). Nothing in a final state. */
  end(reason?: string): void;
  /** Who answers offers the peer makes within the session. Default: our last description again. */
  answerReoffer: ReofferAnswerer | undefined;
  /** The peer offered within the session and has our answer, whatever it was; with the Reason header (RFC 3326) it gave. */
  readonly onReoffered: Subscribe<{ reason: string | undefined }>;
  /**
   * Offers anew within the established session (re-INVITE), with `reason` as its Reason header. Resolves to their answer;
   * rejects with the status as text.
   */
  reoffer(offer: SessionDescription, reason?: string): Promise<SessionDescription>;
}

/** Wraps sip.js's Inviter or Invitation; made by the user agent only. */
export class SipJsSession implements SipSession {
  readonly id: string;
  readonly direction: 'incoming' | 'outgoing';
  readonly peer: Address;
  readonly peerName: string | undefined;
  readonly #session: Inviter | Invitation;
  readonly #descriptions: PassThroughDescriptions;
  readonly #state = new Emitter<SipSessionState>();
  readonly #progress = new Emitter<number>();
  readonly #reoffered = new Emitter<{ reason: string | undefined }>();
  readonly onState = this.#state.on;
  readonly onProgress = this.#progress.on;
  readonly onReoffered = this.#reoffered.on;
  /** For the user agent: a MESSAGE came within the session (RFC 3428 §4). */
  onMessage: ((request: IncomingText) => void) | undefined;
  #current: SipSessionState;
  #offered: SessionDescription | undefined;
  #rung: { alike: boolean } | undefined;
  /** We have answered an offer of the peer's, and its ACK has not come. */
  #isUnconfirmed = false;
  readonly #confirmations = new Emitter<void>();

  constructor(session: Inviter | Invitation, descriptions: PassThroughDescriptions) {
    this.#session = session;
    this.#descriptions = descriptions;
    this.id = session.id;
    this.direction = 'cancel' in session ? 'outgoing' : 'incoming';
    this.peer = addressOfUri(session.remoteIdentity.uri);
    this.peerName = shownName(session.remoteIdentity.displayName);
    this.#current = { state: this.direction === 'outgoing' ? 'inviting' : 'invited' };
    // never let sip.js follow a REFER by itself, which it does unless told otherwise
    session.delegate = {
      onBye: (bye) => {
        unawaited(bye.accept());
        this.#end('peer', bye.request.getHeader('reason'));
      },
      onCancel: (cancel) => this.#end('peer', cancel.request.getHeader('reason')),
      onInvite: (request, _answer, status) => {
        // a refusal is confirmed within its transaction
        this.#isUnconfirmed = status < 300;
        this.#reoffered.emit({ reason: request.getHeader('reason') });
      },
      onAck: () => this.#confirmed(),
      onRefer: (referral) => unawaited(referral.reject({ statusCode: 603 })),
      onMessage: (message) => this.#messaged(message),
      onNotify: (notification) => unawaited(notification.reject({ statusCode: 481 })),
    };
    session.stateChange.addListener((state) => this.#onSipState(state));
    if ('accept' in session) this.#offered = offerOf(session);
  }

  get state(): SipSessionState {
    return this.#current;
  }

  get remote(): SessionDescription | undefined {
    return this.#descriptions.remote ?? this.#offered;
  }

  get rung(): { alike: boolean } | undefined {
    return this.#rung;
  }

  get answerReoffer(): ReofferAnswerer | undefined {
    return this.#descriptions.answerReoffer;
  }

  set answerReoffer(answerer: ReofferAnswerer | undefined) {
    this.#descriptions.answerReoffer = answerer;
  }

  header(name: string): string | undefined {
    return 'accept' in this.#session ? this.#session.request.getHeader(name) : undefined;
  }

  ring(): void {
    if (this.#current.state === 'invited' && 'accept' in this.#session)
      this.#session.progress({ statusCode: 180 }).catch(() => {});
  }

  accept(answer: SessionDescription): void {
    const session = this.#session;
    if (this.#current.state !== 'invited' || !('accept' in session)) return;
    this.#descriptions.local = answer;
    this.#move({ state: 'answering' });
    // a CANCEL may come in between; then `onCancel` has told
    session.accept().catch(() => this.#end('network'));
  }

  reject(status: number, warning?: string): void {
    const session = this.#session;
    if (this.#current.state !== 'invited' || !('accept' in session)) return;
    const extraHeaders = warning ? [`Warning: 399 client "${headerText(warning).replace(/[\\"]/g, '')}"`] : [];
    this.#refuse({ statusCode: status, extraHeaders });
  }

  /** For the user agent: the body of the INVITE is no session description. */
  refuse(refusal: Refusal): void {
    if (this.#current.state === 'invited') this.#refuse(refusal);
  }

  end(reason?: string): void {
    const session = this.#session;
    const { state } = this.#current;
    if (state === 'rejected' || state === 'ended') return;
    if (state === 'invited') {
      this.reject(480);
      return;
    }
    const extraHeaders = reason ? [`Reason: ${headerText(reason)}`] : [];
    if (session.state === SessionState.Established) {
      session.bye({ requestOptions: { extraHeaders } }).catch(() => {});
    } else if ('cancel' in session && isUnanswered(session.state)) {
      // RFC 3326 §2: a CANCEL says why as well
      session
        .cancel({ extraHeaders })
        .then(() => session.dispose())
        .catch(() => {});
    } else session.dispose().catch(() => {});
    this.#end('us');
  }

  async reoffer(offer: SessionDescription, reason?: string): Promise<SessionDescription> {
    const session = this.#session;
    // RFC 3261 §14.1: not while an offer of the peer's is under way, which it is until its ACK
    if (this.#isUnconfirmed) await this.#confirmation();
    if (this.#current.state !== 'established') throw new Error('the session is not established');
    // RFC 3261 §14.1: as if both had offered at once, which is what it would come to
    if (this.#descriptions.answering) throw new Error('491');
    const before = this.#descriptions.local;
    this.#descriptions.local = offer;
    this.#descriptions.offering = true;
    try {
      await new Promise<void>((resolve, reject) => {
        session
          .invite({
            requestOptions: { extraHeaders: reason ? [`Reason: ${headerText(reason)}`] : [] },
            requestDelegate: {
              onAccept: () => resolve(),
              onReject: ({ message }) => reject(new Error(String(message.statusCode ?? 0))),
              onRedirect: ({ message }) => reject(new Error(String(message.statusCode ?? 0))),
            },
          })
          .catch((error: unknown) => reject(isPending(error) ? new Error('491') : error));
      });
    } catch (error) {
      this.#descriptions.local = before;
      throw error;
    } finally {
      this.#descriptions.offering = false;
    }
    return this.#descriptions.remote ?? offer;
  }

  /** For the user agent: a provisional answer came. */
  progressed(message: Core.IncomingResponseMessage): void {
    if (this.#current.state !== 'inviting') return;
    // RFC 3261 §20.41: what the program at the other side calls itself; behind a fork there may be several
    const alike = productOf(message.getHeader('user-agent') ?? message.getHeader('server')) === PRODUCT;
    this.#rung = { alike: alike || this.#rung?.alike === true };
    this.#progress.emit(message.statusCode ?? 180);
  }

  /** For the user agent: the INVITE was answered with anything but an acceptance. */
  rejected(message: Core.IncomingResponseMessage): void {
    if (this.#current.state !== 'inviting') return;
    this.#move({
      state: 'rejected',
      rejection: {
        status: message.statusCode ?? 500,
        local: !message.hasHeader('via') || message.hasHeader(LOCAL_ANSWER_HEADER),
        reason: headerText(message.reasonPhrase ?? ''),
        retryAfter: retryAfterOf(message),
        warning: message.getHeader('warning'),
      },
    });
  }

  /** For the user agent: after a reconnect sip.js would go on naming the old address. */
  renewContact(contact: string): void {
    renewContact(this.#session, contact);
  }

  #refuse(refusal: Refusal): void {
    const session = this.#session;
    if ('accept' in session) session.reject(refusal).catch(() => {});
    this.#end('us', undefined, refusal.statusCode);
  }

  #messaged(message: Message): void {
    const request: IncomingText = {
      message: message.request,
      from: this.peer,
      accept: () => unawaited(message.accept()),
      reject: (options) => unawaited(message.reject(options)),
    };
    if (this.onMessage) this.onMessage(request);
    else request.reject({ statusCode: 488 });
  }

  #confirmation(): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.#confirmations.on(() => {
        stop();
        resolve();
      });
    });
  }

  #confirmed(): void {
    this.#isUnconfirmed = false;
    this.#confirmations.emit();
  }

  #onSipState(state: SessionState): void {
    if (state === SessionState.Established) {
      const remote = this.remote;
      this.#descriptions.established = true;
      if (remote && (this.#current.state === 'inviting' || this.#current.state === 'answering'))
        this.#move({ state: 'established', remote });
    }
    // the INVITE's own answer is told by `rejected`, which sip.js calls after this
    if (state === SessionState.Terminated) {
      queueMicrotask(() => {
        // an acceptance without an answer to our offer (RFC 3261 §13.2.1), to which sip.js has said ACK and BYE
        if (this.#current.state === 'inviting') this.#move({ state: 'rejected', rejection: NO_ANSWER });
        else this.#end(this.#current.state === 'established' ? 'network' : 'peer');
      });
    }
  }

  #end(by: 'us' | 'peer' | 'network', reason?: string, status?: number): void {
    const { state } = this.#current;
    if (state === 'rejected' || state === 'ended') return;
    this.#move({ state: 'ended', by, ...(reason ? { reason } : {}), ...(status ? { status } : {}) });
  }

  #move(state: SipSessionState): void {
    this.#current = state;
    if (state.state === 'ended') this.#confirmed();
    this.#state.emit(state);
  }
}

/** RFC 3261 §14.1: no offer while one is under way in either direction, up to its ACK. sip.js says so in words only. */
const isUnanswered = (state: SessionState): boolean =>
  state === SessionState.Initial || state === SessionState.Establishing;

const isPending = (error: unknown): boolean =>
  error instanceof RequestPendingError || (error instanceof Error && /ongoing re-INVITE/.test(error.message));

/** Without its version. */
const productOf = (header: string | undefined): string => /^[^\s/(]*/.exec(header?.trim() ?? '')?.[0] ?? '';

const offerOf = (invitation: Invitation): SessionDescription | undefined => {
  const { request } = invitation;
  // RFC 3261 §20.11: what its writer calls optional and is no description was passed over
  if (!request.body || !isDescription(request)) return undefined;
  const parts = partsOf(request);
  return { sdp: request.body, ...(parts ? { parts } : {}) };
};
