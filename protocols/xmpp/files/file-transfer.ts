import { setTimeout as delay } from 'node:timers/promises';
import {
  type AcceptedFile,
  type Address,
  type ByteSource,
  Emitter,
  type FileOffer,
  type FileTransferOperationSet,
  type OutgoingFile,
  type ProtocolTransfer,
  ProviderError,
  type ProviderLog,
  type ProviderStorage,
  type SendOutcome,
} from '../../contract/index.ts';
import { unawaited } from '../../contract/unawaited.ts';
import { addressOf, bareJidOf, parseJid } from '../address.ts';
import type { UploadService } from '../discovery/server-features.ts';
import type { DecodedMessage } from '../messaging/message-codec.ts';
import type { Carriage } from '../messaging/messaging.ts';
import { Recent } from '../messaging/recent.ts';
import type { Session } from '../session/session.ts';
import type { Element } from '../stream/xml.ts';
import { download } from './download.ts';
import { fileMessage, parseFileMessage } from './file-message.ts';
import { type HttpRules, permittedUrl } from './http.ts';
import { type OpenOffer, OpenOffers } from './open-offers.ts';
import { storeFault } from './store-fault.ts';
import { HttpTransfer } from './transfer.ts';
import { requestSlot, type Slot, upload } from './upload.ts';

/** How long a finished upload waits for the account to come back before its message is given up. */
const WAIT_ONLINE = 60_000;
/** So often a file is offered to the upload service before the person is told that it does not take it. */
const UPLOAD_TRIES = 3;
/** Servers keep uploads for about a week (Prosody's default); an older offer leads nowhere and is shown as the link it is. */
const OFFER_LIFE = 7 * 24 * 3600 * 1000;

export interface FileTransferOptions {
  session: Session;
  storage: ProviderStorage;
  log: ProviderLog;
  rules: HttpRules;
  now: () => number;
  isOnline: () => boolean;
  /** Resolves when the account is online (at once when it is), after so many milliseconds, or with the signal. */
  whenOnline: (limit: number, signal: AbortSignal) => Promise<void>;
  /** Undefined while unknown and where there is none. */
  uploadService: () => UploadService | undefined;
  /** Milliseconds before the service is tried again; doubled each time. */
  uploadAgain: number;
  sendStanza: (
    stanza: Element,
    facts: { id: string; peer: string; composedAt: number; text: string },
  ) => Promise<SendOutcome>;
}

/**
 * Files by HTTP upload (XEP-0363) and links (XEP-0066, 0446, 0447). The peer is not asked before the upload and does not tell
 * whether it fetched: `finished` means uploaded, and the link acked by the server.
 */
export class FileTransfer implements FileTransferOperationSet {
  readonly #options: FileTransferOptions;
  readonly #offered = new Emitter<FileOffer>();
  readonly onOffer = this.#offered.on;
  readonly #live = new Set<HttpTransfer>();
  readonly #open: OpenOffers;
  /** Keys with a transfer that is not over. */
  readonly #pending = new Set<string>();
  readonly #seen = new Recent(1000);

  constructor(options: FileTransferOptions) {
    this.#options = options;
    this.#open = new OpenOffers(options.storage);
  }

  /** XEP-0447 shares one file with one message. */
  readonly maximumFiles = 1;

  get maximumBytes(): number {
    return this.#options.uploadService()?.maximumBytes ?? Number.MAX_SAFE_INTEGER;
  }

