import { randomUUID } from 'node:crypto';
import { ProviderError } from '../../contract/index.ts';
import { unawaited } from '../../contract/unawaited.ts';
import type { SipAnswer } from '../request.ts';
import { registrationError } from '../status-errors.ts';
import type { SipUserAgent } from '../user-agent.ts';

export interface RegistrationOptions {
  agent: SipUserAgent;
  /** Names this installation over restarts, so that a new binding takes the place of the old (RFC 5626 §4.1). */
  instanceId: string;
  /** A refresh failed: we are not reachable any more. */
  onLost(error: ProviderError): void;
  /** Other devices have logged in to the account. */
  onOthers(): void;
  /** The server wants a sign of life at least so often, in seconds (RFC 5626 §4.4). */
  onFlowTimer(seconds: number): void;
}

const EXPIRES = 600;
/** Seconds. A proxy commonly gives a device that does not answer 5 s. */
const AFTER_LOGIN = 8;
/** Milliseconds. Who sends OPTIONS in our name makes us send no more REGISTERs than that. */
const LOOK_AGAIN_AFTER = 2_000;
/** What a registrar may ask for: Node's timers overflow beyond 24.8 days and would fire at once. */
const LONGEST_WAIT = 2_147_483;
/** It said 200 and took no binding. */
const UNBOUND = { protocolCode: 200, retryable: true };

/**
 * Our binding at the registrar (RFC 3261 §10.2), refreshed before it ends. sip.js's own class loops as fast as the network
 * allows on some answers, so this sends plain REGISTERs. One is on its way at a time; CSeq counts up within one Call-ID.
 */
export class Registration {
  readonly #options: RegistrationOptions;
  readonly #callId = randomUUID();
  #cseq = 0;
  #expires = EXPIRES;
  #timer: NodeJS.Timeout | undefined;
  #busy: Promise<unknown> = Promise.resolve();
  #registered = false;
  /** Changes whenever the binding is given up. */
  #life = 0;
  #others = 0;
  /** By `performance.now`. */
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(options: RegistrationOptions) {
    this.#options = options;
    options.agent.onAskedByOwn(() => {
      // our own question comes back to us, too
      if (this.#others > 0 || performance.now() - this.#lookedAt < LOOK_AGAIN_AFTER) return;
      this.#lookedAt = performance.now();
      this.lookAround();
    });
  }

  /** Other devices that were logged in to the account when the registrar last told (RFC 3261 §10.3). */
  get others(): number {
    return this.#others;
  }

  /** Resolves to undefined when the registrar took the binding, else to the error. */
  register(): Promise<ProviderError | undefined> {
    const life = this.#life;
    return this.#inTurn(() => this.#register(life));
  }

  /** Looks after the binding now, as after waking up; a failure comes by `onLost`. */
  async refresh(): Promise<void> {
    if (!this.#registered) return;
    const error = await this.register();
    if (error && this.#registered) {
      this.forget();
      this.#options.onLost(error);
    }
  }

  /** Asks the registrar who else is there. That it cannot say is no reason to leave: the refresh in its time decides. */
  lookAround(): void {
    if (this.#registered) unawaited(this.register());
  }

  /** Takes our binding back. Resolves when answered or given up. */
  async unregister(): Promise<void> {
    if (!this.#registered) return;
    this.forget();
    await this.#inTurn(() => this.#send(0));
  }

  /** The connection is gone, and the binding with it. */
  forget(): void {
    clearTimeout(this.#timer);
    this.#life += 1;
    this.#registered = false;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#busy.then(work);
    this.#busy = turn.catch(() => {});
    return turn;
  }

  async #register(life: number): Promise<ProviderError | undefined> {
    let answer = await this.#send(this.#expires);
    const minimum = Number(answer.header('min-expires'));
    // RFC 3261 §10.2.8
    if (answer.status === 423 && minimum > this.#expires && minimum <= LONGEST_WAIT) {
      this.#expires = minimum;
      answer = await this.#send(this.#expires);
    }
    if (answer.status < 200 || answer.status > 299) return registrationError(answer);
    // we have left while it was on its way
    if (life !== this.#life) return undefined;
    const { own, others } = this.#bindings(answer);
    const granted = grantedSeconds(answer, own);
    // RFC 3261 §10.2.4: the registrar lists who is reachable; where we are not among them nobody reaches us
    if (granted === 0 || (!own && others > 0)) return new ProviderError('server-unavailable', UNBOUND);
    const isNew = !this.#registered;
    this.#registered = true;
    this.#seeOthers(others, isNew);
    const flowTimer = Number(answer.header('flow-timer'));
    if (flowTimer > 0) this.#options.onFlowTimer(flowTimer);
    // a server keeps what it took for us a moment before we came, or tried in vain over a dead connection of ours, a while
    // after we are there, and hands it out at a REGISTER
    const share = Math.min(granted ?? this.#expires, this.#expires) * 0.8;
    const wait = isNew ? Math.min(AFTER_LOGIN, share) : share;
    clearTimeout(this.#timer);
    // never sooner than 5 s, whatever the registrar grants
    this.#timer = setTimeout(() => unawaited(this.refresh()), Math.max(5, wait) * 1000);
    return undefined;
  }

  /**
   * They learn of us only with their next REGISTER. Where the proxy forks, OPTIONS to our own address reaches them all: a
   * program like ours then asks its registrar at once; any other answers, and is none the wiser.
   */
  #seeOthers(count: number, isNew: boolean): void {
    const { agent } = this.#options;
    const were = this.#others;
    this.#others = count;
    if (count === 0) return;
    if (isNew) unawaited(agent.request({ method: 'OPTIONS', to: agent.address }));
    if (were === 0) this.#options.onOthers();
  }

  /** Ours is known by its user part, or by the installation: one of our last life is no other device. */
  #bindings(answer: SipAnswer): { own: string | undefined; others: number } {
    const { agent, instanceId } = this.#options;
    const all = answer.headers('contact').filter((contact) => /<?sips?:/i.test(contact));
    const own = all.find((contact) => contact.includes(`:${agent.contactUser}@`));
    const ours = (contact: string): boolean => contact === own || contact.includes(`urn:uuid:${instanceId}`);
    return { own: own ?? all.find(ours), others: all.filter((contact) => !ours(contact)).length };
  }

  async #send(expires: number): Promise<SipAnswer> {
    const { agent, instanceId } = this.#options;
    this.#cseq += 1;
    const answer = await agent.request({
      method: 'REGISTER',
      to: agent.registrar,
      toHeader: agent.uri,
      callId: this.#callId,
      cseq: this.#cseq,
      headers: [
        `Contact: ${agent.contact};+sip.instance="<urn:uuid:${instanceId}>";reg-id=1;expires=${expires}`,
        `Expires: ${expires}`,
        `Allow: ${agent.allow.join(', ')}`,
      ],
      // "path" and not sip.js's "gruu": with a GRUU in Contact, ACK and BYE are undeliverable at usual proxies
      optionTags: ['path', 'outbound'],
    });
    this.#cseq = answer.cseq;
    return answer;
  }
}

/** How long our own binding holds; of the others in the answer we know nothing (RFC 3261 §10.2.4). Undefined: not said. */
const grantedSeconds = (answer: SipAnswer, own: string | undefined): number | undefined => {
  const granted = /;\s*expires\s*=\s*"?(\d+)/i.exec(own?.replace(/<[^>]*>/, '') ?? '')?.[1] ?? answer.header('expires');
  return granted !== undefined && /^\s*\d+\s*$/.test(granted) ? Number(granted) : undefined;
};
