import {
  type Address,
  type ContactCapabilities,
  Emitter,
  type MachineEvent,
  type OperationSetName,
  type OperationSets,
  type OwnPresence,
  type Provider,
  type ProviderContext,
  ProviderError,
  type Registration,
  type Subscribe,
  userOf,
} from '../../contract/index.ts';
import { SipFileTransfer } from '../file-transfer/file-transfer.ts';
import { shownName } from '../header-text.ts';
import { HostLimit } from '../limits/host-limit.ts';
import { Media, type MediaPlace } from '../media/media.ts';
import { leadsInside } from '../media/unasked-connections.ts';
import { MESSAGE_TYPES } from '../messaging/message-content.ts';
import { SipMessaging } from '../messaging/messaging.ts';
import { dispatchInvitation } from '../offers/invitations.ts';
import { type Connection, ConnectionSupervisor } from '../registration/connection-supervisor.ts';
import { connectStream } from '../transport/connect-stream.ts';
import { AnnouncedPresence, DiscoveredContacts } from './discovered-contacts.ts';
import { Discovery } from './discovery.ts';
import { addressOfInstance, instanceOfAddress } from './identity/instance.ts';
import { type OwnKey, storedKey } from './identity/own-key.ts';
import { KeyVerification } from './identity/verification.ts';
import { KeyedNetwork } from './keyed-network.ts';
import { LocalUserAgent } from './local-user-agent.ts';
import { isOnLink, ownAddress } from './own-address.ts';
import { type LocalPeer, PeerDirectory } from './peer-directory.ts';

/** RFC 6762 §3. */
const MULTICAST_PORT = 5353;
/** A sign of life of ours so often, and a look at who gave none. */
const HEARTBEAT = 20_000;
const PING_TIMEOUT = 3_000;
/** Whoever is there answers a question to the network in milliseconds. */
const SEARCH_TIMEOUT = 1_000;

/**
 * One account without a server: people on one network find each other and talk directly. This file is the whole machine's
 * wiring.
 *
 * Options in `AccountSettings.options`: `loopbackOnly` (boolean): nothing leaves this machine, for tests and the demo;
 * `multicastPort` (number): another port than 5353, so that two tests do not see each other.
 */
