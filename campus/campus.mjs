// The campus: OpenLDAP, Kamailio and Prosody in one folder, on loopback. See README.md; `node campus/campus.mjs` tells the commands.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installCommand, missing } from './install.mjs';
import { kamailio } from './servers/kamailio.mjs';
import { prosody, UPLOAD_LIMIT } from './servers/prosody.mjs';
import { slapd } from './servers/slapd.mjs';
import { makeCertificates, showCertificate } from './support/certificates.mjs';
import { CampusError } from './support/errors.mjs';
import { DOMAIN, LDAP_ADMIN, LDAP_BASE, USERS } from './support/people.mjs';
import { choosePorts, HOST } from './support/ports.mjs';
import { alive, forceDown, launch, remember, terminate, until } from './support/processes.mjs';

const SERVERS = { slapd, kamailio, prosody };
const START_LIMIT_MS = 50_000;
const STOP_LIMIT_MS = 5000;
const START_ATTEMPTS = 3;

const DEFAULT_SETTINGS = {
  credentials: 'ldap',
  algorithm: 'MD5',
  presenceRules: false,
  nonceSeconds: 300,
  ringSeconds: 600,
  credentialSeconds: 1200,
  stanzaBytes: 262_144,
  mechanisms: 'scram',
};
const SETTING_VALUES = {
  credentials: ['ldap', 'database'],
  algorithm: ['MD5', 'SHA-256'],
  presenceRules: [true, false],
  mechanisms: ['scram', 'plain'],
};

/** Where `start` puts the campus when no folder is named. */
export const defaultFolder = () => path.join(os.tmpdir(), `aims-campus-${os.userInfo().username}`);

// ---------------------------------------------------------------- what is written down

const stateFile = (dir) => path.join(dir, 'campus.json');

function load(dir) {
  let text;
  try {
    text = fs.readFileSync(stateFile(dir), 'utf8');
  } catch (cause) {
    throw new CampusError('not-started', `no campus was started in ${dir}`, { cause });
  }
  return withHandOver(JSON.parse(text));
}

