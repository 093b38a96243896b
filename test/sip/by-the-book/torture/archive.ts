import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const BLOCK = 512;

/** The messages of an RFC's appendix by their names there: a tar archive, packed, in base64. */
export const tortureMessages = (rfc: 'rfc4475' | 'rfc5118'): ReadonlyMap<string, Buffer> => {
  const [, ...lines] = readFileSync(new URL(`${rfc}.txt`, import.meta.url), 'utf8').split('\n');
  const archive = gunzipSync(Buffer.from(lines.join(''), 'base64'));
  const messages = new Map<string, Buffer>();
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0; ) {
    const text = (from: number, length: number): string =>
      archive.toString('latin1', at + from, at + from + length).replace(/\0.*$/s, '');
    const size = Number.parseInt(text(124, 12), 8);
    const name = text(0, 100).replace(/^\.\//, '');
    if (size > 0) messages.set(name, archive.subarray(at + BLOCK, at + BLOCK + size));
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return messages;
};
