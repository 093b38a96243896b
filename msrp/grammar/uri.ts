import { isIPv6 } from 'node:net';
import { MsrpError } from '../errors.ts';

/** Port of `msrp` and `msrps` where a URI names none (RFC 4975 §15.4). */
export const DEFAULT_PORT = 2855;

/** An MSRP URI (RFC 4975 §6 and §9). */
export interface MsrpUri {
  /** `msrps:` */
  readonly secure: boolean;
  readonly userinfo: string | undefined;
  /** Lower case; an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number | undefined;
  /** Case matters. A relay's URI may have none. */
  readonly sessionId: string | undefined;
  /** Lower case, usually `tcp`. */
  readonly transport: string;
  readonly parameters: readonly (readonly [name: string, value: string | undefined])[];
}

const URI =
  /^(msrps?):\/\/(?:([\w.~!$&'()*+,;=:%-]*)@)?(\[[0-9A-Fa-f:.]+\]|[\w.~!$&'()*+,=%-]+)(?::(\d{1,5}))?(?:\/([\w.~+=/-]+))?;([A-Za-z0-9]+)((?:;[!#-'*+\-.0-9A-Z^-~]+(?:=[!#-'*+\-.0-9A-Z^-~]+)?)*)$/i;
const MAX_LENGTH = 2048;

/**
 * Reads one MSRP URI.
 *
 * @throws MsrpError `invalid-uri`
 * @example parseUri('msrp://192.0.2.1:7654/jshA7weztas;tcp').sessionId // 'jshA7weztas'
 */
export function parseUri(text: string): MsrpUri {
  const match = text.length <= MAX_LENGTH ? URI.exec(text) : null;
  if (match === null) throw new MsrpError('invalid-uri', 'Not an MSRP URI');
  const [, scheme = '', userinfo, authority = '', portText, sessionId, transport = '', parameterText = ''] = match;
  const bracketed = authority.startsWith('[');
  const host = (bracketed ? authority.slice(1, -1) : decodeUnreserved(authority)).toLowerCase();
  if (bracketed && !isIPv6(host)) throw new MsrpError('invalid-uri', 'Not an IPv6 address in an MSRP URI');
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && port > 65_535) throw new MsrpError('invalid-uri', 'Not a port in an MSRP URI');
  return {
    secure: scheme.toLowerCase() === 'msrps',
    userinfo,
    host,
    port,
    sessionId,
    transport: transport.toLowerCase(),
    parameters: parameterText
      .split(';')
      .slice(1)
      .map((parameter) => {
        const equals = parameter.indexOf('=');
        return equals < 0 ? [parameter, undefined] : [parameter.slice(0, equals), parameter.slice(equals + 1)];
      }),
  };
}

/** Writes a URI the one way this library always writes it: lower-case scheme and host, port as given. */
export function formatUri(uri: MsrpUri): string {
  const userinfo = uri.userinfo === undefined ? '' : `${uri.userinfo}@`;
  const host = uri.host.includes(':') ? `[${uri.host}]` : uri.host;
  const port = uri.port === undefined ? '' : `:${uri.port}`;
  const session = uri.sessionId === undefined ? '' : `/${uri.sessionId}`;
  const parameters = uri.parameters.map(([name, value]) => (value === undefined ? `;${name}` : `;${name}=${value}`));
  return `${uri.secure ? 'msrps' : 'msrp'}://${userinfo}${host}${port}${session};${uri.transport}${parameters.join('')}`;
}

/** Compares two URIs by the rules of RFC 4975 §6.1: userinfo and parameters do not count, a port never equals none. */
export function sameUri(a: MsrpUri, b: MsrpUri): boolean {
  return (
    a.secure === b.secure &&
    a.port === b.port &&
    a.sessionId === b.sessionId &&
    a.transport === b.transport &&
    (a.host === b.host || sameAddress(a.host, b.host))
  );
}

/**
 * Reads the value of To-Path, From-Path or the SDP attribute `path`: one or more URIs with a space between.
 *
 * @throws MsrpError `invalid-uri`
 */
export function parsePath(value: string): MsrpUri[] {
  return value.trim().split(/ +/).map(parseUri);
}

/** Writes a path as To-Path, From-Path and the SDP attribute `path` want it. */
export function formatPath(path: readonly MsrpUri[]): string {
  return path.map(formatUri).join(' ');
}

/** RFC 4975 §6.1 rule 2: addresses are compared as addresses, so `::1` equals `0:0:0:0:0:0:0:1`. */
function sameAddress(a: string, b: string): boolean {
  return isIPv6(a) && isIPv6(b) && expandIPv6(a) === expandIPv6(b);
}

function expandIPv6(address: string): string {
  // the URL parser of the platform knows the canonical form (RFC 5952)
  return new URL(`http://[${address}]/`).hostname;
}

function decodeUnreserved(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (whole, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return /[\w.~-]/.test(character) ? character : whole;
  });
}
