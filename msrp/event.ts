/** Ends a subscription; calling it again does nothing. */
export type Unsubscribe = () => void;

/** One kind of event: subscribing returns its own undo. */
export class Event<T> {
  readonly #listeners = new Set<{ readonly call: (value: T) => void }>();

  readonly subscribe = (listener: (value: T) => void): Unsubscribe => {
    const entry = { call: listener };
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  };

  /** Number of listeners. */
  get size(): number {
    return this.#listeners.size;
  }

  emit(value: T): void {
    for (const listener of Array.from(this.#listeners)) guarded(() => listener.call(value));
  }
}

/** Calls into the application. Its bugs are its own: they surface as uncaught errors and harm no connection. */
export function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
