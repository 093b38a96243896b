import {
  type Address,
  type Contact,
  type ContactListOperationSet,
  Emitter,
  type OwnPresence,
  type PeerPresence,
  type PresenceOperationSet,
  ProviderError,
} from '../../contract/index.ts';
import { addressOfInstance, instanceOfAddress } from './identity/instance.ts';
import type { LocalPeer, PeerDirectory } from './peer-directory.ts';

/** The people on the network as a contact list that keeps itself. */
export class DiscoveredContacts implements ContactListOperationSet {
  readonly kept = 'discovered';
  readonly requests = [];
  readonly #directory: PeerDirectory;
  readonly #changed = new Emitter<readonly Contact[]>();
  readonly onChange = this.#changed.on;
  readonly onRequests = new Emitter<never>().on;

  readonly #verifiedName: (id: string) => string | undefined;

  /** `verifiedName`: of a peer whose key a person has confirmed; it goes before what is announced. */
  constructor(directory: PeerDirectory, verifiedName: (id: string) => string | undefined) {
    this.#directory = directory;
    this.#verifiedName = verifiedName;
    directory.onChange(() => this.#changed.emit(this.contacts));
  }

  get contacts(): readonly Contact[] {
    return this.#directory.peers
      .map(({ id, name }) => contactOf({ id, name: this.#verifiedName(id) || name }))
      .sort((a, b) => a.name.localeCompare(b.name));
  }

  /** Who is on the network is not ours to change. */
  async put(): Promise<void> {
    throw new ProviderError('not-supported');
  }
  async remove(): Promise<void> {
    throw new ProviderError('not-supported');
  }
  async answerRequest(): Promise<void> {
    throw new ProviderError('not-supported');
  }
}

const contactOf = ({ id, name }: Pick<LocalPeer, 'id' | 'name'>): Contact => ({
  address: addressOfInstance(id),
  // whoever gives no name still has to be told from others
  name: name === '' ? id.slice(0, 6) : name,
  groups: [],
  subscription: 'mutual',
});

/** Presence as everybody announces it. */
export class AnnouncedPresence implements PresenceOperationSet {
  readonly #directory: PeerDirectory;
  readonly #changed: (own: OwnPresence) => void;
  readonly #seen = new Emitter<{ address: Address; presence: PeerPresence }>();
  readonly onPresence = this.#seen.on;
  /** What is announced now and after every reconnect. */
  own: OwnPresence = { state: 'available' };

  constructor(directory: PeerDirectory, changed: (own: OwnPresence) => void) {
    this.#directory = directory;
    this.#changed = changed;
    directory.onChange(({ peer: { id } }) => {
      const address = addressOfInstance(id);
      this.#seen.emit({ address, presence: this.presenceOf(address) });
    });
  }

  async publish(presence: OwnPresence): Promise<void> {
    this.own = presence;
    this.#changed(presence);
  }

  presenceOf(address: Address): PeerPresence {
    const id = instanceOfAddress(address);
    const present = id === undefined ? undefined : this.#directory.find(id);
    if (present) return present.presence;
    return { state: id !== undefined && this.#directory.hasLeft(id) ? 'offline' : 'unknown' };
  }
}
