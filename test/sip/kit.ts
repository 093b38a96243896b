import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type {
  AccountSettings,
  IncomingMessage,
  OperationSets,
  PeerPresence,
  Provider,
  ProviderStorage,
  Registration,
  Subscribe,
} from '../../protocols/contract/index.ts';
import { sip } from '../../protocols/sip/index.ts';

export const memoryStorage = (content = new Map<string, string>()): ProviderStorage => ({
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

export interface Person {
  provider: Provider;
  received: IncomingMessage[];
  states: Registration[];
  /** Everything logged, as text. */
  logs: string[];
  reach<State extends Registration['state']>(state: State): Promise<Extract<Registration, { state: State }>>;
  /** Resolves when so many texts are there. */
  texts(count: number): Promise<readonly IncomingMessage[]>;
  sees(peer: string, fits: (presence: PeerPresence) => boolean): Promise<PeerPresence>;
  set<Name extends keyof OperationSets>(name: Name): OperationSets[Name];
}

/** A SIP account whose receiver keeps what comes; stopped when the test ends. */
export const person = (
  settings: Partial<AccountSettings> & { address: string },
  options: { password?: string | undefined; storage?: ProviderStorage; random?: () => number } = {},
): Person => {
  const logs: string[] = [];
  const provider = sip.create({
    account: {
      id: randomUUID(),
      protocol: 'sip',
      displayName: '',
      trustedFingerprints: [],
      certificateAuthorities: [],
      options: {},
      ...settings,
    },
    password: async () => ('password' in options ? options.password : 'secret'),
    storage: options.storage ?? memoryStorage(),
    log: (level, event, facts) => void logs.push(`${level} ${event} ${JSON.stringify(facts ?? {})}`),
    now: Date.now,
    // the shortest waits between attempts
    random: options.random ?? (() => 0),
  });
  onTestFinished(() => provider.stop());
  const set = <Name extends keyof OperationSets>(name: Name): OperationSets[Name] => {
    const found = provider.operationSet(name);
    if (!found) throw new Error(`no ${name}`);
    return found;
  };
  const received: IncomingMessage[] = [];
  const waiting = new Set<() => void>();
  set('messaging').receiver = (message) => {
    const known = received.some(({ id, peer }) => id === message.id && peer === message.peer);
    if (!known) received.push(message);
    for (const check of waiting) check();
    return known ? 'duplicate' : 'stored';
  };
  const states: Registration[] = [];
  provider.onRegistration((state) => void states.push(state));
  return {
    provider,
    received,
    states,
    logs,
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
    texts: (count) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (received.length < count) return;
          waiting.delete(check);
          resolve(received);
        };
        waiting.add(check);
        check();
      }),
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

export const draft = (text: string, id: string = randomUUID()) => ({ id, text, composedAt: Date.now() });
