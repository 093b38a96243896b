import { createHash } from 'node:crypto';
import {
  type AccountSettings,
  type Address,
  ALLOWED_AUTHENTICATION,
  domainOf,
  type MachineEvent,
  type ProtocolDescription,
  type Provider,
  ProviderError,
  userOf,
} from '../../../protocols/contract/index.ts';
import { unawaited } from '../../../protocols/contract/unawaited.ts';
import { type Account, type CommandInput, type Fault, refuse } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { EventBatch } from '../event-batch.ts';
import { faultOf } from '../fault.ts';
import type { Log } from '../log.ts';
import { AccountConnection, type ProviderHooks } from './account-connection.ts';
import type { AccountRows, StoredAccount } from './account-rows.ts';
import { authoritiesIn, authorityFacts } from './authorities.ts';
import type { Passwords } from './passwords.ts';
import type { ServerTrust } from './server-trust.ts';

export interface AccountsParts {
  protocols: readonly ProtocolDescription[];
  rows: AccountRows;
  trust: ServerTrust;
  passwords: Passwords;
  hooks: ProviderHooks;
  /** The account is gone for good; called before its row goes. */
  removed(accountId: string): void;
  events: EventBatch;
  loopbackOnly: boolean;
  /** BCP 47 tag of the language the person reads. */
  language: () => string;
  /** Of the program. */
  version: string;
  log: Log;
  clock: Clock;
}

interface LiveAccount extends StoredAccount {
  connection: AccountConnection;
  protocol: ProtocolDescription;
}

/** All accounts of the profile and their providers. */
export class Accounts {
  readonly #parts: AccountsParts;
  readonly #accounts = new Map<string, LiveAccount>();

  constructor(parts: AccountsParts) {
    this.#parts = parts;
    for (const stored of parts.rows.all()) this.#add(stored);
  }

