/**
 * A normalised address URI: lower-case scheme and host, no display name, no parameters, no resource, percent-escapes
 * decoded where the scheme allows. `sip:ana@campus.test`, `xmpp:ana@campus.test`. Equal people have equal strings.
 */
export type Address = string;

/** The scheme of an address without the colon. */
export const schemeOf = (address: Address): string => address.slice(0, Math.max(0, address.indexOf(':')));

/** What a person types and reads: `ana@campus.test`. */
export const bareOf = (address: Address): string => address.slice(address.indexOf(':') + 1);

/** The part before the at-sign; of an address without one, which is a service, the host. */
export const userOf = (address: Address): string => bareOf(address).split('@', 1)[0] ?? '';

/** The part after the at-sign. */
export const domainOf = (address: Address): string => {
  const bare = bareOf(address);
  return bare.slice(bare.lastIndexOf('@') + 1);
};
