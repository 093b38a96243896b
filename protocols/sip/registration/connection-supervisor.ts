import {
  type ConnectingStep,
  Emitter,
  type MachineEvent,
  ProviderError,
  type Registration as RegistrationState,
  registrationMayMove,
} from '../../contract/index.ts';
import { unawaited } from '../../contract/unawaited.ts';

/** What the supervisor drives, one call after the other. */
export interface Connection {
  /** Rejects with a `ProviderError`. */
  connect(): Promise<void>;
  /** After it is connected: proves who we are and registers. Rejects with a `ProviderError`. */
  register(progress: (step: ConnectingStep) => void): Promise<void>;
  /** After it is registered: subscriptions first, then our own presence. */
  restore(): void;
  /** The attempt failed or the connection broke; everything is closed. Never rejects. */
  disconnect(): Promise<void>;
  /** Leaves cleanly. Never rejects. */
  leave(): Promise<void>;
  /** Finds out soon whether the connection still lives. */
  probe(): void;
}

export interface SupervisorOptions {
  connection: Connection;
  now: () => number;
  random: () => number;
}

const SHORTEST_WAIT = 1_000;
const LONGEST_WAIT = 60_000;
/** However long a server asks to be left alone. */
const LONGEST_RETRY_AFTER = 3_600_000;
/** RFC 5626 §4.5: only a connection that proved good lets the waits begin anew. Who takes us and drops us is not asked every second. */
const STABLE_AFTER = 30_000;
/** While it waits, how often it looks whether the computer's clock was set, and by how much that matters. */
const LOOK_EVERY = 5_000;
const CLOCK_SET = 2_000;

/**
 * Keeps one account connected, as drawn at the contract's `Registration`. Waits between attempts with full jitter between
 * 1 s and a bound that doubles up to 60 s; a Retry-After of the server wins; after half a minute online it starts over. It waits
 * by a clock that nobody sets.
 */
export class ConnectionSupervisor {
  readonly #options: SupervisorOptions;
  readonly #changed = new Emitter<RegistrationState>();
  readonly onChange = this.#changed.on;
  #state: RegistrationState = { state: 'offline' };
  /** Changes whenever what is going on is given up; late results compare it. */
  #life = 0;
  #failures = 0;
  /** By `performance.now`. */
  #onlineAt = 0;
  /** We are saying goodbye: a connection that breaks now is no reason to come back. */
  #leaving = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  get state(): RegistrationState {
    return this.#state;
  }

  start(): void {
    if (this.#state.state !== 'offline' && this.#state.state !== 'stopped') return;
    this.#failures = 0;
    unawaited(this.#attempt());
  }

  /** Never rejects. */
  async stop(): Promise<void> {
    if (this.#state.state === 'offline') return;
    const wasOnline = this.#state.state === 'online';
    const life = ++this.#life;
    clearTimeout(this.#timer);
    this.#leaving = wasOnline;
    if (wasOnline) await this.#options.connection.leave();
    this.#leaving = false;
    await this.#options.connection.disconnect();
    if (life === this.#life) this.#move({ state: 'offline' });
  }

  /** While connecting: what is being done. */
  step(step: ConnectingStep): void {
    const { state } = this.#state;
    if (state === 'connecting' && (this.#state as { step: ConnectingStep }).step !== step) this.#move({ state, step });
  }

  /** The live connection broke, or the server let us go. */
  lost(error: ProviderError): void {
    if (this.#state.state === 'online' && !this.#leaving) unawaited(this.#fault(error));
  }

  machineEvent(_event: MachineEvent): void {
    if (this.#state.state === 'online' || this.#state.state === 'connecting') this.#options.connection.probe();
    if (this.#state.state !== 'waiting') return;
    clearTimeout(this.#timer);
    this.#failures = 0;
    unawaited(this.#attempt());
  }

  async #attempt(): Promise<void> {
    const life = ++this.#life;
    const { connection } = this.#options;
    this.#move({ state: 'connecting', step: 'locating' });
    try {
      await connection.connect();
      if (life !== this.#life) return;
      await connection.register((step) => {
        if (life === this.#life) this.step(step);
      });
      if (life !== this.#life) return;
      this.step('restoring');
      connection.restore();
    } catch (error) {
      if (life === this.#life) await this.#fault(ProviderError.from(error));
      return;
    }
    this.#onlineAt = performance.now();
    this.#move({ state: 'online', since: this.#options.now() });
  }

  async #fault(error: ProviderError): Promise<void> {
    const life = ++this.#life;
    const { connection, random } = this.#options;
    if (this.#state.state === 'online' && performance.now() - this.#onlineAt >= STABLE_AFTER) this.#failures = 0;
    this.#failures += 1;
    if (!error.retryable) this.#move({ state: 'stopped', cause: error });
    else {
      const bound = Math.min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** Math.min(this.#failures - 1, 6));
      const jittered = SHORTEST_WAIT + random() * (bound - SHORTEST_WAIT);
      const wait = error.retryAfter === undefined ? jittered : Math.max(SHORTEST_WAIT, error.retryAfter * 1000);
      this.#wait(life, performance.now() + Math.min(wait, LONGEST_RETRY_AFTER), error);
    }
    await connection.disconnect();
  }

  /** `until` by `performance.now`. */
  #wait(life: number, until: number, cause: ProviderError): void {
    if (life !== this.#life) return;
    const left = until - performance.now();
    if (left <= 0) {
      unawaited(this.#attempt());
      return;
    }
    const retryAt = Math.round(this.#options.now() + left);
    if (this.#state.state !== 'waiting' || Math.abs(retryAt - this.#state.retryAt) > CLOCK_SET)
      this.#move({ state: 'waiting', retryAt, cause });
    this.#timer = setTimeout(() => this.#wait(life, until, cause), Math.min(left, LOOK_EVERY));
  }

  #move(state: RegistrationState): void {
    if (!registrationMayMove(this.#state.state, state.state)) return;
    this.#state = state;
    this.#changed.emit(state);
  }
}
