import type { MessagingOperationSet, TypingState } from '../../../protocols/contract/index.ts';
import type { CoreEvent, Route } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';

/** RFC 3994 §3.2: without a key for this long, we have stopped. */
const IDLE_AFTER = 15_000;
/** Who writes on says so again before the other side forgets; the provider sends no more of it than its protocol needs. */
const REFRESH_AFTER = 20_000;
/** RFC 3994 §3.3: the default of the refresh interval. */
const FORGET_AFTER = 120_000;

export interface TypingParts {
  /** The messaging of an account that is online now. */
  messaging(accountId: string): MessagingOperationSet | undefined;
  emit(event: CoreEvent): void;
  clock: Clock;
}

/** Who is writing: we, told to them; and they, told to the window. Nothing of it is ever kept. */
export class Typing {
  readonly #parts: TypingParts;
  /** Talks in which we are writing. */
  readonly #ours = new Map<string, { route: Route; toldAt: number; cancel: () => void }>();
  /** Talks in which they are. */
  readonly #theirs = new Map<string, { route: Route; cancel: () => void }>();

  constructor(parts: TypingParts) {
    this.#parts = parts;
  }

  /** A key was pressed, or the text is gone. */
  write(talkId: string, route: Route, composing: boolean): void {
    const ours = this.#ours.get(talkId);
    if (!composing) {
      this.#stop(talkId, true);
      return;
    }
    const { clock } = this.#parts;
    ours?.cancel();
    const again = !ours || clock.now() - ours.toldAt >= REFRESH_AFTER;
    if (again) this.#send(route, 'composing');
    const cancel = clock.after(IDLE_AFTER, () => this.#stop(talkId, true));
    this.#ours.set(talkId, { route, toldAt: again ? clock.now() : ours.toldAt, cancel });
  }

  /** A text itself says that its writing is over. */
  sent(talkId: string): void {
    this.#stop(talkId, false);
  }

  told(talkId: string, route: Route, state: TypingState): void {
    if (state === 'paused') {
      this.heard(talkId);
      return;
    }
    const theirs = this.#theirs.get(talkId);
    theirs?.cancel();
    const cancel = this.#parts.clock.after(FORGET_AFTER, () => this.heard(talkId));
    this.#theirs.set(talkId, { route, cancel });
    if (!theirs) this.#parts.emit({ type: 'typing', talkId, composing: true });
  }

  /** Their text came, they stopped, or left. */
  heard(talkId: string): void {
    const theirs = this.#theirs.get(talkId);
    if (!theirs) return;
    theirs.cancel();
    this.#theirs.delete(talkId);
    this.#parts.emit({ type: 'typing', talkId, composing: false });
  }

  forgetAccount(accountId: string): void {
    for (const [talkId, { route }] of this.#theirs) if (route.accountId === accountId) this.heard(talkId);
    for (const [talkId, { route }] of this.#ours) if (route.accountId === accountId) this.#stop(talkId, false);
  }

  close(): void {
    for (const { cancel } of [...this.#ours.values(), ...this.#theirs.values()]) cancel();
    this.#ours.clear();
    this.#theirs.clear();
  }

  #stop(talkId: string, tell: boolean): void {
    const ours = this.#ours.get(talkId);
    if (!ours) return;
    ours.cancel();
    this.#ours.delete(talkId);
    if (tell) this.#send(ours.route, 'paused');
  }

  #send({ accountId, address }: Route, state: TypingState): void {
    this.#parts.messaging(accountId)?.sendTyping(address, state);
  }
}
