import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { Account, CoreEvent, Message, Snapshot, Talk, Transfer } from '../../../electron/contract/index.ts';
import { HeadlessProgram, ProgramEnded } from './headless-program.ts';
import { hashOf, type SentFile } from './verdict.ts';

/** What `accounts.signIn` takes, and how the other side is found. */
export interface SideAccount {
  readonly signIn: {
    readonly protocol: string;
    readonly displayName: string;
    readonly address?: string;
    readonly password?: string;
    readonly [option: string]: unknown;
  };
  /** Address of the other side; without a server it is known by its name only. */
  readonly peer: string | { readonly displayName: string };
}

/** State of a transfer, with the code of what it failed by. */
export const stateOf = ({ state, fault }: Transfer): string => (fault ? `${state} by ${fault.code}` : state);

/** A program that ends by itself again and again is a result, and no run goes on for it. */
const MAXIMUM_CRASHES = 20;

interface Written {
  readonly id: string;
  readonly text: string;
}

/** A person in front of one program that is killed and started again: writes, offers files, accepts every offer, reads. */
export class Side {
  readonly folder: string;
  readonly #bundle: string;
  readonly #account: SideAccount;
  #program: HeadlessProgram | undefined;
  #up: Promise<void> | undefined;
  #registered: Account | undefined;
  #people: Snapshot['people'] = [];
  #talk: Talk | undefined;
  readonly #texts: Written[] = [];
  readonly #files: { name: string; hash: string; path: string }[] = [];
  #readUpTo = 0;
  #changed: () => void = () => undefined;
  /** How often the process ended without being killed. */
  crashes = 0;
  readonly complaints: string[] = [];

  constructor(bundle: string, folder: string, account: SideAccount) {
    this.#bundle = bundle;
    this.folder = folder;
    this.#account = account;
  }

  get downloads(): string {
    return path.join(this.folder, 'Downloads');
  }

  get texts(): readonly string[] {
    return this.#texts.map(({ text }) => text);
  }

