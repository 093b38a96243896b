import { randomUUID } from 'node:crypto';
import {
  type Address,
  type Contact,
  type ContactCapabilities,
  type ContactListOperationSet,
  type ContactPermissions,
  type PeerPresence,
  type Provider,
  ProviderError,
  type Unsubscribe,
} from '../../../protocols/contract/index.ts';
import { type ContactRequestView, type Permission, type Person, type Route, refuse } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { EventBatch } from '../event-batch.ts';
import type { Driver } from '../store/driver.ts';
import { abilitiesOf, isReachable, nothingKnown, othersOf, UNKNOWN } from './abilities.ts';
import { Codes, keyState } from './key-state.ts';
import { PersonRows, type StoredAddress } from './person-rows.ts';
import { type LiveAddress, type LivePerson, reachability, viewOf } from './person-view.ts';
import { shortText } from './short-text.ts';

export interface PeopleParts {
  driver: Driver;
  events: EventBatch;
  isAccount: (accountId: string) => boolean;
  /** Of an account's own address; undefined for an account that is gone. */
  domainOf: (accountId: string) => string | undefined;
  /** Somebody with a talk is known for ever, listed or not. */
  hasTalk(personId: string): boolean;
  /** Somebody who could not be reached can be now. */
  cameBack(route: Route): void;
  /** An account's list is kept somewhere else now, or has another number of entries that cannot be shown. */
  listMoved(): void;
  clock: Clock;
}

interface Attached {
  provider: Provider;
  undo: Unsubscribe[];
  kept: ContactListOperationSet['kept'] | undefined;
  unread: number;
  permissions: ContactPermissions | undefined;
  ignorePermissions: Unsubscribe;
}

const keyOf = (accountId: string, address: Address): string => `${accountId} ${address}`;

/**
 * Everybody known: from the contact lists of all accounts, and from talks. The same address on two accounts is one
 * person. Kept on disk as last seen, so that the list is there before any server answers.
 */
export class People {
  /** Where addresses are keys: what two people compare. */
  readonly codes: Codes;
  readonly #parts: PeopleParts;
  readonly #rows: PersonRows;
  readonly #people = new Map<string, LivePerson>();
  readonly #byKey = new Map<string, LiveAddress>();
  readonly #byAccount = new Map<string, Map<Address, LiveAddress>>();
  readonly #personOf = new Map<Address, string>();
  readonly #attached = new Map<string, Attached>();

  constructor(parts: PeopleParts) {
    this.#parts = parts;
    this.codes = new Codes((accountId) => {
      if (!parts.isAccount(accountId)) throw refuse('not-found');
      return this.#attached.get(accountId)?.provider.operationSet('verification');
    });
    this.#rows = new PersonRows(parts.driver);
    for (const stored of this.#rows.addresses()) this.#index({ ...stored, ...nothingKnown() });
  }

  get views(): Person[] {
    return [...this.#people.values()].map((person) => this.#view(person));
  }

  get requests(): ContactRequestView[] {
    return [...this.#attached].flatMap(([accountId, { provider }]) =>
      othersOf(provider).map(({ address, name, note }) => ({
        accountId,
        address,
        name: shortText(name ?? ''),
        note: shortText(note ?? ''),
      })),
    );
  }

  find(personId: string): Person | undefined {
    const person = this.#people.get(personId);
    return person && this.#view(person);
  }

  personOf(address: Address): string | undefined {
    return this.#personOf.get(address);
  }

  /** Whoever has this address, made when nobody has. `claimedName` is what they say of themselves. */
  meet(route: Route, claimedName?: string): string {
    const known = this.#byKey.get(keyOf(route.accountId, route.address));
    const claimed = claimedName === undefined ? undefined : shortText(claimedName);
    if (known) {
      if (claimed && claimed !== known.claimedName) this.#change(known, { claimedName: claimed });
      return known.personId;
    }
    const { personId } = this.#add({
      ...route,
      listed: false,
      name: '',
      claimedName: claimed ?? '',
      groups: [],
      subscription: 'none',
    });
    return personId;
  }

