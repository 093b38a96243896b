import { randomUUID } from 'node:crypto';
import type { CampusDescription } from '../../../campus/campus.mjs';
import type { OperationSets, Provider } from '../../../protocols/contract/index.ts';
import { sip } from '../../../protocols/sip/index.ts';

export interface AccountOptions {
  transport: 'udp' | 'tcp';
  /** Empty: the contact list stays here, and everybody on it is watched by themselves. */
  xcapRoot?: string;
  /** Where it connects to; default: the server. */
  port?: number;
  /** What it has kept; default: nothing. */
  content?: Map<string, string>;
}

/** An account of the campus, not started yet. */
export const accountOf = (campus: CampusDescription, name: string, options: AccountOptions): Provider => {
  const user = campus.users.find((each) => each.name === name);
  if (!user) throw new Error(`nobody is called ${name}`);
  const content = options.content ?? new Map<string, string>();
  return sip.create({
    account: {
      id: randomUUID(),
      protocol: 'sip',
      address: user.sip,
      displayName: name,
      server: { host: campus.host, port: options.port ?? campus.ports.sip },
      transport: options.transport,
      trustedFingerprints: [],
      certificateAuthorities: [],
      options: { xcapRoot: options.xcapRoot ?? '' },
    },
    password: async () => user.password,
    storage: {
      get: (key) => content.get(key),
      put: (key, value) => void content.set(key, value),
      delete: (key) => void content.delete(key),
    },
    log: () => {},
    now: Date.now,
    random: Math.random,
    language: () => 'en',
  });
};

export const setOf = <Name extends keyof OperationSets>(provider: Provider, name: Name): OperationSets[Name] => {
  const found = provider.operationSet(name);
  if (!found) throw new Error(`no ${name}`);
  return found;
};

/** Starts an account; resolves when it is online. */
export const online = (provider: Provider): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = provider.onRegistration((registration) => {
      if (registration.state === 'online') {
        stop();
        resolve();
      } else if (registration.state === 'waiting' || registration.state === 'stopped') {
        stop();
        reject(registration.cause);
      }
    });
    provider.start();
  });
