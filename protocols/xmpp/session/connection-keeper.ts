import { setTimeout as delay } from 'node:timers/promises';
import {
  type ConnectingStep,
  Emitter,
  type MachineEvent,
  ProviderError,
  type ProviderLog,
  type Registration,
  registrationMayMove,
} from '../../contract/index.ts';
import { type Credentials, type LoggedIn, login } from '../login/login.ts';
import type { Trust } from '../stream/secure-socket.ts';
import type { Target } from '../stream/targets.ts';
import type { Session } from './session.ts';
import type { Timings } from './timings.ts';

export interface KeeperOptions {
  credentials: Credentials;
  trust: Trust;
  session: Session;
  timings: Timings;
  /** Where to go, in order; asked before every attempt. */
  locate: () => Promise<Target[]>;
  /** A new session began: roster, carbons, presence. Online is told when this is done. */
  restore: (loggedIn: LoggedIn) => Promise<void>;
  log: ProviderLog;
  now: () => number;
  random: () => number;
}

/** A connection that only fell raises the ceiling of the next wait no higher than after so many failures: 8 s. */
const SHORT_LIVES = 3;

/** `host`, `host:port` or `[v6]:port` as RFC 6120 §4.9.3.19 and XEP-0198 §3 write it. */
const parsePlace = (place: string): { host: string; port: number } | undefined => {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:\s/]+))(?::(\d{1,5}))?$/i.exec(place);
  const host = match?.[1] ?? match?.[2];
  return host ? { host, port: Number(match?.[3] ?? 5222) } : undefined;
};

/**
 * Keeps one account online: the machine of `Registration`. One loop, one attempt at a time; the loop ends with `stop()` or
 * with a cause that is not retryable.
 *
 * ```
 * start -> attempt --fault--> retryable? --yes--> waiting (full jitter, 1..60 s) -> attempt
 *             |                    \--no--> stopped
 *             +--online--> until the connection falls --> the same question
 * ```
 * A login that succeeds begins the back-off anew, because the server is there: a network that drops every few seconds must
 * not make the waits grow. Where the server itself closes the stream soon after, they grow on.
 */
