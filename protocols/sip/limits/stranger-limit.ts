import type { Address } from '../../contract/index.ts';
import { Allowance, type Rate } from './allowance.ts';

const EACH: Rate = { burst: 20, every: 1_000 };
const NEWCOMERS: Rate = { burst: 20, every: 5_000 };
/** Beyond this whoever has been quiet longest is a newcomer again. */
const REMEMBERED = 500;

/**
 * How much people we do not know may send us: anybody can be anybody where a server lets requests of other domains in, and each new
 * one is a talk in the window. Twenty requests at once and one a second from each, and twenty people at once and one each five
 * seconds of those who have not written yet. Whoever we know may send whatever the server lets through.
 */
export class StrangerLimit {
  readonly #known: (peer: Address) => boolean;
  readonly #now: () => number;
  readonly #newcomers: Allowance;
  /** Whoever was quiet longest first. */
  readonly #strangers = new Map<Address, Allowance>();

  /** `now`: ms of a clock that does not jump. */
  constructor(known: (peer: Address) => boolean, now: () => number = () => performance.now()) {
    this.#known = known;
    this.#now = now;
    this.#newcomers = new Allowance(NEWCOMERS, now);
  }

  /** Seconds after which this request may be sent again; undefined: it is taken. */
  excess(peer: Address): number | undefined {
    if (this.#known(peer)) return undefined;
    const met = this.#strangers.get(peer);
    const wait = (met ?? this.#newcomers).take();
    if (wait > 0) return Math.ceil(wait / 1000);
    const stranger = met ?? new Allowance(EACH, this.#now);
    if (!met) stranger.take();
    this.#strangers.delete(peer);
    this.#strangers.set(peer, stranger);
    const [quietest] = this.#strangers.keys();
    if (this.#strangers.size > REMEMBERED && quietest !== undefined) this.#strangers.delete(quietest);
    return undefined;
  }
}
