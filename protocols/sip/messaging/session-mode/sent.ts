import type { Clock, OutgoingMessage, Timer } from '../../../../msrp/index.ts';

/**
 * - `taken`: the peer has it (behind a relay: it said so itself); `delivered` tells what its report says.
 * - `refused`: the peer, or a relay on the way, said no; the session stands.
 * - `broken`: not known; the session is over, or being moved. `silent`: it stands, and nothing was heard.
 */
export type Sent =
  | { state: 'taken'; delivered: OutgoingMessage['delivered'] }
  | { state: 'refused'; status?: number }
  | { state: 'broken'; silent?: true };

/** RFC 4975 §7.1.1 allows 30 s; the text goes another way long before, and is known there if it arrived after all. */
const ANSWER_TIMEOUT = 10_000;

/**
 * Waits until it is clear what became of a message. `relayed`: only its success report says that the peer has it. `silent`
 * is called when nothing was heard for ten seconds. Never rejects.
 */
export async function confirmed(
  message: OutgoingMessage,
  { clock, relayed, silent }: { clock: Clock; relayed: boolean; silent: () => void },
): Promise<Sent> {
  let timer: Timer | undefined;
  const late = new Promise<Sent>((resolve) => {
    const wait = (): void => {
      timer?.cancel();
      timer = clock.after(ANSWER_TIMEOUT, () => {
        silent();
        resolve({ state: 'broken', silent: true });
      });
    };
    wait();
    // a large text on a thin line takes its time
    message.onProgress(wait);
  });
  const sent = await Promise.race([outcomeOf(message, relayed), late]);
  timer?.cancel();
  if (sent.state === 'broken') message.abort();
  return sent;
}

async function outcomeOf(message: OutgoingMessage, relayed: boolean): Promise<Sent> {
  const outcome = await message.sent;
  if (outcome.state === 'refused') return { state: 'refused', status: outcome.status };
  if (outcome.state !== 'sent') return { state: 'broken' };
  // RFC 4976 §6.4.1: behind a relay a 200 says only that the relay has it
  if (relayed) {
    const word = await message.delivered;
    if (word.state !== 'delivered') return { state: word.state === 'refused' ? 'refused' : 'broken' };
  }
  return { state: 'taken', delivered: message.delivered };
}