  get views(): Account[] {
    return [...this.#accounts.values()].map((account) => this.#view(account));
  }

  has(accountId: string): boolean {
    return this.#accounts.has(accountId);
  }

  domainOf(accountId: string): string | undefined {
    const account = this.#accounts.get(accountId);
    return account && domainOf(account.connection.provider?.address ?? account.settings.address);
  }

  /** The live provider of an account; undefined while it has none. */
  provider(accountId: string): Provider | undefined {
    return this.#accounts.get(accountId)?.connection.provider;
  }

  isOnline(accountId: string): boolean {
    return this.#accounts.get(accountId)?.connection.registration.state === 'online';
  }

  /** A typed-in text as an address of this account's protocol. Throws `address-invalid`. */
  parseAddress(accountId: string, text: string): Address {
    const address = this.#must(accountId).protocol.parseAddress(text);
    if (address instanceof ProviderError) throw address;
    return address;
  }

  /** Connects all that are switched on. */
  startAll(): void {
    for (const account of this.#accounts.values()) {
      if (account.enabled) unawaited(account.connection.start(account.settings));
    }
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#accounts.values()].map((account) => account.connection.stop()));
  }

  machineEvent(event: MachineEvent): void {
    for (const { connection } of this.#accounts.values()) connection.provider?.machineEvent(event);
  }

  /** A bug in the provider of an account: this account is started anew, the others go on. */
  failed(accountId: string): void {
    const account = this.#accounts.get(accountId);
    if (account) unawaited(account.connection.fail(account.settings));
  }

  async signIn(input: CommandInput<'accounts.signIn'>): Promise<Account> {
    const protocol = this.#parts.protocols.find(({ id }) => id === input.protocol);
    if (!protocol) throw refuse('not-available-here');
    const address = ownAddress(protocol, input.address);
    const id = accountIdOf(protocol.id, address);
    if (this.#accounts.has(id)) throw refuse('already-exists');
    const place = { protocol: protocol.id, address, ...(input.server && { server: input.server }) };
    const trust = this.#parts.trust.of(place);
    const stored: StoredAccount = {
      enabled: true,
      settings: {
        id,
        ...place,
        displayName: input.displayName ?? '',
        ...(input.transport && { transport: input.transport }),
        ...(input.authenticationName && { authenticationName: input.authenticationName }),
        ...trust,
        ...(input.authorities && { certificateAuthorities: authoritiesIn(input.authorities) }),
        options: input.options ?? {},
      },
    };
    this.#parts.rows.save(stored, this.#parts.clock.now());
    const account = this.#add(stored);
    if (!account) throw refuse('not-available-here');
    if (input.password !== undefined) await this.#parts.passwords.set(id, input.password);
    this.tell();
    this.#parts.log.write('info', 'account.added', { account: address, protocol: protocol.id });
    await account.connection.start(stored.settings);
    return this.#view(account);
  }

  async change(input: CommandInput<'accounts.change'>): Promise<Account> {
    const account = this.#must(input.accountId);
    const { server, transport, authenticationName, ...kept } = account.settings;
    const settings: AccountSettings = {
      ...kept,
      displayName: input.displayName ?? kept.displayName,
      options: withChoices(kept.options, input.options ?? {}),
      ...(input.authorities !== undefined && { certificateAuthorities: authoritiesIn(input.authorities) }),
      ...changed('server', server, input.server),
      ...changed('transport', transport, input.transport),
      ...changed('authenticationName', authenticationName, input.authenticationName),
    };
    const enabled = input.enabled ?? account.enabled;
    this.#parts.rows.save({ settings, enabled }, this.#parts.clock.now());
    if (input.authorities !== undefined) this.#parts.trust.remember(settings);
    account.settings = settings;
    account.enabled = enabled;
    if (input.password !== undefined) await this.#parts.passwords.set(input.accountId, input.password);
    this.tell();
    if (enabled) await account.connection.start(settings);
    else await account.connection.stop();
    return this.#view(account);
  }

  /** Only the certificate that was refused just now, and was shown, can be trusted. */
  async trustCertificate(accountId: string, fingerprint: string): Promise<void> {
    const account = this.#must(accountId);
    const { registration } = account.connection;
    const cause = registration.state === 'stopped' || registration.state === 'waiting' ? registration.cause : undefined;
    if (cause?.certificate?.fingerprint !== fingerprint) throw refuse('wrong-state');
    const trusted = new Set([...account.settings.trustedFingerprints, fingerprint]);
    const settings = { ...account.settings, trustedFingerprints: [...trusted] };
    this.#parts.rows.save({ settings, enabled: account.enabled }, this.#parts.clock.now());
    this.#parts.trust.remember(settings);
    account.settings = settings;
    this.#parts.log.write('info', 'account.certificate-trusted', { account: settings.address });
    await account.connection.start(settings);
  }

  /** Only what the server asked for just now, and was shown, can be allowed. It stays allowed for this account. */
  async allowAuthentication(accountId: string, asked: string): Promise<void> {
    const account = this.#must(accountId);
    const { registration } = account.connection;
    const cause = registration.state === 'stopped' ? registration.cause : undefined;
    const isAsked = cause?.code === 'authentication-weaker' || cause?.code === 'authentication-changed';
    if (!isAsked || cause.protocolCode !== asked) throw refuse('wrong-state');
    const options = { ...account.settings.options, [ALLOWED_AUTHENTICATION]: asked };
    const settings = { ...account.settings, options };
    this.#parts.rows.save({ settings, enabled: account.enabled }, this.#parts.clock.now());
    account.settings = settings;
    this.#parts.log.write('info', 'account.authentication-allowed', { account: settings.address, asked });
    await account.connection.start(settings);
  }

  /** Nothing where it is online or just connecting. */
  async retry(accountId: string): Promise<void> {
    const account = this.#must(accountId);
    const { state } = account.connection.registration;
    if (state === 'online' || state === 'connecting') return;
    if (!account.enabled) throw refuse('wrong-state');
    const { provider } = account.connection;
    // only the wait ends: a new provider would throw away the session that this one can still resume
    if (state === 'waiting' && provider) provider.machineEvent('wake');
    else await account.connection.start(account.settings);
  }

  async remove(accountId: string): Promise<void> {
    const account = this.#must(accountId);
    await account.connection.stop();
    this.#accounts.delete(accountId);
    try {
      this.#parts.removed(accountId);
      this.#parts.rows.delete(accountId);
    } catch (error) {
      // the disk took none of it: the account is still there
      this.#accounts.set(accountId, account);
      this.tell();
      if (account.enabled) unawaited(account.connection.start(account.settings));
      throw error;
    }
    await this.#parts.passwords.forget(accountId);
    this.tell();
    this.#parts.log.write('info', 'account.removed', { account: account.settings.address });
  }

  tell(): void {
    // looked at when it is told: steps of several connections come close together
    this.#parts.events.defer('accounts', () => this.#parts.events.emit({ type: 'accounts', accounts: this.views }));
  }

  /** Undefined for an account of a protocol that this version does not have: it stays on disk, unseen. */
  #add(stored: StoredAccount): LiveAccount | undefined {
    const protocol = this.#parts.protocols.find(({ id }) => id === stored.settings.protocol);
    if (!protocol) return undefined;
    const { id } = stored.settings;
    const { rows, passwords, loopbackOnly, language, version, log, clock } = this.#parts;
    const hooks: ProviderHooks = {
      ...this.#parts.hooks,
      registration: (accountId, registration) => {
        if (registration.state === 'online') this.#trustWorks(accountId);
        this.#parts.hooks.registration(accountId, registration);
      },
    };
    const parts = { protocol, rows, passwords, hooks, loopbackOnly, language, version, log, clock };
    const connection = new AccountConnection(id, parts);
    const account: LiveAccount = { ...stored, protocol, connection };
    this.#accounts.set(id, account);
    return account;
  }

  #must(accountId: string): LiveAccount {
    const account = this.#accounts.get(accountId);
    if (!account) throw refuse('not-found');
    return account;
  }

  /** What an account was given of another one's trust is its own as soon as it has led to the server. */
  #trustWorks(accountId: string): void {
    const settings = this.#accounts.get(accountId)?.settings;
    if (!settings || settings.trustedFingerprints.length === 0) return;
    try {
      this.#parts.trust.remember(settings);
    } catch (error) {
      // a full disk: the account itself has it all the same
      this.#parts.log.error('account.trust-not-kept', error);
    }
  }

