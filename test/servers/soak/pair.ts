import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { Side, type SideAccount, stateOf } from './side.ts';
import { add, FAULTS, type Faults, faultsOf, LASTING, NO_FAULTS } from './verdict.ts';

/** What was done, and what of it went wrong. */
export interface Result {
  readonly way: string;
  kills: number;
  texts: number;
  files: number;
  /** Ends of a process without a kill. */
  crashes: number;
  faults: Faults;
}

export interface Pace {
  /** Kills in all. */
  readonly kills: number;
  /** Between two looks at the whole. */
  readonly killsBetweenLooks: number;
  /** The most that is waited until all is delivered, in ms. */
  readonly patience: number;
  /** No further kill after this moment (`Date.now()`). */
  readonly endsAt: number;
}

const LARGEST_FILE = 3 * 1024 * 1024;

/** Two programs that write to each other and send files while they are killed at random moments. */
export class Pair {
  readonly #way: string;
  readonly #random: () => number;
  readonly #sides: readonly [Side, Side];
  #count = 0;

  constructor(way: string, random: () => number, bundle: string, folder: string, accounts: readonly SideAccount[]) {
    this.#way = way;
    this.#random = random;
    const [one, other] = accounts.map((account, index) => new Side(bundle, path.join(folder, `${index}`), account));
    if (!one || !other) throw new RangeError('a pair has two accounts');
    this.#sides = [one, other];
  }

  /** Runs until so many kills are made; answers with what the last look found. */
  async run({ kills, killsBetweenLooks, patience, endsAt }: Pace, onLook: (result: Result) => void): Promise<Result> {
    for (const side of this.#sides) await side.start();
    for (const side of this.#sides) await side.online();
    await Promise.all(this.#sides.map((side) => side.meet()));
    const result: Result = { way: this.#way, kills: 0, texts: 0, files: 0, crashes: 0, faults: NO_FAULTS };
    while (result.kills < kills && Date.now() < endsAt) {
      for (let round = 0; round < killsBetweenLooks && result.kills < kills; round++) {
        result.kills += await this.#round(result);
      }
      result.faults = await this.#look(patience);
      result.crashes = this.#sides.reduce((sum, { crashes }) => sum + crashes, 0);
      onLook(result);
      if (this.#random() < 0.5) await this.#draw(this.#sides).read();
    }
    result.faults = await this.#look(patience);
    return result;
  }

  get complaints(): string[] {
    return this.#sides.flatMap(({ complaints }) => complaints);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#sides.map((side) => side.stop()));
  }

  /** Both write; one is killed, or both. Answers how many kills it was. */
  async #round(result: Result): Promise<number> {
    const busy = this.#sides.map(async (side, index) => {
      const texts = Math.floor(this.#random() * 6);
      const fileAt = this.#random() < 0.35 ? Math.floor(this.#random() * texts) : -1;
      for (let step = 0; step < texts; step++) {
        const number = ++this.#count;
        if (step === fileAt) {
          await side.offer(`${this.#way}-${index}-${number}.bin`, randomBytes(this.#random() * LARGEST_FILE));
          result.files += 1;
        }
        await side.write(`${this.#way} ${index} ${number} olá 👋`);
        result.texts += 1;
      }
    });
    const both = this.#random() < 0.15;
    const doomed = both ? this.#sides : [this.#draw(this.#sides)];
    // up to about the output of a text on its way, and now and then far into a file
    const lines = doomed.map(() => Math.floor(this.#random() * (this.#random() < 0.2 ? 60 : 12)));
    const quiet = Promise.all(busy).then(() => 0);
    await Promise.all(doomed.map((side, index) => this.#kill(side, lines[index] ?? 0, quiet)));
    await Promise.all(busy);
    return doomed.length;
  }

  /** Kills after so many lines, or when there is nothing left to write: then none may come for long. */
  async #kill(side: Side, lines: number, quiet: Promise<number>): Promise<void> {
    const killed = side.kill(lines);
    await Promise.race([killed, quiet]);
    side.hurry();
    await killed;
  }

  /** Waits until nothing is wrong any more, or until patience ends; what is wrong then counts. */
  async #look(patience: number): Promise<Faults> {
    const giveUp = Date.now() + patience;
    for (;;) {
      const changed = Promise.race(this.#sides.map(({ change }) => change));
      const faults = await this.#judge();
      const left = giveUp - Date.now();
      if (FAULTS.every((fault) => faults[fault].length === 0 || LASTING.has(fault)) || left <= 0) return faults;
      await Promise.race([changed, new Promise((resolve) => setTimeout(resolve, Math.min(left, 5_000)))]);
    }
  }

  async #judge(): Promise<Faults> {
    let all = NO_FAULTS;
    const [one, other] = this.#sides;
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      const marks = new Map(
        (await from.messages()).flatMap(({ direction, kind, text, state }) =>
          direction === 'outgoing' && kind === 'text' ? [[text, state] as const] : [],
        ),
      );
      const shown = (await to.messages()).filter(({ direction, kind }) => direction === 'incoming' && kind === 'text');
      const { transfers } = await to.snapshot();
      const faults = faultsOf({
        sent: from.texts.map((text) => ({ text, state: marks.get(text) ?? 'missing' })),
        shown: shown.map((message) => ({ text: message.text, read: to.hasRead(message) })),
        files: from.filesIn(await from.snapshot()),
        received: transfers
          .filter(({ direction }) => direction === 'incoming')
          .map((one) => ({ name: one.file.name, state: stateOf(one), path: one.path })),
        folder: to.downloads,
      });
      all = add(all, faults);
    }
    return all;
  }

  #draw<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random() * items.length)] as Item;
  }
}
