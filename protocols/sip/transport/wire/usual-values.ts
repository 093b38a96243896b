import { NameAddrHeader, URI } from 'sip.js';

/*
 * What nearly all header values look like. Each pattern is narrower than sip.js's grammar: escapes, IPv6, folds and lists are left to
 * it, and so are names it gives a meaning of their own, or stumbles over because another begins with them (`lr` and `lrx`). None
 * repeats within a repetition over the same characters, so a value costs no more than its length.
 */
const TOKEN = "[\\w\\-.!%*+`'~]+";
const QUOTED = '"[^"\\\\\\x00-\\x1f\\x7f]*"';
const IPV4 = '(?:\\b(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)\\b\\.?){4}(?<!\\.)';
const DOMAIN = '(?:[a-z][a-z\\d]*(?:-[a-z\\d]+)*)(?:\\.[a-z][a-z\\d]*(?:-[a-z\\d]+)*)*';
const HOST_PORT = `(${IPV4}|${DOMAIN})(?::(\\d{1,5}))?`;
const OTHER_URI_PARAMETER = "(?!transport|user|method|ttl|maddr|lr|__)[\\w.-]+(?:=[\\w\\-.!~*'+:]+)?";
const URI_PARAMETER = `;(?:transport=(?:tcp|udp|tls)|lr(?:=on)?|${OTHER_URI_PARAMETER})`;
const SIP_URI = `(sip):(?:([\\w\\-.!~*'+]+)@)?${HOST_PORT}((?:${URI_PARAMETER})*)`;
const OTHER_PARAMETER = `(?!tag|expires|q|__)${TOKEN}(?:=(?:${TOKEN}|${QUOTED}))?`;
const PARAMETER = `;(?:tag=${TOKEN}|expires=(?:0|[1-9]\\d{0,8})|${OTHER_PARAMETER})`;
const OTHER_VIA_PARAMETER = `(?!branch|rport|received|ttl|maddr|__)${TOKEN}(?:=${TOKEN})?`;
const VIA_PARAMETER = `;(?:branch=${TOKEN}|rport(?:=\\d{1,5})?|received=${IPV4}|${OTHER_VIA_PARAMETER})`;
const METHOD = 'ACK|BYE|CANCEL|INVITE|MESSAGE|NOTIFY|OPTIONS|PUBLISH|REFER|REGISTER|SUBSCRIBE';
const CALL_ID_WORD = '[\\w\\-.!%*+~]+';
const MEDIA_PARAMETER = `; ?[a-z]+=(?:[\\w\\-.+]+|"[\\w\\-.+/ ]*")`;
const whole = (pattern: string): RegExp => new RegExp(`^${pattern}$`, 'i');

