import {
  type Address,
  type Contact,
  type ContactCapabilities,
  type ContactListOperationSet,
  type ContactPermission,
  type ContactPermissions,
  type ContactRequest,
  Emitter,
  type FileOffer,
  type FileTransferOperationSet,
  type IncomingMessage,
  type MachineEvent,
  type MessageDraft,
  type MessageMark,
  type MessageReceiver,
  type MessageReport,
  type MessagingOperationSet,
  type OperationSetName,
  type OperationSets,
  type OutgoingFile,
  type OwnPresence,
  type PeerPresence,
  type PresenceOperationSet,
  type ProtocolDescription,
  type Provider,
  type ProviderContext,
  ProviderError,
  type Registration,
  type SendOutcome,
  type TypingState,
  type VerificationOperationSet,
} from '../../../protocols/contract/index.ts';
import { MemoryTransfer } from '../transfers/support/memory-pair.ts';

/** A text that the core handed over; the test says what becomes of it. */
export interface Handed {
  to: Address;
  draft: MessageDraft;
  settle(outcome: SendOutcome): void;
}

class TestMessaging implements MessagingOperationSet {
  receiver: MessagingOperationSet['receiver'];
  together: MessagingOperationSet['together'];
  maximumBytes = 1000;
  readonly handed: Handed[] = [];
  readonly typing: { to: Address; state: TypingState }[] = [];
  readonly read: { to: Address; id: string }[] = [];
  readonly delivered: { to: Address; id: string; writtenAt: number }[] = [];
  readonly reported = new Emitter<MessageReport>();
  readonly onReported = this.reported.on;
  /** What is reported stays on its way. */
  holdsReports = false;
  readonly marks = new Emitter<MessageMark>();
  readonly typings = new Emitter<{ peer: Address; state: TypingState }>();
  readonly onMark = this.marks.on;
  readonly onTyping = this.typings.on;
  /** What becomes of the next texts without the test saying so. */
  automatic: SendOutcome | undefined;

  send(to: Address, draft: MessageDraft) {
    const outcome = new Promise<SendOutcome>((settle) => {
      this.handed.push({ to, draft, settle });
      if (this.automatic) settle(this.automatic);
    });
    return { id: draft.id, outcome };
  }

  sendTyping(to: Address, state: TypingState): void {
    this.typing.push({ to, state });
  }

  sendRead(to: Address, id: string): void {
    this.read.push({ to, id });
    if (!this.holdsReports) this.reported.emit({ peer: to, id, report: 'read' });
  }

  sendDelivered(to: Address, id: string, writtenAt: number): void {
    this.delivered.push({ to, id, writtenAt });
    if (!this.holdsReports) this.reported.emit({ peer: to, id, report: 'delivered' });
  }
}

class TestPresence implements PresenceOperationSet {
  readonly published: OwnPresence[] = [];
  readonly known = new Map<Address, PeerPresence>();
  readonly told = new Emitter<{ address: Address; presence: PeerPresence }>();
  readonly onPresence = this.told.on;

  async publish(presence: OwnPresence): Promise<void> {
    this.published.push(presence);
  }

  presenceOf(address: Address): PeerPresence {
    return this.known.get(address) ?? { state: 'unknown' };
  }

  tell(address: Address, presence: PeerPresence): void {
    this.known.set(address, presence);
    this.told.emit({ address, presence });
  }
}

class TestFileTransfer implements FileTransferOperationSet {
  readonly maximumBytes = Number.MAX_SAFE_INTEGER;
  readonly maximumFiles = 1;
  readonly offers = new Emitter<FileOffer>();
  readonly onOffer = this.offers.on;

  offer(to: Address, files: readonly OutgoingFile[]): readonly MemoryTransfer[] {
    return files.map((file) => new MemoryTransfer(file.id, 'outgoing', to, file.file));
  }
}

class TestVerification implements VerificationOperationSet {
  readonly verified = new Set<Address>();
  readonly confirmed = new Emitter<Address>();
  readonly onVerified = this.confirmed.on;

  isVerified(address: Address): boolean {
    return this.verified.has(address);
  }

  async code(): Promise<string> {
    return '12345'.repeat(12);
  }

  async confirm(address: Address, code: string): Promise<void> {
    if (code !== (await this.code())) throw new ProviderError('policy');
    this.verified.add(address);
    this.confirmed.emit(address);
  }
}

class TestContactList implements ContactListOperationSet {
  contacts: Contact[] = [];
  requests: ContactRequest[] = [];
  kept: ContactListOperationSet['kept'] = 'server';
  permissions: TestPermissions | undefined;
  answers: { address: Address; answer: string }[] = [];
  readonly changes = new Emitter<readonly Contact[]>();
  readonly asked = new Emitter<readonly ContactRequest[]>();
  readonly onChange = this.changes.on;
  readonly onRequests = this.asked.on;
  /** What the next change of the list ends with. */
  refusal: ProviderError | undefined;

  set(contacts: Contact[]): void {
    this.contacts = contacts;
    this.changes.emit(contacts);
  }

  async put(contact: { address: Address; name: string; groups: readonly string[] }): Promise<void> {
    if (this.refusal) throw this.refusal;
    const others = this.contacts.filter(({ address }) => address !== contact.address);
    this.set([...others, { ...contact, subscription: 'mutual' }]);
  }

  async remove(address: Address): Promise<void> {
    if (this.refusal) throw this.refusal;
    this.set(this.contacts.filter((contact) => contact.address !== address));
  }

