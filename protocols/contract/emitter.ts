import { surface } from './unawaited.ts';
/** Undoes a subscription. Calling it twice is harmless. */
export type Unsubscribe = () => void;
export type Listener<T> = (value: T) => void;
export type Subscribe<T> = (listener: Listener<T>) => Unsubscribe;

/**
 * One typed event. Listeners are called in order of subscription, synchronously; one that throws does not keep the
 * others from being told, and its error becomes a rejection of its own, so that it is seen as the bug it is (Node tells a
 * rejection in the context it came from, an error thrown in a microtask in none).
 *
 * @example const changed = new Emitter<number>(); const stop = changed.on((n) => …); changed.emit(1); stop();
 */
export class Emitter<T> {
  readonly #listeners = new Set<Listener<T>>();

  readonly on: Subscribe<T> = (listener) => {
    const own: Listener<T> = (value) => listener(value);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  };

  emit(value: T): void {
    // who comes or goes while others are told changes nothing for this event
    const listeners = Array.from(this.#listeners);
    for (const listener of listeners) {
      try {
        listener(value);
      } catch (error) {
        surface(error);
      }
    }
  }

  /** Number of live subscriptions; tests fail on a leaked one. */
  get size(): number {
    return this.#listeners.size;
  }
}
