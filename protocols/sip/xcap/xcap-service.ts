import { Emitter, ProviderError, type ProviderLog, type ProviderStorage } from '../../contract/index.ts';
import { unawaited } from '../../contract/unawaited.ts';
import type { BindingRules } from '../authentication/account-binding.ts';
import { DigestClient } from '../authentication/digest-client.ts';
import { type ServerBinding, serverBinding } from '../authentication/server-binding.ts';
import type { TlsTrust } from '../transport/tls-trust.ts';
import type { SipUserAgent } from '../user-agent.ts';
import { ChangeWatch } from './change-watch.ts';
import {
  OMA_PRESENCE_RULES,
  PRESENCE_RULES,
  PRESENCE_RULES_TYPE,
  readPresenceRules,
} from './documents/presence-rules.ts';
import { RESOURCE_LISTS, RESOURCE_LISTS_TYPE, readResourceLists } from './documents/resource-lists.ts';
import { RLS_SERVICES, RLS_SERVICES_TYPE, readServices } from './documents/rls-services.ts';
import { readCapabilities, XCAP_CAPS } from './documents/xcap-caps.ts';
import { XcapClient } from './xcap-client.ts';
import { XcapDocument } from './xcap-document.ts';
import { parseRoot } from './xcap-uri.ts';

export interface XcapServiceOptions {
  agent: SipUserAgent;
  /** Option `xcapRoot` of the account: an empty one means that there is none; absent, it is looked for. */
  root: string | undefined;
  /** Where it is looked for: the host of `https://host/xcap-root/`. */
  host: string;
  trust: Omit<TlsTrust, 'names'>;
  /** Names the certificate may carry. */
  names: readonly string[];
  login: string;
  password(): Promise<string | undefined>;
  /** Which challenges may be answered. */
  digestRules: BindingRules;
  /** Credentials go without TLS, too. */
  plain: boolean;
  storage: ProviderStorage;
  online: () => boolean;
  log: ProviderLog;
  random: () => number;
}

const KEY = 'sip.xcap';
const DIGEST_KEY = 'sip.xcap-digest';
/** Seconds between two looks at what other devices may have changed; the second where the server tells it by itself. */
const LOOK_EVERY = 600;
const LOOK_SELDOM = 3600;
/** Seconds until a failed look is tried again, unless the server says; at the soonest, and at the latest. */
const RETRY_AFTER = 60;
const RETRY_SOONEST = 5;
const RETRY_LATEST = 3600;
/** For a root that does not answer the question what it can do. */
const USUAL: readonly string[] = [RESOURCE_LISTS, PRESENCE_RULES];

interface Known {
  root: string;
  auids: readonly string[];
}

/**
 * The account's documents on an XCAP server (RFC 4825): finds it, keeps the documents read, and knows what it can do. A
 * root that was found once is remembered, so that the list is there before any server answers.
 */
export class XcapService {
  readonly lists: XcapDocument;
  readonly rules: XcapDocument;
  /** Rules other programs write; only read. */
  readonly otherRules: XcapDocument;
  readonly services: XcapDocument;
  readonly #options: XcapServiceOptions;
  readonly #changes: ChangeWatch;
  #known: Known | undefined;
  #client: XcapClient | undefined;
  #credentials: Promise<DigestClient> | undefined;
  /** What it can do was asked in this life. */
  #isAsked = false;
  #looking: Promise<boolean> | undefined;
  /** Something changed while it was being read, perhaps after it was read. */
  #again = false;
  #timer: NodeJS.Timeout | undefined;
  #isLive = false;
  readonly #found = new Emitter<void>();
  /** A server was found, or what it can do is known better now. */
  readonly onFound = this.#found.on;
  readonly #wasRead = new Emitter<void>();
  /** The documents are as the server has them: it can be asked. */
  readonly onRead = this.#wasRead.on;

