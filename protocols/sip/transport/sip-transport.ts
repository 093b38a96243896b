import { EmitterImpl, type Transport, TransportState } from 'sip.js';
import { type ProviderLog, userOf } from '../../contract/index.ts';
import { deliverToCore } from '../sip-js-fixes.ts';
import type { Flow, Network, Target } from './network.ts';
import { Retransmitter } from './retransmitter.ts';
import { answerTo } from './wire/answer-to.ts';
import { CHALLENGE_HEADERS } from './wire/challenge-headers.ts';
import {
  type RefusalStatus,
  type Restoration,
  repairRequest,
  repairResponse,
  restoreResponse,
} from './wire/inbound-repair.ts';
import { MessageHead } from './wire/message-head.ts';
import {
  markSource,
  requestViaForCore,
  requestViaForWire,
  responseTarget,
  targetOf,
  viaForCore,
  viaForWire,
} from './wire/via.ts';

/** Put into answers made up here, so that a lost connection is not taken for a server's own 503. */
export const LOCAL_ANSWER_HEADER = 'X-Local-Answer';
/** Put into requests that came by a flow which proves the peer at its other end: that peer's address. */
export const FLOW_PEER_HEADER = 'X-Flow-Peer';

interface PendingRequest {
  flow: Flow;
  head: MessageHead;
  bytes: Buffer;
  /** Of `performance.now`. */
  startedAt: number;
}
interface ReceivedRequest {
  flow: Flow;
  restoration: Restoration;
  answered: boolean;
}

const RECEIVED_MAXIMUM = 5000;
const INVITES_MAXIMUM = 200;
const NON_INVITE_LIFETIME = 33_000;
const MULTIPART = /^\s*multipart\//i;

/**
 * The transport sip.js asks for, over any {@link Network}: swaps the Via host both ways, repeats requests and final INVITE
 * answers on UDP, answers what sip.js can't parse, fails pending requests at once when their flow breaks, and lets nothing
 * be thrown out of a socket handler. Bodies of type multipart reach sip.js with one character per byte (latin-1), all
 * others as UTF-8.
 */
export class SipTransport implements Transport {
  onConnect: (() => void) | undefined;
  onDisconnect: ((error?: Error) => void) | undefined;
  onMessage: ((message: string) => void) | undefined;
  readonly stateChange = new EmitterImpl<TransportState>();
  readonly #network: Network;
  readonly #log: ProviderLog;
  readonly #domain: string;
  readonly #belongsToUs: (head: MessageHead) => boolean;
  #state = TransportState.Disconnected;
  #attempt = 0;
  readonly #pending = new Map<string, PendingRequest>();
  readonly #received = new Map<string, ReceivedRequest>();
  /** Where the last INVITEs went, by branch. */
  readonly #inviteFlows = new Map<string, Flow>();
  readonly #retransmitter = new Retransmitter();
  /** Present while an ACK settles: what came meanwhile. */
  #waiting: (() => void)[] | undefined;

  /** `domain`: of our own address. `belongsToUs`: whether a request fits a dialog or subscription we have. */
  constructor(network: Network, log: ProviderLog, domain: string, belongsToUs: (head: MessageHead) => boolean) {
    this.#network = network;
    this.#log = log;
    this.#domain = domain;
    this.#belongsToUs = belongsToUs;
  }

  get protocol(): string {
    return this.#network.local?.protocol ?? 'TCP';
  }

  get state(): TransportState {
    return this.#state;
  }

  isConnected(): boolean {
    return this.#state === TransportState.Connected;
  }