export class ConnectionKeeper {
  readonly #options: KeeperOptions;
  readonly #changed = new Emitter<Registration>();
  readonly onRegistration = this.#changed.on;
  #registration: Registration = { state: 'offline' };
  #running: { abort: AbortController; done: Promise<void> } | undefined;
  /** Ends the present wait at once. */
  #hurry: AbortController | undefined;
  #failures = 0;
  #redirect: string | undefined;
  #leaving = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  get registration(): Registration {
    return this.#registration;
  }

  start(): void {
    if (this.#running) return;
    const abort = new AbortController();
    this.#failures = 0;
    this.#leaving = false;
    this.#running = { abort, done: this.#run(abort.signal) };
  }

  async stop(): Promise<void> {
    const running = this.#running;
    if (running) {
      this.#leaving = true;
      if (this.#registration.state === 'online') await this.#options.session.leave();
      running.abort.abort();
      await running.done;
    }
    this.#options.session.end(new ProviderError('network', { retryable: true, detail: 'stopped' }));
    this.#move({ state: 'offline' });
  }

  machineEvent(event: MachineEvent): void {
    this.#options.log('info', 'xmpp.machine', { event, state: this.#registration.state });
    this.#failures = 0;
    this.#hurry?.abort();
    if (this.#registration.state === 'online') this.#options.session.probe(this.#options.timings.wakeDeadline);
  }

  #move(registration: Registration): void {
    if (registration.state === this.#registration.state && registration.state !== 'connecting') return;
    if (!registrationMayMove(this.#registration.state, registration.state)) {
      throw new Error(`registration may not go from ${this.#registration.state} to ${registration.state}`);
    }
    this.#registration = registration;
    this.#changed.emit(registration);
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (;;) {
      const cause = await this.#attempt(signal);
      if (this.#leaving) break;
      this.#options.log(cause.retryable ? 'warn' : 'error', 'xmpp.connection-ended', {
        code: cause.code,
        condition: cause.protocolCode ?? '',
        retry: cause.retryable,
      });
      if (!cause.retryable) {
        this.#running = undefined;
        this.#options.session.end(cause);
        this.#move({ state: 'stopped', cause });
        return;
      }
      await this.#wait(cause, signal);
      if (this.#leaving) break;
    }
    this.#running = undefined;
  }

  async #wait(cause: ProviderError, signal: AbortSignal): Promise<void> {
    const { timings, now, random } = this.#options;
    const ceiling = Math.min(timings.backOffMaximum, timings.backOffBase * 2 ** this.#failures);
    this.#failures += 1;
    const wait = Math.round(random() * ceiling);
    const hurry = new AbortController();
    this.#hurry = hurry;
    const abort = (): void => hurry.abort();
    signal.addEventListener('abort', abort, { once: true });
    this.#move({ state: 'waiting', retryAt: now() + wait, cause });
    // rejects when hurried, which is as good as the end of the wait
    await delay(wait, undefined, { signal: hurry.signal }).catch(() => {});
    signal.removeEventListener('abort', abort);
    this.#hurry = undefined;
  }

  /** One attempt over all places, and the life of the connection it makes. Resolves to why it ended. */
  async #attempt(signal: AbortSignal): Promise<ProviderError> {
    this.#step('locating');
    let worst: ProviderError | undefined;
    try {
      for (const target of await this.#places(signal)) {
        const ended = await this.#live(target, signal);
        // not an answer of this place alone: a password, a conflict, a connection that had been up
        if (this.#leaving || ended.wasOnline || !this.#mayTryNext(ended.cause)) return ended.cause;
        if (!worst || worst.retryable || !ended.cause.retryable) worst = ended.cause;
      }
    } catch (cause) {
      return ProviderError.from(cause);
    }
    return worst ?? new ProviderError('unreachable', { retryable: true });
  }

  #mayTryNext({ code, retryable }: ProviderError): boolean {
    return retryable || code === 'tls-untrusted' || code === 'tls-required' || code === 'not-this-protocol';
  }

  async #places(signal: AbortSignal): Promise<Target[]> {
    const named = parsePlace(this.#redirect ?? this.#options.session.management.location ?? '');
    this.#redirect = undefined;
    let abort = (): void => {};
    const aborted = new Promise<never>((_resolve, reject) => {
      abort = () => reject(new ProviderError('cancelled'));
    });
    signal.addEventListener('abort', abort, { once: true });
    const places = await Promise.race([this.#options.locate(), aborted]).finally(() =>
      signal.removeEventListener('abort', abort),
    );
    return named ? [{ ...named, tls: places[0]?.tls ?? 'starttls' }, ...places] : places;
  }

  async #live(target: Target, signal: AbortSignal): Promise<{ cause: ProviderError; wasOnline: boolean }> {
    const { credentials, trust, session, timings, restore, log, now } = this.#options;
    log('info', 'xmpp.connecting', { host: target.host, port: target.port, tls: target.tls });
    let fell: (cause: ProviderError) => void = () => {};
    const down = new Promise<ProviderError>((resolve) => {
      fell = resolve;
    });
    let since: number | undefined;
    try {
      const loggedIn = await login({
        credentials,
        target,
        trust,
        session,
        timeout: timings.step,
        signal,
        onStep: (step) => this.#step(step),
        onDown: (cause, redirect) => {
          this.#redirect = redirect;
          fell(cause);
        },
      });
      if (!loggedIn.resumed) {
        this.#step('restoring');
        await Promise.race([restore(loggedIn), down]);
      }
      if (!loggedIn.stream.isDown) {
        since = now();
        this.#move({ state: 'online', since });
        log('info', 'xmpp.online', { resumed: loggedIn.resumed });
      }
      const cause = await down;
      if (since !== undefined) this.#forgive(cause, now() - since);
      return { cause, wasOnline: true };
    } catch (cause) {
      return { cause: ProviderError.from(cause), wasOnline: false };
    } finally {
      session.detach();
    }
  }

  #forgive(cause: ProviderError, lived: number): void {
    const isStable = lived >= this.#options.timings.stable;
    const isNetwork = cause.code === 'network' || cause.code === 'timeout';
    if (isStable) this.#failures = 0;
    else if (isNetwork) this.#failures = Math.min(this.#failures, SHORT_LIVES);
  }

  #step(step: ConnectingStep): void {
    if (this.#registration.state !== 'connecting' || this.#registration.step !== step) {
      this.#move({ state: 'connecting', step });
    }
  }
}
