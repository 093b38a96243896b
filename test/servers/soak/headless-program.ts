import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import readline from 'node:readline';

type Line = Record<string, unknown>;

/** The program ended before it answered a command. */
export class ProgramEnded extends Error {}

/** The core without a window, in a process of its own: commands go in, answers and events come out. */
export class HeadlessProgram {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, { resolve: (line: Line) => void; reject: (error: Error) => void }>();
  readonly #onEvent: (event: Line) => void;
  #countdown: { left: number; reached: () => void } | undefined;
  #killed = false;
  #nextId = 0;
  /** The last lines of standard error, for the report of an end that was not asked for. */
  #complaint = '';
  /** Resolves when the process is gone: true when it was killed by us. */
  readonly ended: Promise<boolean>;
  readonly ready: Promise<void>;

  constructor(program: string, folder: string, onEvent: (event: Line) => void) {
    this.#onEvent = onEvent;
    this.#child = spawn(process.execPath, [program, '--profile', 'soak', '--folder', folder, '--loopback-only']);
    let isReady: () => void = () => undefined;
    let isNever: (error: Error) => void = () => undefined;
    this.ready = new Promise((resolve, reject) => {
      isReady = resolve;
      isNever = reject;
    });
    this.ready.catch(() => undefined);
    this.#child.stderr.on('data', (data: Buffer) => {
      this.#complaint = (this.#complaint + data.toString()).slice(-2000);
    });
    // a command written into a process that is being killed is answered by its end
    this.#child.stdin.on('error', () => undefined);
    readline.createInterface({ input: this.#child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as Line;
      if (line.event === 'ready') isReady();
      this.#hear(line);
    });
    this.ended = once(this.#child, 'close').then(() => {
      for (const { reject } of this.#waiting.values()) reject(new ProgramEnded());
      this.#waiting.clear();
      isNever(new ProgramEnded());
      this.#countdown?.reached();
      return this.#killed;
    });
  }

  get complaint(): string {
    return this.#complaint;
  }

  /** The output of a command. Rejects with its fault's code, or with `ProgramEnded`. */
  async call(command: string, input: object = {}): Promise<Line> {
    const id = ++this.#nextId;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) throw new ProgramEnded();
    const answer = new Promise<Line>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#child.stdin.write(`${JSON.stringify({ id, command, input })}\n`);
    const { ok, output, fault } = await answer;
    if (!ok) throw new Error(`${command}: ${(fault as { code: string }).code}`);
    return (output ?? {}) as Line;
  }

  /** SIGKILL after so many more lines of output: a moment that depends on what the program does, not on the clock. */
  async killAfter(lines: number): Promise<void> {
    if (lines > 0)
      await new Promise<void>((reached) => {
        this.#countdown = { left: lines, reached };
      });
    this.#killed = true;
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  /** A kill that waits for lines of output waits no longer. */
  hurry(): void {
    this.#countdown?.reached();
    this.#countdown = undefined;
  }

  /** In good order. */
  async end(): Promise<void> {
    this.#killed = true;
    this.#child.stdin.end();
    await this.ended;
  }

  #hear(line: Line): void {
    if (typeof line.id === 'number') {
      this.#waiting.get(line.id)?.resolve(line);
      this.#waiting.delete(line.id);
    } else this.#onEvent(line);
    if (this.#countdown && --this.#countdown.left <= 0) {
      this.#countdown.reached();
      this.#countdown = undefined;
    }
  }
}
