import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { IncomingMessage, MessageMark, ProviderStorage } from '../../../../protocols/contract/index.ts';
import { LocalUserAgent } from '../../../../protocols/sip/local/local-user-agent.ts';
import { Media } from '../../../../protocols/sip/media/media.ts';
import type { RelayAccount } from '../../../../protocols/sip/media/relay.ts';
import { MESSAGE_TYPES } from '../../../../protocols/sip/messaging/message-content.ts';
import { SipMessaging } from '../../../../protocols/sip/messaging/messaging.ts';
import { dispatchInvitation } from '../../../../protocols/sip/offers/invitations.ts';
import type { SipSession } from '../../../../protocols/sip/sip-session.ts';
import type { TestRelay } from '../../../msrp/support/relay.ts';
import { TestClock } from '../../../msrp/support/test-clock.ts';
import { DirectNetwork } from '../../direct-network.ts';

/** Where everybody is: the location service of a test. */
export class Campus {
  readonly #places = new Map<string, string>();
  readonly watchers = new Set<() => void>();

  find = (address: string): string | undefined => this.#places.get(address);

  move(address: string, uri: string | undefined): void {
    if (uri === undefined) this.#places.delete(address);
    else this.#places.set(address, uri);
  }

  tell(): void {
    for (const watcher of this.watchers) watcher();
  }

  /** Resolves when what is asked for holds. */
  async until<T>(found: () => T | undefined | false): Promise<T> {
    for (;;) {
      const value = found();
      if (value !== undefined && value !== false) return value;
      await new Promise<void>((resolve) => {
        const watcher = (): void => {
          this.watchers.delete(watcher);
          resolve();
        };
        this.watchers.add(watcher);
      });
    }
  }
}

export interface ChatPeerOptions {
  /** As if signalling were TLS. */
  secure?: boolean;
  /** Everybody connects to this peer's media through it. */
  meddler?: { lead(sdp: string): string };
  /** What this peer's sessions go through. */
  relay?: TestRelay;
}

/** Somebody with texts and sessions, and no server. */
export class ChatPeer {
  readonly address: string;
  readonly campus: Campus;
  readonly agent: LocalUserAgent;
  readonly messaging: SipMessaging;
  readonly clock = new TestClock();
  readonly received: IncomingMessage[] = [];
  readonly calls: { id: string; answer: 'stored' | 'duplicate' | 'threw' }[] = [];
  readonly marks: MessageMark[] = [];
  readonly typing: string[] = [];
  /** INVITEs that came and went. */
  readonly invited: SipSession[] = [];
  readonly inviting: SipSession[] = [];
  /** MESSAGE requests that came, by Content-Type. */
  readonly pages: string[] = [];
  /** OPTIONS requests that were sent. */
  asked = 0;
  /** Texts that cannot be kept just now. */
  refuses: (message: IncomingMessage) => boolean = () => false;
  /** Done with an INVITE before it is answered; true: that was all. */
  onInvite: (session: SipSession) => boolean = () => false;
  /** Host in our media lines. */
  host = '127.0.0.1';
  online = true;
  alone = true;
  /** How often it was looked for other devices. */
  looked = 0;
  time = 1_000_000;

