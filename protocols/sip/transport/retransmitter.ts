const T1 = 500;
const T2 = 4000;
/** RFC 3261 §17: timers B, F and H end after 64*T1; sip.js has those. */
const GIVE_UP = 64 * T1;

/**
 * The retransmission timers of RFC 3261 that sip.js lacks, for UDP: A (INVITE requests), E (other requests) and G (final
 * error answers to INVITE until their ACK). Repetitions of 2xx answers are sip.js's own.
 */
export class Retransmitter {
  readonly #running = new Map<string, { timer: NodeJS.Timeout; until: number }>();

  /** RFC 3261 §17.1.1.2 timer A: 0.5 s, 1 s, 2 s… */
  invite(key: string, send: () => void): void {
    this.#repeat(key, send, Number.POSITIVE_INFINITY);
  }

  /** RFC 3261 §17.1.2.2 timer E and §17.2.1 timer G: doubling up to T2. */
  other(key: string, send: () => void): void {
    this.#repeat(key, send, T2);
  }

  /** RFC 3261 §17.1.2.2: a provisional answer came for a request that is not an INVITE, and from then on it is every T2. */
  slowDown(key: string, send: () => void): void {
    const running = this.#running.get(key);
    if (running) this.#repeat(key, send, T2, T2, running.until);
  }

  stop(key: string): void {
    clearTimeout(this.#running.get(key)?.timer);
    this.#running.delete(key);
  }

  stopAll(): void {
    for (const key of this.#running.keys()) this.stop(key);
  }

  /** `until` by `performance.now`. */
  #repeat(key: string, send: () => void, maximum: number, first = T1, until = performance.now() + GIVE_UP): void {
    this.stop(key);
    const wait = (interval: number): void => {
      if (performance.now() + interval >= until) {
        this.#running.delete(key);
        return;
      }
      const timer = setTimeout(() => {
        send();
        wait(Math.min(interval * 2, maximum));
      }, interval);
      this.#running.set(key, { timer, until });
    };
    wait(first);
  }
}
