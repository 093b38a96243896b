/** Work in steps, between which something else may happen. */
export type Steps<Result> = Generator<undefined, Result, undefined>;

/** How long nothing else happens, in ms; a test lets everything turn after each step. */
const SLICE = 30;

/** All steps without a pause. */
export function atOnce<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/**
 * The same while the event loop turns: a step that takes long delays everything else by as much, and no more. Once `signal`
 * says so it is given up between two steps, and rejects.
 */
export async function inTurns<Result>(steps: Steps<Result>, signal?: AbortSignal, slice = SLICE): Promise<Result> {
  for (let since = performance.now(); ; ) {
    const { done, value } = steps.next();
    if (done) return value;
    if (performance.now() - since < slice) continue;
    await new Promise(setImmediate);
    if (signal?.aborted) {
      // what it holds is let go of in its `finally`
      steps.return(undefined as never);
      throw new Error('given up');
    }
    since = performance.now();
  }
}
