import { randomUUID } from 'node:crypto';
import type {
  AccountSettings,
  IncomingMessage,
  OperationSets,
  PeerPresence,
  ProviderContext,
  ProviderStorage,
  Registration,
  Subscribe,
} from '../../protocols/contract/index.ts';
import { type XmppEnvironment, XmppProvider } from '../../protocols/xmpp/provider.ts';

/** A storage in memory, whose content outlives a provider. */
export const memoryStorage = (
  content = new Map<string, string>(),
): ProviderStorage & { content: Map<string, string> } => ({
  content,
  get: (key) => content.get(key),
  put: (key, value) => void content.set(key, value),
  delete: (key) => void content.delete(key),
});

/** Short waits, so that faults show soon; still long beside what a machine under load needs. */
const QUICK: NonNullable<XmppEnvironment['timings']> = {
  step: 3000,
  keepAlive: 60_000,
  ackDeadline: 3000,
  wakeDeadline: 500,
  backOffBase: 20,
  backOffMaximum: 100,
  stable: 60_000,
  reconcile: 2000,
};

/** Resolves with the first value that fits: one of those that come from now on. */
export const next = <T>(subscribe: Subscribe<T>, fits: (value: T) => boolean = () => true): Promise<T> =>
  new Promise((resolve) => {
    const stop = subscribe((value) => {
      if (!fits(value)) return;
      stop();
      resolve(value);
    });
  });

export interface Person {
  provider: XmppProvider;
  storage: ReturnType<typeof memoryStorage>;
  received: IncomingMessage[];
  states: Registration[];
  logs: string[];
  /** Resolves when the state is entered, at once when it is the present one. */
  reach<State extends Registration['state']>(state: State): Promise<Extract<Registration, { state: State }>>;
  /** Resolves when so many texts are there. */
  texts(count: number): Promise<IncomingMessage[]>;
  /** Resolves when the text with this id is there. */
  text(id: string): Promise<IncomingMessage>;
  presenceOf(peer: string, fits: (presence: PeerPresence) => boolean): Promise<PeerPresence>;
  set<Name extends keyof OperationSets>(name: Name): OperationSets[Name];
}

const people: Person[] = [];

/** An account with a receiver that keeps what comes and says so when it comes twice. */
export const person = (
  settings: Partial<AccountSettings> & { address: string },
  {
    password = 'secret',
    storage = memoryStorage(),
    environment = {},
    context = {},
  }: {
    password?: string | undefined;
    storage?: ReturnType<typeof memoryStorage>;
    environment?: XmppEnvironment;
    context?: Partial<ProviderContext>;
  } = {},
): Person => {
  const logs: string[] = [];
  const provider = new XmppProvider(
    {
      account: {
        id: randomUUID(),
        protocol: 'xmpp',
        displayName: '',
        trustedFingerprints: [],
        certificateAuthorities: [],
        options: {},
        ...settings,
      },
      password: async () => password,
      storage,
      log: (level, event, facts) => void logs.push(`${level} ${event} ${JSON.stringify(facts ?? {})}`),
      now: Date.now,
      random: Math.random,
      ...context,
    },
    { ...environment, timings: { ...QUICK, ...environment.timings } },
  );
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
  provider.onRegistration((registration) => void states.push(registration));
  const made: Person = {
    provider,
    storage,
    received,
    states,
    logs,
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
    presenceOf: async (peer, fits) => {
      const now = set('presence').presenceOf(peer);
      if (fits(now)) return now;
      return (await next(set('presence').onPresence, ({ address, presence }) => address === peer && fits(presence)))
        .presence;
    },
    set,
  };
  people.push(made);
  return made;
};

/** Ends every account that a test made. @example afterEach(everybodyLeaves); */
export const everybodyLeaves = async (): Promise<void> => {
  await Promise.all(people.splice(0).map(({ provider }) => provider.stop()));
};

export const draft = (text: string, composedAt = Date.now()): { id: string; text: string; composedAt: number } => ({
  id: randomUUID(),
  text,
  composedAt,
});
