import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { parseArgs } from 'node:util';
import { unawaited } from '../../protocols/contract/unawaited.ts';
import { protocols } from '../../protocols/registry.ts';
import {
  type Answer,
  answer,
  CommandError,
  type CoreEvent,
  type CoreLaunch,
  refuse,
  type ShellSide,
} from '../contract/index.ts';
import { commandHelp } from './command-help.ts';
import { type Core, createCore, type Opening } from './core.ts';

// The core with no window and no Electron: for bots, scripts and tests. Commands come as JSON lines on the standard
// input, answers and events go as JSON lines to the standard output, and nothing else does.

const HELP = `Usage: npm run -s headless -- --profile NAME [--folder DIR] [--loopback-only]

  --profile NAME    which profile; letters, digits, dot, dash, underscore
  --folder DIR      folder of the profile; default: the headless profiles of this user
  --loopback-only   nothing leaves this machine
  --passphrase-file FILE   its first line opens a profile that a passphrase protects
  --help            this text

Passwords are kept in memory only. The profile is its own: one that the program with windows has sealed with the
system's password store is refused.

Write one command a line:    {"id":1,"command":"messages.send","input":{"talkId":"…","text":"Hello"}}
and read                     {"id":1,"ok":true,"output":{…}}   or   {"id":1,"ok":false,"fault":{"code":"…"}}
and events as they happen    {"event":"messages","changed":[…]}
{"event":"ready"} comes first, {"event":"bye"} last, after the input has ended. A start that fails ends with
{"event":"failed","fault":{"code":"…"}} and exit code 1.

Commands:
${commandHelp()}
`;

const PROFILE = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,63}$/u;

const tell = (line: object): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

/** Ends once everything is written: a pipe takes its time. */
function end(code: number): void {
  process.exitCode = code;
  process.stdout.write('', () => process.exit());
}

function fail(error: unknown): void {
  const fault = error instanceof CommandError ? error.fault : { code: 'internal', retryable: false };
  if (!(error instanceof CommandError)) console.error(error);
  tell({ event: 'failed', fault });
  end(1);
}

function defaultFolder(profile: string): string {
  const data =
    process.platform === 'win32'
      ? (process.env.APPDATA ?? path.join(os.homedir(), 'AppData', 'Roaming'))
      : process.platform === 'darwin'
        ? path.join(os.homedir(), 'Library', 'Application Support')
        : (process.env.XDG_CONFIG_HOME ?? path.join(os.homedir(), '.config'));
  return path.join(data, 'AIMS', 'headless', profile);
}

function parseOptions() {
  try {
    return parseArgs({
      options: {
        profile: { type: 'string' },
        folder: { type: 'string' },
        'loopback-only': { type: 'boolean' },
        'passphrase-file': { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (cause) {
    console.error((cause as Error).message);
    throw refuse('command-invalid', { cause });
  }
}

function launchOf(options: ReturnType<typeof parseOptions>): CoreLaunch {
  const profile = options.profile ?? '';
  if (!PROFILE.test(profile)) throw refuse('command-invalid');
  const folder = options.folder === undefined ? defaultFolder(profile) : path.resolve(options.folder);
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  return {
    profile,
    folder,
    downloadFolder: path.join(folder, 'Downloads'),
    version: process.env.npm_package_version ?? 'headless',
    secretStore: 'none',
    loopbackOnly: options['loopback-only'] ?? false,
    restarted: false,
  };
}

/** From a file: a command line is read by everybody on the machine. */
const openingOf = (file: string | undefined): { opening?: Opening } =>
  file === undefined ? {} : { opening: { passphrase: fs.readFileSync(file, 'utf8').split(/\r?\n/, 1)[0] ?? '' } };

const noSystem = (): Promise<never> => Promise.reject(refuse('not-available-here'));
const shell: ShellSide = {
  readSecret: noSystem,
  writeSecret: noSystem,
  deleteSecret: noSystem,
  heldKey: async () => undefined,
  holdKey: async () => undefined,
  setLocked: () => undefined,
  openPath: noSystem,
  revealPath: noSystem,
  thumbnail: async () => undefined,
  notify: () => undefined,
  setUnread: () => undefined,
};

async function answerLine(core: Core, line: string): Promise<void> {
  let id: unknown = null;
  let reply: Answer;
  try {
    const request = JSON.parse(line) as { id?: unknown; command?: unknown; input?: unknown };
    id = request.id ?? null;
    reply = await answer(core.handlers, String(request.command), withBytes(request.input ?? {}), core.report);
  } catch {
    // not JSON, or not an object
    reply = { ok: false, fault: { code: 'command-invalid', retryable: false } };
  }
  tell({ id, ...reply });
}

/** JSON has no bytes: `data` comes as base64. */
function withBytes(input: unknown): unknown {
  if (typeof input !== 'object' || input === null || !('data' in input) || typeof input.data !== 'string') return input;
  return { ...input, data: new Uint8Array(Buffer.from(input.data, 'base64')) };
}

async function run(): Promise<void> {
  const values = parseOptions();
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  // `ready` is the first line, so that whoever waits for it misses no event
  let early: CoreEvent[] | undefined = [];
  const tellEvents = (batch: readonly CoreEvent[]): void => {
    if (early) early.push(...batch);
    else for (const { type, ...facts } of batch) tell({ event: type, ...facts });
  };
  const core = await createCore({
    launch: launchOf(values),
    shell,
    protocols,
    onEvents: tellEvents,
    onFatal: fail,
    ...openingOf(values['passphrase-file']),
  });
  process.on('uncaughtException', (error) => core.lastResort.thrown(error));
  process.on('unhandledRejection', (error) => core.lastResort.rejected(error));
  let ending = false;
  const leave = async (): Promise<void> => {
    if (ending) return;
    ending = true;
    await Promise.allSettled(underWay);
    await core.control.shutDown();
    tell({ event: 'bye' });
    end(0);
  };
  // nobody reads any more
  process.stdout.on('error', () => unawaited(leave()));
  process.on('SIGTERM', () => unawaited(leave()));
  process.on('SIGINT', () => unawaited(leave()));
  tell({ event: 'ready' });
  const kept = early;
  early = undefined;
  tellEvents(kept);

  const underWay = new Set<Promise<void>>();
  const lines = readline.createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  lines.on('line', (line) => {
    if (line.trim() === '') return;
    const answered = answerLine(core, line).finally(() => underWay.delete(answered));
    underWay.add(answered);
  });
  lines.on('close', () => unawaited(leave()));
}

run().catch(fail);