  constructor(options: XcapServiceOptions) {
    this.#options = options;
    const { storage, agent, random } = options;
    const client = (): XcapClient | undefined => (options.online() ? this.#client : undefined);
    const document = (auid: string, contentType: string, read: (text: string) => unknown, isForeign = false) =>
      new XcapDocument({ auid, contentType, storage, client, fits: (text) => read(text) !== undefined, isForeign });
    this.lists = document(RESOURCE_LISTS, RESOURCE_LISTS_TYPE, readResourceLists);
    this.rules = document(PRESENCE_RULES, PRESENCE_RULES_TYPE, readPresenceRules);
    this.otherRules = document(OMA_PRESENCE_RULES, PRESENCE_RULES_TYPE, readPresenceRules, true);
    this.services = document(RLS_SERVICES, RLS_SERVICES_TYPE, readServices);
    this.#changes = new ChangeWatch({
      agent,
      documents: [this.lists, this.rules, this.otherRules],
      random,
      onChanged: () => {
        this.#again = this.#looking !== undefined;
        if (!this.#again) unawaited(this.look());
      },
    });
    this.#known = remembered(storage, options.root === undefined ? undefined : (this.#configuredRoot?.href ?? ''));
    if (options.root && !this.#configuredRoot) options.log('warn', 'sip.xcap-root-invalid');
    if (!this.#known) {
      // copies of another server, or of none, say nothing
      for (const each of [this.lists, this.rules, this.otherRules, this.services]) each.forget();
      if (this.#configuredRoot) this.#known = { root: this.#configuredRoot.href, auids: USUAL };
    }
  }

  /** There is a server for the list. */
  get isKnown(): boolean {
    return this.#known?.auids.includes(RESOURCE_LISTS) ?? false;
  }

  has(auid: string): boolean {
    return this.#known?.auids.includes(auid) ?? false;
  }

  /** We are registered: reads what may have changed meanwhile. True when the documents are as the server has them. */
  async restore(): Promise<boolean> {
    this.#isLive = true;
    // what was under way with the last connection
    await this.#looking;
    return this.look();
  }

  /** The connection is gone. */
  suspend(): void {
    this.#isLive = false;
    clearTimeout(this.#timer);
    this.#changes.suspend();
    this.#client?.stop();
    this.#client = undefined;
    // a changed password is asked for at the next login
    this.#credentials = undefined;
  }

  /** Never rejects. */
  stop(): Promise<void> {
    clearTimeout(this.#timer);
    return this.#changes.stop();
  }

  /** Reads what may have changed. True when the documents are as the server has them. Never rejects. */
  look(): Promise<boolean> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
      const again = this.#again && this.#isLive;
      this.#again = false;
      if (again) unawaited(this.look());
    });
    return this.#looking;
  }

  /** Something failed that will be tried again after the next look: that is made when there is hope. */
  lookAgain(error: ProviderError): void {
    // what will be refused again, as a password is, is not asked for every minute
    const usual = error.retryable ? RETRY_AFTER : LOOK_EVERY;
    this.#lookIn(Math.min(Math.max(error.retryAfter ?? usual, RETRY_SOONEST), RETRY_LATEST));
  }

  async #look(): Promise<boolean> {
    clearTimeout(this.#timer);
    try {
      await this.#find();
      if (!this.isKnown) return false;
      const isRead = await this.#read(this.lists);
      if (this.has(PRESENCE_RULES)) await this.#read(this.rules);
      if (this.has(OMA_PRESENCE_RULES)) await this.#read(this.otherRules);
      if (this.#isLive && !this.#changes.isActive) this.#changes.start();
      this.#lookIn(this.#changes.isActive ? LOOK_SELDOM : LOOK_EVERY);
      if (isRead) this.#wasRead.emit();
      return isRead;
    } catch (cause) {
      this.lookAgain(this.note(cause));
      return false;
    }
  }

  #lookIn(seconds: number): void {
    clearTimeout(this.#timer);
    if (!this.#isLive || !this.isKnown) return;
    // spread: everybody logs in when the building opens
    const spread = seconds * (0.75 + 0.5 * this.#options.random());
    this.#timer = setTimeout(() => unawaited(this.look()), spread * 1000);
  }

  /** False when what the server has is no such document: the others may be all right. */
  async #read(document: XcapDocument): Promise<boolean> {
    try {
      await document.read();
      return true;
    } catch (cause) {
      const { code, protocolCode } = ProviderError.from(cause);
      if (code !== 'malformed' || protocolCode !== undefined) throw cause;
      this.note(cause);
      return false;
    }
  }

  /** Says in the log that an exchange failed. */
  note(cause: unknown): ProviderError {
    const error = ProviderError.from(cause);
    this.#options.log('warn', 'sip.xcap-failed', { code: error.code, status: error.protocolCode ?? '' });
    return error;
  }

  get #configuredRoot(): URL | undefined {
    return this.#options.root === undefined ? undefined : parseRoot(this.#options.root);
  }

  /** Finds the server, and asks it what it can do, once a life. Rejects when a known one does not answer. */
  async #find(): Promise<void> {
    const { host, root: configured } = this.#options;
    if (!this.#options.online()) throw new ProviderError('network', { retryable: true });
    // no record in DNS names it: a guess is tried over TLS only, where the certificate says whose server it is
    const guess =
      configured === undefined ? `https://${host.includes(':') ? `[${host}]` : host}/xcap-root/` : undefined;
    const root = this.#known?.root ?? guess;
    if (root === undefined) return;
    this.#client ??= this.#makeClient(new URL(root));
    if (this.#isAsked) return;
    let auids: ReadonlySet<string> | undefined;
    let isAnswered = false;
    try {
      const text = await this.#client.global(XCAP_CAPS);
      auids = text === undefined ? undefined : readCapabilities(text);
      // a page of something in between is no answer
      isAnswered = text === undefined || auids !== undefined;
    } catch (error) {
      if (this.#known) throw error;
      const { code, retryable } = ProviderError.from(error);
      this.#options.log('debug', 'sip.xcap-none', { code });
      // with another network there may be one
      if (retryable) return;
      isAnswered = true;
    }
    this.#isAsked = isAnswered;
    if (!auids && !this.#known) return;
    this.#known = { root, auids: [...(auids ?? this.#known?.auids ?? USUAL)] };
    this.#options.storage.put(KEY, JSON.stringify(this.#known));
    this.#found.emit();
  }

  #makeClient(root: URL): XcapClient {
    const { agent, trust, names, plain, storage, digestRules } = this.#options;
    const bound = serverBinding(storage, DIGEST_KEY, root.origin, digestRules);
    return new XcapClient({
      root,
      owner: agent.address,
      trust,
      names,
      plain,
      credentials: () => {
        this.#credentials ??= this.#askCredentials(bound);
        return this.#credentials;
      },
      onTaken: bound.keep,
    });
  }

  async #askCredentials({ binding }: ServerBinding): Promise<DigestClient> {
    const password = await this.#options.password();
    if (password === undefined) throw new ProviderError('credentials-missing');
    return new DigestClient(this.#options.login, password, undefined, binding);
  }
}

const remembered = (storage: ProviderStorage, configured: string | undefined): Known | undefined => {
  try {
    const { root, auids } = JSON.parse(storage.get(KEY) ?? '{}') as Partial<Known>;
    if (typeof root !== 'string' || !parseRoot(root) || !Array.isArray(auids)) return undefined;
    if (configured !== undefined && configured !== root) return undefined;
    return { root, auids: auids.filter((each) => typeof each === 'string') };
  } catch {
    return undefined;
  }
};
