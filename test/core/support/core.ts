import fs from 'node:fs';
import { onTestFinished, vi } from 'vitest';
import {
  answer,
  type CommandInput,
  type CommandName,
  type CommandOutput,
  type CoreEvent,
  type CoreLaunch,
  callCore,
  type NotificationRequest,
  type ShellSide,
} from '../../../electron/contract/index.ts';
import { type Core, type CoreParts, createCore, type Opening } from '../../../electron/core/core.ts';
import { HeldClock } from '../transfers/support/desk.ts';
import { temporaryFolder } from './folder.ts';
import { TestProtocol } from './test-protocol.ts';

// every commit here waits for a real disk, which may be shared with much else
vi.setConfig({ testTimeout: 30_000 });

export class TestClock extends HeldClock {
  random = (): number => 0.5;
}

/** The operating system's share, in memory. It outlives a core. */
export class TestShell implements ShellSide {
  readonly secrets = new Map<string, string>();
  readonly notifications: NotificationRequest[] = [];
  readonly unread: number[] = [];
  locked = false;

  readSecret = async (key: string): Promise<string | undefined> => {
    if (this.locked) throw new Error('locked');
    return this.secrets.get(key);
  };
  writeSecret = async (key: string, value: string): Promise<void> => {
    if (this.locked) throw new Error('locked');
    this.secrets.set(key, value);
  };
  deleteSecret = async (key: string): Promise<void> => {
    if (this.locked) throw new Error('locked');
    this.secrets.delete(key);
  };
  held: string | undefined;
  readonly lockedMarks: boolean[] = [];
  heldKey = async (): Promise<string | undefined> => this.held;
  holdKey = async (key: string): Promise<void> => {
    this.held = key;
  };
  setLocked = (isLocked: boolean): void => void this.lockedMarks.push(isLocked);
  openPath = async (): Promise<string> => '';
  revealPath = async (): Promise<void> => undefined;
  thumbnail = async () => undefined;
  notify = (request: NotificationRequest): void => void this.notifications.push(request);
  setUnread = (count: number): void => void this.unread.push(count);
}

/** A turn of the event loop with all that was waiting for it, and one more in which its events are told. */
export async function turn(): Promise<void> {
  await new Promise(setImmediate);
  await new Promise(setImmediate);
}

/** A profile that a core can be started on again and again. */
export class TestProfile {
  readonly folder: string;
  readonly shell = new TestShell();
  readonly clock = new TestClock();
  readonly protocol = new TestProtocol();
  /** Beside it. */
  readonly others: TestProtocol[] = [];
  readonly events: CoreEvent[] = [];
  readonly batches: CoreEvent[][] = [];
  readonly reports: unknown[] = [];
  readonly fatal: unknown[] = [];
  secretStore: CoreLaunch['secretStore'] = 'system';
  restarted = false;
  #core: Core | undefined;

  constructor(folder = temporaryFolder()) {
    this.folder = folder;
    onTestFinished(() => this.stop());
  }

  /** What a core of this profile is made of. */
  parts(opening?: Opening): CoreParts {
    return {
      launch: {
        profile: 'test',
        folder: this.folder,
        downloadFolder: this.folder,
        version: '0.0.0',
        secretStore: this.secretStore,
        loopbackOnly: true,
        restarted: this.restarted,
      },
      shell: this.shell,
      protocols: [this.protocol, ...this.others],
      onEvents: (batch) => {
        this.batches.push(batch);
        this.events.push(...batch);
      },
      onFatal: (error) => this.fatal.push(error),
      clock: this.clock,
      ...(opening ? { opening } : {}),
    };
  }

  async start(opening?: Opening): Promise<Core> {
    this.#core = await createCore(this.parts(opening));
    return this.#core;
  }

  async stop(): Promise<void> {
    await this.#core?.control.shutDown();
    this.#core = undefined;
  }

  /** What a kill at this very moment leaves, as a profile that can be started. */
  killed(): TestProfile {
    const folder = temporaryFolder();
    fs.cpSync(this.folder, folder, { recursive: true });
    const after = new TestProfile(folder);
    for (const [key, secret] of this.shell.secrets) after.shell.secrets.set(key, secret);
    return after;
  }

  async restart(): Promise<Core> {
    await this.stop();
    return this.start();
  }

  get core(): Core {
    if (!this.#core) throw new Error('not started');
    return this.#core;
  }

  /** As a window calls: through the checks of the contract, both ways. */
  call<Name extends CommandName>(name: Name, input: CommandInput<Name>): Promise<CommandOutput<Name>> {
    const side = {
      call: (command: string, given: unknown) =>
        answer(this.core.handlers, command, given, (error) => this.reports.push(error)),
    };
    return callCore(side, name, input);
  }

  /** What a command was refused with. */
  async refused(name: CommandName, input: unknown): Promise<string> {
    const reply = await answer(this.core.handlers, name, input, (error) => this.reports.push(error));
    return reply.ok ? 'done' : reply.fault.code;
  }

  snapshot(): Promise<CommandOutput<'app.snapshot'>> {
    return this.call('app.snapshot', {});
  }

  /** Ana signs in; her provider. */
  async signIn(address = 'ana@campus.test') {
    const account = await this.call('accounts.signIn', {
      protocol: 'test',
      address,
      password: 'correct horse',
      displayName: 'Ana',
    });
    return { account, provider: this.protocol.last };
  }

  /** Signed in, with a talk with Rui. */
  async withTalk() {
    const { account, provider } = await this.signIn();
    const talk = await this.call('talks.openAddress', { accountId: account.id, address: 'rui@campus.test' });
    await turn();
    return { account, provider, talk };
  }

  /** Facts of one kind that were told, in order. */
  told<Type extends CoreEvent['type']>(type: Type): Extract<CoreEvent, { type: Type }>[] {
    return this.events.filter((event): event is Extract<CoreEvent, { type: Type }> => event.type === type);
  }
}
