import type { Address, FileFacts, ProviderStorage } from '../../contract/index.ts';

const KEY = 'files.offers';
const LIMIT = 100;

/** An offer as it is kept on disk. */
export interface OpenOffer {
  /** Archive id, else the stanza's id. */
  key: string;
  id: string;
  peer: Address;
  peerName?: string;
  url: string;
  file: FileFacts;
  sentAt: number;
  /** From before the first login of this account here. */
  isPast?: true;
}

/**
 * Offers that were neither fetched nor refused. A link does not come a second time, so what was not fetched before a restart
 * or a lost network is offered again from here, under the same key.
 */
export class OpenOffers {
  readonly #storage: ProviderStorage;
  #offers: OpenOffer[];

  constructor(storage: ProviderStorage) {
    this.#storage = storage;
    this.#offers = JSON.parse(storage.get(KEY) ?? '[]') as OpenOffer[];
  }

  get all(): readonly OpenOffer[] {
    return this.#offers;
  }

  add(offer: OpenOffer): void {
    this.#save([...this.#offers.filter(({ key }) => key !== offer.key), offer].slice(-LIMIT));
  }

  remove(key: string): void {
    this.#save(this.#offers.filter((offer) => offer.key !== key));
  }

  /** Drops what was offered before this time, in ms since the epoch. */
  forgetBefore(time: number): void {
    if (this.#offers.some(({ sentAt }) => sentAt < time))
      this.#save(this.#offers.filter(({ sentAt }) => sentAt >= time));
  }

  #save(offers: OpenOffer[]): void {
    this.#offers = offers;
    this.#storage.put(KEY, JSON.stringify(offers));
  }
}
