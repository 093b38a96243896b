import { type ProtocolDescription, type Registration, unawaited } from '../../../protocols/contract/index.ts';
import { protocols as real } from '../../../protocols/registry.ts';

/** The states that every provider's listeners meet a bug in: within `start`, and out of a socket's or timer's callback. */
const STATES = new Set<Registration['state']>(['connecting', 'waiting', 'online']);

const later = (text: string): void => {
  unawaited(Promise.reject(new Error(`a bug of a promise in ${text}`)));
  // as a library would: nothing of ours sees it
  // oxlint-disable-next-line typescript/no-floating-promises
  Promise.resolve().then(async () => {
    await new Promise(setImmediate);
    throw new Error(`a bug of a promise left alone in ${text}`);
  });
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
