import fs from 'node:fs';
import path from 'node:path';

/** Where the templates are. */
export const configFolder = path.join(import.meta.dirname, '..', 'config');

/** The configuration `name` with every @WORD@ replaced; a word without a value is a fault of ours and throws. */
export function fill(name, values) {
  return fs.readFileSync(path.join(configFolder, name), 'utf8').replace(/@([A-Z0-9_]+)@/g, (_, word) => {
    if (!(word in values)) throw new Error(`${name}: no value for @${word}@`);
    return String(values[word]);
  });
}
