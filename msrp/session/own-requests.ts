import { Buffer } from 'node:buffer';
import type { Connection } from '../connection/connection.ts';
import type { Transaction } from '../connection/transactions.ts';
import { MsrpError } from '../errors.ts';
import { METHOD, type ResponseHead } from '../framing/head.ts';
import { formatEndLine, formatFields, formatRequestHead, LARGEST_OTHER_BODY } from '../framing/writer.ts';
import { canonicalName, type HeaderField } from '../grammar/headers.ts';

/** What goes with a request that is no message. */
export interface RequestBody {
  readonly contentType: string;
  /** At most 10,240 bytes (RFC 4975 §7.1). */
  readonly text: string;
}

/** A request, where to, and what with. */
export interface OwnRequest {
  readonly method: string;
  readonly toPath: string;
  readonly fromPath: string;
  readonly fields: readonly HeaderField[];
  readonly body?: RequestBody | undefined;
}

/** The requests of a session that are no messages and wait for their responses. */
export class OwnRequests {
  readonly #transactionId: () => string;
  readonly #waiting = new Set<(error: MsrpError) => void>();

  constructor(transactionId: () => string) {
    this.#transactionId = transactionId;
  }

  /** Sends a request; rejects with `MsrpError` if no response comes, or it cannot be written. */
  send(connection: Connection, request: OwnRequest): Promise<ResponseHead> {
    return new Promise((resolve, reject) => {
      const { transactionId, frame } = this.#format(request);
      const transaction: Transaction = {
        id: transactionId,
        owner: this,
        optional: false,
        deadline: Number.POSITIVE_INFINITY,
        settle: (settlement) => {
          this.#waiting.delete(giveUp);
          if (settlement instanceof MsrpError) reject(settlement);
          else resolve(settlement);
        },
      };
      const giveUp = (error: MsrpError) => {
        connection.transactions.forget(transaction);
        reject(error);
      };
      this.#waiting.add(giveUp);
      connection.transactions.open(transaction);
      connection.queue.control(frame);
      connection.transactions.arm(transaction);
    });
  }

  /** The session is over. */
  fail(error: MsrpError): void {
    for (const giveUp of this.#waiting) giveUp(error);
    this.#waiting.clear();
  }

  #format({ body, ...head }: OwnRequest): { readonly transactionId: string; readonly frame: string } {
    if (!METHOD.test(head.method)) throw new MsrpError('invalid-option', 'A method has capital letters only');
    for (const [name] of head.fields) {
      const own = canonicalName(name);
      if (own === 'To-Path' || own === 'From-Path' || (own === 'Content-Type' && body !== undefined)) {
        throw new MsrpError('invalid-header', `${own} is not for the caller`);
      }
    }
    if (body !== undefined && Buffer.byteLength(body.text) > LARGEST_OTHER_BODY) {
      throw new MsrpError('invalid-option', `A request other than SEND takes ${LARGEST_OTHER_BODY} bytes at most`);
    }
    let transactionId = this.#transactionId();
    // RFC 4975 §7.1: the end-line must not occur in the body
    while (body?.text.includes(`-------${transactionId}`)) transactionId = this.#transactionId();
    const content = body && `${formatFields([['Content-Type', body.contentType]])}\r\n${body.text}\r\n`;
    const frame = `${formatRequestHead({ transactionId, ...head })}${content ?? ''}${formatEndLine(transactionId, '$')}`;
    return { transactionId, frame };
  }
}
