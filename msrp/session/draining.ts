import type { Clock, Timer } from '../clock.ts';
import type { Outbox } from '../sending/outbox.ts';

/** Waits until all messages are out. `stalled` is called when none has moved for `patience` milliseconds. */
export async function drained(outbox: Outbox, clock: Clock, patience: number, stalled: () => void): Promise<void> {
  let timer: Timer | undefined;
  const watch = (before: number) => {
    timer = clock.after(patience, () => {
      const now = outbox.movement;
      // a message that is paused, or that nobody takes, would keep the session for ever; a long one takes its time
      if (now === before) stalled();
      else watch(now);
    });
  };
  watch(outbox.movement);
  await outbox.drained();
  timer?.cancel();
}
