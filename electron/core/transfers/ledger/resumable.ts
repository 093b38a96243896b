/** Faults of the way, not of the file: after these it may go on from where it stopped, and what is there is worth keeping. */
export const RESUMABLE: ReadonlySet<string> = new Set([
  'network',
  'timeout',
  'peer-offline',
  'unreachable',
  'server-unavailable',
]);

/** Why a route is off for good; anything else passes, and an offer waits for it. */
export const DEFINITE: ReadonlySet<string> = new Set(['not-supported', 'blocked', 'policy', 'peer-unknown']);
