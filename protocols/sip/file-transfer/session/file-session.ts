import { unawaited } from '../../../contract/unawaited.ts';
import type { MediaAddress } from '../../media/media.ts';
import { GLARE_TRIES, glarePause, isGlare } from '../../offers/glare.ts';
import type { Direction } from '../../offers/msrp-line.ts';
import type { SipSession } from '../../sip-session.ts';
import {
  closedMedia,
  type FileMedia,
  formatDescription,
  type OfferedMedia,
  type Origin,
  parseAnswer,
} from '../description/session-description.ts';
import { BYE_TIMEOUT, FileLine } from './file-line.ts';
import { answerReoffer } from './reoffer.ts';

/** What was decided about lines that the other side offered. */
export interface TakenLines {
  /** The answer to each of them. */
  lines: readonly OfferedMedia[];
  /** One of them is a chat, which ends the session itself. */
  withChat: boolean;
  /** Opens those that were taken, by their place among `lines`; what it returns begins them, once the answer is out. */
  open: (openLine: (index: number) => FileLine) => () => void;
}

/** Decides about lines that the other side adds to a session (RFC 5547 §8.2). In its time, and never rejects. */
export type AddedLines = (sip: SipSession, added: readonly OfferedMedia[]) => Promise<TakenLines>;

/** Both sides offered at once. */
const GLARE = 'glare';

/**
 * A SIP session that carries files, from its answer on. A file that ends before the others has its line closed by an offer
 * with port 0 (RFC 5547 §8.4), one that is held has its line made `inactive` for as long (RFC 3264 §8.4); with the last one the session ends by BYE, unless a chat goes on in it.
 */
