import * as http from 'node:http';
import { ProviderError } from '../../contract/index.ts';
import { dial } from '../stream/dial.ts';
import { secure, type Trust } from '../stream/secure-socket.ts';
import type { Destinations } from './destinations.ts';

export interface HttpRules {
  trust: Trust;
  destinations: Destinations;
  /** Milliseconds without a byte after which an exchange is given up. */
  timeout: number;
}

const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');

/** The URL when we may fetch from it or send to it: https (XEP-0363 §4), and no address within that is not ours. */
export const permittedUrl = (text: string, { destinations }: Pick<HttpRules, 'destinations'>): URL | undefined => {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return undefined;
  }
  if (url.protocol !== 'https:' || url.username || url.password) return undefined;
  return destinations.mayName(hostOf(url)) ? url : undefined;
};

/** What a status other than success means for a file that is fetched. */
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
  { trust, destinations, timeout }: HttpRules,
): Promise<http.ClientRequest> => {
  const host = hostOf(url);
  // the very address that is connected to is judged: a name may have another one at every question
  const plain = await dial(host, Number(url.port) || 443, timeout, signal, (address) =>
    destinations.permits(host, address),
  );
  const socket = await secure(plain, { trust, host, protocol: 'http/1.1', timeout });
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
