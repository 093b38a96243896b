import { Allowance, type Rate } from './allowance.ts';

const TEXTS: Rate = { burst: 1_000, every: 20 };
/** In KiB. */
const SIZE: Rate = { burst: 32_768, every: 1 };
/** In KiB, over days: what is taken at the rate above day and night would fill any disk. */
const LASTING: Rate = { burst: 262_144, every: 1_000 };
/** Hosts that are remembered; beyond this number the host that was silent longest is forgotten. */
const REMEMBERED = 500;

/**
 * How much one host of the network may send where no server limits it: a thousand requests at once and fifty a second, 32 MiB
 * at once and about 1 MB a second, 256 MiB at that rate and 1 KiB a second from then on. No person types so fast, and no program fills the disk of another.
 *
 * @example new HostLimit().excess('192.0.2.7', 900_000) // undefined: it is taken
 */
export class HostLimit {
  readonly #now: () => number;
  readonly #hosts = new Map<string, { texts: Allowance; size: Allowance; lasting: Allowance }>();

  /** `now`: ms of a clock that does not jump. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Seconds after which a request of so many bytes may be sent again; undefined: it is taken. */
  excess(host: string, bytes: number): number | undefined {
    const met = this.#hosts.get(host) ?? {
      texts: new Allowance(TEXTS, this.#now),
      size: new Allowance(SIZE, this.#now),
      lasting: new Allowance(LASTING, this.#now),
    };
    this.#hosts.delete(host);
    this.#hosts.set(host, met);
    const [quietest] = this.#hosts.keys();
    if (this.#hosts.size > REMEMBERED && quietest !== undefined) this.#hosts.delete(quietest);
    const size = Math.ceil(bytes / 1_024);
    const wait = met.texts.take() || met.size.take(size) || met.lasting.take(size);
    return wait > 0 ? Math.ceil(wait / 1_000) : undefined;
  }
}
