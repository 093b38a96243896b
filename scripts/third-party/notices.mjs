// The licence texts of what is shipped, and the bill of materials of the same packages (CycloneDX 1.6).
import fs from 'node:fs';
import path from 'node:path';

const TEXT_FILE = /^(licen[cs]e|copying|notice)(\.(md|txt|markdown))?$/i;
/** vite adds the licences of what is inside of vite itself, none of which comes into our bundles. */
const NOT_OURS = /^# Licenses of bundled dependencies[\s\S]*/m;

const RUNTIME =
  'The runtime holds Chromium, Node.js and what they are made of: their licences are in LICENSES.chromium.html beside the program.';
const NATIVE =
  'The native part is compiled from Rust and C (SQLite, SQLite3 Multiple Ciphers and others); its npm package carries no list of them.';

/** @param {import('./packages.mjs').Shipped} shipped */
function textsOf(root, { name, folder, license, author }) {
  const files = fs.readdirSync(path.join(root, folder)).filter((file) => TEXT_FILE.test(file));
  const texts = files.sort().map((file) =>
    fs
      .readFileSync(path.join(root, folder, file), 'utf8')
      .replace(NOT_OURS, '')
      .trim(),
  );
  if (texts.length > 0) return texts;
  const standard = path.join(import.meta.dirname, 'texts', `${license}.txt`);
  if (!fs.existsSync(standard)) throw new Error(`${name}: no licence text, and no standard one for "${license}"`);
  // the package names its licence only: the standard text, with what it says of its author
  return [`Copyright (c) ${author || `the authors of ${name}`}\n\n${fs.readFileSync(standard, 'utf8').trim()}`];
}

const noteOf = ({ name }) => (name === 'electron' ? RUNTIME : name.startsWith('@libsql/') ? NATIVE : undefined);

/**
 * @param {string} root
 * @param {import('./packages.mjs').Shipped[]} shipped
 * @returns {string}
 */
export function noticesOf(root, shipped) {
  const line = '-'.repeat(78);
  const parts = shipped.map((one) =>
    [line, `${one.name} ${one.version} (${one.license})`, line, noteOf(one), ...textsOf(root, one)]
      .filter(Boolean)
      .join('\n\n'),
  );
  return `AIMS contains the following software of others.\n\n${parts.join('\n\n')}\n`;
}

const purl = ({ name, version }) => `pkg:npm/${name.replace('@', '%40')}@${version}`;

/**
 * The same packages for tools: CycloneDX 1.6, the same bytes for the same packages.
 * @param {{ name: string, version: string, license: string }} program
 * @param {import('./packages.mjs').Shipped[]} shipped
 */
export function billOf(program, shipped) {
  const component = (one) => ({
    type: 'library',
    'bom-ref': purl(one),
    name: one.name,
    version: one.version,
    purl: purl(one),
    licenses: [{ license: { id: one.license } }],
    ...(one.integrity?.startsWith('sha512-') && {
      hashes: [{ alg: 'SHA-512', content: Buffer.from(one.integrity.slice(7), 'base64').toString('hex') }],
    }),
  });
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': purl(program),
        name: program.name,
        version: program.version,
        licenses: [{ license: { id: program.license } }],
      },
    },
    components: shipped.map(component),
  };
}
