import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

/** One text as its sender wrote it. */
export interface SentText {
  readonly text: string;
  /** The sender's mark now. */
  readonly state: string;
}

/** One file as its sender offered it. */
export interface SentFile {
  readonly name: string;
  /** SHA-256, hexadecimal. */
  readonly hash: string;
  /** The sender's state of the transfer now. */
  readonly state: string;
}

/** One direction between two programs, as both sides show it. */
export interface Direction {
  readonly sent: readonly SentText[];
  /** Texts the receiver shows, in its order. */
  readonly shown: readonly { readonly text: string; readonly read: boolean }[];
  readonly files: readonly SentFile[];
  /** The receiver's transfers. */
  readonly received: readonly { readonly name: string; readonly state: string; readonly path: string | null }[];
  /** Where the receiver's files go. */
  readonly folder: string;
}

export const FAULTS = ['lost', 'doubled', 'disordered', 'marks', 'files', 'unfinished', 'orphans'] as const;
/** What waiting does not mend. */
export const LASTING: ReadonlySet<string> = new Set(['doubled', 'disordered']);
export type Counts = Record<(typeof FAULTS)[number], number>;
/** What is wrong, by name. */
export type Faults = Record<(typeof FAULTS)[number], string[]>;

export const NO_FAULTS: Faults = {
  lost: [],
  doubled: [],
  disordered: [],
  marks: [],
  files: [],
  unfinished: [],
  orphans: [],
};

export const add = (one: Faults, other: Faults): Faults =>
  Object.fromEntries(FAULTS.map((fault) => [fault, [...one[fault], ...other[fault]]])) as Faults;

export const hashOf = (file: string): string => createHash('sha256').update(fs.readFileSync(file)).digest('hex');

/** The mark that what the receiver shows entitles the sender to. */
const isRightMark = (state: string, shown: { read: boolean } | undefined): boolean =>
  shown === undefined ? !['delivered', 'read'].includes(state) : state === (shown.read ? 'read' : 'delivered');

/** Names each text and file in which the two sides differ from the truth, by kind of fault. */
export function faultsOf({ sent, shown, files, received, folder }: Direction): Faults {
  const order = new Map(sent.map(({ text }, index) => [text, index]));
  const known = shown.filter(({ text }) => order.has(text));
  const byText = new Map(known.map((one) => [one.text, one]));
  const placeOf = (one: { text: string } | undefined): number => order.get(one?.text ?? '') ?? -1;
  const names = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
  const hashes = new Set(files.map(({ hash }) => hash));
  const parts = names.filter((name) => name.endsWith('.part'));
  const wrongContent = names.filter((name) => !parts.includes(name) && !hashes.has(hashOf(path.join(folder, name))));
  const gone = received.filter(({ state, path: file }) => state === 'completed' && !(file && fs.existsSync(file)));
  const rowsOf = (name: string) => received.filter((one) => one.name === name).map(({ state }) => state);
  return {
    lost: sent.filter(({ text }) => !byText.has(text)).map(({ text, state }) => `${text} (${state})`),
    doubled: known.filter((one) => byText.get(one.text) !== one).map(({ text }) => text),
    disordered: known
      .filter((one, index) => index > 0 && placeOf(one) < placeOf(known[index - 1]))
      .map(({ text }) => text),
    marks: sent
      .filter(({ text, state }) => !isRightMark(state, byText.get(text)))
      .map(({ text, state }) => `${text} (${state})`),
    files: [...wrongContent, ...gone.map(({ name }) => `${name} (gone)`)],
    unfinished: files
      .filter(({ name, state }) => state !== 'completed' || rowsOf(name).join() !== 'completed')
      .map(({ name, state }) => `${name} (${state}, receiver ${rowsOf(name).join(' and ') || 'without it'})`),
    orphans: parts,
  };
}

/**
 * How many of each kind.
 * @example countsOf(faultsOf(direction)).lost // texts that their receiver does not have
 */
export const countsOf = (faults: Faults): Counts =>
  Object.fromEntries(FAULTS.map((fault) => [fault, faults[fault].length])) as Counts;
