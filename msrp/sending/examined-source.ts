import { Buffer } from 'node:buffer';
import type { Wrapper } from '../wrapping/wrappers.ts';
import type { ByteSource, OpenEndedSource } from './source.ts';

/** Sees to it that nothing of a bad wrapper goes out: its beginning is looked at before the first byte is given away. */
export function examinedSource(source: ByteSource | OpenEndedSource, wrapper: Wrapper): ByteSource | OpenEndedSource {
  let start: Buffer | undefined;
  const examine = async () => {
    const bytes = Buffer.alloc(Math.min(wrapper.examined, source.size ?? wrapper.examined));
    let filled = 0;
    while (filled < bytes.length) {
      const length = await source.read(bytes.subarray(filled), filled);
      if (length === 0) break;
      filled += length;
    }
    wrapper.validate(bytes.subarray(0, filled));
    return bytes.subarray(0, filled);
  };
  return {
    size: source.size,
    async read(buffer, position) {
      start ??= await examine();
      if (position >= start.length) return source.read(buffer, position);
      return start.copy(buffer, 0, position);
    },
    close: () => source.close(),
  };
}
