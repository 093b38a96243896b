export type ServerName = 'slapd' | 'kamailio' | 'prosody';

/** `wrong-name` is for other.test; `untrusted` has the right name from an authority nobody trusts. */
export type CertificateName = 'campus' | 'wrong-name' | 'untrusted' | 'expired';

export interface CampusSettings {
  /** Where Kamailio finds the hash of a password: the directory (default), or its own table. */
  readonly credentials: 'ldap' | 'database';
  /** The one digest algorithm Kamailio challenges with; MD5 by default. */
  readonly algorithm: 'MD5' | 'SHA-256';
  /** Whether pres-rules decide who sees presence (unknown watchers are pending); otherwise everybody does. */
  readonly presenceRules: boolean;
  /** Seconds until a nonce is stale. */
  readonly nonceSeconds: number;
  /** Seconds for which Kamailio lets an INVITE ring; 600 by default. */
  readonly ringSeconds: number;
  /** Seconds for which Kamailio keeps a hash read from the directory. */
  readonly credentialSeconds: number;
  /** Bytes of the largest stanza that Prosody takes. */
  readonly stanzaBytes: number;
  /** What Prosody offers at login: `plain` is PLAIN alone, as with accounts of a directory. */
  readonly mechanisms: 'scram' | 'plain';
}

export interface CampusUser {
  readonly name: string;
  readonly password: string;
  /** SIP address of record, `sip:` included. */
  readonly sip: string;
  readonly jid: string;
}

export interface CampusPorts {
  /** SIP over UDP and TCP. */
  readonly sip: number;
  readonly sips: number;
  readonly xcap: number;
  readonly xcaps: number;
  readonly msrp: number;
  readonly msrps: number;
  readonly ldap: number;
  readonly ldaps: number;
  /** XMPP with STARTTLS. */
  readonly c2s: number;
  /** XMPP with TLS from the first byte (XEP-0368). */
  readonly c2sDirect: number;
  readonly http: number;
  readonly https: number;
  readonly proxy65: number;
}

export interface CampusDescription {
  readonly dir: string;
  /** Domain of SIP and XMPP, and the digest realm. No DNS knows it: connect to `host`. */
  readonly domain: string;
  readonly host: string;
  readonly ports: CampusPorts;
  /** PEM files. */
  readonly ca: string;
  readonly untrustedCa: string;
  readonly users: readonly CampusUser[];
  readonly xcapRoot: string;
  readonly xcapsRoot: string;
  /** What a client takes as its MSRP relay (RFC 4976). */
  readonly msrpRelay: string;
  readonly ldap: {
    readonly url: string;
    readonly tlsUrl: string;
    readonly base: string;
    readonly admin: { readonly dn: string; readonly password: string };
  };
  readonly xmpp: {
    readonly rooms: string;
    readonly upload: string;
    readonly uploadLimit: number;
    readonly proxy: string;
  };
  readonly logs: Readonly<Record<ServerName, string>>;
  readonly settings: CampusSettings;
  /** The certificate each server shows. */
  readonly certificates: Readonly<Record<ServerName, CertificateName>>;
}

export interface CampusOptions {
  readonly ports?: Partial<CampusPorts>;
  readonly settings?: Partial<CampusSettings>;
  /** Shown by all servers. */
  readonly certificate?: CertificateName;
}

/** Settings from now on, and the certificate this server shows from now on. */
export type ServerChanges = Partial<CampusSettings> & { readonly certificate?: CertificateName };

export function defaultFolder(): string;
export function start(dir?: string, options?: CampusOptions): Promise<CampusDescription>;
export function stop(dir?: string, options?: { readonly remove?: boolean }): Promise<void>;
export function status(dir?: string): CampusDescription & { readonly running: Readonly<Record<ServerName, boolean>> };
export function startTemporary(
  options?: CampusOptions,
): Promise<{ readonly description: CampusDescription; readonly stop: () => Promise<void> }>;
export function startServer(dir: string, name: ServerName, changes?: ServerChanges): Promise<void>;
export function stopServer(dir: string, name: ServerName): Promise<void>;
export function killServer(dir: string, name: ServerName): Promise<void>;
export function restartServer(dir: string, name: ServerName, changes?: ServerChanges): Promise<void>;
