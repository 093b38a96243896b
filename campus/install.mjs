// The Debian and Ubuntu packages that the tests need. `node campus/install.mjs [servers] [peers] [display] [--check]`, or import it.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Packages by group; where a name changed between releases, the alternatives stand together, the newer name first. */
export const GROUPS = {
  // Kamailio, OpenLDAP and Prosody for campus.mjs
  servers: [
    'kamailio',
    'kamailio-extra-modules',
    'kamailio-ldap-modules',
    'kamailio-presence-modules',
    'kamailio-sqlite-modules',
    'kamailio-tls-modules',
    'kamailio-utils-modules',
    'kamailio-xml-modules',
    'slapd',
    'ldap-utils',
    'prosody',
    'sqlite3',
    'openssl',
  ],
  // other people's programs, to be tested against: SIPp, baresip without its window, and xmllint for what we write
  peers: ['sip-tester', 'baresip-core', 'libxml2-utils'],
  // a screen, a message bus, a key store and Electron's libraries for the window tests
  display: [
    'xvfb',
    'xauth',
    'dbus',
    ['libgtk-3-0t64', 'libgtk-3-0'],
    'libnss3',
    ['libasound2t64', 'libasound2'],
    'libgbm1',
    ['libatk-bridge2.0-0t64', 'libatk-bridge2.0-0'],
    ['libcups2t64', 'libcups2'],
    'libdrm2',
    'libxcomposite1',
    'libxdamage1',
    'libxrandr2',
    'libxkbcommon0',
    'fonts-dejavu-core',
    'fonts-noto-color-emoji',
    'gnome-keyring',
  ],
};

// Debian starts a service when its package comes and at every boot; the tests run their own copies and need neither
const SERVICES = ['kamailio', 'slapd', 'prosody'];

const run = (command, args, options) => spawnSync(command, args, { encoding: 'utf8', ...options });

/** Where a package comes from is asked of dpkg and apt only: other systems have none of these names. */
const hasApt = () =>
  process.platform === 'linux' && fs.existsSync('/usr/bin/apt-get') && fs.existsSync('/usr/bin/dpkg-query');

const alternatives = (group) => {
  if (!Object.hasOwn(GROUPS, group)) throw new Error(`no group is called ${group}: ${Object.keys(GROUPS).join(' ')}`);
  return GROUPS[group].map((names) => [names].flat());
};

// dpkg's own placeholders, not ours
// biome-ignore lint/suspicious/noTemplateCurlyInString: see above
const FORMAT = '${Package}\\t${db:Status-Status}\\n';

/** The installed ones of these packages. */
function installed(names) {
  const result = run('dpkg-query', ['-W', '-f', FORMAT, ...names]);
  const lines = (result.stdout ?? '').split('\n').map((line) => line.split('\t'));
  return new Set(lines.filter(([, state]) => state === 'installed').map(([name]) => name));
}

/** The ones of these packages that apt could install. A name that others merely provide has no candidate. */
function available(names) {
  const text = run('apt-cache', ['policy', ...names], { env: { ...process.env, LC_ALL: 'C' } }).stdout ?? '';
  return new Set([...text.matchAll(/^(\S+):\n(?: {2}.*\n)*? {2}Candidate: (?!\(none\))/gm)].map((match) => match[1]));
}

/** The absent packages, one name each: the alternative this system knows, or the last one when it knows none. */
const absent = (group) => {
  const wanted = alternatives(group);
  const here = hasApt() ? installed(wanted.flat()) : new Set();
  return wanted.filter((names) => !names.some((name) => here.has(name)));
};
const resolve = (lacking) => {
  if (lacking.length === 0 || !hasApt()) return lacking.map((names) => names.at(-1));
  const known = available(lacking.flat());
  return lacking.map((names) => names.find((name) => known.has(name)) ?? names.at(-1));
};

/**
 * Names of the packages of a group that are not installed; empty when all is there. Without apt everything counts as missing.
 * @param {'servers' | 'peers' | 'display'} group
 */
export const missing = (group) => resolve(absent(group));

/** The command a person with rights would type to install what is missing, or undefined where there is no apt. */
export function installCommand(group) {
  const names = missing(group);
  if (names.length === 0 || !hasApt()) return undefined;
  return `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${names.join(' ')}`;
}

/** `[]` for root, `['sudo', '-n']` where sudo asks no password, undefined otherwise. */
function elevation() {
  if (process.getuid?.() === 0) return [];
  return run('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : undefined;
}

/**
 * Runs a command while services cannot be started by packages (Debian policy, /usr/share/doc/init-system-helpers). A policy that is
 * there already is left as it is; ours is removed again, also when the command fails or is interrupted.
 * $1 is the policy file, the rest the command.
 */
export const QUIET = `set -u
policy=$1; shift
if [ ! -e "$policy" ] && [ ! -L "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  printf '#!/bin/sh\\nexit 101\\n' > "$policy" && chmod 755 "$policy" || exit 1
fi
"$@"`;

/**
 * Installs what is missing of a group, as root or with a sudo that asks nothing; the output of apt goes to standard error.
 * Services that came with it are neither started nor enabled.
 *
 * @example const { ok, reason, command } = install('servers');
 * @returns {{ ok: true } | { ok: false, missing: string[], reason: string, command?: string }}
 */
export function install(group) {
  const before = missing(group);
  if (before.length === 0) return { ok: true };
  const refuse = (reason) => ({ ok: false, missing: missing(group), reason, command: installCommand(group) });
  if (!hasApt()) return refuse('this system has no apt: Debian 12, Ubuntu 22.04 or later is needed');
  const as = elevation();
  if (!as) return refuse('installing needs root or sudo without a password');

  const sudo = (...command) => {
    const [program, ...args] = [...as, 'env', 'DEBIAN_FRONTEND=noninteractive', ...command];
    return run(program, args, { stdio: ['ignore', 2, 2] }).status === 0;
  };
  // a list that cannot be fetched may be old but good enough: only the installation decides
  sudo('apt-get', 'update', '-q');
  const names = missing(group);
  const apt = ['apt-get', 'install', '-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', ...names];
  const done = sudo('sh', '-c', QUIET, 'sh', '/usr/sbin/policy-rc.d', ...apt);
  const services = SERVICES.filter((name) => names.includes(name) && installed([name]).size > 0);
  if (services.length > 0 && fs.existsSync('/usr/bin/systemctl')) sudo('systemctl', 'disable', '--quiet', ...services);
  if (!done || absent(group).length > 0) return refuse('apt-get could not install them');
  return { ok: true };
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const words = process.argv.slice(2);
  const check = words.includes('--check');
  const groups = words.filter((word) => word !== '--check');
  for (const group of groups.length > 0 ? groups : Object.keys(GROUPS)) {
    const names = missing(group);
    console.log(`${group}: ${names.length === 0 ? 'all installed' : `missing ${names.join(' ')}`}`);
    if (names.length === 0) continue;
    const result = check ? { ok: false, command: installCommand(group) } : install(group);
    if (result.ok) console.log(`${group}: installed`);
    else {
      if (result.reason) console.log(`${group}: ${result.reason}`);
      if (result.command) console.log(`  ${result.command}`);
      process.exitCode = 1;
    }
  }
}
