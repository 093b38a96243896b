import { readFileSync } from 'node:fs';
import { inject } from 'vitest';
import {
  type CampusDescription,
  type CampusUser,
  killServer,
  restartServer,
  type ServerChanges,
  type ServerName,
  startServer,
  status,
  stopServer,
} from '../../campus/campus.mjs';

/** The running servers: ports, accounts, certificate files. The same for every test of the project. */
export const campus = (): CampusDescription => inject('campus');

/** The account of `name`: alice, bob, carol, dave or erin. */
export function user(name: string): CampusUser {
  const found = campus().users.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`nobody on the campus is called ${name}`);
  return found;
}

/** The authority that signed the servers' certificates, as PEM for `tls.connect({ ca })`. */
export const campusAuthority = (): Buffer => readFileSync(campus().ca);

/** What one server has logged so far. */
export const logOf = (name: ServerName): string => readFileSync(campus().logs[name], 'utf8');

export interface ServerControl {
  /** In good order; databases stay. */
  stop(): Promise<void>;
  /** SIGKILL, with its workers: a crash. */
  kill(): Promise<void>;
  /** Same ports, same databases; the changes hold until they are changed back. */
  start(changes?: ServerChanges): Promise<void>;
  /** `stop` and `start`. */
  restart(changes?: ServerChanges): Promise<void>;
}

const control = (name: ServerName): ServerControl => ({
  stop: () => stopServer(campus().dir, name),
  kill: () => killServer(campus().dir, name),
  start: (changes) => startServer(campus().dir, name, changes),
  restart: (changes) => restartServer(campus().dir, name, changes),
});

/** OpenLDAP. */
export const slapd: ServerControl = control('slapd');
/** SIP, presence, XCAP and the MSRP relay. */
export const kamailio: ServerControl = control('kamailio');
/** XMPP. */
export const prosody: ServerControl = control('prosody');

/**
 * Puts right what a fault test did: every server runs, with the settings and the certificate of the beginning. Stored data stays.
 * @example afterEach(restoreCampus);
 */
export async function restoreCampus(): Promise<void> {
  const first = campus();
  const now = status(first.dir);
  const changed = JSON.stringify(first.settings) !== JSON.stringify(now.settings);
  for (const [name, server] of Object.entries({ slapd, kamailio, prosody }) as [ServerName, ServerControl][]) {
    const certificate = first.certificates[name];
    const wrong = certificate !== now.certificates[name] || (name !== 'slapd' && changed);
    const changes = { certificate, ...(name !== 'slapd' && first.settings) };
    if (wrong) await server.restart(changes);
    else if (!now.running[name]) await server.start(changes);
  }
}