  async connect(): Promise<void> {
    if (this.#state === TransportState.Connected) return;
    if (this.#state === TransportState.Connecting) throw new Error('already connecting');
    const attempt = ++this.#attempt;
    this.#moveTo(TransportState.Connecting);
    try {
      await this.#network.open({
        message: (flow, head, body) => this.#inOrder(() => this.#receive(flow, head, body)),
        oversized: (flow, head) => this.#inOrder(() => this.#oversized(flow, head)),
        flowBroken: (flow, error) => this.#guard(() => this.#failPending(flow, error)),
        down: (error) => this.#guard(() => this.#down(error)),
      });
    } catch (error) {
      if (attempt === this.#attempt) this.#moveTo(TransportState.Disconnected);
      throw error;
    }
    if (attempt !== this.#attempt) throw new Error('disconnected while connecting');
    this.#moveTo(TransportState.Connected);
    this.onConnect?.();
  }

  async disconnect(): Promise<void> {
    if (this.#state === TransportState.Disconnected) return;
    const wasConnected = this.#state === TransportState.Connected;
    const attempt = ++this.#attempt;
    this.#moveTo(TransportState.Disconnecting);
    this.#retransmitter.stopAll();
    await this.#network.close();
    this.#failPending(undefined, new Error('disconnected'));
    this.#received.clear();
    this.#inviteFlows.clear();
    if (attempt === this.#attempt) this.#moveTo(TransportState.Disconnected);
    if (wasConnected) this.onDisconnect?.();
  }

  dispose(): Promise<void> {
    return this.disconnect();
  }

  async send(text: string): Promise<void> {
    if (this.#state !== TransportState.Connected) throw new Error('not connected');
    const end = text.indexOf('\r\n\r\n');
    const head = MessageHead.parse(text.slice(0, end));
    if (!head) throw new Error('unreadable outgoing message');
    const body = Buffer.from(text.slice(end + 4), 'utf8');
    if (head.start.kind === 'request') await this.#sendRequest(head, head.start.uri, body);
    else await this.#sendResponse(head, head.start.status, body);
  }

  async #sendRequest(head: MessageHead, uri: string, body: Buffer): Promise<void> {
    const target = targetOf(uri, head.get('route'));
    if (!target) throw new Error('no target');
    // RFC 3261 §9.1, §17.1.1.3: CANCEL and the ACK to a refusal go where their INVITE went, which may have been too large for UDP
    const invited = head.method === 'INVITE' ? undefined : this.#inviteFlows.get(head.branch);
    const size = Buffer.byteLength(head.toString()) + body.length;
    const flow = invited?.open ? invited : await this.#network.flowFor(target, size);
    if (head.method === 'INVITE') this.#keepInviteFlow(head.branch, flow);
    head.map('Via', (via, index) => (index === 0 ? viaForWire(via, flow.protocol, flow.local) : via));
    const bytes = Buffer.concat([Buffer.from(head.toString(), 'utf8'), body]);
    const key = transactionKey(head);
    const again = (): void => {
      flow.send(bytes).catch(() => {});
    };
    if (head.method !== 'ACK') {
      this.#forgetOldPending();
      this.#pending.set(key, { flow, head, bytes, startedAt: performance.now() });
      if (flow.protocol === 'UDP') {
        if (head.method === 'INVITE') this.#retransmitter.invite(key, again);
        else this.#retransmitter.other(key, again);
      }
    }
    try {
      await flow.send(bytes);
    } catch (error) {
      this.#retransmitter.stop(key);
      this.#pending.delete(key);
      throw error;
    }
  }

  async #sendResponse(head: MessageHead, status: number, body: Buffer): Promise<void> {
    const { branch } = head;
    const received = this.#received.get(head.get('via') ?? '');
    if (received) {
      received.answered ||= status >= 200;
      restoreResponse(head, received.restoration);
    }
    head.map('Via', (via, index) => (index === 0 ? requestViaForWire(via) : via));
    const flow = received?.flow.open ? received.flow : await this.#flowBack(head.get('via') ?? '', received?.flow);
    const bytes = Buffer.concat([Buffer.from(head.toString(), 'utf8'), body]);
    if (flow.protocol === 'UDP' && status >= 300 && head.method === 'INVITE') {
      this.#retransmitter.other(`answer ${branch}`, () => {
        flow.send(bytes).catch(() => {});
      });
    }
    await flow.send(bytes);
  }

  #flowBack(via: string, former: Flow | undefined): Promise<Flow> {
    const target: Target | undefined = responseTarget(via);
    if (!target) throw new Error('no way back');
    const user = former?.peer === undefined ? undefined : userOf(former.peer);
    return this.#network.flowFor({ ...target, user }, 0);
  }

