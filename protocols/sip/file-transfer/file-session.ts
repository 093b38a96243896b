import { Emitter } from '../../contract/index.ts';
import type { MediaAddress } from '../media/media.ts';
import { GLARE_TRIES, glarePause, isGlare } from '../offers/glare.ts';
import type { Direction } from '../offers/msrp-line.ts';
import type { SipSession } from '../sip-session.ts';
import {
  closedMedia,
  type FileMedia,
  formatDescription,
  type OfferedMedia,
  type Origin,
  parseAnswer,
} from './description/session-description.ts';
import { answerReoffer } from './reoffer.ts';

/** How one file's share of a session ended; `reason`: the Reason header (RFC 3326) as it came. */
export interface LineEnd {
  by: 'us' | 'peer' | 'network';
  reason?: string | undefined;
}

/** The sender should end the session (RFC 5547 §8.7); when it does not, we do. */
const BYE_TIMEOUT = 10_000;
/** Both sides offered at once. */
const GLARE = 'glare';

/** One file's share of a SIP session: ends by itself, with the session, or by the other side's word. */
export class FileLine {
  readonly #leave: (reason: string | undefined, complete: boolean) => void;
  readonly #tellHold: (holds: boolean) => Promise<boolean>;
  readonly #tellAddress: (address: MediaAddress) => Promise<FileMedia | undefined>;
  readonly #moves = new Emitter<FileMedia>();
  readonly #holds = new Emitter<boolean>();
  readonly #ends = new Emitter<LineEnd>();
  #end: LineEnd | undefined;
  #release: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The other side ended it, or the network; not told of what we did ourselves. */
  readonly onEnd = this.#ends.on;

  /** The other side holds its end of the line (RFC 3264 §8.4), or does not any more. */
  readonly onHold = this.#holds.on;

  /** The other side has another path now: what it says of the line. */
  readonly onMoved = this.#moves.on;

  constructor(
    leave: (reason: string | undefined, complete: boolean) => void,
    tellHold: (holds: boolean) => Promise<boolean>,
    tellAddress: (address: MediaAddress) => Promise<FileMedia | undefined>,
  ) {
    this.#leave = leave;
    this.#tellHold = tellHold;
    this.#tellAddress = tellAddress;
  }

  /** Tells the other side that we hold the file, or let it go on. Resolves to whether it has understood. Never rejects. */
  hold(holds: boolean): Promise<boolean> {
    return this.#end ? Promise.resolve(false) : this.#tellHold(holds);
  }

  /**
   * Describes our end of the line anew. Resolves to what the other side says of its own then, undefined when it has not
   * understood. Never rejects.
   */
  move(address: MediaAddress): Promise<FileMedia | undefined> {
    return this.#end ? Promise.resolve(undefined) : this.#tellAddress(address);
  }

