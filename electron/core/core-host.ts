import {
  type Answer,
  answer,
  CommandError,
  type CoreControl,
  type CoreEvent,
  type WindowSide,
} from '../contract/index.ts';
import type { Core } from './core.ts';

/**
 * The core as windows and main see it: there from the first moment, whether it could start or not. While it could not,
 * every command is answered with the reason, and a window that asks for the snapshot anew makes it try again.
 */
export class CoreHost {
  readonly control: CoreControl;
  readonly #create: (onEvents: (batch: CoreEvent[]) => void) => Promise<Core>;
  readonly #report: (error: unknown) => void;
  readonly #windows = new Set<WindowSide>();
  #core: Promise<Core>;
  #failed = false;
  #inFront: string | null = null;

  constructor(create: (onEvents: (batch: CoreEvent[]) => void) => Promise<Core>, report: (error: unknown) => void) {
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
    if (this.#failed && name === 'app.snapshot') this.#core = this.#start();
    let core: Core;
    try {
      core = await this.#core;
    } catch (error) {
      return { ok: false, fault: error instanceof CommandError ? error.fault : { code: 'internal', retryable: true } };
    }
    return answer(core.handlers, name, input, core.report);
  }

  #start(): Promise<Core> {
    this.#failed = false;
    const starting = this.#create((batch) => {
      for (const window of this.#windows) window.events(batch);
    });
    starting.then(
      (core) => core.control.talkInFront(this.#inFront),
      (error: unknown) => {
        this.#failed = true;
        this.#report(error);
      },
    );
    return starting;
  }

  #whenStarted(work: (core: Core) => void): void {
    this.#core.then(work, () => undefined); // without a core there is nobody to be told
  }
}
