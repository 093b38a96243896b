import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { commands } from '../../electron/contract/index.ts';
import { databaseKey } from '../../electron/core/store/key/database-key.ts';
import { openStore } from '../../electron/core/store/open-store.ts';
import { bundle } from './support/bundle.ts';
import { TestShell } from './support/core.ts';
import { temporaryFolder } from './support/folder.ts';

type Line = Record<string, unknown>;

let program: string;
beforeAll(async () => {
  program = await bundle('electron/core/headless.ts');
  return () => fs.rmSync(path.dirname(program), { recursive: true, force: true });
}, 120_000);

/** The headless program as a person runs it; `lines` is all it said. */
function run(...words: string[]) {
  const child: ChildProcess = spawn(process.execPath, [program, ...words], { stdio: ['pipe', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: Line[] = [];
  let heard: () => void = () => undefined;
  readline.createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (text) => {
    lines.push(JSON.parse(text) as Line);
    heard();
  });
  const closed = once(child, 'close').then(([code]) => code as number);
  const until = async (fits: (line: Line) => boolean): Promise<Line> => {
    for (;;) {
      const found = lines.find(fits);
      if (found) return found;
      await new Promise<void>((resolve) => {
        heard = resolve;
      });
    }
  };
  let id = 0;
  const write = (text: string): void => void child.stdin?.write(`${text}\n`);
  const call = (command: string, input: object = {}): Promise<Line> => {
    const own = ++id;
    write(JSON.stringify({ id: own, command, input }));
    return until((line) => line.id === own);
  };
  return { child, lines, closed, until, write, call, end: () => void child.stdin?.end() };
}
const start = (folder = temporaryFolder(), ...words: string[]) =>
  run('--profile', 'test', '--folder', folder, '--loopback-only', ...words);

describe('the headless program', () => {
  it('takes commands and gives answers line by line, and says goodbye', async () => {
    const program = start();
    await program.until((line) => line.event === 'ready');
    expect(await program.call('app.snapshot')).toMatchObject({ ok: true, output: { profile: 'test', accounts: [] } });
    expect(await program.call('settings.change', { theme: 'dark' })).toMatchObject({ ok: true });
    expect(await program.until((line) => line.event === 'settings')).toMatchObject({ settings: { theme: 'dark' } });
    program.end();
    expect(await program.closed).toBe(0);
    expect(program.lines[0]).toEqual({ event: 'ready' });
    expect(program.lines.at(-1)).toEqual({ event: 'bye' });
  }, 20_000);

  it('answers what it cannot do with a code, and goes on', async () => {
    const program = start();
    await program.until((line) => line.event === 'ready');
    expect(await program.call('nonsense')).toMatchObject({ ok: false, fault: { code: 'command-unknown' } });
    expect(await program.call('messages.send', {})).toMatchObject({ ok: false, fault: { code: 'command-invalid' } });
    for (const bad of ['{', '7', 'null', '[]', 'text']) program.write(bad);
    await program.call('app.snapshot');
    expect(program.lines.filter((line) => line.id === null)).toHaveLength(5);
    program.write(JSON.stringify({ id: 'last', command: 'app.snapshot' }));
    program.end();
    expect(await program.closed).toBe(0);
    expect(program.lines.find((line) => line.id === 'last')).toMatchObject({ ok: true });
  }, 20_000);

  it('keeps what it was told over runs, but no password', async () => {
    const folder = temporaryFolder();
    const first = start(folder);
    await first.call('accounts.signIn', {
      protocol: 'xmpp',
      address: 'ana@campus.invalid',
      password: 'correct horse',
      displayName: 'Ana',
      server: { host: '127.0.0.1', port: 9 },
    });
    first.end();
    expect(await first.closed).toBe(0);
    for (const name of fs.readdirSync(folder)) {
      expect(fs.readFileSync(path.join(folder, name)).includes('correct horse')).toBe(false);
    }
    const second = start(folder);
    await second.until((line) => line.event === 'ready');
    await second.until((line) => line.event === 'accounts');
    const { output } = (await second.call('app.snapshot')) as { output: { accounts: unknown[] } };
    expect(output.accounts).toMatchObject([
      {
        address: 'xmpp:ana@campus.invalid',
        passwordKept: false,
        registration: { state: 'stopped', cause: { code: 'credentials-missing' } },
      },
    ]);
    second.end();
    expect(await second.closed).toBe(0);
  }, 30_000);

  it('lists every command with its help and its fields', async () => {
    const { child, closed } = run('--help');
    child.stdout?.removeAllListeners('data');
    let text = '';
    child.stdout?.on('data', (data: Buffer) => {
      text += data.toString();
    });
    expect(await closed).toBe(0);
    for (const [name, { help }] of Object.entries(commands)) {
      expect(text).toContain(`  ${name} {`);
      expect(text).toContain(help);
    }
    expect(text).toContain('messages.send {talkId: text, text: text, messageId?: uuid}');
    expect(text).toContain('transport?: "udp"|"tcp"|"tls"');
  }, 20_000);

  it('opens a profile that a passphrase protects with the passphrase in a file', async () => {
    const folder = temporaryFolder();
    const first = start(folder);
    await first.call('app.setPassphrase', { passphrase: 'quatro ursos à chuva' });
    first.end();
    await first.closed;
    const second = start(folder);
    expect(await second.closed).toBe(1);
    expect(second.lines.at(-1)?.fault).toEqual({ code: 'passphrase-needed', retryable: true });
    const file = path.join(folder, 'passphrase');
    fs.writeFileSync(file, 'quatro ursos à chuva\nand a note\n');
    const third = start(folder, '--passphrase-file', file);
    expect(await third.call('app.snapshot')).toMatchObject({ ok: true, output: { protection: 'passphrase' } });
    third.end();
    expect(await third.closed).toBe(0);
  }, 60_000);

  it('looks through its database after it was killed, beside what it does', async () => {
    const folder = temporaryFolder();
    const killed = start(folder);
    await killed.call('settings.change', { theme: 'dark' });
    killed.child.kill('SIGKILL');
    await killed.closed;
    const next = start(folder);
    expect(await next.call('app.snapshot')).toMatchObject({ output: { notices: [{ code: 'secrets-not-kept' }, {}] } });
    const log = () => fs.readFileSync(path.join(folder, 'aims.log'), 'utf8');
    await expect.poll(log, { timeout: 60_000 }).toMatch(/store\.examined.*whole/);
    next.end();
    expect(await next.closed).toBe(0);
  }, 90_000);

  it('refuses a profile that is sealed, in use, or badly named, with a code and an exit code', async () => {
    const failed = async (program: ReturnType<typeof run>) => {
      expect(await program.closed).toBe(1);
      return program.lines.at(-1)?.fault;
    };
    const sealed = temporaryFolder();
    const { key } = await databaseKey({ folder: sealed, secretStore: 'system' }, new TestShell());
    openStore(sealed, key, Date.now, () => undefined).close();
    expect(await failed(start(sealed))).toMatchObject({ code: 'profile-sealed' });
    const used = temporaryFolder();
    const first = start(used);
    await first.until((line) => line.event === 'ready');
    expect(await failed(start(used))).toMatchObject({ code: 'profile-in-use' });
    first.end();
    expect(await first.closed).toBe(0);
    expect(await failed(run('--profile', '../x', '--folder', used))).toMatchObject({ code: 'command-invalid' });
    expect(await failed(run())).toMatchObject({ code: 'command-invalid' });
    expect(await failed(run('--what'))).toMatchObject({ code: 'command-invalid' });
  }, 30_000);

  it('loses nothing when it is killed right after it answered', async () => {
    const folder = temporaryFolder();
    const first = start(folder);
    const { output: account } = (await first.call('accounts.signIn', { protocol: 'local', displayName: 'Ana' })) as {
      output: { id: string };
    };
    // somebody of this network who is not there now
    const address = 'sip:aaaaaaaaaaaaaaaaaaaa@local';
    const opened = (await first.call('talks.openAddress', { accountId: account.id, address })) as {
      output: { id: string };
    };
    const talkId = opened.output.id;
    await first.call('messages.send', { talkId, text: 'one' });
    await first.call('messages.send', { talkId, text: 'two' });
    first.child.kill('SIGKILL');
    await first.closed;
    const second = start(folder);
    const page = (await second.call('messages.page', { talkId, limit: 10 })) as {
      output: { messages: { text: string }[] };
    };
    expect(page.output.messages.map(({ text }) => text)).toEqual(['one', 'two']);
    second.end();
    expect(await second.closed).toBe(0);
  }, 30_000);
});
