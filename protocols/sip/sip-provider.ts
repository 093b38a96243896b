import { createHash, randomUUID } from 'node:crypto';
import {
  type AccountSettings,
  type Address,
  ALLOWED_AUTHENTICATION,
  type ContactCapabilities,
  domainOf,
  Emitter,
  type MachineEvent,
  type OperationSetName,
  type OperationSets,
  type Provider,
  type ProviderContext,
  ProviderError,
  type ProviderErrorCode,
  type Registration as RegistrationState,
  type Subscribe,
  userOf,
} from '../contract/index.ts';
import { unawaited } from '../contract/unawaited.ts';
import { AccountBinding, type BindingRules } from './authentication/account-binding.ts';
import { bindToRegistrar } from './authentication/credentials.ts';
import { DigestClient } from './authentication/digest-client.ts';
import { serverBinding } from './authentication/server-binding.ts';
import { SipFileTransfer } from './file-transfer/file-transfer.ts';
import { StrangerLimit } from './limits/stranger-limit.ts';
import { locateServer, type Resolver } from './locating/server-locator.ts';
import { Media, type MediaPlace } from './media/media.ts';
import { locateRelay, parseRelay } from './media/relay.ts';
import { leadsInside } from './media/unasked-connections.ts';
import { MESSAGE_TYPES } from './messaging/message-content.ts';
import { SipMessaging } from './messaging/messaging.ts';
import { dispatchInvitation } from './offers/invitations.ts';
import { SipContactList } from './presence/contact-list.ts';
import { Presence } from './presence/presence.ts';
import { Publication } from './presence/publication.ts';
import { type Connection, ConnectionSupervisor } from './registration/connection-supervisor.ts';
import { Registration } from './registration/registration.ts';
import { ServerNetwork } from './transport/server-network.ts';
import { FramingError } from './transport/wire/message-framer.ts';
import { SipUserAgent } from './user-agent.ts';
import { XcapService } from './xcap/xcap-service.ts';

/** Account option: where the XCAP server is (RFC 4825 §6.1); empty: there is none. Absent: it is looked for. */
const XCAP_ROOT_OPTION = 'xcapRoot';
/** Credentials go to an XCAP server without TLS, too. */
const XCAP_PLAIN_OPTION = 'xcapPlain';
/** For servers that challenge each request with a nonce of its own, or with 401. */
const ANY_NONCE_OPTION = 'digestAnyNonce';
const WITHOUT_QOP_OPTION = 'digestWithoutQop';
const DIGEST_KEY = 'digest-binding';
const RELAY_DIGEST_KEY = 'relay-digest-binding';
/** The domain's server was reached over TLS once. */
const SECURED_KEY = 'sip.secured';
const INSTANCE_KEY = 'sip.instance';
/** Of the account, by name: its MSRP relay as `parseRelay` reads it. Without one sessions are direct. */
const RELAY_OPTION = 'msrpRelay';
/** Leaving takes no longer, whatever the server does (the contract allows 5 s). */
const LEAVE_WITHIN = 3_000;

/** One SIP account at a server: this file is the whole machine's wiring. */
export class SipProvider implements Provider {
  readonly protocol = 'sip';
  readonly address: Address;
  readonly onRegistration: Subscribe<RegistrationState>;
  readonly #context: ProviderContext;
  readonly #network: ServerNetwork;
  readonly #agent: SipUserAgent;
  readonly #registration: Registration;
  readonly #supervisor: ConnectionSupervisor;
  readonly #operationSets: Partial<OperationSets>;
  readonly #messaging: SipMessaging;
  readonly #media: Media;
  readonly #files: SipFileTransfer;
  readonly #publication: Publication;
  readonly #contacts: SipContactList;
  /** The server has taken the password before. */
  #accepted = false;
  /** How many there have been. */
  #connections = 0;
  /** Why the last connection broke, where that says what is at the server's port. */
  #brokenBy: ProviderErrorCode | undefined;
  readonly #capabilities = new Emitter<{ address: Address; capabilities: ContactCapabilities }>();
  readonly onCapabilities = this.#capabilities.on;

