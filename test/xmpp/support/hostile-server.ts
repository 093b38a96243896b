import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import * as tls from 'node:tls';
import type { Element } from '@xmpp/xml';
import { Parser } from '@xmpp/xml';
import { NS } from '../../../protocols/xmpp/namespaces.ts';
import { xml } from '../../../protocols/xmpp/stream/xml.ts';
import { type Certificate, certificateFor } from './certificates.ts';

export const DOMAIN = 'campus.test';
const TLS_FEATURE = `<starttls xmlns='${NS.tls}'><required/></starttls>`;
const LIMIT_MESSAGE = 'the hostile server waited in vain for ';

/** What the server does differently from a good one. Everything it leaves out goes the ordinary way. */
export interface Behaviour {
  certificate?: Certificate;
  /** TLS from the first byte. */
  direct?: boolean;
  /** SASL mechanisms offered under TLS. */
  mechanisms?: readonly string[];
  /** Features in clear text; STARTTLS by default. */
  plainFeatures?: string;
  /** Features after login. */
  features?: string;
  /** Change what SCRAM says. */
  scram?: {
    nonce?: (nonce: string) => string;
    iterations?: number;
    more?: string;
    final?: (verifier: string) => string;
  };
  password?: string;
  /** The list: bare JIDs with their subscription; empty by default. */
  contacts?: Readonly<Record<string, string>>;
  /** Features of the server and of the account, for disco. */
  disco?: readonly string[];
  /** First look at everything the client says; true when that was the answer. */
  on?: (connection: Connection, element: Element) => boolean | undefined;
  /** Instead of the ordinary greeting, at the first byte of a connection. */
  greeting?: string;
  /** What rides in the same segment behind these. */
  behindProceed?: string;
  behindEnabled?: string;
  resume?: (connection: Connection, h: number, id: string) => string;
}

/** One client connection, seen from the server. */
export class Connection {
  readonly server: HostileServer;
  socket: Socket;
  readonly elements: Element[] = [];
  /** Everything read, in clear text. */
  text = '';
  servername: string | false | null = null;
  alpn: string | false | null = null;
  #parser = new Parser();
  #authenticated = false;
  #scram: { bare: string; first: string; salted: Buffer } | undefined;
  readonly #watchers = new Set<() => void>();
  readonly closed: Promise<void>;
  /** Stanzas of the client since stream management was enabled. */
  count = 0;
  /** Stanzas sent since then. */
  sent = 0;

