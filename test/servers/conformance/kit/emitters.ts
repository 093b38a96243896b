import { vi } from 'vitest';

const alive = new Set<WeakRef<{ size: number }>>();

// Loaded before the providers, so that every Emitter they make is one that is counted.
vi.mock('../../../../protocols/contract/emitter.ts', async (original) => {
  const { Emitter } = await original<typeof import('../../../../protocols/contract/emitter.ts')>();
  return {
    Emitter: class<T> extends Emitter<T> {
      constructor() {
        super();
        alive.add(new WeakRef(this));
      }
    },
  };
});

/** Live subscriptions on all emitters there are. */
export const subscriptions = (): number => {
  let count = 0;
  for (const reference of alive) {
    const emitter = reference.deref();
    if (emitter) count += emitter.size;
    else alive.delete(reference);
  }
  return count;
};
