import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { AccountSettings, Provider, ProviderContext, ProviderStorage } from '../../protocols/contract/index.ts';
import { sip } from '../../protocols/sip/index.ts';
import type { Resolver } from '../../protocols/sip/locating/server-locator.ts';
import { SipProvider } from '../../protocols/sip/sip-provider.ts';
import { type Attended, attended, memoryStorage } from '../protocols/attended.ts';

export { memoryStorage, next } from '../protocols/attended.ts';

export interface Person extends Attended {
  provider: Provider;
  /** Everything logged, as text. */
  logs: string[];
}

/** A SIP account whose receiver keeps what comes; stopped when the test ends. */
export const person = (
  settings: Partial<AccountSettings> & { address: string },
  options: {
    password?: string | undefined;
    storage?: ProviderStorage;
    random?: () => number;
    now?: () => number;
    /** In place of the machine's DNS. */
    resolver?: Resolver;
  } = {},
): Person => {
  const logs: string[] = [];
  const context: ProviderContext = {
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
    now: options.now ?? Date.now,
    // the shortest waits between attempts
    random: options.random ?? (() => 0),
    language: () => 'en',
  };
  const provider = options.resolver ? new SipProvider(context, options.resolver) : sip.create(context);
  onTestFinished(() => provider.stop());
  return { provider, logs, ...attended(provider) };
};

/** Ana at a server of the test's own, over TCP, with her contact list kept here. */
export const anaAt = (port: number): Person =>
  person({
    address: 'sip:ana@campus.test',
    server: { host: '127.0.0.1', port },
    transport: 'tcp',
    options: { xcapRoot: '' },
  });

export const draft = (text: string, id: string = randomUUID()) => ({ id, text, composedAt: Date.now() });