export class FileSession {
  readonly #sip: SipSession;
  readonly #origin: Origin;
  readonly #added: AddedLines;
  #withChat: boolean;
  #ours: readonly OfferedMedia[];
  readonly #lines = new Map<number, FileLine>();
  /** Lines we have to close by an offer, with the reason for each. */
  readonly #closing = new Map<number, string | undefined>();
  /** Lines we hold or let go on, and have not told the peer of yet. */
  readonly #holding = new Map<number, { holds: boolean; told: (understood: boolean) => void }>();
  /** Lines of ours with another address, not told yet. */
  readonly #moving = new Map<number, { address: MediaAddress; told: (answer: FileMedia | undefined) => void }>();
  /** How lines are when nobody holds them. */
  #directions: readonly (Direction | undefined)[];
  /** Transfer ids that were ever offered in this session (§8.1: each means one transfer). */
  readonly #known = new Set<string>();
  /** What the peer's last offer says: lines it closed, and who of the others is held by it. */
  #closedByPeer: readonly { line: FileLine; reason: string | undefined }[] = [];
  #heldByPeer: ReadonlyMap<number, boolean> = new Map();
  #offeredByPeer: ReadonlyMap<number, FileMedia> = new Map();
  #offering = false;
  /** An offer of the peer's waits for our answer: none of ours can be made. */
  #answering = false;
  /** Begins what was taken of that offer. */
  #start: () => void = () => {};
  #leaving: { reason: string | undefined } | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `ours`: what we say in this session, line by line. */
  constructor(
    sip: SipSession,
    {
      origin,
      ours,
      added,
      withChat = false,
    }: { origin: Origin; ours: readonly OfferedMedia[]; added: AddedLines; withChat?: boolean },
  ) {
    this.#sip = sip;
    this.#origin = origin;
    this.#ours = ours;
    this.#withChat = withChat;
    this.#added = added;
    this.#directions = directionsOf(ours);
    this.#note(ours);
    sip.answerReoffer = ({ sdp }) => this.#answer(sdp);
    sip.onReoffered(({ reason }) => this.#reoffered(reason));
    sip.onState((state) => {
      if (state.state === 'established') {
        if (this.#leaving) this.#bye(this.#leaving.reason);
        else unawaited(this.#offer());
      }
      if (state.state !== 'ended') return;
      clearTimeout(this.#timer);
      this.#giveUp();
      this.#begin();
      for (const line of this.#lines.values()) line.ended({ by: state.by, reason: state.reason });
    });
  }

  /** A file begins on this line. */
  open(index: number): FileLine {
    const line = new FileLine(
      (reason, complete) => this.#left(index, reason, complete),
      (holds) => this.#hold(index, holds),
      (address) => this.#move(index, address),
    );
    this.#lines.set(index, line);
    return line;
  }

  /** Closes a line on which nothing began although the other side is ready for it. */
  close(index: number): void {
    this.#left(index, undefined, false);
  }

  /** All lines that begin with the session are open. */
  begun(): void {
    if (this.#lines.size === 0) this.#left(undefined, undefined, false);
  }

  #left(index: number | undefined, reason: string | undefined, complete: boolean): void {
    if (this.#goesOn) {
      if (index === undefined || complete) return;
      this.#closing.set(index, reason);
      unawaited(this.#offer());
    } else if (complete) {
      this.#timer ??= setTimeout(() => this.#bye(undefined), BYE_TIMEOUT);
    } else this.#bye(reason);
  }

  get #goesOn(): boolean {
    const live = [...this.#lines.values()].some((line) => line.end === undefined);
    return live || this.#withChat || this.#answering;
  }

  /** The peer has our answer to an offer of its. */
  #reoffered(reason: string | undefined): void {
    for (const { line, reason: own } of this.#closedByPeer) line.ended({ by: 'peer', reason: own ?? reason });
    this.#closedByPeer = [];
    for (const [index, file] of this.#offeredByPeer) this.#lines.get(index)?.moved(file);
    for (const [index, holds] of this.#heldByPeer) this.#lines.get(index)?.held(holds);
    this.#answering = false;
    this.#begin();
    const [left] = this.#closing;
    if (this.#goesOn) unawaited(this.#offer());
    else if (left) this.#bye(left[1]);
    // §8.4: whoever closes the last line should end the session, too
    else this.#timer ??= setTimeout(() => this.#bye(undefined), BYE_TIMEOUT);
  }

  #begin(): void {
    const start = this.#start;
    this.#start = () => {};
    start();
  }

  #note(lines: readonly OfferedMedia[]): void {
    for (const line of lines) if (line.kind === 'file' && line.file.transferId) this.#known.add(line.file.transferId);
  }

  #bye(reason: string | undefined): void {
    clearTimeout(this.#timer);
    this.#leaving = { reason };
    // our 200 is going out: only a BYE after it tells the peer what happened
    if (this.#sip.state.state !== 'answering') this.#sip.end(reason);
  }

  #hold(index: number, holds: boolean): Promise<boolean> {
    this.#holding.get(index)?.told(false);
    return new Promise((told) => {
      this.#holding.set(index, { holds, told });
      unawaited(this.#offer());
    });
  }

  #move(index: number, address: MediaAddress): Promise<FileMedia | undefined> {
    return new Promise((told) => {
      this.#moving.set(index, { address, told });
      unawaited(this.#offer());
    });
  }

  /** What has not been understood by now never will be. */
  #giveUp(): void {
    for (const { told } of this.#holding.values()) told(false);
    for (const { told } of this.#moving.values()) told(undefined);
    this.#holding.clear();
    this.#moving.clear();
  }

  /** Says what is to be said, one offer after the other: lines that are over first. */
  async #offer(): Promise<void> {
    if (this.#offering) return;
    this.#offering = true;
    let tries = 0;
    while (this.#sip.state.state === 'established' && !this.#answering && tries < GLARE_TRIES) {
      const [closing] = this.#closing;
      const [moving] = this.#moving;
      const [holding] = this.#holding;
      if (closing) tries = await this.#offerClosed(closing, tries);
      else if (moving) tries = await this.#offerMoved(moving, tries);
      else if (holding) tries = await this.#offerHeld(holding, tries);
      else break;
    }
    this.#offering = false;
    if (tries === GLARE_TRIES) this.#giveUp();
  }

  async #offerClosed([index, reason]: [number, string | undefined], tries: number): Promise<number> {
    const answer = await this.#reoffer(index, (file) => closedMedia(file), reason);
    // behind the others, and again
    if (answer === GLARE) this.#closing.set(index, reason);
    return answer === GLARE ? tries + 1 : 0;
  }

  async #offerMoved(
    [index, wish]: [number, { address: MediaAddress; told: (answer: FileMedia | undefined) => void }],
    tries: number,
  ): Promise<number> {
    const answer = await this.#reoffer(index, (file) => ({ ...file, cema: false, ...wish.address }), undefined);
    if (answer === GLARE) {
      this.#moving.set(index, wish);
      return tries + 1;
    }
    const said = answer?.[index];
    wish.told(said?.kind === 'file' && said.file.port !== 0 ? said.file : undefined);
    return 0;
  }

  /** RFC 3264 §8.4: a line on which nothing is sent nor taken for now is `inactive`. */
  async #offerHeld(
    [index, wish]: [number, { holds: boolean; told: (understood: boolean) => void }],
    tries: number,
  ): Promise<number> {
    const direction = wish.holds ? 'inactive' : this.#directions[index];
    const answer = await this.#reoffer(index, (file) => ({ ...file, ...(direction ? { direction } : {}) }), undefined);
    if (answer === GLARE) {
      if (!this.#holding.has(index)) this.#holding.set(index, wish);
      return tries + 1;
    }
    wish.told(answer !== undefined);
    // held by the other side as well: RFC 3264 §6.1 lets it answer nothing but `inactive` to ours
    const said = answer?.[index];
    if (!wish.holds && said?.kind === 'file') this.#lines.get(index)?.held(said.file.direction === 'inactive');
    return 0;
  }

  /** Resolves to the answer, `GLARE` after a wait, or undefined: refused. */
  async #reoffer(
    index: number,
    change: (file: FileMedia) => FileMedia,
    reason: string | undefined,
  ): Promise<OfferedMedia[] | typeof GLARE | undefined> {
    this.#closing.delete(index);
    this.#holding.delete(index);
    this.#moving.delete(index);
    const lines = this.#ours.map((line, at) =>
      at === index && line.kind === 'file' ? { kind: line.kind, file: change(line.file) } : line,
    );
    this.#origin.version++;
    try {
      const { sdp } = await this.#sip.reoffer({ sdp: formatDescription(this.#origin, lines) }, reason);
      this.#ours = lines;
      return parseAnswer(sdp) ?? [];
    } catch (error) {
      if (isGlare(error)) {
        await new Promise((resolve) => setTimeout(resolve, glarePause(this.#sip)));
        return GLARE;
      }
      // a line that was to be closed is over all the same, as MSRP has told
      if (lines[index]?.kind === 'file' && lines[index].file.port === 0) this.#ours = lines;
      return undefined;
    }
  }

  async #answer(sdp: string): Promise<{ sdp: string }> {
    const answer = answerReoffer(sdp, this.#ours, {
      isLive: (index) => this.#lines.has(index) && this.#lines.get(index)?.end === undefined,
      direction: (index) => this.#directions[index],
      isKnown: (id) => this.#known.has(id),
    });
    // refused with 488
    if (!answer) throw new Error('unreadable offer');
    this.#closedByPeer = [...answer.closed].flatMap(([index, reason]) => {
      const line = this.#lines.get(index);
      return line ? [{ line, reason }] : [];
    });
    this.#heldByPeer = answer.held;
    this.#offeredByPeer = answer.offered;
    this.#ours = answer.added.size > 0 ? await this.#take(answer.lines, answer.added) : answer.lines;
    this.#origin.version++;
    // RFC 3264 §6.1: what the other side holds is answered as `inactive`, whatever we say of our own side later
    const lines = this.#ours.map((line, index) =>
      line.kind === 'file' && answer.held.get(index) === true
        ? { kind: line.kind, file: { ...line.file, direction: 'inactive' as const } }
        : line,
    );
    return { sdp: formatDescription(this.#origin, lines) };
  }

  /** `added`: lines that are new, by their place. */
  async #take(
    lines: readonly OfferedMedia[],
    added: ReadonlyMap<number, OfferedMedia>,
  ): Promise<readonly OfferedMedia[]> {
    this.#answering = true;
    // somebody who adds a file has not finished
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const places = [...added.keys()];
    this.#note([...added.values()]);
    const taken = await this.#added(this.#sip, [...added.values()]);
    const all = lines.map((line, index) => taken.lines[places.indexOf(index)] ?? line);
    const directions = directionsOf(all);
    this.#directions = all.map((_, index) => (added.has(index) ? directions[index] : this.#directions[index]));
    this.#withChat ||= taken.withChat;
    this.#start = taken.open((at) => this.open(places[at] as number));
    return all;
  }
}

const directionsOf = (lines: readonly OfferedMedia[]): (Direction | undefined)[] =>
  lines.map((line) => (line.kind === 'file' ? line.file.direction : undefined));
