import { refusedLine } from '../offers/msrp-line.ts';
import {
  type FileMedia,
  type OfferedMedia,
  parseDescription,
  refusedMedia,
} from './description/session-description.ts';

/**
 * The answer to an offer made within a session of files, line by line as RFC 5547 has it: a line with port 0 closes that
 * file (§8.4), one with its transfer id unchanged is a repetition, by session timers for instance, and gets our last words
 * again (§8.1), anything else would be a new file or medium and is refused.
 *
 * @param ours what we said last, line by line
 * @returns `held`: of each file that goes on, whether the other side holds it; `offered`: what that says of it; undefined
 *   when the offer cannot be read
 */
export function answerReoffer(
  sdp: string,
  ours: readonly OfferedMedia[],
):
  | {
      lines: OfferedMedia[];
      closed: readonly number[];
      held: ReadonlyMap<number, boolean>;
      offered: ReadonlyMap<number, FileMedia>;
    }
  | undefined {
  const media = parseDescription(sdp);
  if (!media) return undefined;
  const closed: number[] = [];
  const held = new Map<number, boolean>();
  const offered = new Map<number, FileMedia>();
  const lines = media.map((line, index): OfferedMedia => {
    const own = ours[index];
    if (line.kind === 'other') return line;
    if (line.kind === 'chat') {
      // a chat that runs beside the files: its line is said again as it was
      const goesOn = line.chat.port !== 0 && own?.kind === 'chat' && own.chat.port !== 0;
      return goesOn ? own : { kind: 'chat', chat: refusedLine(line.chat) };
    }
    const { port, transferId } = line.file;
    if (port === 0) closed.push(index);
    const repeated = port !== 0 && own?.kind === 'file' && own.file.transferId === transferId;
    if (repeated) held.set(index, line.file.direction === 'inactive');
    if (repeated) offered.set(index, line.file);
    return repeated ? own : { kind: 'file', file: refusedMedia(line.file) };
  });
  return { lines, closed, held, offered };
}
