import { randomInt } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type {
  IncomingMessage,
  OperationSetName,
  OperationSets,
  Provider,
  ProviderContext,
  Registration,
} from '../../../protocols/contract/index.ts';
import { Discovery } from '../../../protocols/sip/local/discovery.ts';
import { local } from '../../../protocols/sip/local/index.ts';

/** A port for multicast of the test's own, so that tests and other programs do not see each other. */
export const multicastPort = (): number => randomInt(20_000, 30_000);

export const memoryStorage = (): ProviderContext['storage'] => {
  const values = new Map<string, string>();
  return {
    get: (key) => values.get(key),
    put: (key, value) => void values.set(key, value),
    delete: (key) => void values.delete(key),
  };
};

export const contextOf = (name: string, port: number, storage = memoryStorage()): ProviderContext => ({
  account: {
    id: name,
    protocol: 'local',
    address: 'sip:me@local',
    displayName: name,
    trustedFingerprints: [],
    certificateAuthorities: [],
    options: { loopbackOnly: true, multicastPort: port },
  },
  password: async () => undefined,
  storage,
  log: () => {},
  now: Date.now,
  random: Math.random,
  language: () => 'en',
});

export interface Local {
  provider: Provider;
  texts: IncomingMessage[];
  set<Name extends OperationSetName>(name: Name): OperationSets[Name];
}

/** A started provider that keeps texts in memory, stopped when the test ends. */
export const localPeer = async (name: string, port: number, storage = memoryStorage()): Promise<Local> => {
  const provider = local.create(contextOf(name, port, storage));
  const set = <Name extends OperationSetName>(wanted: Name): OperationSets[Name] => {
    const found = provider.operationSet(wanted);
    if (!found) throw new Error(`no ${wanted}`);
    return found;
  };
  const texts: IncomingMessage[] = [];
  set('messaging').receiver = (message) => {
    texts.push(message);
    return 'stored';
  };
  provider.start();
  await registered(provider, 'online');
  onTestFinished(() => provider.stop());
  return { provider, texts, set };
};

export const registered = (provider: Provider, state: Registration['state']): Promise<Registration> =>
  new Promise((resolve) => {
    if (provider.registration.state === state) return resolve(provider.registration);
    const stop = provider.onRegistration((now) => {
      if (now.state !== state) return;
      stop();
      resolve(now);
    });
  });

/** Resolves when `who` sees `whom` as the test wants it. */
export const sees = (
  who: Local,
  whom: string,
  as: (presence: ReturnType<OperationSets['presence']['presenceOf']>) => boolean = ({ state }) =>
    state !== 'offline' && state !== 'unknown',
): Promise<void> =>
  new Promise((resolve) => {
    const presence = who.set('presence');
    if (as(presence.presenceOf(whom))) return resolve();
    const stop = presence.onPresence(({ address }) => {
      if (address !== whom || !as(presence.presenceOf(whom))) return;
      stop();
      resolve();
    });
  });

/** Two who see each other. */
export const neighbours = async (): Promise<{ ana: Local; bob: Local; port: number }> => {
  const port = multicastPort();
  const ana = await localPeer('Ana', port);
  const bob = await localPeer('Bob', port);
  await Promise.all([sees(ana, bob.provider.address), sees(bob, ana.provider.address)]);
  return { ana, bob, port };
};

/** Where a peer listens, as the other one knows it. */
export const portOf = async (peer: Local, port: number): Promise<number> =>
  await new Promise((resolve, reject) => {
    const discovery = new Discovery({
      loopbackOnly: true,
      port,
      log: () => {},
      onPresent: (announcement) => {
        if (peer.provider.address === `sip:${announcement.id}@local`) resolve(announcement.port);
      },
      onLeaving: () => {},
      onFault: reject,
    });
    onTestFinished(() => discovery.close());
    discovery.open().then(() => discovery.ask(), reject);
  });
