import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { DOMAIN, USERS } from '../support/people.mjs';
import { answersTcp } from '../support/probe.mjs';
import { fill } from '../support/template.mjs';

/** Largest file the upload service takes, in bytes: small, so that refusal is easy to test. */
export const UPLOAD_LIMIT = 16 * 1024 * 1024;

const PORTS = ['c2s', 'c2sDirect', 'http', 'https', 'proxy65'];
const configuration = (campus) => path.join(campus.dir, 'prosody', 'prosody.cfg.lua');

export const prosody = {
  name: 'prosody',
  ports: PORTS,

  /** Makes the accounts, once. */
  prepare(campus, user) {
    const data = path.join(campus.dir, 'prosody', 'data');
    if (fs.existsSync(data)) return;
    fs.mkdirSync(data, { recursive: true });
    this.configure(campus);
    campus.handOver();
    for (const { name, password } of USERS) {
      // reads standard input to its end, so it must not be the terminal
      execFileSync('prosodyctl', ['--config', configuration(campus), 'register', name, DOMAIN, password], {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, HOME: campus.dir },
        ...user,
      });
    }
  },

  configure(campus) {
    const { ports, settings } = campus;
    const words = {
      DIR: campus.dir,
      UPLOAD_LIMIT,
      STANZA_BYTES: settings.stanzaBytes,
      REFUSED_MECHANISMS: ['DIGEST-MD5', ...(settings.mechanisms === 'plain' ? ['SCRAM-SHA-1', 'SCRAM-SHA-256'] : [])]
        .map((name) => `"${name}"`)
        .join(', '),
      C2S_PORT: ports.c2s,
      C2S_DIRECT_PORT: ports.c2sDirect,
      HTTP_PORT: ports.http,
      HTTPS_PORT: ports.https,
      PROXY65_PORT: ports.proxy65,
    };
    fs.writeFileSync(configuration(campus), fill('prosody.cfg.lua', words));
  },

  command: (campus) => ['prosody', ['-F', '--config', configuration(campus)]],

  /** Prosody goes on when a port is taken, so its log is asked too whether it is really Prosody that answers. */
  async ready(campus, log) {
    if (!PORTS.every((name) => log.includes(`:${campus.ports[name]}`))) return false;
    for (const name of PORTS) if (!(await answersTcp(campus.ports[name]))) return false;
    return true;
  },
};
