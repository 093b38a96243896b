/** For a promise that no code waits for. It must not reject; a rejection all the same is a bug and is told to the process. */
export function unawaited(promise: PromiseLike<unknown> | undefined): void {
  promise?.then(undefined, surface);
}

/** Tells the process of a bug in the context it came from. */
function surface(error: unknown): void {
  // oxlint-disable-next-line typescript/no-floating-promises
  Promise.reject(error);
}
