import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { type CampusDescription, startTemporary } from '../../campus/campus.mjs';
import type { CommandInput, CommandName, CommandOutput } from '../../electron/contract/index.ts';
import { openStore } from '../../electron/core/store/open-store.ts';
import { developmentSwitches, electronRuntime } from '../../scripts/electron-runtime.mjs';
import { downloads, openTalk, sendFiles, writeFile } from '../windows/people.ts';
import { joinThisNetwork, root, startProgram } from '../windows/program.ts';
import { plainCopy } from './plain-copy.ts';
import { processorTime, proportionalMemory } from './processes.ts';

// The whole program beside an empty window of the same runtime and beside a plain copy, in one run: `npm run bench:app`.

const CONTACTS = 200;
const MESSAGES = 1_000_000;
const STARTS = 7;
const IDLE_SECONDS = 60;
const FILE = 200 * 1024 * 1024;
const MEBIBYTE = 1024 * 1024;

const say = (words: string): void => console.error(words);
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
const pause = (seconds: number): Promise<void> => new Promise((done) => setTimeout(done, seconds * 1000));

/** The core without a window, spoken to by JSON lines. */
function headless(folder: string) {
  const child = spawn(
    process.execPath,
    [path.join(root, 'out/headless/index.cjs'), '--profile=bench', '--folder', folder, '--loopback-only'],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const waiting = new Map<number, (line: { ok: boolean; output: unknown; fault: unknown }) => void>();
  readline.createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text);
    waiting.get(line.id)?.(line);
  });
  let last = 0;
  return {
    call: <Name extends CommandName>(command: Name, input: CommandInput<Name>): Promise<CommandOutput<Name>> => {
      const id = ++last;
      child.stdin.write(`${JSON.stringify({ id, command, input })}\n`);
      return new Promise((resolve, reject) => {
        waiting.set(id, (line) =>
          line.ok
            ? resolve(line.output as CommandOutput<Name>)
            : reject(new Error(`${command}: ${JSON.stringify(line.fault)}`)),
        );
      });
    },
    end: async (): Promise<void> => {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}

const ACCOUNTS = [
  { protocol: 'sip', port: 'sips', transport: 'tls' },
  { protocol: 'xmpp', port: 'c2s', transport: undefined },
] as const;

/** A profile with two accounts, 200 contacts with a talk each, and a million messages. */
async function fillProfile(folder: string, campus: CampusDescription): Promise<void> {
  const core = headless(folder);
  for (const { protocol, port, transport } of ACCOUNTS) {
    const { id } = await core.call('accounts.signIn', {
      protocol,
      address: 'alice@campus.test',
      password: 'pw-alice',
      displayName: 'Alice',
      server: { host: campus.host, port: campus.ports[port] },
      ...(transport && { transport }),
    });
    for (let state = ''; state !== 'online'; await pause(0.1)) {
      const { accounts } = await core.call('app.snapshot', {});
      const registration = accounts.find((account) => account.id === id)?.registration;
      state = registration?.state ?? '';
      const certificate = registration?.state === 'stopped' ? registration.cause.certificate : undefined;
      if (certificate) {
        await core.call('accounts.trustCertificate', { accountId: id, fingerprint: certificate.fingerprint });
      }
    }
  }
  const { accounts } = await core.call('app.snapshot', {});
  const accountId = accounts.find((account) => account.protocol === 'sip')?.id ?? '';
  for (let n = 0; n < CONTACTS; n++) {
    const address = `student${n}@campus.test`;
    const { personId } = await core.call('people.add', { accountId, address, name: `Student Number ${n}`, groups: [] });
    await core.call('talks.open', { personId });
  }
  await core.end();

  const key = fs.readFileSync(path.join(folder, 'database.key'), 'utf8').trim();
  const store = openStore(folder, key, Date.now, () => undefined);
  const { driver } = store;
  const talks = driver.all<{ id: string; account_id: string; address: string }>(
    'SELECT id, account_id, address FROM talks',
  );
  const words = 'o relatório de redes está pronto amanhã às dez no laboratório com todos os colegas do grupo'.split(
    ' ',
  );
  const start = Date.now() - 365 * 86_400_000;
  for (let n = 0; n < MESSAGES; ) {
    driver.transaction(() => {
      for (const end = Math.min(MESSAGES, n + 20_000); n < end; n++) {
        const talk = talks[n % talks.length] as (typeof talks)[number];
        const text = Array.from({ length: 8 }, (_, at) => words[(n * 7 + at * 3) % words.length]).join(' ');
        driver.run(
          `INSERT INTO messages (id, talk_id, direction, kind, text, at, state, account_id, address)
           VALUES (?, ?, ?, 'text', ?, ?, ?, ?, ?)`,
          `bench-${n}`,
          talk.id,
          n % 2 ? 'incoming' : 'outgoing',
          text,
          start + n * 30_000,
          n % 2 ? 'received' : 'read',
          talk.account_id,
          talk.address,
        );
      }
    });
  }
  driver.run('UPDATE talks SET last_sequence = (SELECT max(sequence) FROM messages WHERE talk_id = talks.id)');
  store.close();
}

interface Started {
  app: ElectronApplication;
  page: Page;
  /** ms from before exec to the first paint and, for the program, to the usable list. */
  firstPaint: number;
  list: number;
}

async function start(args: string[], usable: boolean): Promise<Started> {
  const before = Date.now();
  const app = await _electron.launch({
    executablePath: electronRuntime().executable,
    args: [...developmentSwitches(), ...args],
    env: process.env as Record<string, string>,
  });
  const page = await app.firstWindow();
  if (usable) await page.getByText('Student Number', { exact: false }).first().waitFor();
  const at = await page.evaluate(
    async (mark) => {
      const read = (name: string): number | undefined => performance.getEntriesByName(name)[0]?.startTime;
      for (let frame = 0; frame < 600; frame++) {
        const paint = read('first-contentful-paint');
        const list = mark ? read(mark) : paint;
        if (paint !== undefined && list !== undefined)
          return [performance.timeOrigin + paint, performance.timeOrigin + list];
        await new Promise(requestAnimationFrame);
      }
      throw new Error('nothing was painted');
    },
    usable ? 'aims:list' : '',
  );
  return { app, page, firstPaint: (at[0] as number) - before, list: (at[1] as number) - before };
}

/** Enters the password of each account that asks for one. */
async function bringOnline(page: Page): Promise<void> {
  for (const _ of ACCOUNTS) {
    await page.getByRole('button', { name: 'Enter password' }).first().click();
    const sheet = page.getByRole('dialog');
    await sheet.getByLabel('New password', { exact: true }).first().fill('pw-alice');
    await sheet.getByRole('button', { name: 'Change password' }).first().click();
    await sheet.getByText('Connected', { exact: false }).first().waitFor();
    await page.keyboard.press('Escape');
    await sheet.waitFor({ state: 'hidden' });
  }
}

interface Row {
  what: string;
  aims: string;
  beside: string;
  ratio: string;
  target: string;
}

async function starts(dataFolder: string, rows: Row[]): Promise<void> {
  const program = [root, `--data-folder=${dataFolder}`, '--profile=bench', '--loopback-only'];
  const empty = [path.join(root, 'scripts/empty-window')];
  const figures = { empty: [] as number[], list: [] as number[], emptyMemory: [] as number[], memory: [] as number[] };
  for (let n = 0; n <= STARTS; n++) {
    for (const own of [false, true]) {
      const started = await start(own ? program : empty, own);
      // the first of each warms the disk cache and is not counted
      if (n > 0) (own ? figures.list : figures.empty).push(own ? started.list : started.firstPaint);
      if (n > 0 && n <= 3) {
        await pause(4);
        const memory = proportionalMemory(started.app.process().pid as number);
        (own ? figures.memory : figures.emptyMemory).push(memory);
      }
      await started.app.close();
    }
  }
  const [list, empties, memory, emptyMemory] = [figures.list, figures.empty, figures.memory, figures.emptyMemory].map(
    median,
  ) as [number, number, number, number];
  rows.push({
    what: `start to a usable list of ${CONTACTS} contacts`,
    aims: `${list.toFixed(0)} ms`,
    beside: `${empties.toFixed(0)} ms to the first paint of an empty window`,
    ratio: (list / empties).toFixed(2),
    target: 'at most 1.6',
  });
  rows.push({
    what: 'proportional memory (PSS), a million messages stored',
    aims: `${memory.toFixed(0)} MiB`,
    beside: `${emptyMemory.toFixed(0)} MiB, empty window`,
    ratio: (memory / emptyMemory).toFixed(2),
    target: 'at most 1.5',
  });
}

async function idle(dataFolder: string, rows: Row[]): Promise<void> {
  const { app, page } = await start([root, `--data-folder=${dataFolder}`, '--profile=bench', '--loopback-only'], true);
  await bringOnline(page);
  await pause(10);
  const pid = app.process().pid as number;
  const before = processorTime(pid);
  await pause(IDLE_SECONDS);
  const share = ((processorTime(pid) - before) / IDLE_SECONDS) * 100;
  await app.close();
  rows.push({
    what: `processor while idle for ${IDLE_SECONDS} s, a SIP and an XMPP account online`,
    aims: `${share.toFixed(2)} % of one core`,
    beside: '–',
    ratio: '–',
    target: 'at most 0.5 %',
  });
}

async function transfer(dataFolder: string, rows: Row[]): Promise<void> {
  const file = writeFile(dataFolder, 'big.bin', FILE);
  const plain: number[] = [];
  for (let n = 0; n < 3; n++) plain.push(await plainCopy(file, path.join(dataFolder, 'copy.bin')));
  const [ana, rui] = await Promise.all([
    startProgram({ dataFolder, profile: 'ana' }),
    startProgram({ dataFolder, profile: 'rui' }),
  ]);
  await Promise.all([joinThisNetwork(ana, 'Ana Sousa'), joinThisNetwork(rui, 'Rui Costa')]);
  await Promise.all([openTalk(ana, 'Rui Costa'), openTalk(rui, 'Ana Sousa')]);
  await sendFiles(ana, [file]);
  await rui.page.getByRole('button', { name: 'Accept big.bin' }).first().waitFor();
  await ana.page.evaluate(() => {
    const seen: number[] = [];
    Object.assign(window, { blocked: seen });
    new PerformanceObserver((list) => seen.push(...list.getEntries().map((entry) => entry.duration))).observe({
      entryTypes: ['longtask'],
    });
  });
  const started = Date.now();
  await rui.page.getByRole('button', { name: 'Accept big.bin' }).first().click();
  const box = ana.page.getByRole('textbox', { name: 'Message' });
  const target = downloads(rui, 'big.bin');
  await box.focus();
  while (!fs.existsSync(target)) await ana.page.keyboard.type('um texto ', { delay: 20 });
  const seconds = (Date.now() - started) / 1000;
  const blocked = await ana.page.evaluate(() => Math.max(0, ...(window as unknown as { blocked: number[] }).blocked));
  await Promise.all([ana.close(), rui.close()]);
  const speed = FILE / MEBIBYTE / seconds;
  const beside = FILE / MEBIBYTE / median(plain);
  rows.push({
    what: 'a 200 MB file between two running programs, from the click on Accept to the verified file',
    aims: `${speed.toFixed(0)} MiB/s`,
    beside: `${beside.toFixed(0)} MiB/s, plain Node fs → socket → fs`,
    ratio: (speed / beside).toFixed(2),
    target: 'at least 0.5',
  });
  rows.push({
    what: 'longest block of the window while typing meanwhile',
    aims: blocked === 0 ? 'below 50 ms' : `${blocked.toFixed(0)} ms`,
    beside: '–',
    ratio: '–',
    target: 'at most 50 ms',
  });
}

/** Runs everything, prints the table and, with `write`, puts it into docs/benchmarks.md. */
export async function run(write: boolean): Promise<void> {
  const dataFolder = fs.mkdtempSync(path.join(os.tmpdir(), 'aims-bench-'));
  const campus = await startTemporary();
  const rows: Row[] = [];
  const told = (from: number): void =>
    rows.slice(from).forEach((row) => {
      say(`  ${row.what}: ${row.aims} (${row.beside}; ratio ${row.ratio}, ${row.target})`);
    });
  try {
    say('Filling a profile: 2 accounts, 200 contacts, 1,000,000 messages…');
    await fillProfile(path.join(dataFolder, 'profiles/bench'), campus.description);
    say('Starting, beside an empty window…');
    await starts(dataFolder, rows);
    told(0);
    say('Idle for a minute…');
    await idle(dataFolder, rows);
    told(2);
    say('A 200 MB file…');
    await transfer(dataFolder, rows);
    told(3);
  } finally {
    await campus.stop();
    fs.rmSync(dataFolder, { recursive: true, force: true });
  }
  const runtime = electronRuntime();
  const table = [
    `Measured ${new Date().toISOString().slice(0, 10)} on ${os.cpus().length} cores of ${os.cpus()[0]?.model.trim()}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.release()}, Electron ${runtime.version}, Xvfb without a graphics card. Medians of ${STARTS} starts, 3 memory readings, 3 plain copies; one run for the rest.`,
    '',
    '| what | AIMS | beside it | ratio | target |',
    '|---|---|---|---|---|',
    ...rows.map((row) => `| ${row.what} | ${row.aims} | ${row.beside} | ${row.ratio} | ${row.target} |`),
  ].join('\n');
  console.log(table);
  if (!write) return;
  const document = path.join(root, 'docs/benchmarks.md');
  const text = fs.readFileSync(document, 'utf8');
  const marks = /(<!-- bench:app -->)[\s\S]*?(<!-- \/bench:app -->)/;
  fs.writeFileSync(document, text.replace(marks, `$1\n${table}\n$2`));
}
