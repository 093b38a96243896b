import { type FileHandle, open } from 'node:fs/promises';
import { MsrpError, sourceError } from '../errors.ts';

/** Where outgoing bytes come from. */
export interface ByteSource {
  /** Number of bytes there are to read. */
  readonly size: number;
  /** Fills `buffer` from `position` on; resolves to the number of bytes read, 0 only at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

/** The same, for bytes whose number nobody knows before the end; positions come in order. */
export interface OpenEndedSource {
  readonly size: undefined;
  read(buffer: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

/**
 * Opens a file, or a part of it, for sending.
 *
 * @param range first byte and number of bytes; without it the whole file
 * @throws MsrpError `source-missing`, `source-denied`, `source-failed`, `source-shortened` (shorter than the range)
 * @example session.send({ contentType: 'application/pdf', body: await openFile('thesis.pdf') })
 */
export async function openFile(path: string, range: { start?: number; length?: number } = {}): Promise<ByteSource> {
  const start = range.start ?? 0;
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const available = (await file.stat()).size - start;
    const size = range.length ?? available;
    if (size > available || size < 0)
      throw new MsrpError('source-shortened', 'The file is shorter than the range to send');
    return fileSource(file, start, size);
  } catch (error) {
    await file?.close();
    throw sourceError(error);
  }
}

function fileSource(file: FileHandle, start: number, size: number): ByteSource {
  return {
    size,
    async read(buffer, position) {
      const length = Math.min(buffer.length, size - position);
      return length <= 0 ? 0 : (await file.read(buffer, 0, length, start + position)).bytesRead;
    },
    close: () => file.close(),
  };
}

/**
 * Makes a source of anything that yields bytes, a readable stream for example. With a `size` it must yield as many, no
 * fewer (`source-shortened`) and no more (`source-lengthened`).
 */
export function sequentialSource(
  chunks: AsyncIterable<Uint8Array>,
  size: number | undefined,
): ByteSource | OpenEndedSource {
  const iterator = chunks[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array(0);
  const more = async () => {
    while (rest.length === 0) {
      const next = await iterator.next();
      if (next.done === true) return false;
      rest = next.value;
    }
    return true;
  };
  return {
    size,
    async read(buffer, position) {
      if (!(await more())) return 0;
      const length = Math.min(rest.length, buffer.length);
      buffer.set(rest.subarray(0, length));
      rest = rest.subarray(length);
      // what it yields beyond shows only now, and the last bytes must not be out by then
      if (position + length === size && (await more())) {
        throw new MsrpError('source-lengthened', 'The source went on behind its size');
      }
      return length;
    },
    async close() {
      await iterator.return?.();
    },
  };
}
