// One person without a server in a process of its own, driven by its parent: see two-processes.test.ts.
import { randomBytes } from 'node:crypto';
import type { Provider, ProviderContext } from '../../../protocols/contract/index.ts';
import { local } from '../../../protocols/sip/local/index.ts';
import { memoryStorage } from '../../protocols/attended.ts';

export type Order = { do: 'send'; to: string; text: string } | { do: 'publish'; note: string } | { do: 'stop' };
export type Told =
  | { told: 'online'; address: string }
  | { told: 'presence'; address: string; state: string; note: string | undefined }
  | { told: 'text'; from: string; text: string }
  | { told: 'sent'; outcome: string };

const context: ProviderContext = {
  account: {
    id: 'one',
    protocol: 'local',
    address: 'sip:me@local',
    displayName: process.argv[2] ?? '',
    trustedFingerprints: [],
    certificateAuthorities: [],
    // the real port of multicast DNS: this is what programs on one machine have to share
    options: { loopbackOnly: true },
  },
  password: async () => undefined,
  storage: memoryStorage(),
  log: () => {},
  now: Date.now,
  random: Math.random,
  language: () => 'en',
};

const provider: Provider = local.create(context);
const tell = (told: Told): void => void process.send?.(told);
const messaging = provider.operationSet('messaging');
const presence = provider.operationSet('presence');

if (messaging) {
  messaging.receiver = (message) => {
    tell({ told: 'text', from: message.peer, text: message.text });
    return 'stored';
  };
}
presence?.onPresence(({ address, presence: { state, note } }) => tell({ told: 'presence', address, state, note }));
provider.onRegistration(({ state }) => {
  if (state === 'online') tell({ told: 'online', address: provider.address });
});

process.on('message', (order: Order) => {
  switch (order.do) {
    case 'send':
      void messaging
        ?.send(order.to, { id: randomBytes(8).toString('hex'), text: order.text, composedAt: Date.now() })
        .outcome.then(({ state }) => tell({ told: 'sent', outcome: state }));
      break;
    case 'publish':
      void presence?.publish({ state: 'busy', note: order.note });
      break;
    case 'stop':
      // nothing may be left that keeps the process alive
      void provider.stop().then(() => process.disconnect());
      break;
  }
});
provider.start();
