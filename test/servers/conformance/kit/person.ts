import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import {
  type AccountSettings,
  type Address,
  bareOf,
  type ConnectingStep,
  type Contact,
  type FileFacts,
  type FileRequest,
  type IncomingMessage,
  isWanted,
  type MessageDraft,
  type MessageMark,
  type OperationSets,
  type PeerPresence,
  type Provider,
  ProviderError,
  type ProviderStorage,
  type Registration,
  registrationMayMove,
  type SendOutcome,
  type TypingState,
} from '../../../../protocols/contract/index.ts';
import type { Fixture, Name } from './fixture.ts';
import { tell, until, within } from './happening.ts';
import { Watched } from './watched.ts';

/** What stays on the machine when the program ends: the provider's store and the messages that were kept. */
export class Installation implements ProviderStorage {
  readonly #content = new Map<string, string>();
  readonly messages: IncomingMessage[] = [];
  get = (key: string): string | undefined => this.#content.get(key);
  put = (key: string, value: string): void => void this.#content.set(key, value);
  delete = (key: string): void => void this.#content.delete(key);
}

export interface PersonOptions {
  /** Where it runs; without it where this person always is. */
  at?: Installation;
  password?: string | undefined;
  settings?: Partial<AccountSettings>;
  now?: () => number;
  random?: () => number;
}

const STEPS: readonly ConnectingStep[] = [
  'locating',
  'connecting',
  'securing',
  'authenticating',
  'registering',
  'restoring',
];

/** Texts that must never be found in a log; shorter ones would be found by chance. */
const SECRET_LENGTH = 8;

/** One account in the hands of somebody who writes down all it does and objects to what the contract does not allow. */
export class Person {
  readonly name: Name;
  readonly provider: Provider;
  readonly installation: Installation;
  readonly registrations: Registration[] = [];
  /** What the receiver was called with, and what it said. */
  readonly calls: { message: IncomingMessage; answer: 'stored' | 'duplicate' | 'threw' }[] = [];
  readonly marks: MessageMark[] = [];
  readonly typing: { peer: Address; state: TypingState }[] = [];
  readonly presences: { address: Address; presence: PeerPresence }[] = [];
  readonly offers: { watched: Watched; key: string; sentAt: number }[] = [];
  readonly transfers: Watched[] = [];
  readonly lines: string[] = [];
  /** What is kept of it on this machine. */
  password: string | undefined;
  /** True for a text that cannot be kept just now. */
  refuses: (message: IncomingMessage) => boolean = () => false;
  readonly #requests: FileRequest[] = [];
  #isListening = false;
  readonly #faults: string[] = [];
  readonly #secrets: Set<string>;
  readonly #now: () => number;

  constructor(fixture: Fixture, name: Name, installation: Installation, secrets: Set<string>, options: PersonOptions) {
    this.name = name;
    this.installation = installation;
    this.#secrets = secrets;
    this.#now = options.now ?? Date.now;
    this.password = 'password' in options ? options.password : fixture.password(name);
    if (this.password) secrets.add(this.password);
    this.provider = fixture.protocol.create({
      account: {
        id: randomUUID(),
        protocol: fixture.protocol.id,
        address: '',
        displayName: `${name} of the campus`,
        trustedFingerprints: [],
        certificateAuthorities: [],
        options: {},
        ...fixture.settings(name),
        ...options.settings,
      },
      password: async () => this.password,
      storage: installation,
      log: (level, event, facts) => void this.lines.push(`${level} ${event} ${JSON.stringify(facts ?? {})}`),
      now: this.#now,
      // short waits between attempts: they are drawn between nothing and all
      random: options.random ?? (() => 0.02),
      language: () => 'en',
    });
    this.#listen();
  }

  get address(): Address {
    return this.provider.address;
  }

  get contacts(): readonly Contact[] {
    return this.set('contactList').contacts;
  }

  set<Name extends keyof OperationSets>(name: Name): OperationSets[Name] {
    const found = this.provider.operationSet(name);
    if (!found) throw new Error(`${this.provider.protocol} has no ${name}`);
    return found;
  }

  /** Waits for a state of the registration, which may be the present one. */
  reach<State extends Registration['state']>(
    state: State,
    limit?: number,
  ): Promise<Extract<Registration, { state: State }>> {
    return until(
      `${this.name} is ${state}`,
      () => {
        const now = this.provider.registration;
        return now.state === state && (now as Extract<Registration, { state: State }>);
      },
      limit,
    );
  }

