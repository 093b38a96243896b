import path from 'node:path';
import { createBirpc } from 'birpc';
import { MessageChannelMain, type UtilityProcess, utilityProcess, type WebContents } from 'electron';
import { type CoreControl, type CoreLaunch, PORT_MESSAGE, type ShellSide } from '../contract/index.ts';

type Control = { [Name in keyof CoreControl]: (...args: Parameters<CoreControl[Name]>) => Promise<void> };

/** Waits before the nth start after a death, in ms; the count falls back after a minute of health. */
const PAUSES = [0, 500, 2_000, 10_000, 30_000];
const HEALTHY_AFTER = 60_000;

/**
 * The core's process: started, started again when it dies, and joined to every window by a port of their own.
 * Nothing of a talk ever passes through main.
 *
 * ```
 * running --exit--> pausing --time--> running      stopping --exit--> stopped
 * ```
 */
export class CoreProcess {
  readonly #launch: CoreLaunch;
  readonly #shell: ShellSide;
  readonly #windows = new Set<WebContents>();
  #child: UtilityProcess | undefined;
  #control: Control | undefined;
  #deaths = 0;
  #stopping = false;
  #ended: (() => void) | undefined;

  constructor(launch: CoreLaunch, shell: ShellSide) {
    this.#launch = launch;
    this.#shell = shell;
  }

  start(): void {
    const launch: CoreLaunch = { ...this.#launch, restarted: this.#deaths > 0 };
    const child = utilityProcess.fork(path.join(__dirname, '../core/index.cjs'), [JSON.stringify(launch)], {
      serviceName: 'AIMS core',
      stdio: 'inherit',
    });
    this.#child = child;
    const rpc = createBirpc<CoreControl, ShellSide>(this.#shell, {
      post: (data) => child.postMessage({ kind: 'shell', data }),
      on: (receive) => child.on('message', (message: { kind: string; data: unknown }) => receive(message.data)),
      timeout: 10_000,
    });
    this.#control = {
      machineEvent: (event) => rpc.machineEvent(event),
      idleSince: (since) => rpc.idleSince(since),
      talkInFront: (talkId) => rpc.talkInFront(talkId),
      shutDown: () => rpc.shutDown(),
    };
    const born = Date.now();
    child.once('exit', () => {
      rpc.$close();
      this.#child = undefined;
      this.#control = undefined;
      if (this.#stopping) {
        this.#ended?.();
        return;
      }
      if (Date.now() - born > HEALTHY_AFTER) this.#deaths = 0;
      const pause = PAUSES[Math.min(this.#deaths, PAUSES.length - 1)] ?? 0;
      this.#deaths += 1;
      setTimeout(() => {
        if (!this.#stopping) this.start();
      }, pause);
    });
    for (const window of this.#windows) this.#connect(window);
  }

  /** A window (or the page in it) is new: it gets a fresh port to the core, now and after every restart of the core. */
  attach(window: WebContents): void {
    if (!this.#windows.has(window)) {
      this.#windows.add(window);
      window.once('destroyed', () => this.#windows.delete(window));
    }
    this.#connect(window);
  }

  machineEvent(event: 'wake' | 'network-changed'): void {
    this.#control?.machineEvent(event).catch(() => undefined); // a core that is just dying hears it at its start
  }

  idleSince(since: number | null): void {
    this.#control?.idleSince(since).catch(() => undefined);
  }

  talkInFront(talkId: string | null): void {
    this.#control?.talkInFront(talkId).catch(() => undefined);
  }

  /** Asks the core to write down and leave; ends it after 8 s whatever happens. */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const child = this.#child;
    if (!child) return;
    const ended = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    const limit = setTimeout(() => child.kill(), 8_000);
    this.#control?.shutDown().then(
      () => child.kill(),
      () => child.kill(),
    );
    await ended;
    clearTimeout(limit);
  }

  #connect(window: WebContents): void {
    if (!this.#child || window.isDestroyed()) return;
    const { port1, port2 } = new MessageChannelMain();
    this.#child.postMessage({ kind: 'window' }, [port1]);
    window.postMessage(PORT_MESSAGE, null, [port2]);
  }
}
