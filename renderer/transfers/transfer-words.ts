import type { TFunction } from 'i18next';
import type { Transfer } from '../../electron/contract/index.ts';
import { faultSaid, faultSentence } from '../i18n/faults.ts';
import { clockDuration } from '../i18n/format.ts';

interface Formats {
  size: (bytes: number) => string;
  speed: (bytes: number) => string;
}

/** What happened and the next thing to do; of a file that is too big, how big it may be. */
function sentenceOf(t: TFunction, { code, limit }: NonNullable<Transfer['fault']>, size: Formats['size']): string {
  if (code !== 'too-big') return faultSentence(t, code);
  return limit === undefined ? t('file.tooBig') : t('file.tooBigFor', { limit: size(limit) });
}

/** The state of a transfer in words; the cause with it when it failed. */
export function transferState(t: TFunction, transfer: Transfer, name: string, { size }: Pick<Formats, 'size'>): string {
  if (transfer.state === 'cancelled' && transfer.by)
    return transfer.by === 'us'
      ? t('file.cancelledByUs')
      : transfer.by === 'peer'
        ? t('file.cancelledByPeer', { name })
        : t('file.answeredElsewhere');
  if (transfer.state === 'paused' && transfer.by === 'peer') return t('file.pausedByPeer', { name });
  if (transfer.unanswered && !transfer.fault)
    return transfer.direction === 'outgoing' ? t('file.unansweredOut', { name }) : t('file.unansweredIn');
  const said =
    transfer.direction === 'outgoing'
      ? t(`file.out.${transfer.state}`, { name })
      : t(`file.in.${transfer.state}`, { name });
  if (!transfer.fault) return said;
  const { code } = transfer.fault;
  // the buttons to accept it are still there
  if (transfer.state === 'offered') return sentenceOf(t, transfer.fault, size);
  const here = code === 'no-space' && transfer.canRetry;
  if (transfer.direction === 'outgoing' || here) return `${said}. ${sentenceOf(t, transfer.fault, size)}`;
  // what the other one no longer has, or keeps back, is theirs to offer again
  if (transfer.canRetry && code !== 'source-missing') return `${said}. ${faultSaid(t, code)}`;
  // only who sends can begin again
  return `${said}. ${faultSaid(t, code)} ${t(code === 'no-space' ? 'file.makeRoom' : 'file.askAgain', { name })}`;
}

/** `8.1 MB/s · 0:12 left`, as far as anybody knows. */
export function transferPace(t: TFunction, transfer: Transfer, format: Formats): string {
  if (transfer.state !== 'running' || transfer.speed <= 0) return '';
  const left = transfer.secondsLeft === null ? '' : t('transfers.left', { time: clockDuration(transfer.secondsLeft) });
  return [format.speed(transfer.speed), left].filter(Boolean).join(' · ');
}

/** `62.4 MB of 300 MB`, or the whole size when nothing moves. */
export function transferSize(t: TFunction, transfer: Transfer, format: Formats): string {
  const { size } = transfer.file;
  const lost = transfer.state === 'waiting-for-peer' && transfer.bytes > 0;
  const partial = transfer.state === 'running' || transfer.state === 'paused' || lost;
  if (partial && size !== null)
    return t('file.progressLine', { done: format.size(transfer.bytes), total: format.size(size) });
  if (size !== null) return format.size(size);
  return transfer.bytes > 0 ? format.size(transfer.bytes) : t('file.sizeUnknown');
}

/** `PDF`, by the ending of the name, for those who decide whether to take it. */
export const fileKind = (name: string): string => /\.([\p{L}\d]{1,8})$/u.exec(name)?.[1]?.toUpperCase() ?? '';

/** Whether a bar makes sense: something is read, sent, received or checked now, or stands still half way. */
export const showsProgress = (transfer: Transfer): boolean =>
  transfer.state === 'running' ||
  transfer.state === 'paused' ||
  (transfer.state === 'waiting-for-peer' && transfer.bytes > 0) ||
  transfer.state === 'connecting' ||
  transfer.state === 'verifying' ||
  transfer.state === 'preparing';

/** How much of the present step is done, 0 to 1; null while nobody can know. */
export function transferShare(transfer: Transfer): number | null {
  const { size } = transfer.file;
  if (size === null || transfer.state === 'connecting') return null;
  const hashing = transfer.state === 'preparing' || transfer.state === 'verifying';
  if (hashing && transfer.prepared === undefined) return null;
  const done = hashing ? (transfer.prepared ?? 0) : transfer.bytes;
  return size === 0 ? 1 : Math.min(1, done / size);
}

/** What a screen reader is told when a transfer ends, stands still or is offered; nothing for the steps between. */
export function transferAnnouncement(t: TFunction, transfer: Transfer, person: string): string | undefined {
  const { name } = transfer.file;
  switch (transfer.state) {
    case 'completed':
      return transfer.direction === 'incoming' ? t('file.completedIn', { name }) : t('file.completedOut', { name });
    case 'failed':
      return t('file.failedAnnounce', { name, reason: faultSaid(t, transfer.fault?.code ?? 'internal') });
    case 'declined':
      return t('file.declinedAnnounce', { name });
    case 'cancelled':
      return t(transfer.by === 'elsewhere' ? 'file.elsewhereAnnounce' : 'file.cancelledAnnounce', { name });
    case 'paused':
      return t('file.pausedAnnounce', { name });
    case 'offered':
      return transfer.direction === 'incoming' ? t('file.offeredAnnounce', { person, name }) : undefined;
    default:
      return undefined;
  }
}