  async online(limit?: number): Promise<this> {
    this.provider.start();
    await until(
      `${this.name} is online`,
      () => {
        const now = this.provider.registration;
        if (now.state === 'stopped')
          throw new Error(`${this.name} was stopped: ${now.cause.message}`, { cause: now.cause });
        return now.state === 'online';
      },
      limit,
    );
    return this;
  }

  say(to: { address: Address } | Address, text: string, composedAt = Date.now()): Said {
    const draft: MessageDraft = { id: randomUUID(), text, composedAt };
    return this.sayAgain(to, draft);
  }

  /** The same draft under the same id, as after a crash. */
  sayAgain(to: { address: Address } | Address, draft: MessageDraft): Said {
    if (draft.text.length >= SECRET_LENGTH) this.#secrets.add(draft.text);
    const peer = typeof to === 'string' ? to : to.address;
    const message = this.set('messaging').send(peer, draft);
    expect(message.id).toBe(draft.id);
    const outcome = within(`the outcome of a text of ${this.name}`, 20_000, message.outcome);
    outcome.then(
      (settled) => {
        if (settled.state === 'failed') this.#checkError('a text', settled.error);
      },
      () => {},
    );
    return { ...draft, outcome };
  }

  /** The text with this id, once it is kept here. */
  got(id: string, limit?: number): Promise<IncomingMessage> {
    return until(
      `${this.name} keeps the text ${id}`,
      () => this.installation.messages.find((message) => message.id === id),
      limit,
    );
  }

  /** How often the receiver was called for this id. */
  callsFor(id: string): string[] {
    return this.calls.filter(({ message }) => message.id === id).map(({ answer }) => answer);
  }

  marksOf(id: string): string[] {
    return this.marks.filter((mark) => mark.id === id).map(({ mark }) => mark);
  }

  marked(id: string, mark: MessageMark['mark'], limit?: number): Promise<MessageMark> {
    return until(
      `${this.name} is told ${mark} of ${id}`,
      () => this.marks.find((each) => each.id === id && each.mark === mark),
      limit,
    );
  }

  sees(peer: { address: Address }, fits: (presence: PeerPresence) => boolean, limit?: number): Promise<PeerPresence> {
    return until(
      `${this.name} sees ${bareOf(peer.address)} as expected instead of ${JSON.stringify(this.presenceOf(peer))}`,
      () => {
        const presence = this.presenceOf(peer);
        return fits(presence) && presence;
      },
      limit,
    );
  }

  presenceOf(peer: { address: Address }): PeerPresence {
    return this.set('presence').presenceOf(peer.address);
  }

  watch(transfer: Watched): Watched {
    this.transfers.push(transfer);
    return transfer;
  }

  /** The offer of this file, once it is here: by its name, or by its content where the name may have been made safe. */
  offered(facts: FileFacts, limit?: number): Promise<Watched> {
    return until(`${this.name} is offered ${JSON.stringify(facts.name)}`, () => this.findOffer(facts), limit);
  }

  findOffer({ name, size, hashes }: FileFacts): Watched | undefined {
    return this.offers.findLast(({ watched: { transfer } }) => {
      const { file } = transfer;
      return (
        file.name === name ||
        ((size ?? 0) > 16 && hashes?.[0] !== undefined && file.hashes?.[0]?.value === hashes[0].value)
      );
    })?.watched;
  }

  /** The same file, offered once more. */
  offeredAfter(seen: Watched | undefined, facts: FileFacts): Promise<Watched> {
    return until(`${this.name} is offered ${JSON.stringify(facts.name)} once more`, () => {
      const found = this.findOffer(facts);
      return found !== seen && found;
    });
  }

  /** Asks for a file of somebody's. */
  fetch(from: { address: Address }, file: FileFacts): Watched {
    const transfer = this.set('fileTransfer').fetch?.(from.address, file);
    if (!transfer) throw new Error(`${this.provider.protocol} cannot ask for files`);
    return this.watch(new Watched(transfer, 'incoming'));
  }

  /** From now on others may ask for files: see `askedFor`. */
  listenForRequests(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    this.set('fileTransfer').onRequest?.((request) => {
      this.#requests.push(request);
      tell();
    });
  }

  /** Somebody asks for this file, and waits for an answer. Each request is handed out once. */
  askedFor(facts: FileFacts): Promise<FileRequest> {
    return until(`${this.name} is asked for ${JSON.stringify(facts.name)}`, () => {
      const index = this.#requests.findIndex(({ wanted }) => isWanted(facts, wanted));
      return index >= 0 && this.#requests.splice(index, 1)[0];
    });
  }

