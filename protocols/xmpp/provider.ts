import { randomBytes } from 'node:crypto';
import { promises as dns } from 'node:dns';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Address,
  ALLOWED_AUTHENTICATION,
  type ContactCapabilities,
  Emitter,
  type MachineEvent,
  type OperationSetName,
  type OperationSets,
  type Provider,
  type ProviderContext,
  ProviderError,
  type Registration,
  type Subscribe,
} from '../contract/index.ts';
import { unawaited } from '../contract/unawaited.ts';
import { bareJidOf, parseJid } from './address.ts';
import { answerOthers } from './discovery/own-features.ts';
import { discoverStores, discoverUpload, type UploadService } from './discovery/server-features.ts';
import { Destinations } from './files/destinations.ts';
import { FileTransfer } from './files/file-transfer.ts';
import type { LoggedIn } from './login/login.ts';
import { Messaging } from './messaging/messaging.ts';
import { NS } from './namespaces.ts';
import { ContactList } from './roster/contact-list.ts';
import { Presence } from './roster/presence.ts';
import { ConnectionKeeper } from './session/connection-keeper.ts';
import { Session } from './session/session.ts';
import { TIMINGS, type Timings } from './session/timings.ts';
import { locate, type Resolver, type Target } from './stream/targets.ts';
import { type Element, xml } from './stream/xml.ts';

const RESOURCE = 'resource';
/** The server has offered SCRAM. */
const SCRAM_OFFERED = 'scram-offered';
/** In `ALLOWED_AUTHENTICATION`: the password itself is shown to a server that knew better ways. */
const PLAIN = 'PLAIN';
const HTTP_TIMEOUT = 60_000;
const UPLOAD_PATIENCE = 2_000;
/** Ports where TLS comes first by custom (XEP-0368 §2, and the old port for it). */
const DIRECT_TLS_PORTS = new Set([443, 5223]);

/** What the product leaves as it is and tests bring themselves. */
export interface XmppEnvironment {
  resolver?: Resolver;
  timings?: Partial<Timings>;
}

/**
 * One XMPP account. All parts are made and joined here; none knows another but through what it is given here.
 *
 * `account.options.directTls`: true when the server given by hand expects TLS at once (XEP-0368) on a port that is not
 * known for it.
 */
export class XmppProvider implements Provider {
  readonly protocol = 'xmpp';
  readonly address: Address;
  readonly onRegistration: Subscribe<Registration>;
  readonly #capabilities = new Emitter<{ address: Address; capabilities: ContactCapabilities }>();
  readonly onCapabilities = this.#capabilities.on;
  readonly #context: ProviderContext;
  readonly #timings: Timings;
  readonly #session: Session;
  readonly #keeper: ConnectionKeeper;
  readonly #messaging: Messaging;
  readonly #contactList: ContactList;
  readonly #presence: Presence;
  readonly #fileTransfer: FileTransfer;
  #stores = { archive: false, offline: false };
  #upload: UploadService | undefined;
  /** Ends the wait for the archive. */
  #reconciling: NodeJS.Timeout | undefined;
  /** Bumped by every new session; what an old one found out late is dropped. */
  #generation = 0;

