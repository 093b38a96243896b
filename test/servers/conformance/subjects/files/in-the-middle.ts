import { randomInt } from 'node:crypto';
import { expect } from 'vitest';
import { ProviderError, type ProviderErrorCode } from '../../../../../protocols/contract/index.ts';
import { type Company, type Exchange, endOf } from '../../kit/company.ts';
import type { SentFile } from '../../kit/files.ts';
import type { Person } from '../../kit/person.ts';
import type { Watched } from '../../kit/watched.ts';
import { fence } from '../texts/messaging.ts';
import { expectWhole } from './file-transfer.ts';

/** Some places in a file of this size: the beginning, and others that are new in every run, with a turn to act in. */
export const placesIn = (size: number) =>
  // far enough from the end that nobody can be done yet
  [0, ...Array.from({ length: 4 }, () => randomInt(size * 0.6))].map((position, index) => ({
    position,
    // in the middle of a read or write, and in a turn of its own
    act: index % 2 === 0 ? (action: () => void) => action() : (action: () => void) => void setImmediate(action),
  }));

/** Does it once, as soon as this position is passed. */
export const once = <T>(position: number, action: () => T): ((at: number) => T | undefined) => {
  let done = false;
  return (at) => {
    if (done || at < position) return undefined;
    done = true;
    return action();
  };
};

export const fails =
  (position: number, code: ProviderErrorCode): ((at: number) => void) =>
  (at) => {
    if (at >= position) throw new ProviderError(code);
  };

export type Side = 'sender' | 'receiver';
export const SIDES: readonly Side[] = ['sender', 'receiver'];

/** The transfer as this side has it. */
export const sideOf = ({ out, incoming }: Pick<Exchange, 'out' | 'incoming'>, side: Side): Watched =>
  side === 'sender' ? out : incoming;

/** Both ends, the sender's first: `cancelled{us} cancelled{peer}`. */
export const endsOf = async ({ out, incoming }: Pick<Exchange, 'out' | 'incoming'>): Promise<string> => {
  await Promise.all([out.over(), incoming.over()]);
  return `${endOf(out)} ${endOf(incoming)}`;
};

/** What a cancel of this side is for both, the sender first. */
export const cancelledBy = (side: Side): string =>
  side === 'sender' ? 'cancelled{us} cancelled{peer}' : 'cancelled{peer} cancelled{us}';

/** What tests of files that end before their end have in common, for one provider. */
export class InTheMiddle {
  readonly #company: Company;
  /** Whether somebody is asked, and both know how it ended. */
  readonly asked: boolean;
  /**
   * Far more than may be under way (1 MiB and some blocks): what was handed over whole can't be taken back. Of links there
   * is no such thing, and Prosody 0.12 takes little more than a megabyte a second over HTTPS.
   */
  readonly size: number;
  readonly middle: number;

  constructor(company: Company) {
    this.#company = company;
    this.asked = company.fixture.abilities.files === 'asked';
    this.size = this.asked ? 8_000_000 : 1_100_000;
    this.middle = this.size * 0.4;
  }

  /** What the sender knows of an end on the other side; over a link it is nothing. */
  async expectSender({ out }: { out: Watched }, ends: readonly string[]): Promise<void> {
    await out.over(25_000);
    expect(this.asked ? ends : ['finished']).toContain(endOf(out));
  }

  /** What the receiver knows of an end on the other side; over a link the file was never offered. */
  async expectReceiver(
    { alice, bob }: { alice: Person; bob: Person },
    incoming: Watched | undefined,
    file: SentFile,
    ends: readonly string[],
  ): Promise<void> {
    if (this.asked) {
      if (!incoming) throw new Error('it was never offered');
      await incoming.over(25_000);
      expect(ends).toContain(endOf(incoming));
      return;
    }
    await fence(alice, bob);
    expect(bob.findOffer(file.file)).toBeUndefined();
  }

  /** Starts a transfer that is accepted where somebody is asked. */
  async run(alice: Person, bob: Person, file: SentFile): Promise<{ out: Watched; incoming: Watched | undefined }> {
    if (!this.asked) return { out: this.#company.offer(alice, bob, file), incoming: undefined };
    return this.#company.accepted(alice, bob, file);
  }

  /** A file of which `act` does something as soon as this position has arrived. */
  async interfere(
    { alice, bob }: { alice: Person; bob: Person },
    act: (both: Pick<Exchange, 'out' | 'incoming'>) => void | Promise<void>,
    at = this.middle,
  ): Promise<Exchange> {
    const file = this.#company.file(this.size);
    const out = this.#company.offer(alice, bob, file);
    const incoming = await bob.offered(file.file);
    const place = this.#company.accept(incoming, (made) => {
      made.onWrite = once(at, () => act({ out, incoming }));
    });
    return { out, incoming, place, file };
  }

  /** A file that one side pauses. Nothing more is taken until both know: a fast one would be over before the word is there. */
  async paused(pair: { alice: Person; bob: Person }, side: (typeof SIDES)[number]): Promise<Exchange> {
    const bothKnow = async ({ out, incoming }: Pick<Exchange, 'out' | 'incoming'>): Promise<void> => {
      await Promise.all([out.reach('paused'), incoming.reach('paused')]);
    };
    const exchange = await this.interfere(pair, (both) => {
      sideOf(both, side).transfer.pause();
      return bothKnow(both);
    });
    await bothKnow(exchange);
    return exchange;
  }

  /** Nothing of it stands in the way of what comes next. */
  async goOn(alice: Person, bob: Person): Promise<void> {
    await expectWhole(await this.#company.accepted(alice, bob, this.#company.file(100_000)));
    await fence(alice, bob);
  }
}
