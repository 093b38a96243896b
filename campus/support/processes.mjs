import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { CampusError } from './errors.mjs';

const POLL_MS = 25;
const RESEND_MS = 400;

/**
 * Asks `check` again and again until it says something truthy, and gives that back.
 * @throws {CampusError} `start-failed` or the given code after `limitMs`
 */
export async function until(check, { limitMs, what, code = 'start-failed' }) {
  const end = performance.now() + limitMs;
  for (;;) {
    const result = await check();
    if (result) return result;
    if (performance.now() > end) throw new CampusError(code, `${what}: not within ${limitMs / 1000} s`);
    await wait(POLL_MS);
  }
}

/** Fields of /proc/PID/stat after the program's name, which may hold spaces and brackets itself. */
function stat(pid) {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], group: Number(fields[2]), startTime: fields[19] };
  } catch {
    return undefined; // gone
  }
}

const dead = (entry) => entry === undefined || entry.state === 'Z' || entry.state === 'X';

/** A process as it is written down: the number alone could belong to somebody else after a while. */
export const remember = (pid) => ({ pid, startTime: stat(pid)?.startTime });

/** Whether the remembered process itself is alive. */
export function alive(target) {
  const entry = target && stat(target.pid);
  return !dead(entry) && entry.startTime === target.startTime;
}

/** Whether anything of its process group is alive: the workers of a killed parent outlive it. */
function groupAlive(target) {
  const leader = stat(target.pid);
  if (leader && leader.startTime !== target.startTime) return false; // the number was given to a stranger
  return fs.readdirSync('/proc').some((name) => {
    const entry = /^\d+$/.test(name) ? stat(name) : undefined;
    return !dead(entry) && entry.group === target.pid;
  });
}

/** Starts a server in its own process group, its output added to `log`. `user` is `{uid, gid}` when it must not run as we do. */
export function launch(command, args, { cwd, log, user }) {
  const output = fs.openSync(log, 'a');
  try {
    const child = spawn(command, args, {
      cwd,
      detached: true,
      stdio: ['ignore', output, output],
      // an ordinary user of Debian does not have the folder of the servers in the search path
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin`, HOME: cwd },
      ...user,
    });
    child.unref();
    return child;
  } finally {
    fs.closeSync(output);
  }
}

function signal(target, name) {
  try {
    process.kill(target, name);
  } catch (cause) {
    if (cause.code !== 'ESRCH') throw cause;
  }
}

/** Ends a remembered process and its workers: politely, and by force after `graceMs`. Right also when it is gone already. */
export async function terminate(target, { graceMs }) {
  const end = performance.now() + graceMs;
  // the leader first: it ends its workers in its own order
  for (let receiver = target.pid; groupAlive(target); receiver = -target.pid) {
    if (performance.now() > end) return forceDown(target);
    // Then all, again and again: a worker of Kamailio 5.6 that is still starting forgets the first signal, and the leader waits for it.
    signal(receiver, 'SIGTERM');
    await until(() => !groupAlive(target), { limitMs: RESEND_MS, what: 'end' }).catch(() => undefined);
  }
}

/** `kill -9` for a remembered process and its workers, as a crash would. */
export async function forceDown(target) {
  if (!groupAlive(target)) return;
  signal(-target.pid, 'SIGKILL');
  await until(() => !groupAlive(target), {
    limitMs: 5000,
    what: `end of process ${target.pid}`,
    code: 'stop-failed',
  });
}