  /** A certificate that is only not the one of another protocol's server is no change. */
  #causeOf(settings: AccountSettings, cause: ProviderError): Fault {
    const { certificate, ...fault } = faultOf(cause);
    if (!certificate) return fault;
    const { changed: _changed, ...first } = certificate;
    return { ...fault, certificate: this.#parts.trust.isOwn(settings) ? certificate : first };
  }

  #view({ settings, enabled, connection, protocol }: LiveAccount): Account {
    const { registration } = connection;
    return {
      id: settings.id,
      protocol: settings.protocol,
      address: connection.provider?.address ?? settings.address,
      displayName: settings.displayName,
      enabled,
      registration:
        registration.state === 'waiting' || registration.state === 'stopped'
          ? { ...registration, cause: this.#causeOf(settings, registration.cause) }
          : registration,
      ...(settings.server && { server: settings.server }),
      ...(settings.transport && { transport: settings.transport }),
      ...(settings.authenticationName && { authenticationName: settings.authenticationName }),
      authorities: settings.certificateAuthorities.flatMap((pem) => authorityFacts(pem) ?? []),
      ...(typeof settings.options.msrpRelay === 'string' && { msrpRelay: settings.options.msrpRelay }),
      ...(typeof settings.options.xcapRoot === 'string' && { xcapRoot: settings.options.xcapRoot }),
      contactList: connection.provider?.operationSet('contactList')?.kept ?? null,
      contactsUnread: connection.provider?.operationSet('contactList')?.unread ?? 0,
      passwordKept: !protocol.needsServer || this.#parts.passwords.isKept(settings.id),
    };
  }
}

/** Null takes a choice back. */
const withChoices = (
  options: AccountSettings['options'],
  changes: Readonly<Record<string, string | number | boolean | null>>,
): AccountSettings['options'] => {
  const chosen = Object.entries({ ...options, ...changes });
  return Object.fromEntries(chosen.flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
};

/**
 * The same account always has the same id: signed out and in again, its talks find their route, and what the archive
 * gives once more is known.
 */
const accountIdOf = (protocol: string, address: Address): string =>
  `${protocol}-${createHash('sha256').update(`${protocol} ${address}`).digest('hex').slice(0, 24)}`;

/** What was typed; a protocol without servers makes its own address and tells it by `provider.address`. */
function ownAddress(protocol: ProtocolDescription, text: string | undefined): Address {
  if (text === undefined && !protocol.needsServer) return `${protocol.scheme}:me@local`;
  const address = protocol.parseAddress(text ?? '');
  if (address instanceof ProviderError) throw address;
  // a service may have no user part; an account of a person on a server has one to sign in with
  if (protocol.needsServer && userOf(address) === domainOf(address)) throw new ProviderError('address-invalid');
  return address;
}

/** What was left out stays, null takes away. */
function changed<Name extends string, Value>(
  name: Name,
  old: Value | undefined,
  given: Value | null | undefined,
): { [Key in Name]?: Value } {
  const value = given === undefined ? old : given;
  return value === undefined || value === null ? {} : ({ [name]: value } as { [Key in Name]: Value });
}
