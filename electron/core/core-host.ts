import {
  type Answer,
  answer,
  CommandError,
  type CoreControl,
  type CoreEvent,
  commands,
  type Fault,
  isLockedCode,
  type WindowSide,
} from '../contract/index.ts';
import type { Core, Opening } from './core.ts';

interface Told {
  onEvents: (batch: CoreEvent[]) => void;
  /** What can be read of a damaged database is being saved. */
  onSalvage: () => void;
  /** Gives up a start that takes long. */
  signal: AbortSignal;
}
type Create = (told: Told, opening?: Opening) => Promise<Core>;

const NEVER = new Promise<undefined>(() => undefined);
const SALVAGING: Fault = { code: 'database-salvaging', retryable: true };

const faultOf = (error: unknown): Fault =>
  error instanceof CommandError ? error.fault : { code: 'internal', retryable: true };

function openingOf(name: string, input: unknown): Opening | undefined {
  if (name === 'app.beginAnew') return { beginAnew: true };
  const parsed = name === 'app.unlock' ? commands['app.unlock'].input.safeParse(input) : undefined;
  return parsed?.success ? { passphrase: parsed.data.passphrase } : undefined;
}

/**
 * The core as windows and main see it: there from the first moment, whether it could start or not. While it could not,
 * every command is answered with the reason, and a window that asks for the snapshot anew makes it try again. One that waits
 * for a passphrase is started by `app.unlock`, or by `app.beginAnew` without what the passphrase protects.
 */
export class CoreHost {
  readonly control: CoreControl;
  readonly #create: Create;
  readonly #report: (error: unknown) => void;
  readonly #windows = new Set<WindowSide>();
  #core: Promise<Core>;
  /** Why the last start was refused; null while there is one under way, and after it went well. */
  #fault: Fault | null = null;
  /** A start is under way that takes long. */
  #isSalvaging = false;
  readonly #leaving = new AbortController();
  /** Resolves when that turns out, for callers that wait for the core already. */
  #salvage: Promise<undefined> = NEVER;
  #inFront: string | null = null;

  constructor(create: Create, report: (error: unknown) => void) {
    this.#create = create;
    this.#report = report;
    this.#core = this.#start();
    this.control = {
      machineEvent: (event) => this.#whenStarted((core) => core.control.machineEvent(event)),
      idleSince: (since) => this.#whenStarted((core) => core.control.idleSince(since)),
      talkInFront: (talkId) => {
        this.#inFront = talkId;
        this.#whenStarted((core) => core.control.talkInFront(talkId));
      },
      shutDown: async () => {
        this.#leaving.abort();
        const core = await this.#core.catch(() => undefined);
        await core?.control.shutDown();
      },
    };
  }

  /** From now on this window is told what happens. The returned function ends it. */
  attach(window: WindowSide): () => void {
    this.#windows.add(window);
    return () => this.#windows.delete(window);
  }

  /** Never rejects. */
  async call(name: string, input: unknown): Promise<Answer> {
    if (this.#fault !== null && name === 'app.snapshot') this.#core = this.#start();
    if (this.#isSalvaging) return { ok: false, fault: SALVAGING };
    const opening = isLockedCode(this.#fault?.code ?? '') ? openingOf(name, input) : undefined;
    if (opening) this.#core = this.#start(opening);
    let core: Core | undefined;
    try {
      core = await Promise.race([this.#core, this.#salvage]);
    } catch (error) {
      return { ok: false, fault: faultOf(error) };
    }
    if (!core) return { ok: false, fault: SALVAGING };
    if (opening) return { ok: true, output: null };
    return answer(core.handlers, name, input, core.report);
  }

  #start(opening?: Opening): Promise<Core> {
    this.#fault = null;
    let tellWaiting: () => void = () => undefined;
    this.#salvage = new Promise((resolve) => {
      tellWaiting = () => resolve(undefined);
    });
    const told: Told = {
      signal: this.#leaving.signal,
      onEvents: (batch) => {
        for (const window of this.#windows) window.events(batch);
      },
      onSalvage: () => {
        this.#isSalvaging = true;
        tellWaiting();
      },
    };
    const starting = this.#create(told, opening);
    starting.then(
      (core) => {
        this.#isSalvaging = false;
        this.#salvage = NEVER;
        core.control.talkInFront(this.#inFront);
      },
      (error: unknown) => {
        this.#isSalvaging = false;
        this.#fault = faultOf(error);
        this.#report(error);
      },
    );
    return starting;
  }

  #whenStarted(work: (core: Core) => void): void {
    this.#core.then(work, () => undefined); // without a core there is nobody to be told
  }
}