  async answerRequest(address: Address, answer: 'accept' | 'decline'): Promise<void> {
    this.answers.push({ address, answer });
    this.requests = this.requests.filter((request) => request.address !== address);
    this.asked.emit(this.requests);
  }
}

/** Rules as a server would keep them. */
export class TestPermissions implements ContactPermissions {
  readonly given = new Map<Address, ContactPermission>();
  readonly changes = new Emitter<void>();
  readonly onChange = this.changes.on;

  of(address: Address): ContactPermission {
    return this.given.get(address) ?? 'ask';
  }

  async set(address: Address, permission: ContactPermission): Promise<void> {
    this.given.set(address, permission);
    this.changes.emit();
  }
}

/** A provider over nothing: the test is the server. */
export class TestProvider implements Provider {
  readonly protocol = 'test';
  readonly address: Address;
  readonly context: ProviderContext;
  readonly messaging = new TestMessaging();
  readonly presence = new TestPresence();
  readonly contactList = new TestContactList();
  readonly fileTransfer = new TestFileTransfer();
  /** Undefined: servers vouch for who somebody is. */
  verification: TestVerification | undefined;
  registration: Registration = { state: 'offline' };
  machineEvents: MachineEvent[] = [];
  stopped = false;
  capabilities: ContactCapabilities = { messaging: { on: true }, fileTransfer: { on: true } };
  readonly registrations = new Emitter<Registration>();
  readonly onRegistration = this.registrations.on;
  readonly capabilityChanges = new Emitter<{ address: Address; capabilities: ContactCapabilities }>();
  readonly onCapabilities = this.capabilityChanges.on;
  readonly #onStart: (provider: TestProvider) => void;

  constructor(context: ProviderContext, onStart: (provider: TestProvider) => void) {
    this.context = context;
    this.address = context.account.address;
    this.#onStart = onStart;
  }

  start(): void {
    this.to({ state: 'connecting', step: 'connecting' });
    this.#onStart(this);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.to({ state: 'offline' });
  }

  machineEvent(event: MachineEvent): void {
    this.machineEvents.push(event);
    // a wait ends at once
    if (this.registration.state === 'waiting') this.start();
  }

  operationSet<Name extends OperationSetName>(name: Name): OperationSets[Name] | undefined {
    const sets: Partial<OperationSets> = {
      messaging: this.messaging,
      presence: this.presence,
      contactList: this.contactList,
      fileTransfer: this.fileTransfer,
      ...(this.verification ? { verification: this.verification } : {}),
    };
    return sets[name];
  }

  capabilitiesOf(): ContactCapabilities {
    return this.capabilities;
  }

  to(registration: Registration): void {
    this.registration = registration;
    this.registrations.emit(registration);
  }

  online(): void {
    this.to({ state: 'online', since: 1 });
  }

  lost(): void {
    this.to({ state: 'waiting', retryAt: 5, cause: new ProviderError('network', { retryable: true }) });
  }

  /** A text arrives from outside. */
  receive(message: Partial<IncomingMessage> & { text: string }): ReturnType<MessageReceiver> | undefined {
    const whole: IncomingMessage = {
      id: `wire-${message.text}`,
      direction: 'incoming',
      peer: 'test:rui@campus.test',
      sentAt: this.context.now(),
      delayed: false,
      ...message,
    };
    const result = this.messaging.receiver?.(whole);
    const { peer, id, deliveryWanted } = whole;
    if (deliveryWanted !== undefined) this.messaging.sendDelivered(peer, id, deliveryWanted);
    return result;
  }

  /** A file is offered from outside. */
  receiveFile(file: { name: string; isPast?: true }): void {
    const { name, isPast } = file;
    const facts = { name, type: 'text/plain', size: 3 };
    const transfer = new MemoryTransfer(name, 'incoming', 'test:rui@campus.test', facts);
    this.fileTransfer.offers.emit({ transfer, key: name, sentAt: this.context.now(), ...(isPast && { isPast }) });
  }

  /** Live subscriptions of others to this provider. */
  get listeners(): number {
    return [
      this.registrations,
      this.capabilityChanges,
      this.messaging.marks,
      this.messaging.typings,
      this.messaging.reported,
      this.presence.told,
      this.contactList.changes,
      this.contactList.asked,
      this.fileTransfer.offers,
      ...(this.verification ? [this.verification.confirmed] : []),
    ].reduce((sum, emitter) => sum + emitter.size, 0);
  }
}

/** The protocol `test`: addresses are `test:user@host`; every provider that was made is kept. */
export class TestProtocol implements ProtocolDescription {
  readonly id: string = 'test';
  readonly scheme = 'test';
  needsServer = true;
  /** Addresses are keys that people verify. */
  keys = false;
  readonly made: TestProvider[] = [];
  /** What happens when a provider starts; it goes online by default. */
  onStart = (provider: TestProvider): void => provider.online();

  constructor(id = 'test') {
    this.id = id;
  }

  get last(): TestProvider {
    const last = this.made.at(-1);
    if (!last) throw new Error('no provider was made');
    return last;
  }

  parseAddress(text: string): Address | ProviderError {
    const bare = text.replace(/^test:/, '').toLowerCase();
    return /^[^@\s]+@[^@\s]+$/.test(bare) ? `test:${bare}` : new ProviderError('address-invalid');
  }

  create(context: ProviderContext): Provider {
    const provider = new TestProvider(context, (started) => this.onStart(started));
    if (this.keys) provider.verification = new TestVerification();
    this.made.push(provider);
    return provider;
  }
}