  /** Stops, and answers for everything that was promised. */
  async leave(): Promise<void> {
    const live = this.transfers.filter(({ isOver }) => !isOver);
    await within(`stop() of ${this.name}`, 5_500, this.provider.stop());
    expect(this.provider.registration).toEqual({ state: 'offline' });
    for (const transfer of live) {
      await transfer.over();
      if (transfer.phase.state !== 'failed') this.#faults.push(`a live transfer ended as ${transfer.phase.state}`);
      else if (transfer.phase.error.code !== 'network') {
        this.#faults.push(`a live transfer failed with ${transfer.phase.error.code}`);
      }
    }
  }

  /** Everything that was not as the contract says. */
  faults(): string[] {
    const leaked = this.lines.filter((line) =>
      [...this.#secrets].some((secret) => line.includes(secret) || line.includes(JSON.stringify(secret).slice(1, -1))),
    );
    return [
      ...this.#faults,
      ...leaked.map((line) => `a secret in the log: ${line}`),
      ...this.transfers.flatMap((transfer) => transfer.faults()),
    ].map((fault) => `${this.name}: ${fault}`);
  }

  #listen(): void {
    const { provider } = this;
    let last: Registration = provider.registration;
    if (last.state !== 'offline') this.#faults.push(`begins as ${last.state}`);
    provider.onRegistration((registration) => {
      this.#checkMove(last, registration);
      last = registration;
      this.registrations.push(registration);
      tell();
    });
    provider.onCapabilities(tell);
    const messaging = this.set('messaging');
    messaging.receiver = (message) => this.#receive(message);
    messaging.onMark((mark) => {
      this.marks.push(mark);
      if (mark.error) this.#checkError('a mark', mark.error);
      tell();
    });
    messaging.onTyping((typing) => {
      this.typing.push(typing);
      tell();
    });
    this.set('presence').onPresence((seen) => {
      this.presences.push(seen);
      tell();
    });
    this.set('contactList').onChange(tell);
    this.set('contactList').onRequests(tell);
    this.set('fileTransfer').onOffer(({ transfer, key, sentAt }) => {
      const watched = this.watch(new Watched(transfer, 'incoming'));
      this.offers.push({ watched, key, sentAt });
      tell();
    });
  }

  #receive(message: IncomingMessage): 'stored' | 'duplicate' {
    if (!message.id || message.sentAt > this.#now() + 2_000) this.#faults.push(`an odd message ${message.id}`);
    if (this.refuses(message)) {
      this.calls.push({ message, answer: 'threw' });
      tell();
      throw new Error('the disk is full');
    }
    const { messages } = this.installation;
    const known = messages.some(
      ({ id, peer, archiveId }) =>
        (id === message.id && peer === message.peer) || (archiveId !== undefined && archiveId === message.archiveId),
    );
    if (!known) messages.push(message);
    const answer = known ? 'duplicate' : 'stored';
    this.calls.push({ message, answer });
    tell();
    return answer;
  }

  #checkMove(from: Registration, to: Registration): void {
    if (!registrationMayMove(from.state, to.state)) this.#faults.push(`went from ${from.state} to ${to.state}`);
    if (this.provider.registration !== to)
      this.#faults.push(`tells ${to.state} and is ${this.provider.registration.state}`);
    if (
      from.state === 'connecting' &&
      to.state === 'connecting' &&
      STEPS.indexOf(to.step) <= STEPS.indexOf(from.step)
    ) {
      this.#faults.push(`step ${to.step} after ${from.step}`);
    }
    if (to.state === 'waiting') {
      if (to.retryAt < this.#now()) this.#faults.push('waits for a moment that is over');
      if (!to.cause.retryable) this.#faults.push(`waits, though ${to.cause.code} is not retryable`);
      this.#checkError('waiting', to.cause);
    }
    if (to.state === 'stopped') {
      if (to.cause.retryable) this.#faults.push(`stopped, though ${to.cause.code} is retryable`);
      this.#checkError('stopped', to.cause);
    }
  }

  /** Expected faults have a code; `internal` means that somebody has forgotten one. */
  #checkError(where: string, error: unknown): void {
    if (!(error instanceof ProviderError)) this.#faults.push(`${where}: no ProviderError but ${String(error)}`);
    else if (error.code === 'internal' && !error.retryable) {
      this.#faults.push(`${where}: internal error ${error.message}, ${String(error.cause)}`);
    }
    if ([...this.#secrets].some((secret) => String(error).includes(secret)))
      this.#faults.push(`${where}: a secret in the error`);
  }
}

export interface Said extends MessageDraft {
  readonly outcome: Promise<SendOutcome>;
}