  /** For the session. */
  moved(remote: FileMedia): void {
    if (!this.#end) this.#moves.emit(remote);
  }

  /** For the session. */
  held(holds: boolean): void {
    if (!this.#end) this.#holds.emit(holds);
  }

  get end(): LineEnd | undefined {
    return this.#end;
  }

  /** We are through with this file before its end. `reason` goes to the peer. */
  leave(reason: string | undefined): void {
    if (this.#end) return;
    this.#end = { by: 'us' };
    this.#leave(reason, false);
  }

  /**
   * The file is whole, and nothing is left to be said but the sender's BYE. It is waited for, since our last answers may
   * still be on their way: `release` is called when their connection may go.
   */
  complete(release: () => void): void {
    if (this.#end) {
      release();
      return;
    }
    this.#end = { by: 'us' };
    this.#release = release;
    this.#timer = setTimeout(() => this.#released(), BYE_TIMEOUT);
    this.#leave(undefined, true);
  }

  #released(): void {
    clearTimeout(this.#timer);
    this.#release?.();
    this.#release = undefined;
  }

  /** For the session. */
  ended(end: LineEnd): void {
    this.#released();
    if (this.#end) return;
    this.#end = end;
    this.#ends.emit(end);
  }

  /**
   * How the line ended, given a moment to do so: undefined when it has not. Connections break before the word that
   * explains why has come, so whoever sees one break asks here first.
   */
  endWithin(milliseconds: number): Promise<LineEnd | undefined> {
    if (this.#end) return Promise.resolve(this.#end);
    return new Promise((resolve) => {
      const finish = (end: LineEnd | undefined): void => {
        clearTimeout(timer);
        unsubscribe();
        resolve(end);
      };
      const timer = setTimeout(() => finish(undefined), milliseconds);
      const unsubscribe = this.#ends.on(finish);
    });
  }
}

/**
 * A SIP session that carries files, from its answer on. A file that ends before the others has its line closed by an offer
 * with port 0 (RFC 5547 §8.4), one that is held has its line made `inactive` for as long (RFC 3264 §8.4); with the last one the session ends by BYE, unless a chat goes on in it.
 */
export class FileSession {
  readonly #sip: SipSession;
  readonly #origin: Origin;
  readonly #withChat: boolean;
  #ours: readonly OfferedMedia[];
  readonly #lines = new Map<number, FileLine>();
  /** Lines we have to close by an offer, with the reason for each. */
  readonly #closing = new Map<number, string | undefined>();
  /** Lines we hold or let go on, and have not told the peer of yet. */
  readonly #holding = new Map<number, { holds: boolean; told: (understood: boolean) => void }>();
  /** Lines of ours with another address, not told yet. */
  readonly #moving = new Map<number, { address: MediaAddress; told: (answer: FileMedia | undefined) => void }>();
  /** How lines are when nobody holds them. */
  readonly #directions: readonly (Direction | undefined)[];
  /** What the peer's last offer says: lines it closed, and who of the others is held by it. */
  #closedByPeer: readonly number[] = [];
  #heldByPeer: ReadonlyMap<number, boolean> = new Map();
  #offeredByPeer: ReadonlyMap<number, FileMedia> = new Map();
  #offering = false;
  #leaving: { reason: string | undefined } | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `ours`: what we say in this session, line by line. */
  constructor(
    sip: SipSession,
    { origin, ours, withChat = false }: { origin: Origin; ours: readonly OfferedMedia[]; withChat?: boolean },
  ) {
    this.#sip = sip;
    this.#origin = origin;
    this.#ours = ours;
    this.#withChat = withChat;
    this.#directions = ours.map((line) => (line.kind === 'file' ? line.file.direction : undefined));
    sip.answerReoffer = ({ sdp }) => this.#answer(sdp);
    sip.onReoffered(({ reason }) => {
      for (const index of this.#closedByPeer) this.#lines.get(index)?.ended({ by: 'peer', reason });
      this.#closedByPeer = [];
      for (const [index, file] of this.#offeredByPeer) this.#lines.get(index)?.moved(file);
      for (const [index, holds] of this.#heldByPeer) this.#lines.get(index)?.held(holds);
    });
    sip.onState((state) => {
      if (state.state === 'established') {
        if (this.#leaving) this.#bye(this.#leaving.reason);
        else void this.#offer();
      }
      if (state.state !== 'ended') return;
      clearTimeout(this.#timer);
      this.#giveUp();
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
    const live = [...this.#lines.values()].some((line) => line.end === undefined);
    if (live || this.#withChat) {
      if (index === undefined || complete) return;
      this.#closing.set(index, reason);
      void this.#offer();
    } else if (complete) {
      this.#timer ??= setTimeout(() => this.#bye(undefined), BYE_TIMEOUT);
    } else this.#bye(reason);
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
      void this.#offer();
    });
  }

  #move(index: number, address: MediaAddress): Promise<FileMedia | undefined> {
    return new Promise((told) => {
      this.#moving.set(index, { address, told });
      void this.#offer();
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
    while (this.#sip.state.state === 'established' && tries < GLARE_TRIES) {
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

  #answer(sdp: string): { sdp: string } {
    const answer = answerReoffer(sdp, this.#ours);
    // refused with 488
    if (!answer) throw new Error('unreadable offer');
    this.#closedByPeer = answer.closed;
    this.#heldByPeer = answer.held;
    this.#offeredByPeer = answer.offered;
    this.#ours = answer.lines;
    this.#origin.version++;
    // RFC 3264 §6.1: what was offered as `inactive` is answered so, whatever we say of our own side later
    const lines = answer.lines.map((line, index) =>
      line.kind === 'file' && answer.held.get(index) === true
        ? { kind: line.kind, file: { ...line.file, direction: 'inactive' as const } }
        : line,
    );
    return { sdp: formatDescription(this.#origin, lines) };
  }
}
