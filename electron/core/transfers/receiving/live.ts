import type { ProtocolTransfer, Unsubscribe } from '../../../../protocols/contract/index.ts';
import type { Opened } from './parts.ts';

/** An attempt to receive a file, as long as its provider may say something of it. */
export interface Live {
  transfer: ProtocolTransfer;
  stop: Unsubscribe;
  /** Paused by us before it came again: it is taken, and stands still at once. */
  held: boolean;
  /** Asked for without a person's word, and nothing came yet: that it is not to be had now decides nothing. */
  byItself: boolean;
  /** From the moment a person accepts. */
  accepted?: Opened & { completing?: Promise<void> };
}
