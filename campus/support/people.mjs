import { createHash } from 'node:crypto';

/** One domain for SIP and XMPP; it is the digest realm too. */
export const DOMAIN = 'campus.test';
export const LDAP_BASE = 'dc=campus,dc=test';
export const LDAP_ADMIN = { dn: `cn=admin,${LDAP_BASE}`, password: 'admin-secret' };
export const LDAP_SIP = { dn: `cn=sip,${LDAP_BASE}`, password: 'sip-secret' };

/** Who has an account on every server. The password of a user is `pw-` and the name. */
export const USERS = [
  { name: 'alice', given: 'Alice', family: 'Adams', unit: 'Physics', title: 'Professor' },
  { name: 'bob', given: 'Bob', family: 'Brown', unit: 'Physics', title: 'Student' },
  { name: 'carol', given: 'Carol', family: 'Clark', unit: 'Computer Science', title: 'Lecturer' },
  { name: 'dave', given: 'Dave', family: 'Dąbrowski', unit: 'Computer Science', title: 'Student' },
  { name: 'erin', given: 'Erin', family: 'Evans', unit: 'Library', title: 'Librarian' },
].map((user) => ({
  ...user,
  password: `pw-${user.name}`,
  sip: `sip:${user.name}@${DOMAIN}`,
  jid: `${user.name}@${DOMAIN}`,
}));

/** People who stand in the directory without an account: more than one search may return. */
export const BYSTANDERS = 300;

const hash = (algorithm, text) => createHash(algorithm).update(text).digest('hex');
/** H(user:realm:password): what a SIP server keeps instead of a password (RFC 7616 §3.4.2). */
export const ha1 = (user, algorithm) => hash(algorithm, `${user.name}:${DOMAIN}:${user.password}`);
