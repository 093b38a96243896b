import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { CampusError } from './errors.mjs';
import { configFolder } from './template.mjs';

const CONFIG = 'openssl.cnf';
const KEY = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';

/**
 * The certificates a server of the campus can show.
 * `campus`: right name, signed by the campus CA. `wrong-name`: the same CA, but for other.test. `untrusted`: the right name, signed
 * by a CA nobody was told to trust. `expired`: right name and CA, no longer valid.
 */
export const CERTIFICATES = ['campus', 'wrong-name', 'untrusted', 'expired'];

/** Runs openssl with the words of `line`, none of which may hold a space, and then `rest`. */
function openssl(line, ...rest) {
  const args = [...line.split(' '), ...rest];
  try {
    execFileSync('openssl', args, { cwd: configFolder, stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (cause) {
    const text = cause.stderr?.toString().trim().split('\n').at(-1) ?? cause.message;
    throw new CampusError('start-failed', `openssl ${args[0]}: ${text}`, { cause });
  }
}

/** Makes both authorities and all certificates in `folder`, unless they are there from an earlier start. */
export function makeCertificates(folder) {
  if (fs.existsSync(path.join(folder, 'expired.pem'))) return;
  fs.mkdirSync(folder, { recursive: true });
  const file = (name) => path.join(folder, name);

  const authority = (name, subject) => {
    const files = `-keyout ${file(`${name}.key`)} -out ${file(`${name}.pem`)}`;
    const request = `req -x509 ${KEY} -config ${CONFIG} -extensions authority -days 3650 ${files}`;
    openssl(request, '-subj', `/O=AIMS campus/CN=${subject}`);
  };
  const certificate = (name, ca, subject, extensions, validity) => {
    openssl(
      `req ${KEY} -config ${CONFIG} -subj /CN=${subject} -keyout ${file(`${name}.key`)} -out ${file(`${name}.csr`)}`,
    );
    const authorized = `-CA ${file(`${ca}.pem`)} -CAkey ${file(`${ca}.key`)} -CAcreateserial`;
    const contents = `-extfile ${CONFIG} -extensions ${extensions} ${validity}`;
    openssl(`x509 -req -in ${file(`${name}.csr`)} ${authorized} ${contents} -out ${file(`${name}.pem`)}`);
    fs.rmSync(file(`${name}.csr`));
    // servers send the authority along with their own certificate
    fs.appendFileSync(file(`${name}.pem`), fs.readFileSync(file(`${ca}.pem`)));
  };

  authority('ca', 'Campus test authority');
  authority('untrusted-ca', 'Authority nobody trusts');
  const valid = '-days 3650';
  certificate('campus', 'ca', 'campus.test', 'campus', valid);
  certificate('wrong-name', 'ca', 'other.test', 'wrong-name', valid);
  certificate('untrusted', 'untrusted-ca', 'campus.test', 'campus', valid);
  certificate('expired', 'ca', 'campus.test', 'campus', expiredValidity());
}

// OpenSSL 3.4 takes two dates, the versions before it a negative number of days
function expiredValidity() {
  const [major, minor] = execFileSync('openssl', ['version']).toString().split(' ')[1].split('.').map(Number);
  if (major > 3 || (major === 3 && minor >= 4)) return '-not_before 20200101000000Z -not_after 20200102000000Z';
  return '-days -1';
}

/** Lets `server` show the named certificate from its next start on. */
export function showCertificate(folder, server, name) {
  if (!CERTIFICATES.includes(name))
    throw new CampusError('bad-request', `no certificate is called ${name}: ${CERTIFICATES.join(' ')}`);
  for (const ending of ['pem', 'key'])
    fs.copyFileSync(path.join(folder, `${name}.${ending}`), path.join(folder, `${server}.${ending}`));
}
