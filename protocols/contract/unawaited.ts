/**
 * For a promise that no code waits for. It must not reject: whatever can be foreseen is caught where it happens. A rejection
 * all the same is a bug, and is told to the process, as that of the account in whose name this was called; the core's last
 * resort logs it and ends the job it belongs to. The lint rules allow no other way to leave a promise alone.
 *
 * @example unawaited(this.#restore());
 */
export function unawaited(promise: PromiseLike<unknown> | undefined): void {
  promise?.then(undefined, surface);
}

/** Tells the process of a bug that belongs to no caller, after the running code has come to its end. */
export function surface(error: unknown): void {
  // Node tells a rejection in the context it came from, an error thrown in a microtask in none
  // oxlint-disable-next-line typescript/no-floating-promises
  Promise.reject(error);
}
