import type { Provider, ProviderLog } from '../../../protocols/contract/index.ts';
import type { CoreEvent, Handlers, MessageState, Route, ShellSide, Transfer } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { Driver } from '../store/driver.ts';

/** A line in a talk that stands for a file. Its state afterwards is told by `talks.markFile`. */
export interface FileLine {
  transferId: string;
  direction: 'incoming' | 'outgoing';
  /** Safe to show: no path, no control or bidirectional characters. */
  name: string;
  at: number;
  route: Route;
  /** Neither unread nor news: from before the account's first login here. */
  isPast?: true;
}

/** The side of the conversations that transfers need. */
export interface TransferTalks {
  /** By which account and address files of this talk go; undefined when there is no such talk. */
  routeOf(talkId: string): Route | undefined;
  /** The talk with whoever offers us a file, made if there was none. `peerName` is the peer's own claim. */
  talkFor(line: Pick<FileLine, 'route' | 'at' | 'isPast'>, peerName: string | undefined): string;
  /** Writes the line of the file (kind `file`) and returns its message id. Called within a transaction. */
  addFile(talkId: string, line: FileLine): string;
  /** `queued` and `waiting` before the offer is out, `sent` with it, `delivered` at the end, `failed`. Outgoing only. */
  markFile(messageId: string, state: MessageState): void;
  /** The text that goes with the files, sent like any other. */
  sendText(talkId: string, text: string): void;
}

/** The share of a provider that transfers use. */
export type TransferProvider = Pick<
  Provider,
  'operationSet' | 'capabilitiesOf' | 'onCapabilities' | 'registration' | 'onRegistration'
>;

/** All that transfers need from outside. */
export interface TransfersContext {
  /** Absolute folder of this profile; pasted things are kept in `outgoing/` in it until they are sent. */
  folder: string;
  /** Holds the table of `TRANSFER_TABLE`. */
  driver: Driver;
  talks: TransferTalks;
  downloadFolder(): string;
  shell: Pick<ShellSide, 'openPath' | 'revealPath' | 'thumbnail'>;
  emit(event: CoreEvent): void;
  log: ProviderLog;
  clock: Pick<Clock, 'now' | 'after'>;
}

type TransferCommand = Extract<keyof Handlers, `transfers.${string}`>;

/**
 * All files on their way, in both directions, over every protocol. One per profile.
 *
 * @example
 * const transfers = createTransfers(context);
 * await transfers.recover();               // before any provider starts
 * transfers.attach(accountId, provider);   // before provider.start()
 * const answer = await transfers.handlers['transfers.offer']({ talkId, paths: ['/home/ana/report.pdf'] });
 */
export interface Transfers {
  /** The commands of the contract; they reject with a CommandError. */
  readonly handlers: Pick<Handlers, TransferCommand>;
  /** What the window's snapshot shows: every transfer whose talk was not forgotten, oldest first. */
  snapshot(): Transfer[];
  /** Makes truth of what an earlier life of the program left in the middle. Once, before any provider starts. */
  recover(): Promise<void>;
  /** From now on this account's offers are kept here, and ours for it go out when their peer can take them. */
  attach(accountId: string, provider: TransferProvider): void;
  /** The provider is being replaced or stopped. What it was carrying ends by its own last events. */
  detach(accountId: string): void;
  /** The account is gone for good: what is not over is cancelled. */
  forgetAccount(accountId: string): void;
  /** The talk is gone: what is not over is cancelled, parts are deleted, finished files stay. */
  forgetTalk(talkId: string): void;
  /** The talk has become part of another. */
  moveTalk(talkId: string, into: string): void;
  /** The profile's disk takes writes again: what it refused is written. */
  roomAgain(): void;
  /** Interrupts what runs, to go on after the next start, and leaves nothing open. Never rejects. */
  shutDown(): Promise<void>;
}
