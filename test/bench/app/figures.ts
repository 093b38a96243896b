/** One line of the table. */
export interface Row {
  what: string;
  aims: string;
  beside: string;
  ratio: string;
  target: string;
}

export const CONTACTS = 200;
export const MESSAGES = 1_000_000;
export const MEBIBYTE = 1024 * 1024;

export const ACCOUNTS = [
  { protocol: 'sip', port: 'sips', transport: 'tls' },
  { protocol: 'xmpp', port: 'c2s', transport: undefined },
] as const;

export const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
export const pause = (seconds: number): Promise<void> => new Promise((done) => setTimeout(done, seconds * 1000));
