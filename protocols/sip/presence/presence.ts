import {
  type Address,
  Emitter,
  type OwnPresence,
  type PeerPresence,
  type PresenceOperationSet,
} from '../../contract/index.ts';
import { formatPidf } from './pidf.ts';
import type { Publication } from './publication.ts';

export interface PresenceOptions {
  entity: Address;
  tupleId: string;
  publication: Publication;
  presenceOf(address: Address): PeerPresence;
  now: () => number;
}

/** Our own presence as published, and that of the contacts. */
export class Presence implements PresenceOperationSet {
  readonly #options: PresenceOptions;
  readonly #seen = new Emitter<{ address: Address; presence: PeerPresence }>();
  readonly onPresence = this.#seen.on;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  publish(presence: OwnPresence): Promise<void> {
    const { entity, tupleId, publication, now } = this.#options;
    return publication.publish(formatPidf(presence, { entity, tupleId, now: now() }));
  }

  presenceOf(address: Address): PeerPresence {
    return this.#options.presenceOf(address);
  }

  /** For whoever watches the contacts. */
  seen(address: Address, presence: PeerPresence): void {
    this.#seen.emit({ address, presence });
  }
}
