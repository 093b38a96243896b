// Types for the parts of @xmpp/client 0.14.0 that this provider is built on; the packages ship none.
declare module '@xmpp/xml' {
  import type { EventEmitter } from 'node:events';

  export type Attributes = Record<string, string | number | undefined | null>;
  export type Child = Element | string | number | false | null | undefined | readonly Child[];

  export class Element {
    constructor(name: string, attrs?: Attributes | string);
    name: string;
    parent: Element | null;
    children: (Element | string)[];
    attrs: Record<string, string | undefined>;
    is(name: string, xmlns?: string): boolean;
    /** The name without its prefix. */
    getName(): string;
    getNS(): string | undefined;
    getChild(name: string, xmlns?: string): Element | undefined;
    getChildren(name: string, xmlns?: string): Element[];
    getChildElements(): Element[];
    getChildText(name: string, xmlns?: string): string | null;
    getText(): string;
    append(...nodes: (Element | string)[]): void;
    remove(name: string, xmlns?: string): this;
    toString(): string;
  }

  /** Pushes whole elements out of written text: `start` the root, `element` each child of it, `end`, `error`. */
  export class Parser extends EventEmitter {
    write(text: string): void;
  }

  const xml: (name: string, attrs?: Attributes | string | null, ...children: Child[]) => Element;
  export default xml;
}

declare module '@xmpp/jid' {
  export class JID {
    constructor(local: string | null, domain: string, resource?: string | null);
    readonly local: string;
    readonly domain: string;
    readonly resource: string;
    bare(): JID;
    equals(other: JID): boolean;
    toString(): string;
  }
  export function parse(text: string): JID;
}

declare module '@xmpp/client-core' {
  import type { EventEmitter } from 'node:events';
  import type { JID } from '@xmpp/jid';
  import type { Element, Parser } from '@xmpp/xml';

  export interface ClientSocket extends EventEmitter {
    readonly secure?: boolean;
    write(data: string, done?: (error?: Error | null) => void): void;
    end(): void;
  }

  /** Only what is used; the rest of its life is replaced by XmlStream. */
  export class Client extends EventEmitter {
    constructor(options: { domain: string });
    jid: JID | null;
    root: Element | null;
    socket: ClientSocket | null;
    parser: Parser | null;
    options: { domain: string };
    transports: unknown[];
    Transport: unknown;
    Parser: new () => Parser;
    isSecure(): boolean;
    header(element: Element): string;
    headerElement(): Element;
    footer(element?: Element): string;
    send(element: Element): Promise<void>;
    write(text: string): Promise<void>;
    _attachSocket(socket: ClientSocket): void;
    _detachSocket(): void;
    _attachParser(parser: Parser): void;
    _detachParser(): void;
    _jid(id: string): JID;
    _onData(data: Buffer): void;
    _onElement(element: Element): void;
    _streamError(condition: string): Promise<unknown>;
  }
}

declare module '@xmpp/tcp' {
  import type { Client } from '@xmpp/client-core';

  const tcp: (parts: { entity: Client }) => void;
  export default tcp;
}

declare module '@xmpp/tls/lib/Socket.js' {
  import type { EventEmitter } from 'node:events';
  import type { TLSSocket } from 'node:tls';

  export default class Socket extends EventEmitter {
    readonly secure: true;
    socket: TLSSocket | null;
    _attachSocket(socket: TLSSocket): void;
    write(data: string, done?: (error?: Error | null) => void): void;
    end(): void;
  }
}

declare module '@xmpp/middleware' {
  import type { EventEmitter } from 'node:events';
  import type { JID } from '@xmpp/jid';
  import type { Element } from '@xmpp/xml';

  /** What the middleware and the IQ answers need of a connection: it emits `element`, and sends. */
  export interface Entity extends EventEmitter {
    jid: JID | null;
    options: { domain: string };
    send(element: Element): Promise<void>;
  }
  export interface Context {
    stanza: Element;
    element: Element;
    type: string;
  }
  export type Handler = (context: Context, next: () => Promise<unknown>) => unknown;
  export interface Middleware {
    use(handler: Handler): Handler;
  }
  const middleware: (parts: { entity: Entity }) => Middleware;
  export default middleware;
}

declare module '@xmpp/iq/callee.js' {
  import type { Context, Entity, Middleware } from '@xmpp/middleware';
  import type { Element } from '@xmpp/xml';

  /** Returns the result's child, `true` for an empty result, or an `<error/>`; nothing means service-unavailable. */
  export type IqHandler = (context: Context) => Element | true | undefined;
  export interface IqCallee {
    get(namespace: string, name: string, handler: IqHandler): void;
    set(namespace: string, name: string, handler: IqHandler): void;
  }
  const iqCallee: (parts: { middleware: Middleware; entity: Entity }) => IqCallee;
  export default iqCallee;
}