  constructor(server: HostileServer, socket: Socket) {
    this.server = server;
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        for (const watcher of this.#watchers) watcher();
        resolve();
      });
    });
    socket.on('error', () => {});
    if (server.behaviour.direct) this.#secure();
    else this.#listen(socket);
  }

  write(text: string): void {
    this.sent += text.match(/<(message|presence|iq)[ >]/g)?.length ?? 0;
    this.socket.write(text);
  }

  /** Resolves with the next element that fits, also one that is there already. */
  expect(what: string, fits: (element: Element) => boolean): Promise<Element> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const found = this.elements.find(fits);
        if (found) resolve(found);
        else if (!this.socket.destroyed) return;
        else reject(new Error(`${LIMIT_MESSAGE}${what}; got ${this.elements.map(String).join('')}`));
        this.#watchers.delete(check);
      };
      this.#watchers.add(check);
      check();
    });
  }

  saw(name: string): boolean {
    return this.elements.some((element) => element.is(name));
  }

  #listen(socket: Socket): void {
    this.socket = socket;
    this.#restart();
    const { greeting } = this.server.behaviour;
    if (greeting) socket.write(greeting);
    socket.on('data', (data: Buffer) => {
      if (this.socket !== socket) return;
      this.text += data.toString();
      this.#parser.write(data.toString());
    });
  }

  #restart(): void {
    this.#parser = new Parser();
    this.#parser.on('start', () => this.#greet());
    this.#parser.on('element', (element: Element) => this.#take(element));
    this.#parser.on('end', () => this.socket.end('</stream:stream>'));
  }

  #secure(): void {
    const { certificate = certificateFor(`DNS:${DOMAIN}`) } = this.server.behaviour;
    const socket = new tls.TLSSocket(this.socket, { isServer: true, ...certificate, ALPNProtocols: ['xmpp-client'] });
    socket.on('error', () => {});
    socket.once('secure', () => {
      this.alpn = socket.alpnProtocol;
      this.servername = (socket as unknown as { servername: string | false }).servername;
    });
    this.#listen(socket);
  }

  #greet(): void {
    const { plainFeatures = TLS_FEATURE, mechanisms = ['SCRAM-SHA-256', 'PLAIN'] } = this.server.behaviour;
    const { features = `<bind xmlns='${NS.bind}'/><sm xmlns='${NS.streamManagement}'/>` } = this.server.behaviour;
    const offered = mechanisms.map((mechanism) => `<mechanism>${mechanism}</mechanism>`).join('');
    const secure = this.socket instanceof tls.TLSSocket;
    const sasl = `<mechanisms xmlns='${NS.sasl}'>${offered}</mechanisms>`;
    const inside = this.#authenticated ? features : secure ? sasl : plainFeatures;
    this.socket.write(
      `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='${NS.stream}' version='1.0' from='${DOMAIN}' id='1'>` +
        `<stream:features>${inside}</stream:features>`,
    );
  }

  #take(element: Element): void {
    this.elements.push(element);
    if (['message', 'presence', 'iq'].includes(element.name)) this.count += 1;
    if (!this.server.behaviour.on?.(this, element)) this.#answer(element);
    for (const watcher of this.#watchers) watcher();
  }

  #answer(element: Element): void {
    const { behindProceed = '', behindEnabled = '', resume } = this.server.behaviour;
    switch (element.name) {
      case 'starttls':
        this.socket.write(`<proceed xmlns='${NS.tls}'/>${behindProceed}`);
        this.socket.removeAllListeners('data');
        this.#secure();
        return;
      case 'auth':
        this.#authenticate(element);
        return;
      case 'response':
        this.#prove(element);
        return;
      case 'enable':
        this.count = 0;
        this.sent = 0;
        this.write(
          `<enabled xmlns='${NS.streamManagement}' id='${this.server.nextId()}' resume='true'/>${behindEnabled}`,
        );
        return;
      case 'resume':
        this.write(
          resume?.(this, Number(element.attrs.h), element.attrs.previd ?? '') ??
            `<failed xmlns='${NS.streamManagement}'><item-not-found xmlns='${NS.stanzaErrors}'/></failed>`,
        );
        return;
      case 'r':
        this.socket.write(`<a xmlns='${NS.streamManagement}' h='${this.count}'/>`);
        return;
      case 'iq':
        this.#answerIq(element);
        return;
    }
  }

  success(data = ''): void {
    this.#authenticated = true;
    this.socket.write(`<success xmlns='${NS.sasl}'>${data}</success>`);
    this.#restart();
  }

  #authenticate(element: Element): void {
    const { password = 'secret', scram = {} } = this.server.behaviour;
    const said = Buffer.from(element.getText(), 'base64').toString();
    if (element.attrs.mechanism === 'PLAIN') {
      if (said.endsWith(`\0${password}`)) this.success();
      else this.socket.write(`<failure xmlns='${NS.sasl}'><not-authorized/></failure>`);
      return;
    }
    const bare = said.replace(/^n,,/, '');
    const nonce = `${/r=(.*)$/.exec(bare)?.[1] ?? ''}${randomBytes(8).toString('hex')}`;
    const salt = randomBytes(16);
    const iterations = scram.iterations ?? 4096;
    const first = `r=${scram.nonce?.(nonce) ?? nonce},s=${salt.toString('base64')},i=${iterations}${scram.more ?? ''}`;
    // more rounds than that are only claimed
    this.#scram = { bare, first, salted: pbkdf2Sync(password, salt, Math.min(iterations, 4096), 32, 'sha256') };
    this.socket.write(`<challenge xmlns='${NS.sasl}'>${Buffer.from(first).toString('base64')}</challenge>`);
  }

  #prove(element: Element): void {
    if (!this.#scram) return;
    const { bare, first, salted } = this.#scram;
    const said = Buffer.from(element.getText(), 'base64').toString();
    const signed = `${bare},${first},${said.replace(/,p=.*$/, '')}`;
    const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
    const clientKey = hmac(salted, 'Client Key');
    const signature = hmac(createHash('sha256').update(clientKey).digest(), signed);
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0))).toString('base64');
    if (!said.endsWith(`,p=${proof}`)) {
      this.socket.write(`<failure xmlns='${NS.sasl}'><not-authorized/></failure>`);
      return;
    }
    const verifier = hmac(hmac(salted, 'Server Key'), signed).toString('base64');
    const final = this.server.behaviour.scram?.final?.(verifier) ?? `v=${verifier}`;
    this.success(Buffer.from(final).toString('base64'));
  }

  #answerIq(iq: Element): void {
    if (iq.attrs.type !== 'get' && iq.attrs.type !== 'set') return;
    const [child] = iq.getChildElements();
    this.result(iq, child ? this.#content(iq, child) : undefined);
  }

  result(iq: Element, child?: Element | string): void {
    const from = iq.attrs.to ? ` from='${iq.attrs.to}'` : '';
    this.write(`<iq type='result' id='${iq.attrs.id}'${from}>${String(child ?? '')}</iq>`);
  }

  #content(iq: Element, child: Element): Element | undefined {
    const namespace = child.getNS();
    if (namespace === NS.bind) {
      const resource = child.getChildText('resource') ?? 'r';
      return xml('bind', NS.bind, xml('jid', {}, `ana@${DOMAIN}/${resource}`));
    }
    if (namespace === NS.roster && iq.attrs.type === 'get') {
      const items = Object.entries(this.server.behaviour.contacts ?? {});
      return xml(
        'query',
        NS.roster,
        items.map(([jid, subscription]) => xml('item', { jid, subscription })),
      );
    }
    if (namespace === NS.discoInfo) {
      return xml(
        'query',
        NS.discoInfo,
        (this.server.behaviour.disco ?? []).map((feature) => xml('feature', { var: feature })),
      );
    }
    if (namespace === NS.discoItems) return xml('query', NS.discoItems);
    return undefined;
  }
}

