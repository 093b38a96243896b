import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { BYSTANDERS, DOMAIN, ha1, LDAP_ADMIN, LDAP_BASE, LDAP_SIP, USERS } from '../support/people.mjs';
import { HOST } from '../support/ports.mjs';
import { answersTcp } from '../support/probe.mjs';
import { configFolder, fill } from '../support/template.mjs';

const binary = (campus) => path.join(campus.dir, 'ldap', 'slapd');

// RFC 2849 §2: values that are not plain ASCII are written in base64
const line = (name, value) =>
  /^[\x20-\x7e]*$/.test(value) ? `${name}: ${value}` : `${name}:: ${Buffer.from(value).toString('base64')}`;
const entry = (dn, attributes) =>
  [line('dn', dn), ...attributes.map(([name, value]) => line(name, value)), '\n'].join('\n');

function* entries() {
  yield entry(LDAP_BASE, [
    ['objectClass', 'dcObject'],
    ['objectClass', 'organization'],
    ['dc', 'campus'],
    ['o', 'Campus'],
  ]);
  yield entry(`ou=people,${LDAP_BASE}`, [
    ['objectClass', 'organizationalUnit'],
    ['ou', 'people'],
  ]);
  yield entry(LDAP_SIP.dn, [
    ['objectClass', 'organizationalRole'],
    ['objectClass', 'simpleSecurityObject'],
    ['cn', 'sip'],
    ['userPassword', LDAP_SIP.password],
  ]);
  for (const [index, user] of USERS.entries()) {
    yield entry(`uid=${user.name},ou=people,${LDAP_BASE}`, [
      ['objectClass', 'inetOrgPerson'],
      ['objectClass', 'sipAccount'],
      ['uid', user.name],
      ['cn', `${user.given} ${user.family}`],
      ['sn', user.family],
      ['givenName', user.given],
      ['displayName', `${user.given} ${user.family}`],
      ['title', user.title],
      ['ou', user.unit],
      ['mail', `${user.name}@${DOMAIN}`],
      ['telephoneNumber', `+48 22 555 01 0${index}`],
      ['labeledURI', `${user.sip} SIP`],
      ['labeledURI', `xmpp:${user.jid} XMPP`],
      ['userPassword', user.password],
      ['sipHA1', ha1(user, 'md5')],
      ['sipHA1SHA256', ha1(user, 'sha256')],
    ]);
  }
  for (let number = 1; number <= BYSTANDERS; number++) {
    const name = `student${String(number).padStart(3, '0')}`;
    yield entry(`uid=${name},ou=people,${LDAP_BASE}`, [
      ['objectClass', 'inetOrgPerson'],
      ['uid', name],
      ['cn', `Student ${number}`],
      ['sn', String(number)],
      ['givenName', 'Student'],
      ['mail', `${name}@${DOMAIN}`],
    ]);
  }
}

export const slapd = {
  name: 'slapd',
  ports: ['ldap', 'ldaps'],

  /** Loads the directory, once. */
  prepare(campus) {
    fs.mkdirSync(path.join(campus.dir, 'ldap', 'db'), { recursive: true });
    // Ubuntu's AppArmor profile keeps /usr/sbin/slapd out of every folder but its own; a profile belongs to the path of a program
    fs.copyFileSync('/usr/sbin/slapd', binary(campus));
    fs.copyFileSync(path.join(configFolder, 'campus.schema'), path.join(campus.dir, 'ldap', 'campus.schema'));
    if (fs.existsSync(path.join(campus.dir, 'ldap', 'db', 'data.mdb'))) return;
    this.configure(campus);
    execFileSync(binary(campus), ['-T', 'add', '-q', '-f', path.join(campus.dir, 'ldap', 'slapd.conf')], {
      input: [...entries()].join(''),
      stdio: ['pipe', 'ignore', 'pipe'],
    });
  },

  configure(campus) {
    const text = fill('slapd.conf', { DIR: campus.dir, ADMIN_PASSWORD: LDAP_ADMIN.password });
    fs.writeFileSync(path.join(campus.dir, 'ldap', 'slapd.conf'), text);
  },

  command(campus) {
    const { ldap, ldaps } = campus.ports;
    const urls = `ldap://${HOST}:${ldap}/ ldaps://${HOST}:${ldaps}/`;
    // -d keeps it in the foreground; "none" still tells what it cannot do
    return [binary(campus), ['-d', 'none', '-f', path.join(campus.dir, 'ldap', 'slapd.conf'), '-h', urls]];
  },

  async ready(campus) {
    return (await answersTcp(campus.ports.ldap)) && (await answersTcp(campus.ports.ldaps));
  },
};
