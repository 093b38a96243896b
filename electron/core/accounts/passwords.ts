import { ProviderError } from '../../../protocols/contract/index.ts';
import type { CoreLaunch, ShellSide } from '../../contract/index.ts';
import type { Log } from '../log.ts';

type SecretStore = Pick<ShellSide, 'readSecret' | 'writeSecret' | 'deleteSecret'>;

const secretKey = (accountId: string): string => `account-password:${accountId}`;

/**
 * The passwords of the accounts: in the operating system's store, and in memory once they were needed (a store that
 * locks itself later must not keep an account from coming back). Without such a store: in memory only. Only a person
 * replaces or removes one.
 */
export class Passwords {
  readonly #shell: SecretStore;
  readonly #store: CoreLaunch['secretStore'];
  readonly #log: Log;
  readonly #known = new Map<string, string>();
  /** Those that the store did not take. */
  readonly #unkept = new Set<string>();

  constructor(shell: SecretStore, store: CoreLaunch['secretStore'], log: Log) {
    this.#shell = shell;
    this.#store = store;
    this.#log = log;
  }

  /** Undefined when none is kept. Rejects with `credentials-missing`, retryable, while the store does not answer. */
  async get(accountId: string): Promise<string | undefined> {
    const known = this.#known.get(accountId);
    if (known !== undefined || this.#store === 'none') return known;
    try {
      const kept = await this.#shell.readSecret(secretKey(accountId));
      if (kept !== undefined) this.#known.set(accountId, kept);
      return kept;
    } catch (cause) {
      throw new ProviderError('credentials-missing', { cause, retryable: true, detail: 'password store' });
    }
  }

  async set(accountId: string, password: string): Promise<void> {
    this.#known.set(accountId, password);
    this.#unkept.add(accountId);
    if (this.#store === 'none') return;
    try {
      await this.#shell.writeSecret(secretKey(accountId), password);
      this.#unkept.delete(accountId);
    } catch (error) {
      // it serves until the program closes, and the account says so
      this.#log.error('passwords.not-kept', error);
    }
  }

  async forget(accountId: string): Promise<void> {
    this.#known.delete(accountId);
    this.#unkept.delete(accountId);
    if (this.#store === 'none') return;
    try {
      await this.#shell.deleteSecret(secretKey(accountId));
    } catch (error) {
      this.#log.error('passwords.not-deleted', error);
    }
  }

  isKept(accountId: string): boolean {
    return this.#store === 'system' && !this.#unkept.has(accountId);
  }
}
