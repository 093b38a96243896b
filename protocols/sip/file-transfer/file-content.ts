import { type ByteSource, formatCpim } from '../../../msrp/index.ts';
import { type AcceptedFile, type Address, type ByteSink, ProviderError } from '../../contract/index.ts';

const CPIM = 'message/cpim';
/** Headers of a CPIM wrapper in bytes; nobody needs more. */
export const WRAPPER_MAXIMUM = 65_536;

const essence = (type: string): string => (type.split(';', 1)[0] ?? '').trim().toLowerCase();

/** Whether a message of this type is a file inside CPIM, and not a file that happens to be a CPIM message. */
export const isWrapped = (messageType: string, fileType: string): boolean =>
  essence(messageType) === CPIM && essence(fileType) !== CPIM;

/**
 * How the receiver wants the file, by the accept-types of its answer: as it is, or inside CPIM where it takes nothing else
 * at the top (as in the examples of RFC 5547 §9). Undefined: not at all (RFC 4975 §8.6: never what was not signalled).
 */
export function wantedForm(acceptTypes: readonly string[], fileType: string): 'bare' | 'wrapped' | undefined {
  const [main] = essence(fileType).split('/', 1);
  const takes = (type: string): boolean =>
    acceptTypes.some((each) => ['*', `${type.split('/', 1)[0]}/*`, type].includes(essence(each)));
  if (acceptTypes.length === 0 || (main !== undefined && takes(essence(fileType)))) return 'bare';
  return takes(CPIM) ? 'wrapped' : undefined;
}

/** What stands before a file inside CPIM. */
export const wrapperOf = (type: string, to: Address): Buffer =>
  formatCpim({
    to: [{ uri: to }],
    headers: [],
    contentType: type,
    contentHeaders: [{ name: 'Content-Disposition', value: 'attachment' }],
    body: new Uint8Array(0),
  });

/** `source` from byte `from` on, behind `head`, its wrapper if it has one. Closing it is left to whoever opened the source. */
export function outgoingContent(
  source: ByteSource,
  options: { size: number; from: number; type: string; head: Buffer },
): { contentType: string; body: ByteSource } {
  const { size, from, type, head } = options;
  return {
    contentType: head.length > 0 ? CPIM : type,
    body: {
      size: head.length + size - from,
      read: async (buffer, position) => {
        if (position >= head.length) return await source.read(buffer, from + position - head.length);
        return head.copy(buffer, 0, position, Math.min(head.length, position + buffer.length));
      },
      close: async () => {},
    },
  };
}

/**
 * Puts the bytes of a message where they belong in the file: behind what was there already, and out of a CPIM wrapper.
 *
 * A peer that knows nothing of a file-range in an answer sends the whole file; the size of its message tells.
 */
export class IncomingContent {
  readonly #file: AcceptedFile;
  readonly #size: number | undefined;
  readonly #claimed: number | undefined;
  /** Bytes before the file begins in the message; undefined while its wrapper is being read. */
  #before: number | undefined;
  #head = Buffer.alloc(0);
  #base = 0;
  #end = 0;
  #closed = false;
  readonly #completing: () => void;
  /** Largest message that can be meant. */
  readonly limit: number | undefined;

  constructor(options: {
    file: AcceptedFile;
    size: number | undefined;
    claimed: number | undefined;
    wrapped: boolean;
    /** Every byte is there; now it is being checked. */
    completing: () => void;
  }) {
    this.#file = options.file;
    this.#size = options.size;
    this.#claimed = options.claimed;
    this.#completing = options.completing;
    if (!options.wrapped) this.#begin(0);
    this.limit =
      options.size === undefined ? undefined : options.size - this.#base + (options.wrapped ? WRAPPER_MAXIMUM : 0);
  }

  /** Bytes of the file that are there, counted from its beginning. */
  get bytes(): number {
    return this.#end;
  }

  readonly sink: ByteSink = {
    write: (data, position) => {
      if (this.#before !== undefined) return this.#write(data, position - this.#before);
      return this.#unwrap(data, position);
    },
    close: async () => {
      if (this.#before === undefined) throw new ProviderError('malformed');
      this.#completing();
      this.#closed = true;
      await this.#file.sink.close();
      if (this.#size !== undefined && this.#end !== this.#size) throw new ProviderError('size-mismatch');
      await this.#file.complete();
    },
    abort: async (cause) => {
      if (!this.#closed) await this.#file.sink.abort(cause);
    },
  };

  #begin(before: number): void {
    this.#before = before;
    const { from } = this.#file;
    const rest = this.#claimed === undefined ? undefined : this.#claimed - before;
    this.#base = this.#size !== undefined && rest === this.#size - from ? from : 0;
    this.#end = this.#base;
  }

  #write(data: Uint8Array, position: number): void | Promise<void> {
    const at = this.#base + position;
    if (this.#size !== undefined && at + data.length > this.#size) throw new ProviderError('size-mismatch');
    this.#end = Math.max(this.#end, at + data.length);
    return this.#file.sink.write(data, at);
  }

  /** RFC 3862 §3: message headers, an empty line, content headers, an empty line, content. */
  #unwrap(data: Uint8Array, position: number): void | Promise<void> {
    if (position !== this.#head.length) throw new ProviderError('malformed', { detail: 'wrapper out of order' });
    this.#head = Buffer.concat([this.#head, data]);
    const wrapper = /^[\s\S]*?\r?\n\r?\n[\s\S]*?\r?\n\r?\n/.exec(this.#head.toString('latin1', 0, WRAPPER_MAXIMUM));
    if (!wrapper) {
      if (this.#head.length >= WRAPPER_MAXIMUM) throw new ProviderError('malformed', { detail: 'wrapper too long' });
      return undefined;
    }
    const rest = this.#head.subarray(wrapper[0].length);
    this.#head = Buffer.alloc(0);
    this.#begin(wrapper[0].length);
    return rest.length > 0 ? this.#write(rest, 0) : undefined;
  }
}
