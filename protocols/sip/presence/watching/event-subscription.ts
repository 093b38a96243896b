import type { Core } from 'sip.js';
import type { Address } from '../../../contract/index.ts';
import { unawaited } from '../../../contract/unawaited.ts';
import { preemptCredentials } from '../../authentication/credentials.ts';
import { toSipUri } from '../../sip-address.ts';
import { keepSequence, stopWaitingForNotify } from '../../sip-js-fixes.ts';
import type { SipUserAgent } from '../../user-agent.ts';

/**
 * ```
 * idle --start--> asked --NOTIFY--> pending <-> active --terminated, refresh failed--> waiting --time--> asked
 *                   \--refused for good, terminated{rejected}--> refused
 * ```
 */
export type SubscriptionState = 'idle' | 'asked' | 'pending' | 'active' | 'waiting' | 'refused';

export interface EventSubscriptionOptions {
  agent: SipUserAgent;
  to: Address;
  /** Event package without parameters. */
  event: string;
  /** Body types. */
  accept: readonly string[];
  /** What is wanted of the resource, where the package has a body for it. */
  body?: { contentType: string; content: string };
  /** 0 to 1: spreads refreshes, so that what began together does not come together for ever. */
  random: () => number;
  onState(state: SubscriptionState): void;
  /** A body came; undefined: a NOTIFY without one. */
  onBody(body: string | undefined, contentType: string): void;
}

const EXPIRES = 3600;
const RETRY_AFTER = 120;
const LONGEST_WAIT = 2_147_483;
/** Answers that will be the same next time (RFC 6665 §4.1.2.4): wrong event, no such person, not allowed. */
const FINAL = new Set([403, 404, 405, 410, 489, 501, 603, 604]);

/**
 * One subscription to events of one resource (RFC 6665), kept alive until stopped. sip.js's own class loses it on many
 * answers and its `stop` never ends, so this drives the subscription dialog itself.
 */
export class EventSubscription {
  readonly #options: EventSubscriptionOptions;
  #state: SubscriptionState = 'idle';
  #dialog: Core.Subscription | undefined;
  #request: Core.OutgoingSubscribeRequest | undefined;
  /** Changes with every new attempt; late events of an old one compare it. */
  #attempt = 0;
  #expires = EXPIRES;
  /** Who has said how long it lasts since it was asked for last; a notice goes before an answer (RFC 6665 §4.1.3). */
  #grantedBy: 'nobody' | 'answer' | 'notice' = 'nobody';
  /** How often it was ended before its first refresh, one time after the other. */
  #endedEarly = 0;
  #timer: NodeJS.Timeout | undefined;
  #answered: (() => void) | undefined;
  /** Between two connections: what fails is not tried again until `start`. */
  #suspended = true;

  constructor(options: EventSubscriptionOptions) {
    this.#options = options;
  }

  get state(): SubscriptionState {
    return this.#state;
  }