  constructor(context: ProviderContext, resolver: Resolver) {
    const { account, storage, log } = context;
    this.#context = context;
    this.address = account.address;
    const instanceId = storedInstance(context);
    const now = (): number => context.now();
    const random = (): number => context.random();
    // registered, be it that presence is still being put back
    const online = (): boolean => {
      const { registration } = this;
      const restoring = registration.state === 'connecting' && registration.step === 'restoring';
      return this.#agent.connected && (registration.state === 'online' || restoring);
    };
    const domain = domainOf(account.address).replace(/:\d+$/, '');

    this.#network = new ServerNetwork({
      locate: async () => {
        const { server, transport } = account;
        const found = await locateServer({ domain, server, transport }, resolver, random);
        // whoever forges DNS must not talk us out of TLS
        const isLess = !server && !transport && found.some(({ protocol }) => protocol !== 'TLS');
        if (isLess && storage.get(SECURED_KEY)) throw new ProviderError('tls-required', { retryable: true });
        return found;
      },
      trust: {
        certificateAuthorities: account.certificateAuthorities,
        trustedFingerprints: account.trustedFingerprints,
        domain,
        // a host a person typed is as good
        names: account.server ? [account.server.host.replace(/^\[|\]$/g, '')] : [],
      },
      onStep: (step) => this.#supervisor.step(step),
      // any answer is one
      ask: async () => !(await this.#agent.request({ method: 'OPTIONS', to: this.#agent.registrar })).local,
    });
    this.#agent = new SipUserAgent({
      address: account.address,
      displayName: account.displayName,
      network: this.#network,
      log,
      accept: MESSAGE_TYPES,
      contactUser: contactUserOf(instanceId),
    });
    this.#agent.onDisconnected((cause) => {
      this.#brokenBy = reasonOf(cause);
      if (cause instanceof FramingError && cause.code === 'body-too-big') this.#contacts.avoidList();
      this.#supervisor.lost(new ProviderError('network', { retryable: true, cause }));
    });
    this.#registration = new Registration({
      agent: this.#agent,
      instanceId,
      onLost: (error) => this.#supervisor.lost(this.#withoutServer(error)),
      // they would not get what goes by a session
      onOthers: () => this.#messaging.chats.leave(),
      onFlowTimer: (seconds) => this.#network.keepAlive(seconds * 1000 * (0.8 + 0.2 * random())),
    });
    this.#supervisor = new ConnectionSupervisor({
      connection: this.#connection(),
      now,
      random,
    });
    this.onRegistration = this.#supervisor.onChange;

    this.#publication = new Publication({
      agent: this.#agent,
      storage,
      online,
      onForgotten: () => {
        if (online()) unawaited(this.#contacts.restore());
      },
    });
    const root = account.options[XCAP_ROOT_OPTION];
    const xcap = new XcapService({
      agent: this.#agent,
      root: root === undefined ? undefined : String(root),
      host: account.server?.host ?? domain,
      trust: {
        certificateAuthorities: account.certificateAuthorities,
        trustedFingerprints: account.trustedFingerprints,
      },
      names: [domain],
      login: loginOf(account),
      password: () => context.password(),
      digestRules: digestRules(account),
      plain: account.options[XCAP_PLAIN_OPTION] === 'yes',
      storage,
      online,
      log,
      random,
    });
    this.#contacts = new SipContactList({
      agent: this.#agent,
      storage,
      xcap,
      random,
      language: () => context.language(),
      onPresence: (address, presence) => {
        presenceSet.seen(address, presence);
        this.#capabilities.emit({ address, capabilities: this.capabilitiesOf(address) });
      },
    });
    const presenceSet = new Presence({
      entity: account.address,
      tupleId: instanceId,
      publication: this.#publication,
      presenceOf: (address) => this.#contacts.presenceOf(address),
      now,
    });
    const relayText = String(account.options[RELAY_OPTION] ?? '');
    const relay = parseRelay(relayText);
    if (!relay && relayText !== '') log('warn', 'relay-unreadable');
    this.#media = new Media({
      now,
      log,
      // a person wanted it: our own addresses are those of others on this machine, too
      mayConnect: (address) => !leadsInside([address], this.#agent.local?.address ?? '', {}),
      certificateAuthorities: account.certificateAuthorities,
      relay: () =>
        relay && {
          locate: () => locateRelay(relay, account.certificateAuthorities, resolver, random),
          credentials: async () => {
            const password = await context.password();
            if (password === undefined) return undefined;
            const { binding, keep } = serverBinding(storage, RELAY_DIGEST_KEY, relay.host, digestRules(account));
            return {
              username: loginOf(account),
              password,
              // RFC 4976 §9.1: a qop is always there
              mayAnswer: (asked) => {
                const kind = { ...asked, qop: true };
                const { code, allow } = binding.consentNeeded([kind]) ?? {};
                if (code) log('warn', 'relay-not-answered', { code, asked: allow ?? '' });
                return binding.allows(kind);
              },
              onGranted: (asked) => {
                binding.bind([{ ...asked, qop: true }]);
                keep();
              },
            };
          },
        },
    });
    const place = (): MediaPlace | undefined => {
      const { local } = this.#agent;
      return local && { host: local.address, secure: local.protocol === 'TLS' };
    };
    this.#messaging = new SipMessaging({
      agent: this.#agent,
      storage,
      media: this.#media,
      place,
      online,
      reachable: (peer) => this.#contacts.presenceOf(peer).state !== 'offline',
      alone: () => this.#registration.others === 0,
      mayConnect: (peer, hosts) =>
        (this.#contacts.has(peer) || this.#messaging.hasWrittenTo(peer)) &&
        !leadsInside(hosts, this.#agent.local?.address ?? ''),
      lookAround: () => this.#registration.lookAround(),
      now,
    });
    this.#messaging.onMode((address) =>
      this.#capabilities.emit({ address, capabilities: this.capabilitiesOf(address) }),
    );
    // whoever writes from our domain has logged in there
    const ofDomain = `@${this.#agent.uri.host}`;
    const strangers = new StrangerLimit(
      (peer) => peer.endsWith(ofDomain) || this.#contacts.has(peer) || this.#messaging.hasWrittenTo(peer),
    );
    this.#agent.excess = (peer) => strangers.excess(peer);
    this.#files = new SipFileTransfer({
      media: this.#media,
      chats: this.#messaging.chats,
      place,
      invite: (to, offer) => this.#agent.invite(to, offer),
      now,
      log,
      direct: false,
    });
    this.#agent.onInvite = (session) => dispatchInvitation(session, [this.#files, this.#messaging.chats]);
    this.#agent.describe = () => this.#files.describe();
    this.#operationSets = {
      messaging: this.#messaging,
      presence: presenceSet,
      contactList: this.#contacts,
      fileTransfer: this.#files,
    };
  }

  get registration(): RegistrationState {
    return this.#supervisor.state;
  }

  start(): void {
    this.#supervisor.start();
  }

  async stop(): Promise<void> {
    // while there is still a connection to say goodbye over
    this.#files.stop();
    await this.#supervisor.stop();
    this.#media.close();
    // what could not be taken back at the server is at least forgotten here
    await this.#contacts.stop();
    await this.#publication.stop();
    await this.#agent.stop();
    this.#messaging.stop();
  }

  machineEvent(event: MachineEvent): void {
    this.#supervisor.machineEvent(event);
  }

  operationSet<Name extends OperationSetName>(name: Name): OperationSets[Name] | undefined {
    return this.#operationSets[name];
  }

  capabilitiesOf(contact: Address): ContactCapabilities {
    const offline = this.#contacts.presenceOf(contact).state === 'offline';
    return {
      messaging: { on: true, mode: this.#messaging.modeOf(contact) },
      // a file needs the peer there; a text does not
      fileTransfer: offline ? { on: false, off: new ProviderError('peer-offline', { retryable: true }) } : { on: true },
    };
  }

  #connection(): Connection {
    return {
      connect: () => {
        this.#connections += 1;
        this.#brokenBy = undefined;
        return this.#agent.connect();
      },
      register: async (progress) => {
        progress('authenticating');
        const { account } = this.#context;
        const password = await this.#context.password();
        if (password === undefined) throw new ProviderError('credentials-missing');
        const binding = new AccountBinding({
          stored: this.#context.storage.get(DIGEST_KEY),
          anyNonce: account.options[ANY_NONCE_OPTION] === 'yes',
          ...digestRules(account),
        });
        const credentials = new DigestClient(loginOf(account), password, undefined, binding);
        credentials.accepted = this.#accepted;
        this.#agent.setCredentials(credentials);
        const error = await this.#registration.register();
        // RFC 3261 §10.2, §22.2: one REGISTER brings both; until it is accepted nothing says that the password was right
        if (!error) progress('registering');
        if (error?.code === 'credentials-rejected') this.#accepted = false;
        if (!error) {
          this.#accepted = true;
          credentials.accepted = true;
          bindToRegistrar(credentials);
          this.#context.storage.put(DIGEST_KEY, binding.text);
          this.#network.approveCurrent();
          if (this.#agent.local?.protocol === 'TLS') this.#context.storage.put(SECURED_KEY, 'yes');
          return;
        }
        const fault = this.#withoutServer(error);
        throw this.#brokenBy ? new ProviderError(this.#brokenBy, { retryable: true, cause: fault }) : fault;
      },
      restore: () => this.#messaging.restore(this.#restore()),
      disconnect: async () => {
        this.#registration.forget();
        this.#publication.suspend();
        this.#contacts.suspend();
        await this.#agent.disconnect();
        this.#agent.setCredentials(undefined);
      },
      leave: async () => {
        let timer: NodeJS.Timeout | undefined;
        const late = new Promise<void>((resolve) => {
          timer = setTimeout(resolve, LEAVE_WITHIN);
        });
        await Promise.race([this.#leave(), late]);
        clearTimeout(timer);
      },
      probe: () => {
        this.#agent.probe();
        unawaited(this.#registration.refresh().then(() => this.#renew()));
      },
    };
  }

  /**
   * RFC 3263 §4.3: a server that can't serve us is no reason not to ask the next. (What it says of our request the next would say,
   * too.) Retry-After is about the server that said it (RFC 3261 §21.5.4).
   */
  #withoutServer(error: ProviderError): ProviderError {
    const { code, protocolCode, retryable, cause } = error;
    if (!retryable || (code === 'server-unavailable' && Number(protocolCode) < 500)) return error;
    this.#network.avoidCurrent();
    return this.#network.hasOther ? new ProviderError(code, { protocolCode, retryable, cause }) : error;
  }

  /** Nothing breaks over UDP when the server goes: it may be another by now, or has given up notices nobody took. */
  #renew(): void {
    if (this.registration.state !== 'online' || this.#agent.local?.protocol !== 'UDP') return;
    this.#publication.suspend();
    unawaited(this.#restore());
  }

  /** First whom we see, then who sees us. False: the connection was lost meanwhile, and all this begins anew with the next. */
  async #restore(): Promise<boolean> {
    const connection = this.#connections;
    await this.#contacts.restore();
    if (connection !== this.#connections || !this.#agent.connected) return false;
    this.#publication.restore();
    return true;
  }

  /** In the reverse order of coming: nobody sees us, we see nobody, nobody reaches us. */
  async #leave(): Promise<void> {
    // a text that is on disk is confirmed, also when it came a moment ago
    await this.#messaging.settled();
    this.#messaging.stop();
    await this.#publication.stop();
    await this.#contacts.stop();
    await this.#registration.unregister();
  }
}

/** What a connection that broke before anybody registered over it says about the place it led to. */
const reasonOf = (cause: Error): ProviderErrorCode | undefined => {
  if (cause instanceof FramingError && cause.code === 'not-sip') return 'not-this-protocol';
  // UDP has no connection that could be refused: the answer to the first datagram tells that nobody listens (ICMP)
  return (cause as NodeJS.ErrnoException).code === 'ECONNREFUSED' ? 'unreachable' : undefined;
};

/** What the account allows each of its servers to ask for. */
const digestRules = ({ options }: AccountSettings): BindingRules => ({
  withoutQop: options[WITHOUT_QOP_OPTION] === 'yes',
  allowed: String(options[ALLOWED_AUTHENTICATION] ?? ''),
});

const loginOf = (account: AccountSettings): string => account.authenticationName ?? userOf(account.address);

/**
 * The same in every life of the program: a server that has not heard of a new start yet sends to the binding of the life before,
 * perhaps at the same port, and *no such person* would be untrue.
 */
const contactUserOf = (instanceId: string): string =>
  createHash('sha256').update(`contact ${instanceId}`).digest('hex').slice(0, 16);

/** Names this installation for as long as the account lives (RFC 5626 §4.1). */
const storedInstance = ({ storage }: ProviderContext): string => {
  const stored = storage.get(INSTANCE_KEY);
  if (stored) return stored;
  const instance = randomUUID();
  storage.put(INSTANCE_KEY, instance);
  return instance;
};
