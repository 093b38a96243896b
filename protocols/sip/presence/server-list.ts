import { type Address, ProviderError, type ProviderStorage } from '../../contract/index.ts';
import { changeResourceLists, readResourceLists } from '../xcap/documents/resource-lists.ts';
import type { XcapService } from '../xcap/xcap-service.ts';
import { afterChanges, type PendingChange, PendingChanges } from './pending-changes.ts';
import type { StoredContact } from './stored-contacts.ts';

export interface ServerListOptions {
  storage: ProviderStorage;
  xcap: Pick<XcapService, 'lists' | 'lookAgain' | 'note'>;
  /** Who was taken off the list sees us no longer. Rejects with a `ProviderError`. */
  takeBack(address: Address): Promise<void>;
  /** What is waiting here has changed. */
  onChange(): void;
}

/**
 * The contact list on the server (RFC 4826) as it will be: what was changed here while the server could not be asked is shown
 * at once, kept on disk, and made to what is there by then.
 */
export class ServerList {
  readonly #options: ServerListOptions;
  readonly #pending: PendingChanges;
  readonly #refused = new WeakMap<PendingChange, ProviderError>();
  #isWaiting: boolean;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ServerListOptions) {
    this.#options = options;
    this.#pending = new PendingChanges(options.storage);
    this.#isWaiting = this.#pending.all.length > 0;
  }

  /** Changes are here that the server could not be given. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  get contacts(): readonly StoredContact[] {
    const { text } = this.#options.xcap.lists;
    const there = text === undefined ? undefined : readResourceLists(text);
    return [...afterChanges(there ?? [], this.#pending.all).values()];
  }

  /** For contacts that were kept here before there was a server: its word goes before theirs. */
  adopt(contacts: readonly StoredContact[]): void {
    this.#pending.add(...contacts.map((contact) => ({ address: contact.address, before: contact, wanted: contact })));
    this.#isWaiting = true;
  }

  /**
   * Resolves when the server has it, or cannot be asked just now. Rejects with a `ProviderError` when the server refuses it; then
   * nothing has changed.
   */
  async change(change: PendingChange): Promise<void> {
    this.#pending.add(change);
    this.#options.onChange();
    try {
      await this.#flush();
    } catch (cause) {
      const error = ProviderError.from(cause);
      if (isPassing(error)) {
        this.#options.xcap.note(error);
        this.#wait(error);
        return;
      }
      this.#pending.drop(change);
      this.#options.onChange();
      throw error;
    }
    const refused = this.#refused.get(change);
    if (refused) throw refused;
  }

  /** The server can be asked again. Never rejects. */
  async catchUp(): Promise<void> {
    if (this.#pending.all.length === 0) return;
    try {
      await this.#flush();
    } catch (cause) {
      this.#wait(this.#options.xcap.note(cause));
    }
  }

  #wait(error: ProviderError): void {
    this.#isWaiting = true;
    this.#options.xcap.lookAgain(error);
    this.#options.onChange();
  }

  #flush(): Promise<void> {
    const turn = this.#last.then(async () => {
      const changes = this.#pending.all.filter(({ isWritten }) => !isWritten);
      if (changes.length > 0) await this.#settle(changes);
      for (const change of this.#pending.all) if (change.isWritten) await this.#takeBack(change);
      if (this.#pending.all.length > 0) return;
      this.#isWaiting = false;
      this.#options.onChange();
    });
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** All at once; one by one where the server does not take one of them. */
  async #settle(changes: readonly PendingChange[]): Promise<void> {
    try {
      await this.#options.xcap.lists.change((text) => {
        const list = afterChanges((text === undefined ? undefined : readResourceLists(text)) ?? [], changes);
        const addresses = [...new Set(changes.map(({ address }) => address))];
        return changeResourceLists(text, {
          put: addresses.flatMap((address) => list.get(address) ?? []),
          remove: addresses.filter((address) => !list.has(address)),
        });
      });
      this.#pending.written(changes);
    } catch (cause) {
      const error = ProviderError.from(cause);
      if (!isRefusal(error)) throw error;
      const [change] = changes;
      if (changes.length > 1 || !change) {
        for (const each of changes) await this.#settle([each]);
        return;
      }
      this.#options.xcap.note(error);
      this.#refused.set(change, error);
      this.#pending.drop(change);
      this.#options.onChange();
    }
  }

  async #takeBack(change: PendingChange): Promise<void> {
    const isBack = this.contacts.some(({ address }) => address === change.address);
    try {
      if (!isBack) await this.#options.takeBack(change.address);
    } catch (cause) {
      const error = ProviderError.from(cause);
      if (!isPassing(error)) this.#pending.drop(change);
      throw error;
    }
    this.#pending.drop(change);
  }
}

/** `cancelled`: the connection went in the middle. */
const isPassing = ({ retryable, code }: ProviderError): boolean => retryable || code === 'cancelled';

/** RFC 4825 §11: what was sent is not taken, and will not be. */
const isRefusal = ({ code, protocolCode }: ProviderError): boolean =>
  (code === 'malformed' || code === 'too-big') && protocolCode !== undefined;