  constructor(context: ProviderContext, { resolver = dns, timings }: XmppEnvironment = {}) {
    const { account, storage, log } = context;
    this.#context = context;
    this.address = account.address;
    this.#timings = { ...TIMINGS, ...timings };
    const bareJid = bareJidOf(account.address);
    const domain = parseJid(bareJid)?.domain ?? '';
    const now = (): number => context.now();
    const trust = { authorities: account.certificateAuthorities, fingerprints: account.trustedFingerprints };
    const isOnline = (): boolean => this.registration.state === 'online';

    const session = new Session(
      domain,
      {
        message: (stanza) => this.#messaging.take(stanza),
        settle: () => this.#messaging.settle(),
        presence: (stanza) => this.#takePresence(stanza),
      },
      { log, storage },
      this.#timings,
    );
    this.#session = session;
    answerOthers(session.answers, context.version ?? '');

    this.#contactList = new ContactList(session, context);
    this.#contactList.answerPushes(session.answers);
    this.#presence = new Presence({
      session,
      mayWeSee: (peer) => this.#contactList.mayWeSee(peer),
      isOnline: () => session.isConnected,
      onReturn: () => this.#catchUpAgain(),
      onReturned: () => this.#messaging.confirmations.sendAgain(),
    });
    this.#contactList.onChange((contacts) => this.#presence.review(contacts));
    this.#messaging = new Messaging({
      session,
      storage,
      log,
      now,
      isOnline,
      hasArchive: () => this.#stores.archive,
      isKept: (peer) => this.#stores.offline && parseJid(peer)?.domain === domain && this.#presence.isAway(peer),
      introduce: (peer) => (this.#contactList.mayWeSee(peer) ? undefined : account.displayName || undefined),
      isAway: (peer) => this.#presence.isAway(peer),
      mayKnow: (peer) => {
        if (peer !== session.bareJid && !this.#contactList.mayTheySee(peer)) return 'never';
        return this.#presence.isHidden ? 'later' : 'now';
      },
      takeFile: (message, carriage) => this.#fileTransfer.take(message, carriage),
    });
    this.#fileTransfer = new FileTransfer({
      session,
      storage,
      log,
      rules: {
        trust,
        destinations: new Destinations({
          domain,
          serverHost: account.server?.host,
          serverAddress: () => session.serverAddress,
        }),
        timeout: HTTP_TIMEOUT,
      },
      now,
      isOnline,
      whenOnline: (limit, signal) => this.#whenOnline(limit, signal),
      uploadService: () => this.#upload,
      uploadAgain: this.#timings.uploadAgain,
      sendStanza: (stanza, facts) => this.#messaging.sendStanza(stanza, facts),
    });
    this.#keeper = new ConnectionKeeper({
      credentials: {
        bareJid,
        domain,
        user: account.authenticationName || bareJid.slice(0, bareJid.lastIndexOf('@')),
        resource: this.#resource(),
        password: () =>
          context.password().catch((cause: unknown) => {
            log('warn', 'xmpp.password-unread', { error: cause instanceof Error ? cause.name : 'unknown' });
            return undefined;
          }),
        rules: {
          mayUsePlain: () =>
            storage.get(SCRAM_OFFERED) === undefined ||
            String(account.options[ALLOWED_AUTHENTICATION] ?? '')
              .split(' ')
              .includes(PLAIN),
          onScramOffered: () => storage.put(SCRAM_OFFERED, 'yes'),
        },
      },
      trust,
      session,
      timings: this.#timings,
      locate: () => this.#locate(domain, resolver),
      restore: (loggedIn) => this.#restore(loggedIn, domain),
      log,
      now,
      random: () => context.random(),
    });
    this.onRegistration = this.#keeper.onRegistration;
    this.onRegistration((registration) => this.#followRegistration(registration));
  }

  get registration(): Registration {
    return this.#keeper.registration;
  }

  start(): void {
    this.#keeper.start();
  }

  async stop(): Promise<void> {
    this.#fileTransfer.stop();
    await this.#keeper.stop();
  }

  machineEvent(event: MachineEvent): void {
    this.#keeper.machineEvent(event);
  }

  operationSet<Name extends OperationSetName>(name: Name): OperationSets[Name] | undefined {
    const sets: Partial<OperationSets> = {
      messaging: this.#messaging,
      presence: this.#presence,
      contactList: this.#contactList,
      fileTransfer: this.#fileTransfer,
    };
    return sets[name];
  }

  capabilitiesOf(_contact: Address): ContactCapabilities {
    const offline = { on: false, off: new ProviderError('network', { retryable: true }) } as const;
    if (this.registration.state !== 'online') return { messaging: offline, fileTransfer: offline };
    const noUpload = { on: false, off: new ProviderError('not-supported', { protocolCode: 'http-upload' }) } as const;
    return { messaging: { on: true }, fileTransfer: this.#upload ? { on: true } : noUpload };
  }

  /** The same for the life of this installation: a new login then takes the place of a dead one (RFC 6120 §7.7.2.2). */
  #resource(): string {
    const { storage } = this.#context;
    const known = storage.get(RESOURCE);
    if (known) return known;
    const made = `aims-${randomBytes(6).toString('hex')}`;
    storage.put(RESOURCE, made);
    return made;
  }

  async #locate(domain: string, resolver: Resolver): Promise<Target[]> {
    const { server, options } = this.#context.account;
    if (!domain) throw new ProviderError('address-invalid');
    if (!server) return locate(domain, () => this.#context.random(), resolver);
    const direct = options.directTls === true || DIRECT_TLS_PORTS.has(server.port);
    return [{ ...server, tls: direct ? 'direct' : 'starttls' }];
  }

  #takePresence(stanza: Element): void {
    const { type } = stanza.attrs;
    if (type === 'subscribe' || type === 'unsubscribe') this.#contactList.takeSubscription(stanza);
    else this.#presence.take(stanza);
  }

  /** A new session: list, carbons, presence; the archive follows in the background. After a resume nothing of this. */
  async #restore({ features }: LoggedIn, domain: string): Promise<void> {
    const { iq } = this.#session;
    const { log } = this.#context;
    this.#generation += 1;
    const generation = this.#generation;
    clearTimeout(this.#reconciling);
    this.#presence.clear();
    this.#messaging.reset();
    this.#messaging.outbox.hold(this.#context.now());
    const stores = discoverStores(iq, domain);
    const upload = this.#findUpload(domain, generation);
    const loaded = this.#contactList
      .load(features.getChild('ver', NS.rosterVersioning) !== undefined)
      .catch((cause: unknown) => log('warn', 'xmpp.roster-unread', { code: ProviderError.from(cause).code }));
    iq.request({ type: 'set', child: xml('enable', NS.carbons) }).catch((cause: unknown) =>
      log('warn', 'xmpp.carbons-off', { code: ProviderError.from(cause).code }),
    );
    // a service that does not answer must not keep anybody from being online
    const patience = new AbortController();
    const limit = delay(UPLOAD_PATIENCE, undefined, { signal: patience.signal }).catch(() => {});
    [this.#stores] = await Promise.all([stores, loaded, Promise.race([upload, limit])]);
    patience.abort();
    if (generation !== this.#generation || !this.#session.isConnected) return;
    this.#presence.review(this.#contactList.contacts);
    // a connection lost here publishes again with the next login
    this.#presence.announce().catch(() => {});
    this.#messaging.confirmations.sendAgain();
    unawaited(this.#readArchive(generation));
  }

  async #findUpload(domain: string, generation: number): Promise<void> {
    const found = await discoverUpload(this.#session.iq, domain);
    if (generation !== this.#generation) return;
    this.#upload = found;
    this.#context.log('info', 'xmpp.upload', { found: found !== undefined });
    this.#tellCapabilities();
  }

  async #readArchive(generation: number): Promise<void> {
    const release = (): void => {
      clearTimeout(this.#reconciling);
      if (generation !== this.#generation) return;
      this.#messaging.release();
      this.#messaging.outbox.release();
    };
    this.#reconciling = setTimeout(release, this.#timings.reconcile);
    if (this.#stores.archive) await this.#messaging.archive.catchUp(release);
    else release();
  }

  /** While we are unavailable the server sends us no texts (RFC 6121 §8.5.2.2), and keeps them in the archive alone. */
  #catchUpAgain(): void {
    if (!this.#stores.archive) return;
    this.#messaging.archive.reset();
    // behind the presence, so that nothing falls between what is read and what comes live
    queueMicrotask(() => unawaited(this.#messaging.archive.catchUp(() => {})));
  }

  #followRegistration(registration: Registration): void {
    switch (registration.state) {
      case 'online':
        this.#messaging.outbox.flush();
        this.#fileTransfer.offerAgain();
        this.#tellCapabilities();
        return;
      case 'offline':
      case 'stopped':
        this.#generation += 1;
        clearTimeout(this.#reconciling);
        this.#messaging.outbox.failAll(new ProviderError('network', { retryable: true, detail: 'not online' }));
        this.#presence.clear();
        this.#presence.review([]);
        this.#tellCapabilities();
        return;
      case 'waiting':
        this.#tellCapabilities();
        return;
      case 'connecting':
        return;
    }
  }

  #tellCapabilities(): void {
    for (const { address } of this.#contactList.contacts) {
      this.#capabilities.emit({ address, capabilities: this.capabilitiesOf(address) });
    }
  }

  #whenOnline(limit: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        unsubscribe();
        resolve();
      };
      const timer = setTimeout(done, limit);
      const unsubscribe = this.onRegistration(({ state }) => {
        if (state === 'online') done();
      });
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted || this.registration.state === 'online') done();
    });
  }
}
