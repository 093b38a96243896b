import { type Acceptance, type IncomingOffer, MemorySink, MsrpError } from '../../../../msrp/index.ts';
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

/**
 * Decides about one message of a chat and gathers it in memory. The last chunk is confirmed when `take` returns, which is
 * when a text is on disk.
 *
 * @param take throws an MsrpError to have the message refused with its status
 */
export const acceptText = (offer: IncomingOffer, take: (message: SessionMessage) => void): Acceptance => {
  const { contentType, messageId } = offer;
  const type = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
  if (type === HEARTBEAT_TYPE) return { sink: new MemorySink(LARGEST_MESSAGE) };
  // RFC 4975 §10.6
  if (!ROOT_TYPES.includes(type)) return { refuse: 415 };
  return { sink: new WholeMessage((body) => take({ contentType, body, messageId })) };
};

/** What is thrown for a text that is not on disk: nothing confirms it, so the sender tries another way. */
export const notKept = (): MsrpError => new MsrpError('storage-failed', 'The text could not be kept', { status: 413 });

/** What is thrown for content of a type we do not know inside of an envelope we do. */
export const notUnderstood = (): MsrpError =>
  new MsrpError('invalid-content', 'Content of an unknown type', { status: 415 });

class WholeMessage extends MemorySink {
  readonly #take: (body: Buffer) => void;

  constructor(take: (body: Buffer) => void) {
    super(LARGEST_MESSAGE);
    this.#take = take;
  }

  override async close(): Promise<void> {
    this.#take(Buffer.from(this.bytes));
  }
}
