import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { MsrpError } from '../errors.ts';

/** Prints one JSON line. */
export function print(event: string, facts: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify({ event, ...facts })}\n`);
}

/** Ends the program, with a coded line if something went wrong. */
export function finish(error?: unknown): void {
  if (error !== undefined) {
    const coded =
      error instanceof MsrpError
        ? error
        : new MsrpError('invalid-option', error instanceof Error ? error.message : 'Unknown fault');
    print('error', { code: coded.code, status: coded.status, text: coded.message });
  }
  // what has been printed must arrive first
  process.stdout.write('', () => process.exit(error === undefined ? 0 : 1));
}

/** A line of standard input. */
export interface InputCommand {
  readonly command: string;
  readonly text?: string;
  readonly file?: string;
  readonly type?: string;
}

/** Reads commands as long as there is a standard input; the returned function stops that. */
export function onInput(run: (command: InputCommand) => void): () => void {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    try {
      run(JSON.parse(line) as InputCommand);
    } catch (error) {
      print('warning', { text: error instanceof Error ? error.message : 'not understood' });
    }
  });
  return () => {
    lines.close();
    process.stdin.destroy();
  };
}

/** Most memory this process has had, in bytes. Linux counts what the parent had, too, unless asked like this. */
export function peakMemory(): number {
  const status = process.platform === 'linux' ? readFileSync('/proc/self/status', 'utf8') : '';
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS) * 1024;
}

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(file, { highWaterMark: 1_048_576 })) hash.update(part as Uint8Array);
  return hash.digest('hex');
}
