import { randomInt, randomUUID } from 'node:crypto';
import { type Address, ProviderError } from '../../contract/index.ts';
import type { MediaLine } from '../media/media.ts';
import { readPath } from '../offers/msrp-line.ts';
import type { SessionDescription } from '../session-description-handler.ts';
import type { Rejection, SipSession, SipSessionState } from '../sip-session.ts';
import { agrees, type FileSelector } from './description/file-selector.ts';
import {
  type FileMedia,
  formatDescription,
  type OfferedMedia,
  type Origin,
  parseAnswer,
} from './description/session-description.ts';
import { WRAPPER_MAXIMUM } from './file-content.ts';
import type { IncomingTransfer } from './incoming-transfer.ts';
import type { OutgoingContext } from './outgoing-offer.ts';
import { FileSession } from './session/file-session.ts';
import { fromMsrp, fromReason, fromRejection, reasonOf, toldBySink } from './transfer-errors.ts';

/** A program answers, not a person, though some clients ask theirs. */
const ANSWER_TIMEOUT = 120_000;
/** How a peer says that it has no such file, or not for us (RFC 5547 §8.3.2 with RFC 3261 §21). */
const NOT_THERE: readonly number[] = [403, 410, 488, 603, 606];

type FetchContext = Pick<OutgoingContext, 'media' | 'place' | 'invite' | 'direct' | 'added'>;

/** Asks a peer for a file (RFC 5547 §8.2.2): an INVITE of ours, and the bytes come to us. */
export class FileFetch {
  readonly #transfer: IncomingTransfer;
  readonly #selector: FileSelector;
  readonly #context: FetchContext;
  #sip: SipSession | undefined;
  #line: MediaLine | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `transfer` has been accepted. `selector`: what the peer knows the file by. */
  constructor(transfer: IncomingTransfer, selector: FileSelector, context: FetchContext) {
    this.#transfer = transfer;
    this.#selector = selector;
    this.#context = context;
    transfer.owner = { accepted: () => {}, ended: (error) => this.#ended(error) };
    // phases come after the call that makes us has returned
    queueMicrotask(() => {
      this.#ask(transfer.peer).catch((error: unknown) => transfer.fail(fromMsrp(error)));
    });
  }

  async #ask(peer: Address): Promise<void> {
    if (this.#transfer.over) return;
    const place = this.#context.place();
    if (!place) throw new ProviderError('network', { retryable: true });
    const line = await this.#context.media.offer(place, { accept: this.#transfer.take });
    if (this.#transfer.over) return line.end();
    this.#line = line;
    const { size } = this.#selector;
    const { from } = this.#transfer;
    const asked: FileMedia = {
      ...line.address,
      direction: 'recvonly',
      acceptTypes: ['*'],
      ...(size === undefined ? {} : { maxSize: size + WRAPPER_MAXIMUM }),
      selector: this.#selector,
      // §8.1: even for the same file, what begins now is a new transfer
      transferId: randomUUID(),
      dates: {},
      ...(from > 0 ? { range: { start: from + 1, ...(size !== undefined && size > from ? { stop: size } : {}) } } : {}),
    };
    const origin: Origin = { sessionId: randomInt(2 ** 47), version: 1, host: place.host };
    const ours: OfferedMedia[] = [{ kind: 'file', file: asked }];
    const sip = this.#context.invite(peer, { sdp: formatDescription(origin, ours) });
    this.#sip = sip;
    const late = new ProviderError('timeout', { retryable: true });
    this.#timer = setTimeout(() => this.#transfer.fail(late), ANSWER_TIMEOUT);
    sip.onState((state) => {
      clearTimeout(this.#timer);
      if (!this.#transfer.over && this.#line) this.#onSip(state, { sip, origin, ours });
    });
  }

  #onSip(state: SipSessionState, said: { sip: SipSession; origin: Origin; ours: readonly OfferedMedia[] }): void {
    switch (state.state) {
      case 'established':
        this.#begin(state.remote, said);
        break;
      case 'rejected': {
        const why = refusalOf(state.rejection, this.#context.direct);
        const missing =
          !(why instanceof ProviderError) || (!state.rejection.local && NOT_THERE.includes(state.rejection.status));
        this.#transfer.fail(missing ? notThere(state.rejection.status) : why);
        break;
      }
      case 'ended': {
        const error = state.by === 'peer' ? fromReason(state.reason) : undefined;
        this.#transfer.fail(error ?? new ProviderError('network', { retryable: true }));
        break;
      }
    }
  }

  #begin(remote: SessionDescription, said: { sip: SipSession; origin: Origin; ours: readonly OfferedMedia[] }): void {
    const line = this.#line;
    const media = parseAnswer(remote.sdp)?.[0];
    if (!line) return;
    if (media?.kind !== 'file') {
      this.#transfer.fail(new ProviderError('malformed'));
      return;
    }
    const fault = this.#faultOf(media.file);
    if (fault) {
      this.#transfer.fail(fault);
      return;
    }
    const session = new FileSession(said.sip, { ...said, added: this.#context.added });
    this.#line = undefined;
    this.#transfer.run(line, media.file, session.open(0));
  }

  #faultOf(media: FileMedia): ProviderError | undefined {
    if (media.port === 0) return notThere(0);
    if (!readPath(media)) return new ProviderError('malformed', { detail: 'path' });
    // §8.2.2: what comes has to be what was asked for
    return agrees(this.#selector, media.selector) ? undefined : new ProviderError('source-changed');
  }

  #ended(error: ProviderError | undefined): void {
    clearTimeout(this.#timer);
    this.#sip?.end(error && reasonOf(toldBySink(error)));
    this.#line?.end();
    this.#line = undefined;
  }
}

const notThere = (protocolCode: number): ProviderError => new ProviderError('source-missing', { protocolCode });

/** RFC 3261 §21.4.5: many a server says 404 of a person who has offered a file and is only not logged in now. */
const refusalOf = (rejection: Rejection, direct: boolean): ReturnType<typeof fromRejection> =>
  rejection.status === 404 && !rejection.local
    ? new ProviderError('peer-offline', { protocolCode: 404, retryable: true })
    : fromRejection(rejection, direct);
