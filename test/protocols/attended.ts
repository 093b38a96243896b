import type {
  IncomingMessage,
  OperationSets,
  PeerPresence,
  Provider,
  ProviderStorage,
  Registration,
  Subscribe,
} from '../../protocols/contract/index.ts';

/** A storage in memory, whose content outlives a provider. */
export const memoryStorage = (
  content = new Map<string, string>(),
): ProviderStorage & { content: Map<string, string> } => ({
  content,
  get: (key) => content.get(key),
  put: (key, value) => void content.set(key, value),
  delete: (key) => void content.delete(key),
});

/** Resolves with the first value that fits, of those that come from now on. */
export const next = <T>(subscribe: Subscribe<T>, fits: (value: T) => boolean = () => true): Promise<T> =>
  new Promise((resolve) => {
    const stop = subscribe((value) => {
      if (!fits(value)) return;
      stop();
      resolve(value);
    });
  });

/** What a test waits for of an account. */
export interface Attended {
  received: IncomingMessage[];
  states: Registration[];
  /** Resolves when the state is entered, at once when it is the present one. */
  reach<State extends Registration['state']>(state: State): Promise<Extract<Registration, { state: State }>>;
  /** Resolves when so many texts are there. */
  texts(count: number): Promise<readonly IncomingMessage[]>;
  /** Resolves when the text with this id is there. */
  text(id: string): Promise<IncomingMessage>;
  sees(peer: string, fits: (presence: PeerPresence) => boolean): Promise<PeerPresence>;
  set<Name extends keyof OperationSets>(name: Name): OperationSets[Name];
}

/** Gives an account a receiver that keeps what comes, and says so when it comes twice. */
export const attended = (provider: Provider): Attended => {
  const set = <Name extends keyof OperationSets>(name: Name): OperationSets[Name] => {
    const found = provider.operationSet(name);
    if (!found) throw new Error(`no ${name}`);
    return found;
  };
  const received: IncomingMessage[] = [];
  const waiting = new Set<() => void>();
  const until = <T>(look: () => T | undefined): Promise<T> =>
    new Promise((resolve) => {
      const check = (): void => {
        const found = look();
        if (found === undefined) return;
        waiting.delete(check);
        resolve(found);
      };
      waiting.add(check);
      check();
    });
  set('messaging').receiver = (message) => {
    const known = received.some(({ id, peer }) => id === message.id && peer === message.peer);
    if (!known) received.push(message);
    for (const check of waiting) check();
    return known ? 'duplicate' : 'stored';
  };
  const states: Registration[] = [];
  provider.onRegistration((state) => void states.push(state));
  return {
    received,
    states,
    set,
    reach: async (state) => {
      const is = (value: Registration): value is Extract<Registration, { state: typeof state }> =>
        value.state === state;
      const now = provider.registration;
      return (is(now) ? now : await next(provider.onRegistration, is)) as Extract<
        Registration,
        { state: typeof state }
      >;
    },
    texts: (count) => until(() => (received.length >= count ? received : undefined)),
    text: (wanted) => until(() => received.find(({ id }) => id === wanted)),
    sees: async (peer, fits) => {
      const now = set('presence').presenceOf(peer);
      if (fits(now)) return now;
      const seen = await next(
        set('presence').onPresence,
        ({ address, presence }) => address === peer && fits(presence),
      );
      return seen.presence;
    },
  };
};