  /** Resolves with the next thing the program says. */
  get change(): Promise<void> {
    return new Promise((resolve) => {
      const before = this.#changed;
      this.#changed = () => {
        before();
        resolve();
      };
    });
  }

  /** The running program, signed in; starts it when it does not run. */
  async start(): Promise<void> {
    this.#up ??= this.#start().catch((error: unknown) => {
      this.#up = undefined;
      throw error;
    });
    await this.#up;
  }

  /** Once the account is online. */
  async online(): Promise<void> {
    await this.#until(() => this.#registered?.registration.state === 'online');
  }

  /** Makes both see each other, so that neither is a stranger. */
  async meet(): Promise<void> {
    const { peer } = this.#account;
    if (typeof peer === 'string') {
      const accountId = this.#registered?.id;
      await this.call('people.add', { accountId, address: peer, name: '', groups: [] });
    }
    await this.#until(() => this.#peer()?.presence.state === 'available');
  }

  /** SIGKILL after so many lines of output, then the program again. */
  async kill(lines: number): Promise<void> {
    const program = this.#program;
    await program?.killAfter(lines);
    await this.start();
  }

  /** A kill that still waits for lines happens now. */
  hurry(): void {
    this.#program?.hurry();
  }

  async stop(): Promise<void> {
    await this.#program?.end();
  }

  /** Writes a text; the same again, under the same id, when the program was killed before it answered. */
  async write(text: string): Promise<void> {
    const written = { id: randomUUID(), text };
    this.#texts.push(written);
    await this.call('messages.send', async () => ({ talkId: await this.talkId(), text, messageId: written.id }));
  }

  /** Offers a file of random bytes; again when the program was killed before the offer was on its disk. */
  async offer(name: string, bytes: Uint8Array): Promise<void> {
    const file = path.join(this.folder, name);
    fs.writeFileSync(file, bytes);
    this.#files.push({ name, hash: hashOf(file), path: file });
    for (;;) {
      try {
        const { transfers } = await this.snapshot();
        if (transfers.some((one) => one.direction === 'outgoing' && one.file.name === name)) return;
        await this.#call('transfers.offer', { talkId: await this.talkId(), paths: [file] });
        return;
      } catch (error) {
        if (!(error instanceof ProgramEnded)) throw error;
      }
    }
  }

  /** Everything the conversation holds now was seen. */
  async read(): Promise<void> {
    const last = (await this.messages()).at(-1);
    if (!last) return;
    await this.call('talks.markRead', async () => ({ talkId: await this.talkId(), upTo: last.sequence }));
    this.#readUpTo = last.sequence;
  }

  hasRead(message: Message): boolean {
    return message.sequence <= this.#readUpTo;
  }

  /** All messages of the conversation, oldest first. */
  async messages(): Promise<Message[]> {
    const all: Message[] = [];
    for (let more = true; more; ) {
      const before = all[0]?.sequence;
      const page = (await this.call('messages.page', async () => ({
        talkId: await this.talkId(),
        limit: 200,
        ...(before === undefined ? {} : { before }),
      }))) as unknown as { messages: Message[]; more: boolean };
      all.unshift(...page.messages);
      more = page.more;
    }
    return all;
  }

  async snapshot(): Promise<Snapshot> {
    return (await this.call('app.snapshot')) as unknown as Snapshot;
  }

  /** The files it offered, with what its program says of each. */
  filesIn({ transfers }: Snapshot): SentFile[] {
    return this.#files.map(({ name, hash }) => {
      const rows = transfers.filter((one) => one.direction === 'outgoing' && one.file.name === name);
      return { name, hash, state: rows.map(stateOf).join(' and ') || 'not offered' };
    });
  }

  async talkId(): Promise<string> {
    if (!this.#talk) {
      const accountId = this.#registered?.id;
      const address = this.#peer()?.addresses[0]?.address ?? this.#account.peer;
      this.#talk = (await this.#call('talks.openAddress', { accountId, address })) as unknown as Talk;
    }
    return this.#talk.id;
  }

  /** A command, again when the program was killed under it. */
  async call(command: string, input: object | (() => Promise<object>) = {}): Promise<Record<string, unknown>> {
    for (;;) {
      try {
        return await this.#call(command, typeof input === 'function' ? await input() : input);
      } catch (error) {
        if (!(error instanceof ProgramEnded)) throw error;
      }
    }
  }

  async #call(command: string, input: object): Promise<Record<string, unknown>> {
    if (this.crashes > MAXIMUM_CRASHES) throw new Error('the program ends by itself again and again');
    await this.start();
    if (!this.#program) throw new ProgramEnded();
    return this.#program.call(command, input);
  }

  async #start(): Promise<void> {
    const program = new HeadlessProgram(this.#bundle, this.folder, (event) => this.#hear(event));
    this.#program = program;
    void program.ended.then((killed) => {
      if (this.#program === program) this.#up = undefined;
      this.#changed();
      if (killed) return;
      this.crashes += 1;
      this.complaints.push(program.complaint);
    });
    await program.ready;
    const { accounts, people, transfers } = (await program.call('app.snapshot')) as unknown as Snapshot;
    const { signIn } = this.#account;
    [this.#registered] = accounts;
    this.#people = people;
    if (!this.#registered) this.#registered = (await program.call('accounts.signIn', signIn)) as unknown as Account;
    else if (signIn.password)
      await program.call('accounts.change', { accountId: this.#registered.id, password: signIn.password });
    this.#accept(transfers);
  }

  #peer(): Snapshot['people'][number] | undefined {
    const { peer } = this.#account;
    return this.#people.find(({ name, addresses }) =>
      typeof peer === 'string'
        ? addresses.some(({ address }) => address.endsWith(peer))
        : name === peer.displayName && addresses.length > 0,
    );
  }

  #hear(line: Record<string, unknown>): void {
    const event = { ...line, type: line.event } as unknown as CoreEvent;
    if (event.type === 'accounts') [this.#registered] = event.accounts;
    if (event.type === 'people')
      this.#people = [
        ...this.#people.filter(({ id }) => !event.changed.some((one) => one.id === id)),
        ...event.changed,
      ];
    if (event.type === 'transfers') this.#accept(event.changed);
    if (event.type === 'requests')
      for (const { accountId, address } of event.requests)
        this.#unattended('requests.answer', { accountId, address, answer: 'accept' });
    this.#changed();
  }

  #accept(transfers: readonly Transfer[]): void {
    for (const { id, direction, state } of transfers)
      if (direction === 'incoming' && state === 'offered') this.#unattended('transfers.accept', { transferId: id });
  }

  /** A command whose refusal says only that somebody was faster: the offer ended, the request was answered. */
  #unattended(command: string, input: object): void {
    this.#program?.call(command, input).catch(() => undefined);
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) await this.change;
  }
}
