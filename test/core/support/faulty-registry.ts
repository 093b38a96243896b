import type { ProtocolDescription, Registration } from '../../../protocols/contract/index.ts';
import { protocols as real } from '../../../protocols/registry.ts';

/** The states that every provider's listeners meet a bug in: within `start`, and out of a socket's or timer's callback. */
const STATES = new Set<Registration['state']>(['connecting', 'waiting', 'online']);

const later = (text: string): void => {
  void Promise.reject(new Error(`a bug of a promise in ${text}`));
  setImmediate(() => {
    throw new Error(`a bug of a callback in ${text}`);
  });
};

/** The real protocols, with bugs in what each calls: a listener that throws, a promise that rejects, a callback that throws. */
export const protocols: readonly ProtocolDescription[] = real.map((protocol) => {
  const left = new Set(STATES);
  let called = false;
  return {
    ...protocol,
    create: (context) => {
      const provider = protocol.create(context);
      const operationSet = provider.operationSet.bind(provider);
      // what the core calls by itself, or for a person
      provider.operationSet = (name) => {
        if (!called) later(`${protocol.id}, called`);
        called = true;
        return operationSet(name);
      };
      provider.onRegistration(({ state }) => {
        if (!left.delete(state)) return;
        later(`${protocol.id}, ${state}`);
        throw new Error(`a bug in ${protocol.id}, ${state}`);
      });
      return provider;
    },
  };
});
