import type { Address } from '../../../contract/index.ts';
import type { SipAnswer } from '../../request.ts';
import type { Rejection } from '../../sip-session.ts';

/**
 * - `try`: it can, or says so.
 * - `ask`: nothing is known yet.
 * - `pause`: it can, but a session broke a moment ago.
 * - `not-now`: it is not there, or the last attempt failed for a reason that passes.
 */
export type Verdict = 'try' | 'ask' | 'pause' | 'not-now' | 'cannot';

const HOUR = 3_600_000;
/** A peer may be another program tomorrow, or next to us on another device. */
const CAN_FOR = 12 * HOUR;
const CANNOT_FOR = 6 * HOUR;
/** Not there, busy, or a session that could not be built between us. */
const NOT_NOW_FOR = HOUR / 6;
/** A session that broke in the middle is not opened again at once. */
const AFTER_BREAK = HOUR / 60;
const LONGEST_RETRY_AFTER = HOUR;
const REMEMBERED = 1_000;
/** Refusals of the kind of session and not of this one (RFC 3261 §21), and those a person gave: nobody is asked often. */
const CANNOT = new Set([400, 403, 405, 406, 415, 416, 420, 488, 493, 501, 505, 600, 603, 606]);

/** Which peers can have MSRP sessions, learned by OPTIONS and by trying; each fact holds for a while only. */
export class LearnedPeers {
  readonly #facts = new Map<Address, { verdict: Exclude<Verdict, 'ask'>; until: number }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  verdict(peer: Address): Verdict {
    const fact = this.#facts.get(peer);
    return fact && this.#now() < fact.until ? fact.verdict : 'ask';
  }

  /** There is a session, or was. */
  can(peer: Address): void {
    this.#learn(peer, 'try', CAN_FOR);
  }

  cannot(peer: Address): void {
    this.#learn(peer, 'cannot', CANNOT_FOR);
  }

  /** A session that had stood broke. */
  broke(peer: Address): void {
    this.#learn(peer, 'pause', AFTER_BREAK);
  }

  /** @param milliseconds where known, how long there is no use in trying */
  notNow(peer: Address, milliseconds = NOT_NOW_FOR): void {
    this.#learn(peer, 'not-now', milliseconds);
  }

  /** An answer to OPTIONS came (RFC 3261 §11.2). */
  told(peer: Address, answer: SipAnswer): void {
    const { status } = answer;
    if (status >= 200 && status < 300) {
      if (speaksOfChat(answer) === false) this.cannot(peer);
      else this.#learn(peer, 'try', NOT_NOW_FOR);
    } else if (answer.local || [404, 408, 410, 430, 477, 480].includes(status)) {
      this.notNow(peer);
    } else {
      // who does not answer OPTIONS may well take an INVITE
      this.#learn(peer, 'try', NOT_NOW_FOR);
    }
  }

  /** Our INVITE was refused. */
  refused(peer: Address, { status, local, retryAfter }: Rejection): void {
    if (!local && CANNOT.has(status)) this.cannot(peer);
    else this.notNow(peer, retryAfter === undefined ? undefined : Math.min(retryAfter * 1000, LONGEST_RETRY_AFTER));
  }

  #learn(peer: Address, verdict: Exclude<Verdict, 'ask'>, milliseconds: number): void {
    this.#facts.delete(peer);
    this.#facts.set(peer, { verdict, until: this.#now() + milliseconds });
    const [oldest] = this.#facts.keys();
    if (this.#facts.size > REMEMBERED && oldest !== undefined) this.#facts.delete(oldest);
  }
}

/** What an answer to OPTIONS says of MSRP sessions; undefined when it says nothing. */
const speaksOfChat = (answer: SipAnswer): boolean | undefined => {
  const features = answer
    .headers('contact')
    .map((contact) => contact.replace(/"[^"]*"/g, '').replace(/<[^>]*>/g, ''))
    .join(';');
  // RFC 4569: the media feature tag of session-mode messages
  if (/;\s*(?:\+sip\.)?message\s*(?:[;,=]|$)/i.test(features)) return true;
  if (/^m=/m.test(answer.body)) return /^m=message \S+ TCP\/(?:TLS\/)?MSRP /m.test(answer.body);
  const allow = answer.headers('allow').join(',');
  if (allow !== '' && !/(?:^|,)\s*INVITE\s*(?:,|$)/.test(allow)) return false;
  // who tells what media it has, and not this one, has it not (RFC 3840)
  return /;\s*(?:audio|video)\s*(?:[;,=]|$)/i.test(features) ? false : undefined;
};