export class LocalProvider implements Provider {
  readonly protocol = 'local';
  readonly address: Address;
  readonly onRegistration: Subscribe<Registration>;
  readonly #context: ProviderContext;
  readonly #key: OwnKey;
  readonly #loopbackOnly: boolean;
  readonly #agent: LocalUserAgent;
  readonly #network: KeyedNetwork;
  readonly #discovery: Discovery;
  readonly #directory: PeerDirectory;
  readonly #supervisor: ConnectionSupervisor;
  readonly #presence: AnnouncedPresence;
  readonly #messaging: SipMessaging;
  readonly #verification: KeyVerification;
  readonly #media: Media;
  readonly #files: SipFileTransfer;
  readonly #operationSets: OperationSets;
  readonly #capabilities = new Emitter<{ address: Address; capabilities: ContactCapabilities }>();
  readonly onCapabilities = this.#capabilities.on;
  #heartbeat: NodeJS.Timeout | undefined;
  #announcedAddress: string | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(context: ProviderContext) {
    const { account, storage, log } = context;
    const now = (): number => context.now();
    this.#context = context;
    this.#key = storedKey(storage);
    this.address = addressOfInstance(this.#key.id);
    this.#loopbackOnly = account.options.loopbackOnly === true;
    const multicastPort = account.options.multicastPort;

    this.#directory = new PeerDirectory({ now, ping: (peer) => this.#ping(peer) });
    const address = (): string => this.#ownAddress();
    const whereIs = (id: string): { host: string; port: number } | undefined => {
      const local = this.#agent.local;
      // notes to oneself go the same way as all else
      if (id === this.#key.id) return local && { host: local.address, port: local.port };
      return this.#directory.find(id);
    };
    const route = (to: Address): string | undefined => {
      const id = instanceOfAddress(to) ?? '';
      const place = whereIs(id);
      return place && uriOf({ ...place, id });
    };
    this.#network = new KeyedNetwork({
      key: this.#key,
      host: this.#loopbackOnly ? '127.0.0.1' : '0.0.0.0',
      whereIs,
      now,
      // read at each use: the network may change
      get advertisedHost() {
        return address();
      },
    });
    this.#verification = new KeyVerification({
      storage,
      ownKey: this.#key.publicKey,
      keyOf: (id) => this.#network.keyOf(id),
      meet: (to) => this.#agent.request({ method: 'OPTIONS', to }),
      nameOf: (id) => this.#directory.find(id)?.name,
    });
    this.#agent = new LocalUserAgent({
      address: this.address,
      displayName: account.displayName,
      contactUser: this.#key.id,
      network: this.#network,
      log,
      accept: MESSAGE_TYPES,
      route,
      search: async (to) => {
        this.#discovery.ask();
        await this.#directory.appearance(instanceOfAddress(to) ?? '', SEARCH_TIMEOUT);
        return route(to);
      },
      outdated: (to) => this.#present(to)?.outdated === true,
      onUnreachable: (to) => this.#directory.suspect(instanceOfAddress(to) ?? ''),
    });
    this.#agent.onDisconnected(() => this.#supervisor.lost(new ProviderError('network', { retryable: true })));
    this.#discovery = new Discovery({
      loopbackOnly: this.#loopbackOnly,
      port: typeof multicastPort === 'number' ? multicastPort : MULTICAST_PORT,
      log,
      onPresent: (announcement, host) => {
        if (announcement.id !== this.#key.id) this.#directory.present(announcement, host);
      },
      onLeaving: (id, host) => this.#directory.leaving(id, host),
      onFault: (error) => this.#supervisor.lost(error),
    });
    this.#supervisor = new ConnectionSupervisor({
      connection: this.#connection(),
      now,
      random: () => context.random(),
    });
    this.onRegistration = this.#supervisor.onChange;

    const online = (): boolean => this.#supervisor.state.state === 'online';
    this.#media = new Media({
      now,
      log,
      certificateAuthorities: [],
      relay: () => undefined,
      keyed: true,
      // a peer may have several addresses, but none behind a router or in this machine alone
      mayConnect: (to) => to === address() || (isOnLink(to) && !leadsInside([to], address(), {})),
    });
    const place = (): MediaPlace | undefined => {
      const { local } = this.#agent;
      return local && { host: local.address, secure: true };
    };
    this.#messaging = new SipMessaging({
      agent: this.#agent,
      storage,
      media: this.#media,
      place,
      online,
      reachable: (peer) => this.#present(peer) !== undefined,
      alone: () => true,
      // only to where the peer itself is seen
      mayConnect: (peer, hosts) => {
        const host = peer === this.address ? this.#agent.local?.address : this.#present(peer)?.host;
        return hosts.every((each) => each === host);
      },
      lookAround: () => {},
      now,
    });
    this.#messaging.onMode((contact) => this.#tellCapabilities(contact));
    this.#files = new SipFileTransfer({
      media: this.#media,
      chats: this.#messaging.chats,
      place,
      invite: (to, offer) => this.#agent.invite(to, offer),
      now,
      log,
      direct: true,
    });
    this.#agent.describe = () => this.#files.describe();
    this.#admitKnownPeersOnly();
    this.#presence = new AnnouncedPresence(this.#directory, (own) => this.#announce(own));
    this.#operationSets = {
      messaging: this.#messaging,
      presence: this.#presence,
      contactList: new DiscoveredContacts(this.#directory, (id) => this.#verification.nameOf(id)),
      fileTransfer: this.#files,
      verification: this.#verification,
    };
    this.#directory.onChange(({ peer: { id } }) => this.#tellCapabilities(addressOfInstance(id)));
  }

  get registration(): Registration {
    return this.#supervisor.state;
  }

  start(): void {
    this.#supervisor.start();
  }

  async stop(): Promise<void> {
    this.#files.stop();
    // while we can still say goodbye
    this.#messaging.stop();
    await this.#supervisor.stop();
    this.#media.close();
    await this.#agent.stop();
    this.#messaging.stop();
  }

  machineEvent(event: MachineEvent): void {
    this.#supervisor.machineEvent(event);
  }

  operationSet<Name extends OperationSetName>(name: Name): OperationSets[Name] {
    return this.#operationSets[name];
  }

  capabilitiesOf(contact: Address): ContactCapabilities {
    const peer = this.#present(contact);
    if (peer?.outdated) {
      const unable = { on: false, off: new ProviderError('peer-outdated') } as const;
      return { messaging: unable, fileTransfer: unable };
    }
    if (!peer) {
      const away = { on: false, off: new ProviderError('peer-offline', { retryable: true }) } as const;
      return { messaging: away, fileTransfer: away };
    }
    return { messaging: { on: true, mode: this.#messaging.modeOf(contact) }, fileTransfer: { on: true } };
  }

  #tellCapabilities(contact: Address): void {
    this.#capabilities.emit({ address: contact, capabilities: this.capabilitiesOf(contact) });
  }

  #connection(): Connection {
    return {
      connect: () =>
        this.#inTurn(async () => {
          await this.#agent.connect();
          await this.#discovery.open();
        }),
      register: async (progress) => {
        progress('registering');
        this.#announce(this.#presence.own);
        this.#discovery.ask();
        this.#heartbeat = setInterval(() => {
          this.#discovery.repeat();
          this.#directory.check();
        }, HEARTBEAT);
      },
      restore: () => this.#messaging.restore(),
      leave: async () => {},
      disconnect: () =>
        this.#inTurn(async () => {
          clearInterval(this.#heartbeat);
          await this.#discovery.close();
          this.#directory.clear();
          await this.#agent.disconnect();
        }),
      probe: () => this.#networkChanged(),
    };
  }

  /** Sockets that are just being opened are opened before they are closed, however fast somebody starts and stops. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  /** After sleep or a change of network: perhaps we are somebody else's neighbour now. */
  #networkChanged(): void {
    if (this.#ownAddress() !== this.#announcedAddress) {
      // Contact and media address are wrong now: come back with the right ones
      this.#supervisor.lost(new ProviderError('network', { retryable: true }));
      return;
    }
    this.#announce(this.#presence.own);
    this.#discovery.ask();
    for (const { id } of this.#directory.peers) this.#directory.suspect(id);
  }

  #announce(own: OwnPresence): void {
    const local = this.#agent.local;
    if (!local) return;
    this.#announcedAddress = local.address;
    const { displayName } = this.#context.account;
    this.#discovery.announce({ id: this.#key.id, port: local.port, name: displayName, presence: own }, local.address);
  }

  #ownAddress(): string {
    return this.#loopbackOnly ? '127.0.0.1' : ownAddress();
  }

  #present(address: Address): LocalPeer | undefined {
    const id = instanceOfAddress(address);
    return id === undefined ? undefined : this.#directory.find(id);
  }

  async #ping(peer: LocalPeer): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), PING_TIMEOUT);
    });
    // not through `route`: this very place is in question
    const answered = peer.outdated
      ? isListening(peer)
      : this.#network.proves(peer.id, peer).then((proven) => proven && this.#agent.reach(uriOf(peer)));
    const alive = await Promise.race([answered, late]);
    clearTimeout(timer);
    return alive;
  }

  /**
   * That a sender has the key of its id is known here (`KeyedNetwork`). Those the network has not told of yet are asked to try
   * again, and the network where they are: they could not be answered.
   */
  #admitKnownPeersOnly(): void {
    const refusal = (peer: Address): 480 | undefined => {
      if (peer === this.address || this.#present(peer)) return undefined;
      this.#discovery.ask();
      return 480;
    };
    const hosts = new HostLimit();
    // by MESSAGE, in sessions and by INVITE alike; those the network has not told of get in with nothing
    this.#agent.excess = (peer, bytes) => {
      const id = userOf(peer);
      const host = id === this.#key.id ? undefined : this.#directory.find(id)?.host;
      return host === undefined ? undefined : hosts.excess(host, bytes);
    };
    const receive = this.#agent.onMessage;
    this.#agent.onMessage = (request) => {
      const { message, from } = request;
      const status = refusal(from);
      this.#verification.told(from, shownName(message.from.displayName) ?? '');
      if (status) request.reject({ statusCode: status });
      else receive?.(request);
    };
    this.#agent.onInvite = (session) => {
      const status = refusal(session.peer);
      if (status) session.reject(status);
      else dispatchInvitation(session, [this.#files, this.#messaging.chats]);
    };
  }
}

/** Whether anybody at all listens there: all that can be asked of a program that has no key. */
const isListening = ({ host, port }: LocalPeer): Promise<boolean> =>
  connectStream({ address: host, port }, { timeout: PING_TIMEOUT, signal: new AbortController().signal }).then(
    (socket) => {
      socket.destroy();
      return true;
    },
    () => false,
  );

const uriOf = ({ id, host, port }: Pick<LocalPeer, 'id' | 'host' | 'port'>): string =>
  `sip:${id}@${host}:${port};transport=tls`;
