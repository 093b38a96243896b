import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makeIdentity } from './support/identity.ts';
import { temporaryFolder } from './support/support.ts';

const SCRIPT = path.resolve(import.meta.dirname, '../../scripts/msrp.mjs');

interface Line {
  event: string;
  [fact: string]: unknown;
}

/** The command, as a program in another language sees it. */
class Command {
  readonly #child: ChildProcess;
  readonly lines: Line[] = [];
  readonly exit: Promise<number | null>;
  readonly #waiting = new Set<() => void>();

  constructor(...args: string[]) {
    const child = spawn(process.execPath, [SCRIPT, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    onTestFinished(() => {
      child.kill();
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.lines.push(JSON.parse(line) as Line);
      for (const look of this.#waiting) look();
    });
    this.exit = new Promise((resolve) => {
      child.once('close', (code) => {
        resolve(code);
        for (const look of this.#waiting) look();
      });
    });
  }

  tell(command: object): void {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  line(event: string): Promise<Line> {
    return new Promise((resolve) => {
      const look = () => {
        const found = this.lines.find((line) => line.event === event);
        if (found === undefined) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }
}

describe('the command', () => {
  it('moves files, as often as wanted, and says what it did in JSON lines', async () => {
    const folder = await temporaryFolder();
    const bytes = randomBytes(3_000_000);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    await fs.writeFile(path.join(folder, 'report.bin'), bytes);
    await fs.mkdir(path.join(folder, 'out'));
    const receiver = new Command('receive', '--out', path.join(folder, 'out'), '--count', '3');
    const { path: to } = await receiver.line('listening');
    const first = new Command('send', '--to', String(to), path.join(folder, 'report.bin'), '--repeat', '2');
    expect(await first.exit).toBe(0);
    expect(first.lines.filter(({ event }) => event === 'done')).toHaveLength(2);
    expect(await first.line('done')).toMatchObject({ bytes: bytes.length, sha256, seconds: expect.any(Number) });
    expect(await first.line('report')).toMatchObject({ state: 'delivered' });
    expect(await first.line('progress')).toMatchObject({ total: bytes.length });
    // the same path takes the next one
    const second = new Command('send', '--to', String(to), path.join(folder, 'report.bin'), '--chunk', '2048');
    expect(await second.exit).toBe(0);
    expect(await receiver.exit).toBe(0);
    const done = receiver.lines.filter(({ event }) => event === 'done');
    expect(done).toHaveLength(3);
    expect(done[2]).toMatchObject({ bytes: bytes.length, sha256, file: path.join(folder, 'out', 'report.bin') });
    expect((await fs.readFile(path.join(folder, 'out', 'report.bin'))).equals(bytes)).toBe(true);
  }, 60_000);

  it('takes texts from standard input, over TLS too', async () => {
    const folder = await temporaryFolder();
    const { cert, key } = await makeIdentity();
    await fs.writeFile(path.join(folder, 'cert.pem'), cert);
    await fs.writeFile(path.join(folder, 'key.pem'), key);
    await fs.writeFile(path.join(folder, 'file'), 'content');
    const tls = ['--tls-cert', path.join(folder, 'cert.pem'), '--tls-key', path.join(folder, 'key.pem')];
    const receiver = new Command('receive', '--out', path.join(folder, 'got'), '--count', '2', ...tls);
    const { path: to, fingerprint } = await receiver.line('listening');
    expect(to).toMatch(/^msrps:/);
    const refused = new Command('send', '--to', String(to), path.join(folder, 'file'));
    expect(await refused.exit).toBe(1);
    expect(await refused.line('error')).toMatchObject({ code: 'tls-untrusted' });
    const sender = new Command('send', '--to', String(to), '--fingerprint', String(fingerprint));
    await sender.line('bound');
    sender.tell({ command: 'send', text: 'reunião 👍' });
    expect(await receiver.line('message')).toMatchObject({ text: 'reunião 👍', state: 'completed' });
    sender.tell({ command: 'send', file: path.join(folder, 'file') });
    expect(await sender.line('done')).toMatchObject({ bytes: 7 });
    sender.tell({ command: 'close' });
    expect(await sender.exit).toBe(0);
    expect(await receiver.exit).toBe(0);
    expect(await fs.readFile(path.join(folder, 'got'), 'utf8')).toBe('content');
  }, 60_000);

  it('ends well when the sender leaves before the last file has been looked through', async () => {
    const folder = await temporaryFolder();
    await fs.writeFile(path.join(folder, 'file'), Buffer.alloc(96 * 1_048_576));
    const receiver = new Command('receive', '--out', path.join(folder, 'got'), '--count', '1');
    const { path: to } = await receiver.line('listening');
    const sender = new Command('send', '--to', String(to));
    await sender.line('bound');
    sender.tell({ command: 'send', file: path.join(folder, 'file') });
    await sender.line('report');
    sender.tell({ command: 'close' });
    expect(await receiver.exit).toBe(0);
    expect(receiver.lines.at(-1)).toMatchObject({ event: 'done', bytes: 96 * 1_048_576 });
  }, 60_000);

  it.each([
    ['invalid-option', ['send', 'file', '--unknown']],
    ['invalid-option', ['dance']],
    ['invalid-option', ['receive', '--out', 'x', '--count', 'many']],
    ['invalid-uri', ['send', '--to', 'sip:bob@example.org', 'file']],
    ['connect-failed', ['send', '--to', 'msrp://127.0.0.1:9/x;tcp', 'file']],
  ])(
    'ends with a coded line when it cannot: %s %j',
    async (code, args) => {
      const command = new Command(...args);
      expect(await command.exit).toBe(1);
      expect(command.lines.at(-1)).toMatchObject({ event: 'error', code });
    },
    60_000,
  );
});
