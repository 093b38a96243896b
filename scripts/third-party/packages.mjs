// Which packages of others are in what is shipped: those a bundle has a module of, and those that go beside it as they are.
import fs from 'node:fs';
import path from 'node:path';

/** Bundlers write small helpers of their own into what they make. */
const HELPERS = { rolldown: /^\0rolldown\//, vite: /^\0vite\// };
/** Not bundled, but in every package: the runtime, and the native store with what it needs (`electron-builder.yml`). */
const BESIDE = ['electron', 'libsql'];
/** Left out by `electron-builder.yml`. */
const NOT_SHIPPED = /^@libsql\/.*-musl$/;

/**
 * @typedef {{ name: string, version: string, license: string, author: string, folder: string, integrity?: string }} Shipped
 */

/** The folder of the package a module belongs to, below `root`: `node_modules/a/node_modules/@b/c`. */
function folderOf(id) {
  for (const [name, pattern] of Object.entries(HELPERS)) if (pattern.test(id)) return `node_modules/${name}`;
  return /node_modules\/.*(?<=node_modules\/)(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id.replaceAll('\\', '/'))?.[0];
}

/**
 * A plugin that notes in `folders` each package whose code, after what is never used was taken out, is in the bundle.
 * @param {Set<string>} folders
 */
export const notePackages = (folders) => ({
  name: 'note-packages',
  generateBundle(_options, bundle) {
    for (const output of Object.values(bundle)) {
      for (const [id, module] of Object.entries(output.modules ?? {})) {
        const folder = module.renderedLength > 0 ? folderOf(id) : undefined;
        if (folder) folders.add(folder);
      }
    }
  },
});

/** A production dependency with all of its own that are installed here: those of this system, where they are optional. */
function withDependencies(root, name, found = new Set()) {
  const folder = `node_modules/${name}`;
  if (found.has(folder) || NOT_SHIPPED.test(name) || !fs.existsSync(path.join(root, folder))) return found;
  found.add(folder);
  const { dependencies, optionalDependencies } = packageOf(root, folder);
  // what downloads the runtime is not part of it
  if (name !== 'electron') {
    for (const next of Object.keys({ ...dependencies, ...optionalDependencies })) withDependencies(root, next, found);
  }
  return found;
}

const packageOf = (root, folder) => JSON.parse(fs.readFileSync(path.join(root, folder, 'package.json'), 'utf8'));

/**
 * Everything shipped, in the order of its names.
 * @param {string} root
 * @param {Iterable<string>} bundled folders that `notePackages` has noted
 * @returns {Shipped[]}
 */
export function shippedPackages(root, bundled) {
  const folders = new Set(bundled);
  for (const name of BESIDE) for (const folder of withDependencies(root, name)) folders.add(folder);
  const lock = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
  const all = [...folders].map((folder) => {
    const { name, version, license, author } = packageOf(root, folder);
    const { integrity } = lock[folder] ?? {};
    const written = typeof author === 'string' ? author : (author?.name ?? '');
    return { name, version, license: String(license ?? ''), author: written, folder, ...(integrity && { integrity }) };
  });
  const key = ({ name, version }) => `${name}@${version}`;
  return all.sort((one, other) => (key(one) < key(other) ? -1 : 1));
}
