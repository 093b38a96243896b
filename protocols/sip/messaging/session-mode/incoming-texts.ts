import {
  type Acceptance,
  type Clock,
  type IncomingOffer,
  MemorySink,
  MsrpError,
  type Timer,
} from '../../../../msrp/index.ts';
import { unawaited } from '../../../contract/unawaited.ts';
import { LARGEST_MESSAGE, ROOT_TYPES } from './chat-description.ts';

/** One message of a session, whole. */
export interface SessionMessage {
  contentType: string;
  body: Buffer;
  /** MSRP's own Message-ID. */
  messageId: string;
}

/** Some peers keep the way open so (msrp-node-lib). */
const HEARTBEAT_TYPE = 'text/x-msrp-heartbeat';

/** Texts of one session that may be incomplete at once; a program that sends them one after another needs one. */
const MOST_INCOMPLETE = 4;
/** ms without a byte after which the rest of a text is not waited for. */
const STALLED_AFTER = 60_000;

/**
 * Decides about the messages of one chat and gathers each in memory. The last chunk of one is confirmed when `take` returns,
 * which is when a text is on disk. What comes only in part is held for a minute after its last byte, and few at once.
 *
 * @example const accept = texts.accept; // the hook of an MSRP session
 */
export class IncomingTexts {
  readonly #take: (message: SessionMessage) => void;
  readonly #clock: Clock;
  readonly #incomplete = new Set<WholeMessage>();

  /** `take` throws an MsrpError to have the message refused with its status. */
  constructor(take: (message: SessionMessage) => void, clock: Clock) {
    this.#take = take;
    this.#clock = clock;
  }

  readonly accept = ({ contentType, messageId }: IncomingOffer): Acceptance => {
    const type = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
    if (type === HEARTBEAT_TYPE) return { sink: new MemorySink(LARGEST_MESSAGE) };
    // RFC 4975 §10.6
    if (!ROOT_TYPES.includes(type)) return { refuse: 415 };
    if (this.#incomplete.size >= MOST_INCOMPLETE) return { refuse: 413 };
    const message = new WholeMessage(
      (body) => this.#take({ contentType, body, messageId }),
      this.#clock,
      () => this.#incomplete.delete(message),
    );
    this.#incomplete.add(message);
    return { sink: message };
  };
}

/** What is thrown for a text that is not on disk: nothing confirms it, so the sender tries another way. */
export const notKept = (): MsrpError => new MsrpError('storage-failed', 'The text could not be kept', { status: 413 });

/** What is thrown for content of a type we do not know inside of an envelope we do. */
export const notUnderstood = (): MsrpError =>
  new MsrpError('invalid-content', 'Content of an unknown type', { status: 415 });

class WholeMessage extends MemorySink {
  readonly #take: (body: Buffer) => void;
  readonly #clock: Clock;
  readonly #over: () => void;
  #stalled: Timer;
  #isOver = false;

  constructor(take: (body: Buffer) => void, clock: Clock, over: () => void) {
    super(LARGEST_MESSAGE);
    this.#take = take;
    this.#clock = clock;
    this.#over = over;
    this.#stalled = this.#wait();
  }

  override write(data: Uint8Array, position: number): void {
    if (this.#isOver) throw new MsrpError('storage-failed', 'The rest came too late', { status: 413 });
    this.#stalled.cancel();
    this.#stalled = this.#wait();
    super.write(data, position);
  }

  override async close(): Promise<void> {
    const body = Buffer.from(this.bytes);
    this.#end();
    this.#take(body);
  }

  override async abort(): Promise<void> {
    this.#end();
    await super.abort();
  }

  #wait(): Timer {
    return this.#clock.after(STALLED_AFTER, () => unawaited(this.abort()));
  }

  #end(): void {
    this.#isOver = true;
    this.#stalled.cancel();
    this.#over();
  }
}
