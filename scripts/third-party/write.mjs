import fs from 'node:fs';
import path from 'node:path';
import { billOf, noticesOf } from './notices.mjs';
import { shippedPackages } from './packages.mjs';

/** Licences that may be shipped. Another one fails the build: a person has to look at it first. */
const ALLOWED = new Set(['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', '0BSD']);

/** Where the licence texts and the bill of materials of a build are; `electron-builder.yml` ships them beside the program. */
export const FOLDER = 'out/third-party';

/**
 * @param {string} root
 * @param {Iterable<string>} bundled folders that `notePackages` has noted
 */
export function writeThirdParty(root, bundled) {
  const shipped = shippedPackages(root, bundled);
  const refused = shipped.filter(({ license }) => !ALLOWED.has(license));
  if (refused.length > 0) {
    throw new Error(refused.map(({ name, license }) => `${name}: "${license}" may not be shipped`).join('\n'));
  }
  const program = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const folder = path.join(root, FOLDER);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'THIRD-PARTY-NOTICES.txt'), noticesOf(root, shipped));
  fs.writeFileSync(path.join(folder, 'bom.cdx.json'), `${JSON.stringify(billOf(program, shipped), null, 2)}\n`);
}