  /** Where to write to somebody by default: on an account that is there, best where they can be reached now. */
  bestRoute(personId: string): Route | undefined {
    const routes = [...(this.#people.get(personId)?.addresses.values() ?? [])]
      .filter(({ accountId }) => this.#parts.isAccount(accountId))
      .sort((a, b) => this.#rank(b) - this.#rank(a));
    return routes[0] && { accountId: routes[0].accountId, address: routes[0].address };
  }

  hasAddress(personId: string, route: Route): boolean {
    return this.#byKey.get(keyOf(route.accountId, route.address))?.personId === personId;
  }

  attach(accountId: string, provider: Provider): void {
    const undo: Unsubscribe[] = [];
    const list = provider.operationSet('contactList');
    this.#attached.set(accountId, {
      provider,
      undo,
      kept: list?.kept,
      unread: list?.unread ?? 0,
      permissions: undefined,
      ignorePermissions: () => {},
    });
    if (list) {
      // the whole list comes with every change: one look a turn is enough
      const look = (): void => this.#parts.events.defer(`contacts ${accountId}`, () => this.#takeList(accountId));
      undo.push(
        list.onChange(look),
        list.onRequests((requests) => {
          // who has themselves on the list sees themselves, unasked
          if (requests.some(({ address }) => address === provider.address))
            list.answerRequest(provider.address, 'accept').catch(() => undefined);
          this.#tellRequests();
        }),
      );
      // an empty list before the server has spoken says nothing
      if (list.contacts.length > 0) look();
    }
    const presence = provider.operationSet('presence');
    if (presence) undo.push(presence.onPresence((told) => this.#takePresence(accountId, told.address, told.presence)));
    const verification = provider.operationSet('verification');
    // a name that was one of two alike may be so no longer
    if (verification) undo.push(verification.onVerified(() => this.#tellAccount(accountId)));
    undo.push(provider.onCapabilities((told) => this.#takeCapabilities(accountId, told.address, told.capabilities)));
    for (const address of this.#ofAccount(accountId)) this.#refresh(address);
  }

  detach(accountId: string): void {
    const attached = this.#attached.get(accountId);
    for (const undo of attached?.undo ?? []) undo();
    attached?.ignorePermissions();
    this.#attached.delete(accountId);
    for (const address of this.#ofAccount(accountId)) {
      Object.assign(address, nothingKnown());
      this.#tell(address.personId);
    }
    this.#tellRequests();
  }

  /** The connection came or went: what was known of the others with it. */
  connectionChanged(accountId: string, online: boolean): void {
    for (const address of this.#ofAccount(accountId)) {
      if (online) this.#refresh(address);
      else if (address.presence.state !== 'unknown') {
        address.presence = UNKNOWN;
        this.#tell(address.personId);
      }
    }
  }

  /** The account is gone for good: only who has a talk stays. */
  forgetAccount(accountId: string): void {
    this.#parts.driver.transaction(() => {
      for (const address of this.#ofAccount(accountId)) this.#unlist(address);
    });
  }

  /** The talk is gone; whoever is in no list goes with it. */
  forgetTalk(personId: string): void {
    const addresses = [...(this.#people.get(personId)?.addresses.values() ?? [])];
    this.#parts.driver.transaction(() => {
      for (const address of addresses) if (!address.listed) this.#drop(address);
    });
  }

  async add(route: Route, name: string, groups: readonly string[]): Promise<string> {
    await this.#editableList(route.accountId).put({ address: route.address, name, groups });
    this.#takeList(route.accountId);
    return this.meet(route);
  }

  async change(personId: string, name: string, groups: readonly string[]): Promise<void> {
    await Promise.all(
      this.#editable(personId).map(async ({ accountId, address }) => {
        await this.#editableList(accountId).put({ address, name, groups });
        this.#takeList(accountId);
      }),
    );
  }

  async remove(personId: string): Promise<void> {
    await Promise.all(
      this.#editable(personId).map(async ({ accountId, address }) => {
        await this.#editableList(accountId).remove(address);
        this.#takeList(accountId);
      }),
    );
  }

  /** On every account that can keep it. */
  async setPermission(personId: string, permission: Permission): Promise<void> {
    const person = this.#people.get(personId);
    if (!person) throw refuse('not-found');
    const able = [...person.addresses.values()].flatMap(({ accountId, address }) => {
      const permissions = this.#listOf(accountId)?.permissions;
      return permissions && this.#parts.isAccount(accountId) ? [{ accountId, address, permissions }] : [];
    });
    if (able.length === 0) throw refuse('not-available-here');
    await Promise.all(able.map(({ address, permissions }) => permissions.set(address, permission)));
    for (const { accountId } of able) this.#takePermissions(accountId);
  }

  async answerRequest(accountId: string, address: Address, answer: 'accept' | 'decline'): Promise<void> {
    const list = this.#attached.get(accountId)?.provider.operationSet('contactList');
    if (!list) throw refuse(this.#parts.isAccount(accountId) ? 'not-available-here' : 'not-found');
    const claimed = list.requests.find((request) => request.address === address)?.name;
    await list.answerRequest(address, answer);
    this.#tellRequests();
    if (answer === 'decline') return;
    // a person who may see us is one to see as well (RFC 6121 §3.1.3 lets a client ask back): else it would be a contact
    // that is never known to be there
    const now = list.contacts.find((contact) => contact.address === address);
    if (!now || now.subscription === 'incoming' || now.subscription === 'none')
      await list.put({ address, name: now?.name ?? '', groups: now?.groups ?? [] });
    this.#takeList(accountId);
    // the name in a request is what the asker says: it is no name that was given to them here
    if (claimed) this.meet({ accountId, address }, claimed);
  }

  /** All addresses of one person become those of another; the first person is no more. The talk must be the other's by then. */
  join(personId: string, into: string): void {
    const addresses = [...(this.#people.get(personId)?.addresses.values() ?? [])];
    for (const address of addresses) {
      this.#rows.saveAddress({ ...address, personId: into });
      this.#unindex(address);
      address.personId = into;
      this.#index(address);
      this.#parts.driver.onRollback(() => {
        this.#unindex(address);
        address.personId = personId;
        this.#index(address);
      });
    }
    this.#rows.deletePerson(personId);
    this.#tell(personId);
    this.#tell(into);
  }

  #tellAccount(accountId: string): void {
    for (const { personId } of this.#ofAccount(accountId)) this.#tell(personId);
  }

  #editable(personId: string): LiveAddress[] {
    const person = this.#people.get(personId);
    if (!person) throw refuse('not-found');
    const listed = [...person.addresses.values()].filter(
      ({ accountId, listed }) =>
        listed && this.#parts.isAccount(accountId) && this.#listOf(accountId)?.kept !== 'discovered',
    );
    if (listed.length === 0) throw refuse('not-available-here');
    return listed;
  }

  #listOf(accountId: string): ContactListOperationSet | undefined {
    return this.#attached.get(accountId)?.provider.operationSet('contactList');
  }

  #editableList(accountId: string): ContactListOperationSet {
    if (!this.#parts.isAccount(accountId)) throw refuse('not-found');
    // signed out or switched off: its list cannot be reached now
    if (!this.#attached.has(accountId))
      throw new ProviderError('network', { retryable: true, detail: 'not connected' });
    const list = this.#listOf(accountId);
    if (!list || list.kept === 'discovered') throw refuse('not-available-here');
    return list;
  }

  #takeList(accountId: string): void {
    const list = this.#listOf(accountId);
    if (!list) return;
    const gone = new Map(this.#byAccount.get(accountId));
    this.#parts.driver.transaction(() => {
      for (const contact of list.contacts) {
        gone.delete(contact.address);
        this.#takeContact(accountId, contact, list.kept === 'discovered');
      }
      for (const address of gone.values()) if (address.listed) this.#unlist(address);
    });
    const attached = this.#attached.get(accountId);
    const unread = list.unread ?? 0;
    if (attached && (attached.kept !== list.kept || attached.unread !== unread)) {
      attached.kept = list.kept;
      attached.unread = unread;
      this.#parts.listMoved();
    }
    this.#takePermissions(accountId);
  }

  /** They come and go with what the server can do. */
  #takePermissions(accountId: string): void {
    const attached = this.#attached.get(accountId);
    const permissions = this.#listOf(accountId)?.permissions;
    if (attached && attached.permissions !== permissions) {
      attached.ignorePermissions();
      attached.permissions = permissions;
      attached.ignorePermissions = permissions?.onChange(() => this.#takePermissions(accountId)) ?? (() => {});
    }
    for (const address of this.#ofAccount(accountId)) {
      const permission = permissions?.of(address.address);
      if (address.permission === permission) continue;
      address.permission = permission;
      this.#tell(address.personId);
    }
  }

  #takeContact(accountId: string, contact: Contact, discovered: boolean): void {
    const { address, subscription } = contact;
    const name = shortText(contact.name);
    // a group without a name is none: other programs leave such in a list
    const groups = [...new Set(contact.groups.map(shortText).filter(Boolean))];
    // on a network without a server the name is the peer's own word
    const names = discovered ? { name: '', claimedName: name } : { name };
    const known = this.#byKey.get(keyOf(accountId, address));
    if (!known) {
      this.#add({ accountId, address, listed: true, claimedName: '', ...names, groups, subscription });
      return;
    }
    const same =
      known.listed &&
      known.subscription === subscription &&
      known.name === names.name &&
      (names.claimedName === undefined || known.claimedName === names.claimedName) &&
      known.groups.length === groups.length &&
      known.groups.every((group, index) => group === groups[index]);
    if (same) return;
    this.#change(known, { listed: true, ...names, groups, subscription });
    this.#refresh(known);
  }

  #takePresence(accountId: string, address: Address, presence: PeerPresence): void {
    const known = this.#byKey.get(keyOf(accountId, address));
    if (!known) return;
    const { note: written, ...rest } = presence;
    const shown = shortText(written ?? '');
    const told: PeerPresence = { ...rest, ...(shown && { note: shown }) };
    const { state, note, idleSince } = known.presence;
    if (state === told.state && note === told.note && idleSince === told.idleSince) return;
    const wasReachable = isReachable(known);
    known.presence = told;
    this.#tell(known.personId);
    if (!wasReachable && isReachable(known)) this.#parts.cameBack({ accountId, address });
  }

