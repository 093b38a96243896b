import { Emitter } from '../../../../protocols/contract/index.ts';

const happened = new Emitter<void>();

/** Something was recorded that somebody may be waiting for. */
export const tell = (): void => happened.emit();

/**
 * Resolves with the first true value of `look`, which is asked now and after everything that is recorded. The limit, in
 * milliseconds, is only there to say what did not happen; nothing depends on its length.
 *
 * @example await until('bob is told', () => bob.marks.length > 0);
 */
export const until = <T>(what: string, look: () => T | undefined | false, limit = 12_000): Promise<T> =>
  new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      unsubscribe();
    };
    const check = (): void => {
      try {
        const found = look();
        if (found === undefined || found === false) return;
        end();
        resolve(found);
      } catch (cause) {
        end();
        reject(cause as Error);
      }
    };
    // made here, so that the failure names the test's line
    const late = new Error(`within ${limit} ms it did not happen that ${what}`);
    const timer = setTimeout(() => {
      end();
      reject(late);
    }, limit);
    const unsubscribe = happened.on(check);
    check();
  });

/** Rejects when `promise` takes longer than this. */
export const within = async <T>(what: string, limit: number, promise: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${limit} ms`)), limit);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
};
