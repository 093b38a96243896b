/** Decides whose turn it is. `FairRing` is the one that is used unless the application brings its own. */
export interface Turns<Member> {
  /** Number of members that have something to send. */
  readonly size: number;
  /** Makes a member active; one that is keeps its place. */
  add(member: Member, weight: number): void;
  /** A member that has nothing to send leaves. */
  remove(member: Member): void;
  /** Whose turn it is, and how many bytes it may send. Undefined when nobody is active. */
  turn(): { readonly member: Member; readonly budget: number } | undefined;
  /** Books what a member has sent. */
  spend(member: Member, bytes: number): void;
}

/** A member's place in the ring: how much it may still send in this turn, and its share. */
interface Share {
  deficit: number;
  readonly weight: number;
}

/**
 * Deficit round robin (Shreedhar and Varghese, 1995): every active member gets `quantum` times its weight in bytes a
 * round, and what it has left, or has overdrawn, counts in the next one.
 */
export class FairRing<Member> implements Turns<Member> {
  readonly #quantum: number;
  /** Active members; the first one has the turn. */
  readonly #shares = new Map<Member, Share>();

  constructor(quantum: number) {
    this.#quantum = quantum;
  }

  get size(): number {
    return this.#shares.size;
  }

  /** Makes a member active; one that is keeps its place. */
  add(member: Member, weight: number): void {
    if (!this.#shares.has(member)) this.#shares.set(member, { deficit: 0, weight });
  }

  /** A member that has nothing to send loses its place and what it had saved. */
  remove(member: Member): void {
    this.#shares.delete(member);
  }

  /** The member whose turn it is, and the bytes it may send. */
  turn(): { readonly member: Member; readonly budget: number } | undefined {
    for (;;) {
      const first = this.#shares.entries().next().value;
      if (first === undefined) return undefined;
      const [member, share] = first;
      if (this.#shares.size === 1) return { member, budget: Number.POSITIVE_INFINITY };
      if (share.deficit > 0) return { member, budget: share.deficit };
      share.deficit += this.#quantum * share.weight;
      if (share.deficit > 0) return { member, budget: share.deficit };
      this.#rotate(member, share);
    }
  }

  /** Books what a member has sent; its turn ends when its share is used up. */
  spend(member: Member, bytes: number): void {
    const share = this.#shares.get(member);
    if (share === undefined) return;
    // alone it owes nobody anything
    share.deficit = this.#shares.size === 1 ? 0 : share.deficit - bytes;
    if (share.deficit <= 0) this.#rotate(member, share);
  }

  #rotate(member: Member, share: Share): void {
    this.#shares.delete(member);
    this.#shares.set(member, share);
  }
}