  #takeCapabilities(accountId: string, address: Address, capabilities: ContactCapabilities): void {
    const known = this.#byKey.get(keyOf(accountId, address));
    if (!known) return;
    const { messagingOff, messagingMode, fileTransferOff } = abilitiesOf(capabilities);
    const same =
      messagingOff === known.messagingOff &&
      messagingMode === known.messagingMode &&
      fileTransferOff === known.fileTransferOff;
    if (same) return;
    Object.assign(known, { messagingOff, messagingMode, fileTransferOff });
    this.#tell(known.personId);
  }

  /** Asks the provider instead of waiting for it to tell. */
  #refresh(address: LiveAddress): void {
    const provider = this.#attached.get(address.accountId)?.provider;
    if (!provider) return;
    address.permission = provider.operationSet('contactList')?.permissions?.of(address.address);
    const presence = provider.operationSet('presence')?.presenceOf(address.address);
    if (presence) this.#takePresence(address.accountId, address.address, presence);
    this.#takeCapabilities(address.accountId, address.address, provider.capabilitiesOf(address.address));
  }

  #rank(address: LiveAddress): number {
    const online = this.#attached.get(address.accountId)?.provider.registration.state === 'online';
    return (online ? 20 : 0) + reachability(address.presence) * 2 + (address.listed ? 1 : 0);
  }

  #add(address: Omit<StoredAddress, 'personId'>): LiveAddress {
    const personId = this.#personOf.get(address.address) ?? randomUUID();
    const live: LiveAddress = { ...address, personId, ...nothingKnown() };
    this.#parts.driver.transaction(() => {
      if (!this.#people.has(personId)) this.#rows.addPerson(personId, this.#parts.clock.now());
      this.#rows.saveAddress(live);
    });
    this.#index(live);
    this.#parts.driver.onRollback(() => this.#unindex(live));
    this.#refresh(live);
    this.#tell(personId);
    return live;
  }

  #change(address: LiveAddress, changes: Partial<StoredAddress>): void {
    const before = { ...address };
    this.#rows.saveAddress({ ...address, ...changes });
    Object.assign(address, changes);
    this.#parts.driver.onRollback(() => Object.assign(address, before));
    this.#tell(address.personId);
  }

  #unlist(address: LiveAddress): void {
    if (this.#parts.hasTalk(address.personId)) {
      this.#change(address, { listed: false, groups: [], subscription: 'none' });
      this.#refresh(address);
    } else this.#drop(address);
  }

  #drop(address: LiveAddress): void {
    const { accountId, personId } = address;
    this.#rows.deleteAddress(accountId, address.address);
    this.#unindex(address);
    const known = this.#people.has(personId);
    if (!known) this.#rows.deletePerson(personId);
    this.#parts.driver.onRollback(() => this.#index(address));
    this.#tell(personId);
  }

  /** Takes an address, and a person who has no other, out of memory. */
  #unindex({ accountId, address, personId }: LiveAddress): void {
    this.#byKey.delete(keyOf(accountId, address));
    this.#byAccount.get(accountId)?.delete(address);
    const person = this.#people.get(personId);
    person?.addresses.delete(keyOf(accountId, address));
    const left = [...(person?.addresses.values() ?? [])];
    if (!left.some((other) => other.address === address)) this.#personOf.delete(address);
    if (left.length === 0) this.#people.delete(personId);
  }

  #index(address: LiveAddress): void {
    const key = keyOf(address.accountId, address.address);
    this.#byKey.set(key, address);
    const ofAccount = this.#byAccount.get(address.accountId) ?? new Map<Address, LiveAddress>();
    this.#byAccount.set(address.accountId, ofAccount.set(address.address, address));
    const person = this.#people.get(address.personId) ?? { id: address.personId, addresses: new Map() };
    person.addresses.set(key, address);
    this.#people.set(person.id, person);
    this.#personOf.set(address.address, person.id);
  }

  #ofAccount(accountId: string): LiveAddress[] {
    return [...(this.#byAccount.get(accountId)?.values() ?? [])];
  }

  #view(person: LivePerson): Person {
    return viewOf(person, this.#parts, (address) =>
      keyState(
        this.#attached.get(address.accountId)?.provider.operationSet('verification'),
        address,
        this.#byAccount.get(address.accountId)?.values() ?? [],
      ),
    );
  }

  #tell(personId: string): void {
    // looked at when it is told: ten changes in one turn cost one view
    this.#parts.events.defer(`person ${personId}`, () => {
      const person = this.find(personId);
      this.#parts.events.emit({
        type: 'people',
        changed: person ? [person] : [],
        removed: person ? [] : [personId],
      });
    });
  }

  #tellRequests(): void {
    this.#parts.events.emit({ type: 'requests', requests: this.requests });
  }
}
