import { Grammar, type URI } from 'sip.js';
import { type Address, ProviderError } from '../contract/index.ts';
import { wellFormed } from './header-text.ts';

const USER_UNESCAPED = /[A-Za-z0-9\-_.!~*'()&=+$,;?/]/;
const HOST = /^(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*)$/;

/** RFC 3261 §19.1.2. With it or without, it is the same person. */
const DEFAULT_PORT = 5060;

/** The user part as it goes on the wire: everything RFC 3261 §25.1 does not allow in `user` percent-escaped. */
const escapeUser = (user: string): string =>
  Array.from(wellFormed(user), (c) => (USER_UNESCAPED.test(c) ? c : encodeURIComponent(c))).join('');

const unescapeUser = (user: string): string => {
  try {
    return decodeURIComponent(user);
  } catch {
    return user;
  }
};

/**
 * A typed-in or received text as a normalised SIP address: scheme and host in lower case, user part unescaped, no
 * parameters; a port is kept, since without a server it tells two people on one machine apart. `im:` and `pres:` of the
 * same person become `sip:`. A host alone is an address only with its scheme (RFC 3261 §19.1.1: a service may have no
 * user part); without the scheme it is more likely half of a typed-in address.
 *
 * @example parseSipAddress('Ana@Campus.Test') // 'sip:Ana@campus.test'
 * @example parseSipAddress('sip:gateway.campus.test') // 'sip:gateway.campus.test'
 */
export const parseSipAddress = (text: string): Address | ProviderError => {
  const invalid = new ProviderError('address-invalid');
  const match =
    /^\s*(?:(?:sips?|im|pres):)?(?!(?:sips?|im|pres):@)([^@\s<>"]+)@([^@\s;?<>"/]+?)(?:[;?][^\s<>"]*)?\s*$/i.exec(
      text,
    ) ?? /^\s*sips?:()([^@\s;?<>"/]+?)(?:[;?][^\s<>"@]*)?\s*$/i.exec(text);
  if (match?.[1] === undefined || !match[2]) return invalid;
  const [, host = '', port] = /^(.*?)(?::(\d+))?$/.exec(match[2].toLowerCase()) ?? [];
  if (!HOST.test(host.replace(/\.$/, '')) || (port !== undefined && (Number(port) < 1 || Number(port) > 65535)))
    return invalid;
  const place = `${host.replace(/\.$/, '')}${port && Number(port) !== DEFAULT_PORT ? `:${Number(port)}` : ''}`;
  if (match[1] === '') return `sip:${place}`;
  const user = unescapeUser(match[1].split(':', 1)[0] ?? '');
  // exactly what must not get into a header
  if (user === '' || /[\p{Cc}\s]/u.test(user)) return invalid;
  return `sip:${user}@${place}`;
};

/** The address as a URI is written. Throws `address-invalid`. Parameters of a full URI are kept. */
export const uriText = (address: string): string => {
  const match = /^sip:(?:(.*)@)?([^@]+)$/is.exec(address);
  if (match?.[2] === undefined) throw new ProviderError('address-invalid');
  return match[1] === undefined ? `sip:${match[2]}` : `sip:${escapeUser(match[1])}@${match[2]}`;
};

/** The same in the form sip.js takes. */
export const toSipUri = (address: string): URI => {
  const uri = Grammar.URIParse(uriText(address));
  if (!uri) throw new ProviderError('address-invalid');
  // RFC 3261 §19.1.6: says that the user part is a telephone number
  if (/^\+\d+$/.test(uri.user ?? '')) uri.setParam('user', 'phone');
  return uri;
};

/**
 * The address a received URI stands for. It can always be written to: `toSipUri` takes whatever this gives. RFC 3261
 * §25.1: `userinfo` is optional.
 */
export const addressOfUri = (uri: URI): Address => {
  const place = `${uri.host.toLowerCase()}${uri.port && uri.port !== DEFAULT_PORT ? `:${uri.port}` : ''}`;
  // RFC 3261 §19.1.1: a password may follow the user, and is no part of the identity
  const user = uri.user?.split(':', 1)[0];
  return user ? `sip:${unescapeUser(user)}@${place}` : `sip:${place}`;
};
