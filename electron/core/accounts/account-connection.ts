import {
  type AccountSettings,
  type ProtocolDescription,
  type Provider,
  ProviderError,
  type Registration,
  type Unsubscribe,
} from '../../../protocols/contract/index.ts';
import { unawaited } from '../../../protocols/contract/unawaited.ts';
import type { Clock } from '../clock.ts';
import { forAccount } from '../last-resort.ts';
import type { Log } from '../log.ts';
import type { AccountRows } from './account-rows.ts';
import { systemAuthorities } from './authorities.ts';
import { inAccount } from './in-account.ts';
import type { Passwords } from './passwords.ts';

/** What an account's provider is joined to while it lives. */
export interface ProviderHooks {
  /** Before it starts: receivers and listeners are set here. */
  attach(accountId: string, provider: Provider): void;
  /** After it has stopped, or when it is being replaced. */
  detach(accountId: string): void;
  /** Every change of its registration, the last one to `offline` included. */
  registration(accountId: string, registration: Registration): void;
}

export interface ConnectionParts {
  protocol: ProtocolDescription;
  rows: AccountRows;
  passwords: Passwords;
  hooks: ProviderHooks;
  loopbackOnly: boolean;
  /** BCP 47 tag of the language the person reads. */
  language: () => string;
  /** Of the program. */
  version: string;
  log: Log;
  clock: Clock;
}

/** Bugs within so long (ms) are one series, */
const SERIES = 10 * 60_000;
/** of which so many are answered with a new start, after these pauses; the next ends the account until a person starts it. */
const PAUSES = [1_000, 5_000, 30_000, 120_000];

/** A provider that does not leave in time is left behind: its contract says 5 s. */
const STOP_LIMIT = 5_200;

const OFFLINE: Registration = { state: 'offline' };

/**
 * One account's provider over its lives: made, started, replaced when settings change, stopped. What is asked for is
 * done in order, one after the other.
 */
export class AccountConnection {
  readonly #parts: ConnectionParts;
  readonly #id: string;
  #provider: Provider | undefined;
  #unsubscribe: Unsubscribe = () => undefined;
  #registration: Registration = OFFLINE;
  #turn: Promise<void> = Promise.resolve();
  #bugs: readonly number[] = [];
  #cancelRestart: () => void = () => undefined;

  constructor(id: string, parts: ConnectionParts) {
    this.#id = id;
    this.#parts = parts;
  }

  get provider(): Provider | undefined {
    return this.#provider;
  }

  get registration(): Registration {
    return this.#registration;
  }

  /** A new provider with these settings takes the old one's place. */
  start(settings: AccountSettings): Promise<void> {
    this.#cancelRestart();
    return this.#inTurn(async () => {
      await this.#stopNow();
      await this.#startNow(settings);
    });
  }

  /**
   * After a bug in the provider, whose state cannot be trusted any more: it is ended and, after a pause that grows with the number of
   * bugs, a new one takes its place.
   */
  fail(settings: AccountSettings): Promise<void> {
    const { clock } = this.#parts;
    const now = clock.now();
    this.#bugs = [...this.#bugs.filter((at) => now - at < SERIES), now];
    const pause = PAUSES[this.#bugs.length - 1];
    return this.#inTurn(async () => {
      // a late callback of the provider that was ended: the new start that waits for it stands
      if (!this.#provider) return;
      this.#cancelRestart();
      await this.#stopNow();
      const cause = new ProviderError('internal', { retryable: true });
      if (pause === undefined) {
        this.#set({ state: 'stopped', cause });
        return;
      }
      this.#set({ state: 'waiting', retryAt: clock.now() + pause, cause });
      this.#cancelRestart = clock.after(pause, () => unawaited(this.start(settings)));
    });
  }

  stop(): Promise<void> {
    this.#cancelRestart();
    return this.#inTurn(async () => {
      await this.#stopNow();
      this.#set(OFFLINE);
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(work).catch((error: unknown) => this.#parts.log.error('account.turn-failed', error));
    return this.#turn;
  }

  async #startNow(settings: AccountSettings): Promise<void> {
    const { protocol, passwords, hooks, rows, log, clock, loopbackOnly, language, version } = this.#parts;
    if (protocol.needsServer) {
      try {
        // nobody is bothered, and no server counts a failure, for a login that cannot succeed
        if ((await passwords.get(this.#id)) === undefined) throw new ProviderError('credentials-missing');
      } catch (error) {
        this.#set({ state: 'stopped', cause: ProviderError.from(error) });
        return;
      }
    }
    try {
      const made = forAccount(this.#id, () =>
        protocol.create({
          account: {
            ...settings,
            certificateAuthorities: [...systemAuthorities(), ...settings.certificateAuthorities],
            ...(loopbackOnly && { options: { ...settings.options, loopbackOnly } }),
          },
          password: () => passwords.get(this.#id),
          storage: rows.storageOf(this.#id),
          log: (level, event, facts) => log.write(level, event, { account: settings.address, ...facts }),
          language,
          version,
          now: () => clock.now(),
          random: () => clock.random(),
        }),
      );
      const provider = inAccount(this.#id, made);
      this.#provider = provider;
      this.#unsubscribe = provider.onRegistration((registration) => this.#set(registration));
      hooks.attach(this.#id, provider);
      provider.start();
    } catch (error) {
      // a bug in one protocol must not take the other accounts along
      log.error('account.start-failed', error);
      await this.#stopNow();
      this.#set({ state: 'stopped', cause: ProviderError.from(error) });
    }
  }

  async #stopNow(): Promise<void> {
    const provider = this.#provider;
    if (!provider) return;
    let cancel: () => void = () => undefined;
    const limit = new Promise<void>((resolve) => {
      cancel = this.#parts.clock.after(STOP_LIMIT, resolve);
    });
    try {
      await Promise.race([provider.stop(), limit]);
    } catch (error) {
      this.#parts.log.error('account.stop-failed', error);
    } finally {
      cancel();
    }
    this.#unsubscribe();
    this.#provider = undefined;
    this.#parts.hooks.detach(this.#id);
  }

  #set(registration: Registration): void {
    this.#registration = registration;
    this.#parts.hooks.registration(this.#id, registration);
  }
}