/**
 * A small XMPP server, written by hand, that is as wrong as a test wants: over real sockets and real TLS, with SCRAM, binding
 * and stream management done right unless told otherwise.
 */
export class HostileServer {
  readonly behaviour: Behaviour;
  readonly connections: Connection[] = [];
  readonly #server: Server;
  readonly #watchers = new Set<() => void>();
  #ids = 0;

  private constructor(behaviour: Behaviour) {
    this.behaviour = behaviour;
    this.#server = createServer((socket) => {
      this.connections.push(new Connection(this, socket));
      for (const watcher of this.#watchers) watcher();
    });
  }

  static async start(behaviour: Behaviour = {}): Promise<HostileServer> {
    const server = new HostileServer(behaviour);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    running.push(server);
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  nextId(): string {
    this.#ids += 1;
    return `sm-${this.#ids}`;
  }

  /** The connection with this number, from 0. */
  connection(number: number): Promise<Connection> {
    return new Promise((resolve) => {
      const check = (): void => {
        const found = this.connections[number];
        if (!found) return;
        this.#watchers.delete(check);
        resolve(found);
      };
      this.#watchers.add(check);
      check();
    });
  }

  async stop(): Promise<void> {
    for (const { socket } of this.connections) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const running: HostileServer[] = [];

/** @example afterEach(stopServers); */
export const stopServers = async (): Promise<void> => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
};