  /**
   * Subscribes, or after a new connection: tells the notifier our new address, and asks anew if it has forgotten us. `anew`: by
   * a subscription of its own, the old one is taken back. Resolves when that is answered or given up; never rejects.
   */
  start(anew = false): Promise<void> {
    this.#suspended = false;
    this.#endedEarly = 0;
    this.#answered?.();
    const answered = new Promise<void>((resolve) => {
      this.#answered = resolve;
    });
    const old = anew ? this.#dialog : undefined;
    if (this.#dialog && !old) {
      this.refresh();
      return answered;
    }
    this.#dialog = undefined;
    this.#subscribe();
    if (old) unawaited(this.#takeBack(old));
    return answered;
  }

  /** The connection is gone: nothing to refresh until `start`. */
  suspend(): void {
    this.#suspended = true;
    clearTimeout(this.#timer);
    this.#answered?.();
  }

  /** Unsubscribes (RFC 6665 §4.1.2.3). Resolves when answered or given up; never rejects. */
  async stop(): Promise<void> {
    this.#suspended = true;
    const dialog = this.#dialog;
    this.#dialog = undefined;
    this.#forget();
    this.#move('idle');
    if (dialog) await this.#takeBack(dialog);
  }

  /** Never rejects. */
  async #takeBack(dialog: Core.Subscription): Promise<void> {
    if (!this.#options.agent.connected) {
      dialog.dispose();
      return;
    }
    // the last NOTIFY still comes to the dialog and has to be answered
    dialog.delegate = {
      onNotify: (request) => {
        request.accept();
      },
    };
    await new Promise<void>((resolve) => {
      const done = (): void => resolve();
      try {
        dialog.subscribe({ onAccept: done, onReject: done, onRedirect: done }, { extraHeaders: this.#headers(0) });
      } catch {
        done();
      }
    });
    dialog.dispose();
  }

  #headers(expires: number): string[] {
    const { agent, event, accept } = this.#options;
    return [
      `Event: ${event}`,
      `Expires: ${expires}`,
      `Accept: ${accept.join(', ')}`,
      `Contact: ${agent.contact}`,
      `Allow: ${agent.allow.join(', ')}`,
    ];
  }

  #subscribe(): void {
    this.#forget();
    const attempt = ++this.#attempt;
    const { agent, to, body } = this.#options;
    const { core } = agent;
    const uri = toSipUri(to);
    const message = core.makeOutgoingRequestMessage(
      'SUBSCRIBE',
      uri,
      agent.uri,
      uri,
      { optionTags: [...core.configuration.supportedOptionTags] },
      this.#headers(this.#expires),
      body && { contentDisposition: 'render', ...body },
    );
    // hundreds of contacts are asked about at every login: not each twice
    preemptCredentials(core, message);
    this.#move('asked');
    const current = (work: () => void): void => {
      if (attempt === this.#attempt) work();
    };
    this.#request = core.subscribe(message, {
      onAccept: ({ message: answer }) => current(() => this.#accepted(answer)),
      onReject: ({ message: answer }) => current(() => this.#rejected(answer)),
      onRedirect: ({ message: answer }) => current(() => this.#rejected(answer)),
      onNotifyTimeout: () => current(() => this.#retry(RETRY_AFTER)),
      onNotify: ({ request, subscription }) => {
        request.accept();
        if (attempt !== this.#attempt) {
          subscription?.dispose();
          return;
        }
        this.#dialog = subscription;
        if (subscription) {
          keepSequence(subscription, request.message);
          subscription.delegate = {
            onNotify: (next) => {
              next.accept();
              current(() => this.#notified(next.message));
            },
            onTerminated: () => current(() => this.#retry(Math.min(2 ** ++this.#endedEarly, RETRY_AFTER))),
          };
        }
        this.#notified(request.message);
      },
    });
  }

  #accepted(answer: Core.IncomingResponseMessage): void {
    this.#answered?.();
    const granted = Number(answer.getHeader('expires') ?? Number.NaN);
    if (!(granted > 0) || this.#grantedBy === 'notice') return;
    this.#grantedBy = 'answer';
    // RFC 6665 §4.1.2.1: it may be less than what was asked for, not more
    this.#lasts(Math.min(granted, this.#expires));
  }

  /** Refreshed well before so many seconds are over. */
  #lasts(seconds: number): void {
    clearTimeout(this.#timer);
    const share = 0.8 - 0.2 * this.#options.random();
    this.#timer = setTimeout(() => this.refresh(), Math.max(5, Math.min(seconds, LONGEST_WAIT) * share) * 1000);
  }

  #notified(message: Core.IncomingRequestMessage): void {
    const value = message.getHeader('subscription-state') ?? '';
    const state = /^\s*([a-z]+)/i.exec(value)?.[1]?.toLowerCase();
    const parameter = (name: string): string | undefined =>
      new RegExp(`;\\s*${name}\\s*=\\s*"?([^\\s;"]+)`, 'i').exec(value)?.[1]?.toLowerCase();
    if (state === 'terminated') {
      this.#dialog = undefined;
      this.#terminated(parameter('reason'), Number(parameter('retry-after') ?? Number.NaN));
      return;
    }
    const granted = Number(parameter('expires') ?? Number.NaN);
    if (granted > 0) {
      this.#grantedBy = 'notice';
      this.#lasts(granted);
    } else if (this.#grantedBy === 'nobody') this.#lasts(this.#expires);
    this.#move(state === 'pending' ? 'pending' : 'active');
    this.#options.onBody(message.body || undefined, message.getHeader('content-type') ?? '');
  }

  /** RFC 6665 §4.1.3: what each reason asks for. */
  #terminated(reason: string | undefined, retryAfter: number): void {
    switch (reason) {
      case 'rejected':
      case 'noresource':
      case 'invariant':
        this.#refused();
        return;
      case 'deactivated':
      case 'timeout':
        this.#retry(Math.min(2 ** ++this.#endedEarly, RETRY_AFTER));
        return;
      default:
        this.#retry(retryAfter >= 0 ? retryAfter : RETRY_AFTER);
    }
  }

  #rejected(answer: Core.IncomingResponseMessage): void {
    if (this.#isTooBrief(answer)) {
      this.#subscribe();
      return;
    }
    if (FINAL.has(answer.statusCode ?? 0)) {
      this.#refused();
      return;
    }
    this.#retry(waitOf(answer));
  }

  /** RFC 6665 §4.2.1.1: 423; then it is asked for longer from now on. */
  #isTooBrief(answer: Core.IncomingResponseMessage): boolean {
    const minimum = Number(answer.getHeader('min-expires'));
    const isTooBrief = answer.statusCode === 423 && minimum > this.#expires && minimum <= LONGEST_WAIT;
    if (isTooBrief) this.#expires = minimum;
    return isTooBrief;
  }

  /** Asks for all that is known now, within the subscription (RFC 6665 §4.1.2.2). Without one nothing is done. */
  refresh(): void {
    const dialog = this.#dialog;
    const attempt = this.#attempt;
    if (!dialog || !this.#options.agent.connected) {
      this.#answered?.();
      return;
    }
    const refused = ({ message: answer }: { message: Core.IncomingResponseMessage }): void => {
      if (attempt !== this.#attempt) return;
      const status = answer.statusCode ?? 0;
      if (FINAL.has(status)) this.#rejected(answer);
      else if (!this.#options.agent.connected) return;
      else if (this.#isTooBrief(answer)) this.refresh();
      // RFC 6665 §4.1.2.2: it lives on; for all else that can be the matter a new one is the surer way
      else if (status >= 500 || status === 408 || status === 429) this.#later(dialog, waitOf(answer));
      else this.#subscribe();
    };
    this.#grantedBy = 'nobody';
    this.#endedEarly = 0;
    clearTimeout(this.#timer);
    const { body } = this.#options;
    const message = {
      extraHeaders: this.#headers(this.#expires),
      ...(body && { body: { contentDisposition: 'render', ...body } }),
    };
    try {
      const accepted = ({ message: answer }: { message: Core.IncomingResponseMessage }): void => {
        if (attempt === this.#attempt) this.#accepted(answer);
      };
      dialog.subscribe({ onAccept: accepted, onReject: refused, onRedirect: refused }, message);
    } catch {
      this.#subscribe();
    }
  }

  #later(dialog: Core.Subscription, seconds: number): void {
    this.#answered?.();
    stopWaitingForNotify(dialog);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), Math.min(Math.max(seconds, 2), LONGEST_WAIT) * 1000);
  }

  #retry(seconds: number): void {
    this.#forget();
    this.#move('waiting');
    if (this.#suspended) return;
    // never at once again and again, whatever the notifier says
    this.#timer = setTimeout(
      () => {
        if (this.#options.agent.connected) this.#subscribe();
      },
      Math.min(Math.max(seconds, 2), LONGEST_WAIT) * 1000,
    );
  }

  #refused(): void {
    this.#forget();
    this.#move('refused');
  }

  /** Lets go of the dialog, the request and the timer; nothing is sent. */
  #forget(): void {
    clearTimeout(this.#timer);
    this.#attempt += 1;
    this.#grantedBy = 'nobody';
    this.#request?.waitNotifyStop();
    this.#request = undefined;
    const dialog = this.#dialog;
    this.#dialog = undefined;
    dialog?.dispose();
  }

  #move(state: SubscriptionState): void {
    if (state !== 'asked') this.#answered?.();
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onState(state);
  }
}

/** Seconds. */
const waitOf = (answer: Core.IncomingResponseMessage): number => {
  const retryAfter = Number.parseInt(answer.getHeader('retry-after') ?? '', 10);
  return retryAfter >= 0 ? retryAfter : RETRY_AFTER;
};