function save(campus) {
  const { handOver: _, ...state } = campus;
  const draft = `${stateFile(campus.dir)}.new`;
  fs.writeFileSync(draft, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  fs.renameSync(draft, stateFile(campus.dir));
}

// ---------------------------------------------------------------- who the servers run as

/** As root the servers run as nobody: their passwords are public, and Prosody's administrator may load code into it. */
function serverUser() {
  if (process.getuid() !== 0) return {};
  const fields = fs
    .readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((line) => line.startsWith('nobody:'))
    ?.split(':');
  if (!fields)
    throw new CampusError('start-failed', 'started as root, but there is no user "nobody" to run the servers as');
  return { uid: Number(fields[2]), gid: Number(fields[3]) };
}

function withHandOver(campus) {
  const { uid, gid } = serverUser();
  const give = (name) => {
    fs.lchownSync(name, uid, gid);
    if (fs.lstatSync(name).isDirectory()) for (const entry of fs.readdirSync(name)) give(path.join(name, entry));
  };
  campus.handOver = () => {
    if (uid === undefined) return;
    fs.chownSync(campus.dir, uid, gid);
    for (const name of fs.readdirSync(campus.dir))
      if (!name.startsWith('campus.json')) give(path.join(campus.dir, name));
  };
  return campus;
}

function makeFolder(dir) {
  // a server puts the path between quotes in its configuration, and a Unix socket's name has at most 107 bytes
  if (!/^[\w./+-]{1,80}$/.test(dir)) {
    throw new CampusError(
      'folder-unusable',
      `${dir}: take a folder with a short name of letters, digits and ._/+- only`,
    );
  }
  const contents = fs.existsSync(dir) ? fs.readdirSync(dir) : [];
  // it is handed over and, if wanted, removed as a whole: never a folder that holds anything else
  if (!contents.includes('campus.json') && contents.some((name) => name !== 'log' && name !== 'tls')) {
    throw new CampusError('folder-unusable', `${dir}: holds other things; take a folder that is new or empty`);
  }
  const made = fs.mkdirSync(path.join(dir, 'log'), { recursive: true, mode: 0o755 });
  if (process.getuid() === 0 && spawnSync('test', ['-x', dir], serverUser()).status !== 0) {
    if (made) fs.rmSync(made, { recursive: true });
    throw new CampusError(
      'folder-unusable',
      `${dir}: the servers run as nobody and cannot reach this folder; take one under /tmp`,
    );
  }
}

// ---------------------------------------------------------------- one server

const serverNamed = (name) => {
  if (!Object.hasOwn(SERVERS, name))
    throw new CampusError('bad-request', `no server is called ${name}: ${Object.keys(SERVERS).join(' ')}`);
  return SERVERS[name];
};

function checkSettings(settings) {
  for (const [name, value] of Object.entries(settings)) {
    if (!Object.hasOwn(DEFAULT_SETTINGS, name)) throw new CampusError('bad-request', `no setting is called ${name}`);
    const good = SETTING_VALUES[name] ? SETTING_VALUES[name].includes(value) : Number.isInteger(value) && value > 0;
    if (!good) throw new CampusError('bad-request', `${name} cannot be ${value}`);
  }
}

async function up(campus, server) {
  if (alive(campus.processes[server.name])) return;
  const user = serverUser();
  showCertificate(path.join(campus.dir, 'tls'), server.name, campus.certificates[server.name]);
  campus.handOver();
  server.prepare(campus, user);
  server.configure(campus);
  campus.handOver();

  const log = path.join(campus.dir, 'log', `${server.name}.log`);
  const before = fs.existsSync(log) ? fs.statSync(log).size : 0;
  const written = () => fs.readFileSync(log).subarray(before).toString();
  const [command, args] = server.command(campus);
  const child = launch(command, args, { cwd: campus.dir, log, user });
  let ended;
  child.once('error', (error) => {
    ended = error.message;
  });
  child.once('exit', (code, signal) => {
    ended = `ended with ${signal ?? code}`;
  });
  if (child.pid !== undefined) campus.processes[server.name] = remember(child.pid);
  save(campus);
  campus.handOver(); // the log may be new

  const refused = () => /already in use|port is in use/i.test(written());
  try {
    await until(
      async () => {
        if (ended !== undefined || refused()) throw new CampusError('start-failed', ended ?? 'a port is in use');
        return server.ready(campus, written());
      },
      { limitMs: START_LIMIT_MS, what: 'answer on all ports' },
    );
  } catch (cause) {
    const text = written();
    await down(campus, server);
    const telling = text.split('\n').filter((line) => /error|critical|fail|fatal|in use/i.test(line));
    const lines = (telling.length > 0 ? telling : text.trimEnd().split('\n')).slice(-5).join('\n  ');
    throw new CampusError(
      refused() ? 'port-taken' : 'start-failed',
      `${server.name} did not start (${cause.message})\n  ${lines}`,
      {
        cause,
      },
    );
  }
}

async function down(campus, server, how = (process) => terminate(process, { graceMs: STOP_LIMIT_MS })) {
  const process = campus.processes[server.name];
  if (!process) return;
  await how(process);
  delete campus.processes[server.name];
  save(campus);
}

function change(campus, server, { certificate, ...settings }) {
  checkSettings(settings);
  Object.assign(campus.settings, settings);
  if (certificate !== undefined) campus.certificates[server.name] = certificate;
  save(campus);
}

/** Starts one server again with the databases it had; `changes` are settings and the certificate it shows from now on. */
export async function startServer(dir, name, changes = {}) {
  const campus = load(dir);
  change(campus, serverNamed(name), changes);
  await up(campus, serverNamed(name));
}

/** Stops one server in good order. */
export const stopServer = (dir, name) => down(load(dir), serverNamed(name));

/** Kills one server as a crash would (SIGKILL, with its workers): nothing is written or said good-bye to. */
export const killServer = (dir, name) => down(load(dir), serverNamed(name), forceDown);

/** Stops one server in good order and starts it again: same ports, same databases. */
export async function restartServer(dir, name, changes = {}) {
  await stopServer(dir, name);
  await startServer(dir, name, changes);
}

// ---------------------------------------------------------------- the campus

/** What a client, a test or an administrator needs to know, as plain data. */
function describe(campus) {
  const { dir, ports } = campus;
  const pem = (name) => path.join(dir, 'tls', name);
  return {
    dir,
    domain: DOMAIN,
    host: HOST,
    ports,
    ca: pem('ca.pem'),
    untrustedCa: pem('untrusted-ca.pem'),
    users: USERS.map(({ name, password, sip, jid }) => ({ name, password, sip, jid })),
    xcapRoot: `http://${HOST}:${ports.xcap}/xcap-root`,
    xcapsRoot: `https://${HOST}:${ports.xcaps}/xcap-root`,
    msrpRelay: `msrps://${HOST}:${ports.msrps};tcp`,
    ldap: {
      url: `ldap://${HOST}:${ports.ldap}`,
      tlsUrl: `ldaps://${HOST}:${ports.ldaps}`,
      base: LDAP_BASE,
      admin: LDAP_ADMIN,
    },
    xmpp: {
      rooms: `conference.${DOMAIN}`,
      upload: `upload.${DOMAIN}`,
      uploadLimit: UPLOAD_LIMIT,
      proxy: `proxy.${DOMAIN}`,
    },
    logs: Object.fromEntries(Object.keys(SERVERS).map((name) => [name, path.join(dir, 'log', `${name}.log`)])),
    settings: campus.settings,
    certificates: campus.certificates,
  };
}

async function allUp(campus) {
  await up(campus, slapd); // Kamailio reads from it
  const results = await Promise.allSettled([up(campus, kamailio), up(campus, prosody)]);
  const failed = results.find((result) => result.status === 'rejected');
  if (!failed) return;
  await allDown(campus);
  throw failed.reason;
}

async function allDown(campus) {
  for (const server of [prosody, kamailio, slapd]) await down(campus, server);
}

/**
 * Starts the campus in `dir`, and gives its description back when every port answers. A folder that was used before keeps its
 * ports, accounts, databases and settings, and `options` change them.
 *
 * @example const campus = await start('/tmp/campus', { ports: { sip: 5060 }, settings: { algorithm: 'SHA-256' } });
 * @throws {CampusError} `not-linux`, `packages-missing`, `folder-unusable`, `bad-request`, `port-taken`, `start-failed`
 */
export async function start(dir = defaultFolder(), { ports = {}, settings = {}, certificate } = {}) {
  requirePackages();
  checkSettings(settings);
  const folder = path.resolve(dir);
  makeFolder(folder);
  const known = fs.existsSync(stateFile(folder)) ? load(folder) : undefined;
  if (known && Object.values(known.processes).some(alive)) {
    const otherwise = [...Object.keys(ports), ...Object.keys(settings)].length > 0 || certificate !== undefined;
    if (otherwise)
      throw new CampusError('bad-request', `the campus in ${folder} is running: stop it before changing it`);
  }
  makeCertificates(path.join(folder, 'tls'));

  const certificates = { ...known?.certificates };
  for (const name of Object.keys(SERVERS)) certificates[name] = certificate ?? certificates[name] ?? 'campus';
  for (let attempt = 1; ; attempt++) {
    const campus = withHandOver({
      dir: folder,
      // the numbers of a folder that was used before stay, for the clients that know them
      ports: known ? { ...known.ports, ...ports } : await choosePorts(ports),
      settings: { ...DEFAULT_SETTINGS, ...known?.settings, ...settings },
      certificates,
      processes: known?.processes ?? {},
    });
    save(campus);
    try {
      await allUp(campus);
      return describe(campus);
    } catch (error) {
      const again = error.code === 'port-taken' && !known && attempt < START_ATTEMPTS;
      if (!again) throw error;
    }
  }
}

/** Stops all servers in `dir`; with `remove` the folder goes too. Right also when nothing runs. */
export async function stop(dir = defaultFolder(), { remove = false } = {}) {
  const folder = path.resolve(dir);
  await allDown(load(folder));
  if (remove) fs.rmSync(folder, { recursive: true, force: true });
}

/** The description, and which servers are alive. */
export function status(dir = defaultFolder()) {
  const campus = load(path.resolve(dir));
  const running = Object.fromEntries(Object.keys(SERVERS).map((name) => [name, alive(campus.processes[name])]));
  return { ...describe(campus), running };
}

/**
 * A campus in a temporary folder that lives no longer than the calling process, however that ends: a keeper process waits for the
 * end of a pipe. `stop()` ends the servers and removes the folder.
 */
export async function startTemporary(options) {
  requirePackages();
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'aims-campus-'));
  fs.chmodSync(dir, 0o755);
  const keeper = spawn(process.execPath, [fileURLToPath(import.meta.url), 'keep', dir], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
  });
  const ended = once(keeper, 'exit');
  const end = async () => {
    keeper.stdin.end();
    const [code] = await ended;
    if (code !== 0) throw new CampusError('stop-failed', `the campus in ${dir} was not ended in good order`);
  };
  try {
    return { description: await start(dir, options), stop: end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function keep(dir) {
  for await (const _ of process.stdin); // its end is the end of the one who started us
  if (fs.existsSync(stateFile(dir))) await stop(dir);
  fs.rmSync(dir, { recursive: true, force: true });
}

function requirePackages() {
  if (process.platform !== 'linux')
    throw new CampusError('not-linux', 'the campus servers run on Linux only: see campus/README.md');
  const absent = missing('servers');
  if (absent.length === 0) return;
  throw new CampusError(
    'packages-missing',
    `missing: ${absent.join(' ')}\ninstall them with: ${installCommand('servers')}`,
  );
}

// ---------------------------------------------------------------- the command

const USAGE = `node campus/campus.mjs start   [DIR] [--server NAME] [--port NAME=NUMBER ...] [--certificate NAME]
                                    [--credentials ldap|database] [--algorithm MD5|SHA-256] [--presence-rules]
node campus/campus.mjs stop    [DIR] [--server NAME] [--remove]
node campus/campus.mjs kill    [DIR] --server NAME
node campus/campus.mjs status  [DIR]

servers: ${Object.keys(SERVERS).join(' ')}. DIR is ${defaultFolder()} when not named. Prints the description as JSON.`;

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      server: { type: 'string' },
      port: { type: 'string', multiple: true },
      certificate: { type: 'string' },
      credentials: { type: 'string' },
      algorithm: { type: 'string' },
      'presence-rules': { type: 'boolean' },
      remove: { type: 'boolean' },
    },
  });
  const [command, named] = positionals;
  const dir = path.resolve(named ?? defaultFolder());
  const { server, port = [], certificate, credentials, algorithm, 'presence-rules': presenceRules, remove } = values;
  const settings = Object.fromEntries(
    Object.entries({ credentials, algorithm, presenceRules }).filter(([, value]) => value !== undefined),
  );
  const ports = Object.fromEntries(port.map((text) => text.split('=')).map(([name, number]) => [name, Number(number)]));

  switch (command) {
    case 'start':
      if (server) await startServer(dir, server, { ...settings, ...(certificate && { certificate }) });
      else await start(dir, { ports, settings, certificate });
      break;
    case 'stop':
      if (server) await stopServer(dir, server);
      else await stop(dir, { remove });
      if (remove) return;
      break;
    case 'kill':
      await killServer(dir, server ?? '');
      break;
    case 'status':
      break;
    case 'keep':
      await keep(dir);
      return;
    default:
      console.log(USAGE);
      process.exitCode = command === undefined || command === 'help' ? 0 : 2;
      return;
  }
  console.log(JSON.stringify(status(dir), null, 2));
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    console.error(error instanceof CampusError || error.code?.startsWith('ERR_PARSE_ARGS') ? error.message : error);
    process.exitCode = 1;
  });
}
