import type {
  AccountSettings,
  Address,
  ContactListOperationSet,
  ProtocolDescription,
} from '../../../../protocols/contract/index.ts';
import type { ServerControl } from '../../campus.ts';

/** The people of the campus. */
export type Name = 'alice' | 'bob' | 'carol' | 'dave' | 'erin';

/** What is asked of a protocol beyond the contract: the few points where protocols rightly differ. */
export interface Abilities {
  /** Who keeps a text for somebody who is away: a server (`waiting`, and it comes later), or nobody (`failed`). */
  readonly keepsTexts: boolean;
  readonly contacts: ContactListOperationSet['kept'];
  /** Whether people are asked before anybody sees their presence. */
  readonly asksToSee: boolean;
  /** Whether a server keeps rules of who may see us, person by person. */
  readonly rules: boolean;
  /**
   * `asked`: bytes flow when the peer has accepted, and both know how it ended. `link`: the file goes to a server first, and
   * the sender never learns what the peer does with it.
   */
  readonly files: 'asked' | 'link';
}

/** The server of a protocol that has one. */
export interface FixtureServer {
  readonly control: ServerControl;
  readonly host: string;
  readonly port: number;
  /** Over a stream it can be put behind a tunnel, and other programs may sit on its port. */
  readonly stream: boolean;
  /** Whether it shows a certificate. */
  readonly certificate: boolean;
}

/** One provider as the suite meets it. */
export interface Fixture {
  readonly protocol: ProtocolDescription;
  readonly abilities: Abilities;
  /** Undefined for a protocol without one. */
  readonly server: FixtureServer | undefined;
  /** Our account there. Without an address the provider itself says what it is. */
  settings(name: Name): Partial<AccountSettings>;
  password(name: Name): string | undefined;
  /** A well-formed address of nobody. */
  readonly nobody: Address;
  /** Logs out every device of this person, also those that tests before have killed. Where it makes a difference. */
  logOutEverywhere?(name: Name): Promise<void>;
}
