import { isIPv6 } from 'node:net';
import type { FlowProtocol, Target } from '../network.ts';

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
  const uri = route ? (/<([^>]*)>/.exec(route)?.[1] ?? route) : requestUri;
  const match = /^sips?:(?:[^@]*@)?(\[[^\]]+\]|[^:;?]+)(?::(\d+))?([^?]*)/i.exec(uri);
  if (!match?.[1]) return undefined;
  return {
    host: match[1].replace(/^\[|\]$/g, ''),
    port: match[2] ? Number(match[2]) : undefined,
    transport: /;transport=([^;]+)/i.exec(match[3] ?? '')?.[1]?.toLowerCase(),
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
