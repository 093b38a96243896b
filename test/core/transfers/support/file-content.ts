import { createHash } from 'node:crypto';

/** The content of file number `index`, the same in every process. */
export function contentOf(index: number, size: number): Buffer {
  const content = Buffer.alloc(size);
  for (let at = 0; at < size; at += 4) content.writeUInt32LE(((at + 1) * 2654435761 + index * 40503) >>> 0, at);
  return content;
}

/** What an offer says of it. */
export const factsOf = (index: number, size: number) => ({
  name: `file ${index}.bin`,
  type: 'application/octet-stream',
  size,
  hashes: [{ algorithm: 'sha-256' as const, value: createHash('sha256').update(contentOf(index, size)).digest('hex') }],
});
