import { whenAborted } from '../abort-signal.ts';
import type { Clock } from '../clock.ts';
import { MsrpError } from '../errors.ts';

/** The wait of a passive session for its peer. */
export class PeerWait {
  #settle: ((error: MsrpError | undefined) => void) | undefined;

  /** Resolves when the peer has come. @throws MsrpError `bind-timeout`, `aborted`, or what the wait was ended with */
  start(clock: Clock, timeout: number, signal: AbortSignal | undefined): Promise<void> {
    const bound = new Promise<void>((resolve, reject) => {
      const timer = clock.after(timeout, () =>
        this.end(new MsrpError('bind-timeout', 'The peer did not connect in time')),
      );
      this.#settle = (error) => {
        timer.cancel();
        this.#settle = undefined;
        if (error === undefined) resolve();
        else reject(error);
      };
    });
    const forget = whenAborted(signal, () => this.end(new MsrpError('aborted', 'Waiting was called off')));
    return bound.finally(forget);
  }

  /** The peer has come, or will not; nothing where nobody waits. */
  end(error: MsrpError | undefined): void {
    this.#settle?.(error);
  }
}
