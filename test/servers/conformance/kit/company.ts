import { expect, onTestFailed } from 'vitest';
import { type FileRequest, type ProtocolTransfer, ProviderError } from '../../../../protocols/contract/index.ts';
import { offerOne } from '../../../protocols/offer-one.ts';
import { ReceivedFile, SentFile } from './files.ts';
import type { Fixture, Name } from './fixture.ts';
import { until } from './happening.ts';
import { Installation, Person, type PersonOptions } from './person.ts';
import { Watched } from './watched.ts';

/** Two who know each other. */
export interface Pair {
  readonly alice: Person;
  readonly bob: Person;
}

/** Everybody of one suite, and what they may do together. */
export class Company {
  readonly fixture: Fixture;
  readonly #people: Person[] = [];
  readonly #homes = new Map<Name, Installation>();
  readonly #secrets = new Set<string>();
  readonly #sent: SentFile[] = [];
  readonly #received: ReceivedFile[] = [];

  constructor(fixture: Fixture) {
    this.fixture = fixture;
  }

  /** Where this person always is: the same machine in every test. */
  home(name: Name): Installation {
    const home = this.#homes.get(name) ?? new Installation();
    this.#homes.set(name, home);
    return home;
  }

  /** An account that is not started yet. */
  create(name: Name, options: PersonOptions = {}): Person {
    const person = new Person(this.fixture, name, options.at ?? this.home(name), this.#secrets, options);
    this.#people.push(person);
    onTestFailed(() => {
      const last = person.registrations.slice(-8).map(({ state }) => state);
      console.error(`${name} went ${last.join(', ')}\n${person.lines.slice(-12).join('\n')}`);
    });
    return person;
  }

  /** The same, and online. */
  online(name: Name, options?: PersonOptions): Promise<Person> {
    return this.create(name, options).online();
  }

  /** Alice and bob, online, each on the other's list. */
  async pair(options: { alice?: PersonOptions; bob?: PersonOptions } = {}): Promise<Pair> {
    const [alice, bob] = await Promise.all([this.online('alice', options.alice), this.online('bob', options.bob)]);
    await this.befriend(alice, bob);
    return { alice, bob };
  }

  /** Each sees the other, whatever was before. */
  async befriend(one: Person, other: Person): Promise<void> {
    const knows = (who: Person, whom: Person): boolean => who.contacts.some(({ address }) => address === whom.address);
    const sees = (who: Person, whom: Person): boolean => !['unknown', 'offline'].includes(who.presenceOf(whom).state);
    for (const person of [one, other]) await person.set('presence').publish({ state: 'available' });
    for (const [who, whom] of [
      [one, other],
      [other, one],
    ] as const) {
      if (this.fixture.abilities.contacts !== 'discovered' && (!knows(who, whom) || !sees(who, whom))) {
        await who.set('contactList').put({ address: whom.address, name: `Friend ${whom.name}`, groups: [] });
      }
      const answers: Promise<void>[] = [];
      await until(`${who.name} sees ${whom.name}`, () => {
        answers.push(this.#answer(whom, who));
        return sees(who, whom) && knows(who, whom);
      });
      // an answer puts them on the list as well, and must not do so when they have parted
      await Promise.all(answers);
    }
  }

  /** Two who are online and know nothing of each other, whatever was before. */
  async strangers(one: Name, other: Name): Promise<[Person, Person]> {
    const people: [Person, Person] = [await this.online(one), await this.online(other)];
    await this.part(...people);
    // only now: who was watching when a permission was taken is told so by the server at some time
    await Promise.all(people.map((person) => person.provider.stop()));
    const [first, second] = await Promise.all([this.online(one), this.online(other)]);
    for (const person of [first, second]) await person.set('presence').publish({ state: 'available' });
    return [first, second];
  }

  /** Nobody is on anybody's list, nor has a permission. */
  async part(one: Person, other: Person): Promise<void> {
    for (const [who, whom] of [
      [one, other],
      [other, one],
    ] as const) {
      await who.set('contactList').remove(whom.address);
      await until(
        `${who.name} forgot ${whom.name}`,
        () => !who.contacts.some(({ address }) => address === whom.address),
      );
      await who.set('contactList').permissions?.set(whom.address, 'ask');
    }
  }

  readonly #answered = new WeakSet<object>();

  async #answer(asked: Person, asker: Person): Promise<void> {
    const list = asked.set('contactList');
    const request = list.requests.find(({ address }) => address === asker.address);
    if (!request || this.#answered.has(request)) return;
    this.#answered.add(request);
    await list.answerRequest(asker.address, 'accept');
  }

  /** A file that `sender` has; what becomes of its sources is watched. */
  file(size: number, options?: ConstructorParameters<typeof SentFile>[1]): SentFile {
    const file = new SentFile(size, options);
    this.#sent.push(file);
    return file;
  }

  /** Says yes to an offer; what becomes of the sink is watched. `prepare` is told of the place before. */
  accept(
    incoming: Watched,
    prepare: (place: ReceivedFile) => void = () => {},
    options?: ConstructorParameters<typeof ReceivedFile>[1],
  ): ReceivedFile {
    const place = new ReceivedFile(incoming.transfer.file, options);
    this.#received.push(place);
    prepare(place);
    incoming.transfer.accept(place);
    return place;
  }

  offer(from: Person, to: { address: string }, file: SentFile): Watched {
    return from.watch(new Watched(offerOne(from.set('fileTransfer'), to.address, file), 'outgoing'));
  }

  /** Gives what somebody has asked for. */
  give(from: Person, request: FileRequest, file: SentFile): Watched {
    return from.watch(new Watched(request.give(file), 'outgoing'));
  }

  /** In one go. */
  offerAll(from: Person, to: { address: string }, files: readonly SentFile[]): Watched[] {
    const transfers = from.set('fileTransfer').offer(to.address, files);
    return transfers.map((transfer) => from.watch(new Watched(transfer, 'outgoing')));
  }

  /** From the offer to the moment `to` has said yes. */
  async accepted(
    from: Person,
    to: Person,
    file: SentFile,
    prepare?: (place: ReceivedFile, incoming: Watched) => void,
  ): Promise<Exchange> {
    const out = this.offer(from, to, file);
    const incoming = await to.offered(file.file);
    const place = this.accept(incoming, (made) => prepare?.(made, incoming));
    return { out, incoming, place, file };
  }

  /** Everybody goes home, and whatever was not as the contract says is said. */
  async leave(): Promise<void> {
    const people = this.#people.splice(0);
    const left = await Promise.allSettled(people.map((person) => person.leave()));
    const faults = people.flatMap((person) => person.faults());
    for (const result of left) if (result.status === 'rejected') faults.push(String(result.reason));
    const sources = this.#sent.splice(0).flatMap(({ sources }) => sources);
    const places = this.#received.splice(0);
    await until(
      'every source is closed and every sink closed or aborted',
      () => sources.every(({ isClosed }) => isClosed) && places.every(({ isEnded }) => isEnded),
    ).catch((cause: unknown) => faults.push(String(cause)));
    for (const { misuse } of [...sources, ...places]) if (misuse) faults.push(misuse);
    expect(faults).toEqual([]);
  }
}

/** One file on its way, seen from both ends. */
export interface Exchange {
  readonly out: Watched;
  readonly incoming: Watched;
  readonly place: ReceivedFile;
  readonly file: SentFile;
}

/** The code of a transfer that failed, else its state: `cancelled{peer}`, `no-space`. */
export const endOf = (transfer: Pick<ProtocolTransfer, 'phase'>): string => {
  const { phase } = transfer;
  if (phase.state === 'failed') return phase.error instanceof ProviderError ? phase.error.code : 'no ProviderError';
  return phase.state === 'cancelled' ? `cancelled{${phase.by}}` : phase.state;
};