  #receive(flow: Flow, headText: string, body: Buffer): void {
    if (this.#state !== TransportState.Connected) return;
    const head = MessageHead.parse(headText);
    if (!head) {
      this.#log('debug', 'sip.unreadable', { bytes: headText.length });
      return;
    }
    head.map(LOCAL_ANSWER_HEADER, () => undefined);
    head.map(FLOW_PEER_HEADER, () => undefined);
    for (const name of Object.values(CHALLENGE_HEADERS)) head.map(name, () => undefined);
    if (flow.stranger && !this.#expected(head)) {
      this.#log('debug', 'sip.stranger', { method: head.method });
      return;
    }
    if (head.start.kind === 'request') this.#receiveRequest(flow, head, head.start.method, body);
    else this.#receiveResponse(flow, head, head.start.status, body);
  }

  /** From another address than we asked: answers we wait for, whose branch nobody can guess, and what is within a dialog. */
  #expected(head: MessageHead): boolean {
    if (head.start.kind === 'request') return this.#belongsToUs(head);
    // RFC 3261 §13.2.2.4: a 200 to an INVITE comes again until its ACK has arrived
    const again = head.method === 'INVITE' && this.#inviteFlows.has(head.branch);
    return again || this.#pending.has(transactionKey(head));
  }

  #receiveRequest(flow: Flow, head: MessageHead, method: string, body: Buffer): void {
    head.map('Via', (via, index) => (index === 0 ? markSource(via, flow) : via));
    // without a Via no answer finds its request (RFC 3261 §17.1.3); all else that is missing is answered (RFC 4475 §3.3.1)
    if (!head.get('via')) return;
    const restoration = head.get('call-id') && head.get('cseq') ? repairRequest(head, this.#domain) : 400;
    if (flow.peer !== undefined) head.set(FLOW_PEER_HEADER, flow.peer);
    if (typeof restoration === 'number') {
      this.#refuse(flow, head, restoration);
      return;
    }
    const via = requestViaForCore(head);
    head.map('Via', (each, index) => (index === 0 ? via : each));
    if (method === 'ACK') this.#retransmitter.stop(`answer ${head.branch}`);
    const known = this.#received.get(via);
    const received: ReceivedRequest = { flow, restoration, answered: known?.answered ?? false };
    this.#received.delete(via);
    this.#received.set(via, received);
    const [oldest] = this.#received.keys();
    if (this.#received.size > RECEIVED_MAXIMUM && oldest !== undefined) this.#received.delete(oldest);
    const outcome = this.#deliver(head, body);
    if (method === 'ACK') this.#settle();
    head.map('Via', (each, index) => (index === 0 ? requestViaForWire(each) : each));
    if (outcome === 'unparsable') this.#refuse(flow, head, 400);
    else if (outcome === 'threw' && !received.answered) this.#refuse(flow, head, 500);
  }

  #receiveResponse(flow: Flow, head: MessageHead, status: number, body: Buffer): void {
    if (isCut(head, body) || !repairResponse(head, this.#domain)) {
      this.#log('debug', 'sip.unreadable', { status });
      return;
    }
    const key = transactionKey(head);
    const pending = this.#pending.get(key);
    // where flows prove their peer, no peer answers for another
    if (flow.peer !== (pending?.flow ?? this.#inviteFlows.get(head.branch))?.peer) {
      this.#log('debug', 'sip.stranger', { status });
      return;
    }
    if (status >= 200) {
      this.#retransmitter.stop(key);
      this.#pending.delete(key);
    } else if (pending && head.method === 'INVITE') this.#retransmitter.stop(key);
    else if (pending) {
      this.#retransmitter.slowDown(key, () => {
        pending.flow.send(pending.bytes).catch(() => {});
      });
    }
    head.map('Via', (via, index) => (index === 0 ? viaForCore(via) : via));
    head.rename('WWW-Authenticate', CHALLENGE_HEADERS[401]);
    head.rename('Proxy-Authenticate', CHALLENGE_HEADERS[407]);
    this.#deliver(head, body);
  }

  #deliver(head: MessageHead, body: Buffer): 'taken' | 'unparsable' | 'threw' {
    const text = body.toString(MULTIPART.test(head.get('content-type') ?? '') ? 'latin1' : 'utf8');
    if (head.get('content-length') === undefined) head.set('Content-Length', String(body.length));
    try {
      return deliverToCore(this.onMessage, head.toString() + text);
    } catch (error) {
      this.#log('warn', 'sip.handler-threw', {
        method: head.method,
        error: error instanceof Error ? error.name : 'unknown',
      });
      return 'threw';
    }
  }

  /** RFC 3261 §21.5.14: 513. An answer of that size counts as none (408 from sip.js, when its time is over). */
  #oversized(flow: Flow, headText: string): void {
    const head = MessageHead.parse(headText);
    this.#log('warn', 'sip.oversized', { method: head?.method ?? '' });
    if (head?.start.kind !== 'request') return;
    head.map('Via', (via, index) => (index === 0 ? markSource(via, flow) : via));
    this.#refuse(flow, head, 513);
  }

  /** Answers a request that never reaches sip.js. */
  #refuse(flow: Flow, head: MessageHead, status: RefusalStatus | 500): void {
    if (head.method === 'ACK') return;
    flow.send(Buffer.from(answerTo(head, status, REASONS[status]), 'utf8')).catch(() => {});
  }

  /** RFC 3261 §8.1.3.1: a broken connection counts as 503, at once and not after 32 s. Undefined: every flow. */
  #failPending(flow: Flow | undefined, error: Error): void {
    for (const [key, pending] of this.#pending) {
      if (flow && pending.flow !== flow) continue;
      this.#pending.delete(key);
      this.#retransmitter.stop(key);
      const head = MessageHead.parse(answerTo(pending.head, 503, 'Connection lost').trimEnd());
      if (!head) continue;
      head.map('Via', (via, index) => (index === 0 ? viaForCore(via) : via));
      head.set(LOCAL_ANSWER_HEADER, 'network');
      this.#deliver(head, Buffer.alloc(0));
    }
    this.#log('debug', 'sip.flow-broken', { reason: error.message });
  }

  #down(error: Error): void {
    if (this.#state !== TransportState.Connected) return;
    this.#failPending(undefined, error);
    this.#retransmitter.stopAll();
    this.#received.clear();
    this.#inviteFlows.clear();
    this.#moveTo(TransportState.Disconnected);
    this.onDisconnect?.(error);
  }

  #keepInviteFlow(branch: string, flow: Flow): void {
    this.#inviteFlows.set(branch, flow);
    const [oldest] = this.#inviteFlows.keys();
    if (this.#inviteFlows.size > INVITES_MAXIMUM && oldest !== undefined) this.#inviteFlows.delete(oldest);
  }

  #forgetOldPending(): void {
    // not the time of day, which may jump
    const limit = performance.now() - NON_INVITE_LIFETIME;
    for (const [key, pending] of this.#pending) {
      if (pending.startedAt > limit) break;
      if (pending.head.method !== 'INVITE') this.#pending.delete(key);
    }
  }

  #moveTo(state: TransportState): void {
    this.#state = state;
    this.stateChange.emit(state);
  }

  /**
   * sip.js takes an ACK in over a promise, and answers 500 to a re-INVITE that came in the same segment. So what follows an
   * ACK is handled in the next turn.
   */
  #inOrder(work: () => void): void {
    if (this.#waiting) this.#waiting.push(work);
    else this.#guard(work);
  }

  #settle(): void {
    this.#waiting ??= [];
    setImmediate(() => {
      const waiting = this.#waiting ?? [];
      this.#waiting = undefined;
      for (const work of waiting) this.#inOrder(work);
    });
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#log('error', 'sip.transport-fault', { error: error instanceof Error ? error.message : 'unknown' });
    }
  }
}

const REASONS = {
  400: 'Bad Request',
  416: 'Unsupported URI Scheme',
  500: 'Server Internal Error',
  505: 'Version Not Supported',
  513: 'Message Too Large',
} as const;

/** RFC 3261 §18.3: a datagram that ends before its body does. (sip.js refuses such requests itself.) */
const isCut = (head: MessageHead, body: Buffer): boolean => Number(head.get('content-length')) > body.length;

const transactionKey = (head: MessageHead): string => `${head.branch} ${head.method}`;
