import { onTestFinished } from 'vitest';
import { userOf } from '../../../protocols/contract/index.ts';
import { addressOfInstance } from '../../../protocols/sip/local/identity/instance.ts';
import { storedKey } from '../../../protocols/sip/local/identity/own-key.ts';
import { KeyedNetwork } from '../../../protocols/sip/local/keyed-network.ts';
import { SipUserAgent } from '../../../protocols/sip/user-agent.ts';
import { memoryStorage } from './local-peers.ts';

/** A user agent with a key of its own that knows where one peer listens; `claims`: whom it says to be. */
export const keyedAgent = async (peer: string, port: number, claims?: string) => {
  const key = storedKey(memoryStorage());
  const network = new KeyedNetwork({
    key,
    host: '127.0.0.1',
    whereIs: (id) => (id === userOf(peer) ? { host: '127.0.0.1', port } : undefined),
    now: Date.now,
  });
  const agent = new SipUserAgent({
    address: claims ?? addressOfInstance(key.id),
    displayName: 'Bob',
    network,
    log: () => {},
    accept: ['text/plain'],
    contactUser: key.id,
  });
  await agent.connect();
  onTestFinished(() => agent.stop());
  return { agent, key, network, uri: `sip:${userOf(peer)}@127.0.0.1:${port};transport=tls` };
};
