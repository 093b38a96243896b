import type { Address } from './address.ts';
import type { ContactListOperationSet } from './contact-list.ts';
import type { Subscribe } from './emitter.ts';
import type { ProviderError } from './errors.ts';
import type { FileTransferOperationSet } from './file-transfer.ts';
import type { MessagingOperationSet } from './messaging.ts';
import type { PresenceOperationSet } from './presence.ts';
import type { Registration } from './registration.ts';
import type { VerificationOperationSet } from './verification.ts';

/** Small typed capabilities a provider has or has not. What is absent, the window does not show. */
export interface OperationSets {
  messaging: MessagingOperationSet;
  presence: PresenceOperationSet;
  contactList: ContactListOperationSet;
  fileTransfer: FileTransferOperationSet;
  verification: VerificationOperationSet;
}
export type OperationSetName = keyof OperationSets;

/** What can be done with one contact now; `off` says why not, in a code the window has words for. */
export interface ContactCapabilities {
  /** `mode`: what the next text will use, where there is a choice: the server (`page`) or a direct session. */
  messaging: { on: true; mode?: 'page' | 'session' } | { on: false; off: ProviderError };
  fileTransfer: { on: true } | { on: false; off: ProviderError };
}

/** Settings of one account as stored: everything but the secret. */
export interface AccountSettings {
  id: string;
  /** Key in the registry: `sip`, `xmpp`, `local`. */
  protocol: string;
  /** Our own address. */
  address: Address;
  displayName: string;
  /** Where the server is, when it must not be looked up. */
  server?: { host: string; port: number };
  /** SIP only; XMPP always uses TCP with TLS. Default: what the lookup says, TLS first. */
  transport?: 'udp' | 'tcp' | 'tls';
  /** Login name where it is not the user part of the address. */
  authenticationName?: string;
  /** SHA-256 fingerprints a person has trusted for this account's server. */
  trustedFingerprints: readonly string[];
  /** PEM of whom to believe beside Node's own list: the authorities of the system, and those of the campus. */
  certificateAuthorities: readonly string[];
  /** Protocol-specific choices by name; each protocol documents its own. */
  options: Readonly<Record<string, string | number | boolean>>;
}

/**
 * Option of an account: what of its server's weaker or changed ways to ask for the password a person or a policy has allowed, as
 * `protocolCode` of `authentication-weaker` and `authentication-changed` named it.
 */
export const ALLOWED_AUTHENTICATION = 'allowedAuthentication';

/** A small store per account, on disk, for what a protocol must remember: instance ids, roster versions, local lists. */
export interface ProviderStorage {
  get(key: string): string | undefined;
  put(key: string, value: string): void;
  delete(key: string): void;
}

/** One line of the program's log. Never a password, a hash or message text. */
export type ProviderLog = (
  level: 'debug' | 'info' | 'warn' | 'error',
  event: string,
  facts?: Readonly<Record<string, string | number | boolean>>,
) => void;

/** What a provider is given by whoever runs it. Everything it needs from outside is here. */
export interface ProviderContext {
  account: AccountSettings;
  /** The password, from the operating system's store; undefined when none is kept. Asked at each login. */
  password(): Promise<string | undefined>;
  storage: ProviderStorage;
  log: ProviderLog;
  /** BCP 47 tag of the language the person reads, now: what comes in several is shown in it. */
  language(): string;
  /** Of the program, for those who may ask for it. */
  version?: string;
  /** Injected for tests; `Date.now` and `Math.random` otherwise. */
  now(): number;
  random(): number;
}

/** Things the machine does that a connection must know. */
export type MachineEvent = 'wake' | 'network-changed';

/**
 * One account on one protocol.
 *
 * @example
 * const provider = registry.create(context);
 * provider.operationSet('messaging')!.receiver = keep;
 * provider.onRegistration((r) => …);
 * provider.start();
 */
export interface Provider {
  readonly protocol: string;
  readonly address: Address;
  readonly registration: Registration;
  readonly onRegistration: Subscribe<Registration>;
  /** Begins to connect, and keeps trying until `stop`. Leaves `stopped`. */
  start(): void;
  /** Leaves cleanly within 5 s (unregisters, closes streams); live transfers end as `failed{network}`. Never rejects. */
  stop(): Promise<void>;
  machineEvent(event: MachineEvent): void;
  operationSet<Name extends OperationSetName>(name: Name): OperationSets[Name] | undefined;
  capabilitiesOf(contact: Address): ContactCapabilities;
  readonly onCapabilities: Subscribe<{ address: Address; capabilities: ContactCapabilities }>;
}

/** What the registry knows of a protocol before any account exists. */
export interface ProtocolDescription {
  /** `sip`, `xmpp`, `local`. */
  id: string;
  /** Scheme of its addresses. */
  scheme: string;
  /** True when an account needs a server and a password. */
  needsServer: boolean;
  /** A typed-in text as a normalised address, or `address-invalid`. Accepts with and without the scheme. */
  parseAddress(text: string): Address | ProviderError;
  create(context: ProviderContext): Provider;
}