  offer(to: Address, files: readonly OutgoingFile[]): readonly ProtocolTransfer[] {
    return files.map((file) => this.#offerOne(to, file));
  }

  #offerOne(to: Address, file: OutgoingFile): ProtocolTransfer {
    const transfer = new HttpTransfer(
      { id: file.id, direction: 'outgoing', peer: to, file: file.file },
      this.#options.now,
    );
    this.#keep(transfer);
    // after this turn, so that the caller has its listeners on
    queueMicrotask(() => unawaited(this.#send(transfer, file)));
    return transfer;
  }

  /** True when the message is a file and its text only the link to it. */
  take(message: DecodedMessage, carriage: Carriage): boolean {
    const shared = parseFileMessage(message);
    if (!shared || !permittedUrl(shared.url, this.#options.rules)) return false;
    const sentAt = Math.min(carriage.stamp ?? this.#options.now(), this.#options.now());
    if (sentAt < this.#options.now() - OFFER_LIFE) return false;
    const own = parseJid(this.#options.session.jid);
    if (message.from === own?.bare && message.to !== own.bare) {
      // an upload of ours: known here as the transfer it was; from another device it is shown as the link it is
      return message.fromResource === own.resource;
    }
    const key = carriage.archiveId ?? (message.id || shared.url);
    if (!this.#seen.has(key) && !this.#pending.has(key)) {
      this.#seen.add(key);
      this.#present({
        key,
        id: message.id || key,
        peer: addressOf(message.from),
        ...(message.nick === undefined ? {} : { peerName: message.nick }),
        url: shared.url,
        file: shared.facts,
        sentAt,
        ...(carriage.isPast && { isPast: true }),
      });
    }
    return shared.isOnlyLink;
  }

  /** The account came online: what was not fetched is offered again. */
  offerAgain(): void {
    this.#open.forgetBefore(this.#options.now() - OFFER_LIFE);
    for (const offer of this.#open.all) if (!this.#pending.has(offer.key)) this.#present(offer);
  }

  /** The account leaves. */
  stop(): void {
    for (const transfer of this.#live)
      transfer.fail(new ProviderError('network', { retryable: true, detail: 'stopped' }));
  }

  #keep(transfer: HttpTransfer): void {
    this.#live.add(transfer);
    const stop = transfer.onPhase(() => {
      if (!transfer.isOver) return;
      stop();
      this.#live.delete(transfer);
    });
  }

  #present(offer: OpenOffer): void {
    const { key, url, sentAt, isPast } = offer;
    this.#open.add(offer);
    this.#pending.add(key);
    const transfer = new HttpTransfer({ ...offer, direction: 'incoming' }, this.#options.now, (accepted) => {
      unawaited(this.#fetch(transfer, url, accepted));
    });
    this.#keep(transfer);
    const stop = transfer.onPhase((phase) => {
      if (!transfer.isOver) return;
      stop();
      this.#pending.delete(key);
      // A cancelled one stays: a program that shuts down cancels too. Whoever keeps transfers knows what a person wanted.
      const mayComeBack = phase.state === 'cancelled' || (phase.state === 'failed' && phase.error.retryable);
      if (!mayComeBack) this.#open.remove(key);
    });
    this.#offered.emit({ transfer, key, sentAt, lasting: true, ...(isPast && { isPast }) });
  }

  async #send(transfer: HttpTransfer, outgoing: OutgoingFile): Promise<void> {
    const { id, file } = outgoing;
    const { isOnline, uploadService, now } = this.#options;
    let source: ByteSource | undefined;
    try {
      if (!isOnline()) throw new ProviderError('network', { retryable: true, detail: 'not online' });
      const service = uploadService();
      if (!service) throw new ProviderError('not-supported', { protocolCode: 'http-upload' });
      if (file.size > service.maximumBytes) throw new ProviderError('too-big', { limit: service.maximumBytes });
      const open = async (): Promise<ByteSource> => {
        source ??= await outgoing.open();
        if (source.size !== file.size) throw new ProviderError('source-changed');
        return source;
      };
      const slot = await this.#store(transfer, file, service.jid, open);
      if (!slot) return;
      await this.#tell(transfer, fileMessage(bareJidOf(transfer.peer), id, slot.get, file), now());
      transfer.move('finished');
    } catch (cause) {
      this.#fail(transfer, cause);
    } finally {
      await (async () => source?.close())().catch((cause: unknown) => this.#log('file.source-unclosed', cause));
    }
  }

  /** Where the file lies now, after a few tries; undefined when the transfer is over before. */
  async #store(
    transfer: HttpTransfer,
    file: OutgoingFile['file'],
    service: string,
    open: () => Promise<ByteSource>,
  ): Promise<Slot | undefined> {
    const { rules, uploadAgain } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      // each try begins with a question over the account's connection: when that is lost, it is not the service's fault
      const slot = await this.#slot(file, service);
      if (transfer.isOver) return undefined;
      transfer.move('accepted');
      const source = await open();
      if (transfer.isOver) return undefined;
      transfer.move('connecting');
      try {
        const onStart = (): void => transfer.move('running');
        const onBytes = (bytes: number): void => transfer.progress(bytes);
        await upload(slot, source, file.type, { signal: transfer.signal, onStart, onBytes }, rules);
        return slot;
      } catch (cause) {
        const fault = storeFault(cause);
        if (transfer.isOver || !fault.retryable || attempt === UPLOAD_TRIES) throw fault;
      }
      await delay(uploadAgain * 2 ** (attempt - 1), undefined, { signal: transfer.signal }).catch(() => {});
    }
  }

  async #slot(file: OutgoingFile['file'], service: string): Promise<Slot> {
    const { session, rules } = this.#options;
    try {
      return await requestSlot(session.iq, service, file, rules);
    } catch (cause) {
      const error = ProviderError.from(cause);
      if (error.code === 'network' || !session.isConnected) throw error;
      const fault = storeFault(error);
      // ejabberd 23.01 gives no place for 0 bytes, and no reason
      if (file.size === 0 && fault.code === 'store-failed' && !fault.retryable)
        throw new ProviderError('empty-refused', { protocolCode: fault.protocolCode, cause });
      throw fault;
    }
  }

  /** The file is up; a short absence must not cost the whole upload. */
  async #tell(transfer: HttpTransfer, message: Element, composedAt: number): Promise<void> {
    await this.#options.whenOnline(WAIT_ONLINE, transfer.signal);
    if (transfer.isOver) return;
    const outcome = await this.#options.sendStanza(message, {
      id: transfer.id,
      peer: bareJidOf(transfer.peer),
      composedAt,
      text: '',
    });
    if (outcome.state === 'failed') throw outcome.error;
  }

  async #fetch(transfer: HttpTransfer, url: string, accepted: AcceptedFile): Promise<void> {
    const { sink, from } = accepted;
    const { rules } = this.#options;
    try {
      const place = permittedUrl(url, rules);
      if (!place) throw new ProviderError('policy', { protocolCode: 'url' });
      transfer.move('connecting');
      if (from > 0) transfer.progress(from);
      await download(
        {
          url: place,
          from,
          size: transfer.file.size,
          sink,
          signal: transfer.signal,
          onStart: () => transfer.move('running'),
          onBytes: (bytes) => transfer.progress(bytes),
        },
        rules,
      );
      if (transfer.isOver) throw new ProviderError('cancelled');
      await sink.close();
      await accepted.complete();
      transfer.move('finished');
    } catch (cause) {
      await (async () => sink.abort(cause as Error))().catch((fault: unknown) =>
        this.#log('file.sink-unclosed', fault),
      );
      this.#fail(transfer, cause);
    }
  }

  #fail(transfer: HttpTransfer, cause: unknown): void {
    const error = ProviderError.from(cause);
    if (!transfer.isOver) {
      this.#options.log('warn', 'xmpp.transfer-failed', { code: error.code, condition: error.protocolCode ?? '' });
    }
    transfer.fail(error);
  }

  #log(event: string, cause: unknown): void {
    this.#options.log('warn', event, { error: cause instanceof Error ? cause.name : 'unknown' });
  }
}
