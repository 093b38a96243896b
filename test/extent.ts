// How much is tried, read here and nowhere else: `npm test` takes a sample of each kind, `npm run test:full` the whole
// matrix. AIMS_TEST_EXTENT=full asks for it, AIMS_TEST_SEED=NUMBER for the same choices again.

const { AIMS_TEST_EXTENT, AIMS_TEST_SEED } = process.env;
export const isFull = AIMS_TEST_EXTENT === 'full';
const seed = AIMS_TEST_SEED === undefined ? undefined : Number(AIMS_TEST_SEED);
if (seed !== undefined && !Number.isSafeInteger(seed)) throw new Error('AIMS_TEST_SEED is a whole number');

const TIMES = 10;
/** Of runs with another seed, each of which takes seconds. */
const TIMES_SEEDS = 5;

/** So many of something, and ten times as many in the whole matrix. */
export const count = (usual: number): number => (isFull ? usual * TIMES : usual);

/** For `fc.assert`: so many runs, with the seed that was asked for. A failure names the seed it had. */
export const sample = (usual: number): { numRuns: number; seed?: number } => ({
  numRuns: count(usual),
  ...(seed === undefined ? {} : { seed }),
});

/** Different seeds for so many runs: 1, 2, 3… unless one is asked for, which they follow then. */
export const seeds = (usual: number): number[] =>
  Array.from({ length: isFull ? usual * TIMES_SEEDS : usual }, (_, index) => (seed ?? 0) * 1000 + index + 1);

/** The part of all cases that is tried; in the whole matrix it is all of them. */
export const share = (usual: number): number => (isFull ? 1 : usual);

/** How long a test may take, in ms. */
export const patience = (usual: number): number => (isFull ? usual * TIMES * 3 : usual);
