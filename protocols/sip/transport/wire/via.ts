import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Flow, FlowProtocol, Target } from '../network.ts';
import type { MessageHead } from './message-head.ts';

/**
 * The constant host sip.js writes into every Via and wants back in every answer. What goes on the wire is the real
 * address; the transport swaps them.
 */
export const VIA_HOST = 'client.invalid';

/** An address as host in a URI or Via. */
export const hostText = (address: string): string => (isIPv6(address) ? `[${address}]` : address);

/** The topmost Via as sip.js wrote it, with the real transport and sent-by. */
export const viaForWire = (via: string, protocol: FlowProtocol, local: { address: string; port: number }): string =>
  via.replace(/^SIP\/2\.0\/\S+\s+[^;]+/i, `SIP/2.0/${protocol} ${hostText(local.address)}:${local.port}`);

/** The topmost Via of an answer as sip.js expects it: it drops answers whose host differs or that have a port. */
export const viaForCore = (via: string): string =>
  via.replace(/^(SIP\s*\/\s*2\.0\s*\/\s*\S+\s+)[^;]+/i, `$1${VIA_HOST}`);

/** Target of a request: the first Route with `lr`, else the Request-URI (RFC 3261 §8.1.2). Undefined when unreadable. */
export const targetOf = (requestUri: string, route: string | undefined): Target | undefined => {
  const uri = route ? (/<([^<>]*)>/.exec(route)?.[1] ?? route) : requestUri;
  const match = /^sips?:(?:([^@]*)@)?(\[[^\]]+\]|[^:;?]+)(?::(\d+))?([^?]*)/i.exec(uri);
  if (!match?.[2]) return undefined;
  return {
    user: match[1],
    host: match[2].replace(/^\[|\]$/g, ''),
    port: match[3] ? Number(match[3]) : undefined,
    transport: /;transport=([^;]+)/i.exec(match[4] ?? '')?.[1]?.toLowerCase(),
  };
};

/** Where an answer goes when the flow its request came over is gone (RFC 3261 §18.2.2, RFC 3581 §4). */
export const responseTarget = (via: string): Target | undefined => {
  const match = /^SIP\s*\/\s*2\.0\s*\/\s*(\S+)\s+(\[[^\]]+\]|[^:;\s]+)(?::(\d+))?/i.exec(via);
  if (!match?.[2]) return undefined;
  const received = /;\s*received=([^;,\s]+)/i.exec(via)?.[1];
  const rport = /;\s*rport=(\d+)/i.exec(via)?.[1];
  return {
    host: (received ?? match[2]).replace(/^\[|\]$/g, ''),
    port: rport ? Number(rport) : match[3] ? Number(match[3]) : undefined,
    transport: match[1]?.toLowerCase(),
  };
};

const SENT_BY = /^SIP\s*\/\s*2\.0\s*\/\s*\S+\s+([^;]+)/i;

/**
 * The topmost Via of a request with where it really came from (RFC 3261 §18.2.1, RFC 3581 §4). What the sender itself wrote
 * there is nothing to go by.
 */
export const markSource = (via: string, { remote }: Pick<Flow, 'remote'>): string => {
  const asked = /;\s*rport\s*(?:[=;]|$)/i.test(via);
  const host = SENT_BY.exec(via)?.[1]
    ?.trim()
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '');
  const bare = via.replace(/;\s*(?:received|rport)\s*(?:=[^;]*)?(?=;|$)/gi, '').trimEnd();
  const port = asked ? `;rport=${remote.port}` : '';
  return asked || host !== remote.address ? `${bare}${port};received=${remote.address}` : bare;
};

const BRANCH = /(;\s*branch\s*=\s*)([^\s;,]+)/i;
const NO_BRANCH = 'none';

/**
 * The topmost Via of a request as sip.js gets it. sip.js tells transactions apart by the branch alone, so what else does joins
 * the branch: who wrote it and the method (RFC 3261 §17.2.3); and for peers from before RFC 3261, whose branch says nothing or
 * is not there, what they go by.
 */
export const requestViaForCore = (head: MessageHead): string => {
  const via = head.get('via') ?? '';
  const [, start, branch] = BRANCH.exec(via) ?? [];
  // an ACK and a CANCEL belong to their INVITE
  const facts = [SENT_BY.exec(via)?.[1]?.trim(), /^(?:ACK|CANCEL)$/.test(head.method) ? 'INVITE' : head.method];
  if (!branch?.startsWith('z9hG4bK')) {
    const tag = /;\s*tag\s*=\s*([^\s;]+)/i.exec(head.get('from') ?? '')?.[1];
    facts.push(branch, head.get('call-id'), head.get('cseq')?.split(/\s/, 1)[0], tag);
  }
  const mark = createHash('sha256').update(facts.join('\n')).digest('hex').slice(0, 16);
  return branch ? via.replace(BRANCH, `${start}${branch}.${mark}`) : `${via};branch=${NO_BRANCH}.${mark}`;
};

/** As the request had it. */
export const requestViaForWire = (via: string): string =>
  via.replace(BRANCH, (_all, start: string, branch: string) => {
    const own = branch.replace(/\.[0-9a-f]{16}$/, '');
    return own === NO_BRANCH ? '' : `${start}${own}`;
  });
