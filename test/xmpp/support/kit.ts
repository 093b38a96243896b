import { randomUUID } from 'node:crypto';
import type { AccountSettings, ProviderContext } from '../../../protocols/contract/index.ts';
import { type XmppEnvironment, XmppProvider } from '../../../protocols/xmpp/provider.ts';
import { type Attended, attended, memoryStorage } from '../../protocols/attended.ts';

export { memoryStorage, next } from '../../protocols/attended.ts';

/** Short waits, so that faults show soon; still long beside what a machine under load needs. */
const QUICK: NonNullable<XmppEnvironment['timings']> = {
  step: 3000,
  keepAlive: 60_000,
  ackDeadline: 3000,
  askAgain: 10,
  wakeDeadline: 500,
  backOffBase: 20,
  backOffMaximum: 100,
  stable: 60_000,
  reconcile: 2000,
  uploadAgain: 10,
};

export interface Person extends Attended {
  provider: XmppProvider;
  storage: ReturnType<typeof memoryStorage>;
  logs: string[];
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
      language: () => 'en',
      ...context,
    },
    { ...environment, timings: { ...QUICK, ...environment.timings } },
  );
  const made = { provider, storage, logs, ...attended(provider) };
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