const URI_VALUE = whole(SIP_URI);
const NAME_ADDRESS = whole(`(?:(${QUOTED}) ?)?<${SIP_URI}>((?:${PARAMETER})*)`);
const VIA = whole(`(SIP)/2\\.0/(TCP|UDP|TLS) ${HOST_PORT}((?:${VIA_PARAMETER})*)`);
const REQUEST_LINE = new RegExp(`^(${METHOD}) (\\S+) SIP/2\\.0$`);
const STATUS_LINE = /^SIP\/2\.0 ([1-6]\d\d) ([\w .,'-]*)$/;
const CSEQ = new RegExp(`^(\\d{1,10}) (${METHOD})$`);
const CALL_ID = new RegExp(`^${CALL_ID_WORD}(?:@${CALL_ID_WORD})?$`);
const CONTENT_TYPE = whole(`(?:text|application|message|multipart)/[\\w\\-.+]+(?:${MEDIA_PARAMETER})*`);
const NUMBER = /^\d{1,9}$/;

/** sip.js's types do not know that a value, a user and a display name may be missing, its grammar does. */
type Parameters = Record<string, string>;

/** Undefined when one comes twice (RFC 3261 §7.3.1 forbids it, the grammar has ways of its own with it). */
const parametersOf = (text: string): Parameters | undefined => {
  const parameters: Parameters = {};
  for (const [, name = '', value] of text.matchAll(/;([^;=]+)(?:=("[^"]*"|[^;]*))?/g)) {
    const key = name.toLowerCase();
    if (Object.hasOwn(parameters, key)) return undefined;
    parameters[key] = value as string;
  }
  return parameters;
};

const uriOf = ([scheme, user, host = '', port, tail = '']: readonly (string | undefined)[]): URI | undefined => {
  const parameters = parametersOf(tail);
  if (!parameters) return undefined;
  if (parameters.transport) parameters.transport = parameters.transport.toLowerCase();
  // the grammar drops what is said of it
  if ('lr' in parameters) parameters.lr = undefined as unknown as string;
  return new URI(scheme, user as string, host, port === undefined ? undefined : Number(port), parameters);
};

const uriValueOf = (value: string): URI | undefined => {
  const match = URI_VALUE.exec(value);
  return match ? uriOf(match.slice(1)) : undefined;
};

const nameAddressOf = (value: string): NameAddrHeader | undefined => {
  const match = NAME_ADDRESS.exec(value);
  if (!match) return undefined;
  const uri = uriOf(match.slice(2));
  const parameters = parametersOf(match[7] ?? '');
  return uri && parameters && new NameAddrHeader(uri, match[1]?.slice(1, -1) as string, parameters);
};

/** The tag stands last. */
const taggedOf = (value: string): NameAddrHeader | undefined => {
  const parsed = nameAddressOf(value);
  const tag = parsed?.deleteParam('tag');
  if (tag) parsed?.setParam('tag', tag);
  return parsed;
};

const numberOf = (value: string): number | undefined => (NUMBER.test(value) ? Number(value) : undefined);

const viaOf = (value: string): object | undefined => {
  const match = VIA.exec(value);
  if (!match) return undefined;
  const [, protocol, transport, host = '', port, tail = ''] = match;
  const parameters = parametersOf(tail);
  if (!parameters) return undefined;
  const { branch, received, ...others } = parameters;
  const { rport, ...rest } = others;
  const params = rport === undefined ? others : rest;
  return {
    protocol,
    transport,
    host,
    // that of the last address in it
    host_type: received !== undefined || /^[\d.]+$/.test(host) ? 'IPv4' : 'domain',
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(branch === undefined ? {} : { branch }),
    ...(received === undefined ? {} : { received }),
    ...(rport === undefined ? {} : { rport }),
    ...(Object.keys(params).length > 0 ? { params } : {}),
  };
};

const firstLineOf = (line: string): object | undefined => {
  const status = STATUS_LINE.exec(line);
  if (status) return { sip_version: 'SIP/2.0', status_code: Number(status[1]), reason_phrase: status[2] };
  const request = REQUEST_LINE.exec(line);
  const uri = uriValueOf(request?.[2] ?? '');
  return uri?.user ? { method: request?.[1], uri, sip_version: 'SIP/2.0' } : undefined;
};

const cseqOf = (value: string): object | undefined => {
  const match = CSEQ.exec(value);
  return match ? { value: Number(match[1]), method: match[2] } : undefined;
};

const contactOf = (value: string): object[] | undefined => {
  const parsed = nameAddressOf(value);
  return parsed && [{ position: value.length, offset: 0, parsed }];
};

/** By rule of the grammar. */
const READERS = new Map<string, (value: string) => unknown>(
  Object.entries({
    Call_ID: (value) => (CALL_ID.test(value) ? value : undefined),
    Contact: contactOf,
    Content_Length: numberOf,
    Content_Type: (value) => (CONTENT_TYPE.test(value) ? value : undefined),
    CSeq: cseqOf,
    From: taggedOf,
    Max_Forwards: numberOf,
    Name_Addr_Header: nameAddressOf,
    Request_Response: firstLineOf,
    SIP_URI: uriValueOf,
    To: taggedOf,
    Via: viaOf,
  }),
);

/**
 * Reads a value that looks as usual, exactly as sip.js's grammar would; undefined when it does not, which says nothing about whether
 * the grammar takes it.
 *
 * @example readUsual('1 MESSAGE', 'CSeq') // { value: 1, method: 'MESSAGE' }
 */
export const readUsual = (value: string, rule: string): unknown => READERS.get(rule)?.(value);
