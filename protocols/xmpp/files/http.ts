import * as http from 'node:http';
import { BlockList, isIP } from 'node:net';
import { ProviderError } from '../../contract/index.ts';
import { dial } from '../stream/dial.ts';
import { secure, type Trust } from '../stream/secure-socket.ts';

export interface HttpRules {
  trust: Trust;
  /** The host a person typed in for this account: the only one, beside this machine, spoken to without TLS. */
  serverHost: string | undefined;
  /** Milliseconds without a byte after which an exchange is given up. */
  timeout: number;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');

const isLoopback = (host: string): boolean => {
  const family = isIP(host);
  return family ? LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4') : host === 'localhost';
};

/** The URL when we may fetch from it or send to it: https, or http on this machine and on the account's own server. */
export const permittedUrl = (text: string, { serverHost }: Pick<HttpRules, 'serverHost'>): URL | undefined => {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return undefined;
  }
  if (url.username || url.password) return undefined;
  const host = hostOf(url);
  const plain = url.protocol === 'http:' && (isLoopback(host) || host === serverHost?.toLowerCase());
  return url.protocol === 'https:' || plain ? url : undefined;
};

/** What a status other than success means. */
export const statusError = (status: number): ProviderError => {
  const protocolCode = String(status);
  if (status === 404 || status === 410) return new ProviderError('source-missing', { protocolCode });
  if (status === 401 || status === 403) return new ProviderError('permission-denied', { protocolCode });
  if (status === 413) return new ProviderError('too-big', { protocolCode });
  return new ProviderError('server-unavailable', { protocolCode, retryable: status >= 500 || status === 429 });
};

/** A fault of node:http or of a socket as one of ours. */
export const transportError = (cause: unknown): ProviderError =>
  cause instanceof ProviderError ? cause : new ProviderError('network', { retryable: true, cause });

/**
 * Begins one HTTP request over a socket whose certificate has been judged before any header is written. The request is
 * destroyed by the signal and by silence.
 */
export const openRequest = async (
  url: URL,
  { method, headers, signal }: { method: 'GET' | 'PUT'; headers: http.OutgoingHttpHeaders; signal: AbortSignal },
  { trust, timeout }: HttpRules,
): Promise<http.ClientRequest> => {
  const isSecure = url.protocol === 'https:';
  const host = hostOf(url);
  const plain = await dial(host, Number(url.port) || (isSecure ? 443 : 80), timeout, signal);
  const socket = isSecure ? await secure(plain, { trust, host, protocol: 'http/1.1', timeout }) : plain;
  if (signal.aborted) socket.destroy();
  const request = http.request({
    createConnection: () => socket,
    host,
    method,
    path: `${url.pathname}${url.search}`,
    headers: { Host: url.host, ...headers },
    signal,
  });
  request.setTimeout(timeout, () => request.destroy(new ProviderError('timeout', { retryable: true, detail: 'http' })));
  // an error after the last listener has gone must not end the program
  request.on('error', () => {});
  return request;
};

/** The answer to a request, or the fault that came instead. */
export const responseOf = (request: http.ClientRequest): Promise<http.IncomingMessage> =>
  new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.once('error', (cause) => reject(transportError(cause)));
    request.once('close', () => reject(new ProviderError('network', { retryable: true, detail: 'http closed' })));
  });
