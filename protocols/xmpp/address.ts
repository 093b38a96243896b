import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { type Address, ProviderError } from '../contract/index.ts';

const MAXIMUM_PART_BYTES = 1023;
// RFC 7622 §3.3.1 forbids these in a localpart, §3.2 and PRECIS the spaces and control characters everywhere
const LOCAL_FORBIDDEN = /["&'/:<>@\s\p{Cc}]/u;
const RESOURCE_FORBIDDEN = /\p{Cc}/u;

export interface Jid {
  /** `local@domain`, lower case, or the domain alone. */
  bare: string;
  domain: string;
  resource: string;
}

const fits = (part: string): boolean => part.length > 0 && Buffer.byteLength(part) <= MAXIMUM_PART_BYTES;

const parseDomain = (text: string): string | undefined => {
  const domain = text.replace(/\.$/, '').normalize('NFC').toLowerCase();
  const host = domain.startsWith('[') ? domain.slice(1, -1) : domain;
  if (isIP(host)) return host;
  return fits(domain) && !/[\s\p{Cc}_]/u.test(domain) && domainToASCII(domain) ? domain : undefined;
};

/** RFC 7622 §3.1: a JID in its three parts, prepared for comparison; undefined when it is none. */
export const parseJid = (text: string | undefined): Jid | undefined => {
  if (!text) return undefined;
  const slash = text.indexOf('/');
  const resource = slash === -1 ? '' : text.slice(slash + 1);
  const whole = slash === -1 ? text : text.slice(0, slash);
  if (slash !== -1 && (!fits(resource) || RESOURCE_FORBIDDEN.test(resource))) return undefined;
  const at = whole.indexOf('@');
  const local = at === -1 ? '' : whole.slice(0, at).normalize('NFC').toLowerCase();
  if (at !== -1 && (!fits(local) || LOCAL_FORBIDDEN.test(local))) return undefined;
  const domain = parseDomain(whole.slice(at + 1));
  if (domain === undefined) return undefined;
  return { bare: local ? `${local}@${domain}` : domain, domain, resource };
};

/** The bare JID of an `xmpp:` address. */
export const bareJidOf = (address: Address): string => address.replace(/^xmpp:/i, '');

export const addressOf = (bareJid: string): Address => `xmpp:${bareJid}`;

/**
 * What a person typed, as `xmpp:local@domain`. RFC 5122: the scheme, a query and percent-escapes are understood; a
 * resource is dropped.
 *
 * @example parseAddress('Ana@Campus.test') // 'xmpp:ana@campus.test'
 */
export const parseAddress = (text: string): Address | ProviderError => {
  let rest = text.trim();
  const scheme = /^xmpp:(?:\/\/[^/]*\/)?/i.exec(rest);
  if (scheme) {
    rest = rest.slice(scheme[0].length).replace(/[?#].*$/, '');
    try {
      rest = decodeURIComponent(rest);
    } catch (cause) {
      return new ProviderError('address-invalid', { cause });
    }
  }
  const jid = parseJid(rest);
  return jid?.bare.includes('@') ? addressOf(jid.bare) : new ProviderError('address-invalid');
};
