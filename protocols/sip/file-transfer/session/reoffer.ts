import { ANSWERED_DIRECTION, type Direction, refusedLine } from '../../offers/msrp-line.ts';
import { agrees } from '../description/file-selector.ts';
import {
  type FileMedia,
  type OfferedMedia,
  parseDescription,
  refusedMedia,
} from '../description/session-description.ts';
import { reasonOf } from '../transfer-errors.ts';

/** What an offer made within a session of files says, line by line. */
export interface Reoffer {
  /** Our answer; what is `added` stands in it as refused. */
  lines: readonly OfferedMedia[];
  /** Files that are over, each with the reason where that is ours to say. */
  closed: ReadonlyMap<number, string | undefined>;
  /** Of each file that goes on, whether the other side holds it. */
  held: ReadonlyMap<number, boolean>;
  /** What is said of it. */
  offered: ReadonlyMap<number, FileMedia>;
  /** Files and chats that are new, on lines of their own or on lines that nothing uses any more. */
  added: ReadonlyMap<number, OfferedMedia>;
}

/** What the session knows. */
interface Known {
  /** A file is on its way on this line. */
  isLive(index: number): boolean;
  /** Which way the file on this line goes when no side holds it. */
  direction(index: number): Direction | undefined;
  /** The transfer id was used in this session before. */
  isKnown(transferId: string): boolean;
}

/** RFC 3264 §6.1, §8.4: by the direction that the other side offers now, our side could only be `inactive`. */
const isHeldBy = ({ direction }: FileMedia, ours: Direction | undefined): boolean =>
  direction !== 'sendrecv' && ANSWERED_DIRECTION[direction] !== ours;

/**
 * Reads an offer made within a session of files as RFC 5547 has it: a line with port 0 closes that file (§8.4), one with its
 * transfer id unchanged is a repetition, by session timers for instance, and gets our last words again (§8.1), unless it now
 * means another file, which ends it. A new id is a new transfer; on the line of one that runs it takes its place.
 *
 * @param ours what we said last, line by line
 * @returns undefined when the offer cannot be read
 */
export function answerReoffer(sdp: string, ours: readonly OfferedMedia[], known: Known): Reoffer | undefined {
  const media = parseDescription(sdp);
  if (!media) return undefined;
  const closed = new Map<number, string | undefined>();
  const held = new Map<number, boolean>();
  const offered = new Map<number, FileMedia>();
  const added = new Map<number, OfferedMedia>();
  const answerFile = (file: FileMedia, index: number): OfferedMedia => {
    const own = ours[index];
    const before = own?.kind === 'file' && own.file.port !== 0 ? own : undefined;
    if (file.port === 0) closed.set(index, undefined);
    else if (before && before.file.transferId === file.transferId) {
      if (agrees(before.file.selector ?? { hashes: [] }, file.selector)) {
        held.set(index, isHeldBy(file, known.direction(index)));
        offered.set(index, file);
        return before;
      }
      closed.set(index, reasonOf('source-changed'));
    } else if (isNew(file, index, own)) {
      if (known.isLive(index)) closed.set(index, undefined);
      added.set(index, { kind: 'file', file });
    }
    return { kind: 'file', file: refusedMedia(file) };
  };
  const isNew = ({ transferId }: FileMedia, index: number, own: OfferedMedia | undefined): boolean => {
    // §8.7: a line that is still used by a chat is not for files; and who does not name a file cannot replace another
    if (own?.kind === 'chat' && own.chat.port !== 0) return false;
    return transferId === undefined ? !known.isLive(index) : !known.isKnown(transferId);
  };
  const lines = media.map((line, index): OfferedMedia => {
    const own = ours[index];
    if (line.kind === 'other') return line;
    if (line.kind === 'file') return answerFile(line.file, index);
    // a chat that runs beside the files: its line is said again as it was
    if (line.chat.port !== 0 && own?.kind === 'chat' && own.chat.port !== 0)
      return { kind: 'chat', chat: { ...own.chat, direction: ANSWERED_DIRECTION[line.chat.direction] } };
    if (line.chat.port !== 0 && !known.isLive(index)) added.set(index, line);
    return { kind: 'chat', chat: refusedLine(line.chat) };
  });
  return { lines, closed, held, offered, added };
}
