import { type Protection, refuse } from '../../../contract/index.ts';
import { ProfileFiles } from '../profile-files.ts';
import { type DatabaseKey, type KeyPlace, type KeyShell, keepUnsealed, removeKeyFile } from './database-key.ts';
import { isSealed, removeSealed, sealKey, setSealedAside, unsealKey } from './sealed-key.ts';

/** What protects the open profile's history, and how that is changed. */
export class Passphrase {
  readonly #place: KeyPlace;
  readonly #shell: KeyShell;
  readonly #key: string;
  readonly #changed: (protection: Protection) => void;
  #protection: Protection;
  #last: Promise<unknown> = Promise.resolve();

  constructor(place: KeyPlace, shell: KeyShell, { key, protection }: DatabaseKey, changed: (to: Protection) => void) {
    this.#place = place;
    this.#shell = shell;
    this.#key = key;
    this.#protection = protection;
    this.#changed = changed;
  }

  get protection(): Protection {
    return this.#protection;
  }

  /**
   * Sets, changes or (with null) takes away the passphrase. Refuses with `passphrase-wrong` when `current` is not the one
   * there is, and with `wrong-state` where the system's password store protects the key already.
   */
  change(passphrase: string | null, current: string | undefined): Promise<void> {
    // one at a time: two at once would end with a key that neither opens
    const turn = this.#last.then(() => this.#change(passphrase, current));
    this.#last = turn.catch(() => undefined); // the caller is told; the next turn must not be
    return turn;
  }

  async #change(passphrase: string | null, current: string | undefined): Promise<void> {
    const { folder } = this.#place;
    if (this.#protection === 'system') throw refuse('wrong-state');
    if (this.#protection === 'passphrase') await unsealKey(folder, current ?? '');
    else if (passphrase === null) throw refuse('wrong-state');
    if (passphrase === null) {
      this.#protection = await keepUnsealed(this.#place, this.#shell, this.#key);
      removeSealed(folder);
    } else {
      await sealKey(folder, this.#key, passphrase);
      removeKeyFile(folder);
      await this.#shell.holdKey(this.#key);
      this.#protection = 'passphrase';
    }
    this.#changed(this.#protection);
  }
}

/**
 * For a passphrase that was forgotten: the database is set aside with the key that cannot be opened, so that a new profile
 * can begin. Refuses with `wrong-state` where none is sealed. Returns where it is.
 */
export function setSealedProfileAside(folder: string, now: number): string {
  if (!isSealed(folder)) throw refuse('wrong-state');
  const place = new ProfileFiles(folder).setSealedAside(now);
  setSealedAside(folder, place);
  return place;
}
