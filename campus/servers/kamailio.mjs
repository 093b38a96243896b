import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { CampusError } from '../support/errors.mjs';
import { DOMAIN, ha1, LDAP_SIP, USERS } from '../support/people.mjs';
import { HOST } from '../support/ports.mjs';
import { answersSip, answersTcp } from '../support/probe.mjs';
import { fill } from '../support/template.mjs';

const SHARES = ['/usr/share/kamailio', '/usr/local/share/kamailio'];
const SQL_TABLES = ['standard', 'usrloc', 'auth_db'];
/** In a file of their own: a worker that meets another's lock on the bindings must not lose a message for it. */
const KEPT_TABLES = ['standard', 'msilo'];
/** XCAP documents: the table comes with those of presence. */
const DOCUMENT_TABLES = ['standard', 'presence'];
/**
 * presence_xml reads one document with rules: the first in the table, be it `pres-rules` or `org.openmobilealliance.pres-rules`, which for
 * it are one type. In this view the first comes first.
 */
const RULES_FIRST = [
  `CREATE VIEW IF NOT EXISTS rules_first AS SELECT * FROM xcap ORDER BY doc_uri LIKE '%/org.openmobilealliance.pres-rules/%';`,
  `INSERT OR IGNORE INTO version (table_name, table_version) SELECT 'rules_first', table_version FROM version WHERE table_name = 'xcap';`,
];
const TEXT_TABLES = ['presentity', 'active_watchers', 'watchers', 'pua', 'rls_presentity', 'rls_watchers'];
const TCP_PORTS = ['sip', 'sips', 'xcap', 'xcaps', 'msrp', 'msrps'];

const inside = (campus, ...names) => path.join(campus.dir, 'kamailio', ...names);

function shipped(...names) {
  const share = SHARES.find((candidate) => fs.existsSync(path.join(candidate, ...names)));
  if (!share) throw new CampusError('start-failed', `Kamailio's ${names.join('/')} is not in ${SHARES.join(' or ')}`);
  return path.join(share, ...names);
}

function makeDatabase(file, tables, rows = []) {
  const made = tables.map((name) => fs.readFileSync(shipped('db_sqlite', `${name}-create.sql`), 'utf8'));
  execute(file, [...made, ...rows, 'PRAGMA journal_mode=WAL;']);
}

function execute(file, statements) {
  execFileSync('sqlite3', ['-bail', file], {
    input: statements.join('\n'),
    stdio: ['pipe', 'ignore', 'pipe'],
  });
}

const SUBSCRIBERS = [
  `ALTER TABLE subscriber ADD COLUMN ha1_sha256 VARCHAR(64) DEFAULT '' NOT NULL;`,
  ...USERS.map(
    (user) =>
      `INSERT INTO subscriber(username,domain,password,ha1,ha1b,ha1_sha256)
       VALUES('${user.name}','${DOMAIN}','','${ha1(user, 'md5')}','','${ha1(user, 'sha256')}');`,
  ),
];

function makeTextTable(folder, table) {
  // the shipped tables forbid empty columns that presence and rls leave empty: such a row is not read back after a restart
  const [columns, ...rows] = fs.readFileSync(shipped('dbtext', 'kamailio', table), 'utf8').split('\n');
  const nullable = columns.replaceAll('(string)', '(string,null)').replaceAll('(int)', '(int,null)');
  fs.writeFileSync(path.join(folder, table), [nullable, ...rows].join('\n'));
}

function makeTextTables(folder) {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder);
  fs.copyFileSync(shipped('dbtext', 'kamailio', 'version'), path.join(folder, 'version'));
  for (const table of TEXT_TABLES) makeTextTable(folder, table);
}

export const kamailio = {
  name: 'kamailio',
  ports: TCP_PORTS,

  /** Makes the databases, once: accounts, bindings, kept messages and XCAP documents in SQLite; presence as text, anew each time. */
  prepare(campus) {
    fs.mkdirSync(inside(campus), { recursive: true });
    if (!fs.existsSync(inside(campus, 'kamailio.db')))
      makeDatabase(inside(campus, 'kamailio.db'), SQL_TABLES, SUBSCRIBERS);
    if (!fs.existsSync(inside(campus, 'kept.db'))) makeDatabase(inside(campus, 'kept.db'), KEPT_TABLES);
    if (!fs.existsSync(inside(campus, 'documents.db'))) makeDatabase(inside(campus, 'documents.db'), DOCUMENT_TABLES);
    execute(inside(campus, 'documents.db'), RULES_FIRST);
    // written at a good stop only: a crash would bring back whoever was there at the last one, or half a table. Clients publish
    // and subscribe anew.
    makeTextTables(inside(campus, 'text'));
  },

  configure(campus) {
    const { ports, settings } = campus;
    const words = {
      DIR: campus.dir,
      NONCE_SECONDS: settings.nonceSeconds,
      RING_MILLISECONDS: settings.ringSeconds * 1000,
      CREDENTIAL_SECONDS: settings.credentialSeconds,
      FORCE_ACTIVE: settings.presenceRules ? 0 : 1,
    };
    for (const name of TCP_PORTS) words[`${name.toUpperCase()}_PORT`] = ports[name];
    fs.writeFileSync(inside(campus, 'kamailio.cfg'), fill('kamailio.cfg', words));

    const tls = 'method = TLSv1.2+\nverify_certificate = no\nrequire_certificate = no\n';
    const certificate = `private_key = ${campus.dir}/tls/kamailio.key\ncertificate = ${campus.dir}/tls/kamailio.pem\n`;
    fs.writeFileSync(inside(campus, 'tls.cfg'), `[server:default]\n${tls}${certificate}[client:default]\n${tls}`);

    const directory = {
      ldap_server_url: `ldap://${HOST}:${ports.ldap}`,
      ldap_bind_dn: LDAP_SIP.dn,
      ldap_bind_password: LDAP_SIP.password,
    };
    const timeouts = 'ldap_network_timeout = 500\nldap_client_bind_timeout = 500\nldap_client_search_timeout = 2000\n';
    const lines = Object.entries(directory).map(([key, value]) => `${key} = "${value}"\n`);
    fs.writeFileSync(inside(campus, 'ldap.ini'), `[campus]\n${lines.join('')}${timeouts}`);
  },

  command(campus) {
    const defines = [];
    if (campus.settings.credentials === 'ldap') defines.push('-A', 'WITH_LDAP');
    if (campus.settings.algorithm === 'SHA-256') defines.push('-A', 'WITH_SHA256');
    const folder = inside(campus);
    // -DD and -E: in the foreground, log on standard error; -Y and -w: run and working folder; -m and -M: memory in MiB (a transaction keeps some
    // 15 kB for five seconds, and texts come by the thousand)
    const place = ['-DD', '-E', '-f', inside(campus, 'kamailio.cfg'), '-Y', folder, '-w', folder];
    return ['kamailio', [...place, '-m', '2048', '-M', '16', ...defines]];
  },

  async ready(campus) {
    for (const name of TCP_PORTS) if (!(await answersTcp(campus.ports[name]))) return false;
    return answersSip(campus.ports.sip, DOMAIN);
  },
};