  constructor(campus: Campus, name: string, { secure = false, meddler, relay }: ChatPeerOptions) {
    this.campus = campus;
    this.address = `sip:${name}@local`;
    const values = new Map<string, string>();
    const storage: ProviderStorage = {
      get: (key) => values.get(key),
      put: (key, value) => void values.set(key, value),
      delete: (key) => void values.delete(key),
    };
    this.agent = new LocalUserAgent({
      address: this.address,
      displayName: name,
      network: new DirectNetwork({ host: '127.0.0.1', port: 0 }),
      log: () => {},
      accept: MESSAGE_TYPES,
      route: campus.find,
      search: async (address) => campus.find(address),
      onUnreachable: () => {},
    });
    const request = this.agent.request.bind(this.agent);
    this.agent.request = (wanted) => {
      if (wanted.method === 'OPTIONS') this.asked++;
      return request(wanted);
    };
    const invite = this.agent.invite.bind(this.agent);
    this.agent.invite = (to, offer) => {
      const session = invite(to, meddler ? { ...offer, sdp: meddler.lead(offer.sdp) } : offer);
      this.inviting.push(session);
      session.onState(() => campus.tell());
      return session;
    };
    this.messaging = new SipMessaging({
      agent: this.agent,
      storage,
      media: new Media({
        now: Date.now,
        log: () => {},
        relay: () => relay && account(relay),
        certificateAuthorities: [],
      }),
      place: () => (this.agent.local ? { host: this.host, secure } : undefined),
      online: () => this.online,
      reachable: () => true,
      alone: () => this.alone,
      lookAround: () => {
        this.looked += 1;
      },
      now: () => this.time,
      clock: this.clock,
    });
    const receive = this.agent.onMessage;
    this.agent.onMessage = (incoming) => {
      this.pages.push((incoming.message.getHeader('content-type') ?? '').split(';')[0] ?? '');
      receive?.(incoming);
    };
    this.agent.onInvite = (session) => {
      this.invited.push(session);
      session.onState(() => campus.tell());
      if (meddler) {
        const accept = session.accept.bind(session);
        session.accept = (answer) => accept({ ...answer, sdp: meddler.lead(answer.sdp) });
      }
      if (!this.onInvite(session)) dispatchInvitation(session, [this.messaging.chats]);
      campus.tell();
    };
    this.messaging.receiver = (message) => this.#keep(message);
    this.messaging.onMark((mark) => {
      this.marks.push(mark);
      campus.tell();
    });
    this.messaging.onTyping(({ peer, state }) => {
      this.typing.push(`${peer} ${state}`);
      campus.tell();
    });
    this.messaging.onMode(() => campus.tell());
  }

  async begin(): Promise<this> {
    await this.agent.connect();
    const { port } = this.agent.local ?? {};
    this.campus.move(this.address, `sip:${this.address.slice(4).split('@')[0]}@127.0.0.1:${port}`);
    onTestFinished(async () => {
      this.messaging.stop();
      await this.agent.stop();
    });
    return this;
  }

  /** Sends a text; `outcome` in short. */
  say(to: ChatPeer, text: string, id: string = randomUUID()): { id: string; outcome: Promise<string> } {
    const { outcome } = this.messaging.send(to.address, { id, text, composedAt: this.time });
    return {
      id,
      outcome: outcome.then((each) => (each.state === 'failed' ? `failed ${each.error.code}` : each.state)),
    };
  }

  /** As a talk does it: two texts, the second of which opens the session. */
  async openSession(to: ChatPeer): Promise<void> {
    const said = ['hello', 'are you there?'].map((text) => this.say(to, text));
    for (const { outcome } of said) if ((await outcome) !== 'sent') throw new Error('not sent');
    await this.campus.until(() => this.mode(to) === 'session' && to.mode(this) === 'session');
  }

  mode(of: ChatPeer): 'page' | 'session' {
    return this.messaging.modeOf(of.address);
  }

  get texts(): string[] {
    return this.received.map(({ text }) => text);
  }

  /** Resolves when so many texts are here. */
  got(count: number): Promise<unknown> {
    return this.campus.until(() => this.received.length >= count);
  }

  marked(id: string, mark: MessageMark['mark']): Promise<MessageMark> {
    return this.campus.until(() => this.marks.find((each) => each.id === id && each.mark === mark));
  }

  #keep(message: IncomingMessage): 'stored' | 'duplicate' {
    const known = this.received.some(({ id }) => id === message.id);
    const threw = !known && this.refuses(message);
    const answer = known ? 'duplicate' : 'stored';
    this.calls.push({ id: message.id, answer: threw ? 'threw' : answer });
    if (!known && !threw) this.received.push(message);
    this.campus.tell();
    if (threw) throw new Error('no room');
    return answer;
  }
}

const account = ({ uri }: TestRelay): RelayAccount => ({
  locate: async () => [{ uri, trust: { allowTcp: true } }],
  credentials: async () => ({ username: 'user', password: 'secret' }),
});

/** Two who can reach each other. The options are those of the second. */
export const twoPeers = async (
  options: ChatPeerOptions = {},
): Promise<{ ana: ChatPeer; bob: ChatPeer; campus: Campus }> => {
  const campus = new Campus();
  const ana = await new ChatPeer(campus, 'ana', { secure: options.secure ?? false }).begin();
  const bob = await new ChatPeer(campus, 'bob', options).begin();
  return { ana, bob, campus };
};
