import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { ProviderError } from '../../contract/index.ts';
import { connectStream } from '../transport/connect-stream.ts';
import type { TlsTrust } from '../transport/tls-trust.ts';

export interface HttpRequest {
  method: 'GET' | 'PUT' | 'DELETE';
  url: URL;
  headers: OutgoingHttpHeaders;
  body?: string | undefined;
}

export interface HttpAnswer {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface HttpRules {
  trust: TlsTrust;
  /** Milliseconds for all of it, from the first packet to the last byte. */
  timeout: number;
  /** Bytes of an answer. */
  maximum: number;
  signal: AbortSignal;
}

/** How the host of a URL is written for a socket: IPv6 without brackets. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');

/**
 * One HTTP/1.1 request over a connection of its own, whose certificate is judged before anything is sent. Follows no
 * redirect and unpacks nothing. Rejects with a `ProviderError`: those of `connectStream`, `timeout`, `network`, `too-big`
 * (more than `maximum`), `malformed` (not HTTP, or not UTF-8), `cancelled`.
 */
export const exchange = async (asked: HttpRequest, rules: HttpRules): Promise<HttpAnswer> => {
  const { url, method, body } = asked;
  const { timeout, signal } = rules;
  const isSecure = url.protocol === 'https:';
  const address = hostOf(url);
  const port = Number(url.port) || (isSecure ? 443 : 80);
  const deadline = AbortSignal.timeout(timeout);
  const target = { address, port, ...(isSecure ? { trust: rules.trust } : {}) };
  const socket = await connectStream(target, { timeout, signal });
  return new Promise((resolve, reject) => {
    const end = (error: ProviderError | undefined, answer?: HttpAnswer): void => {
      signal.removeEventListener('abort', onAbort);
      deadline.removeEventListener('abort', onLate);
      socket.destroy();
      if (answer) resolve(answer);
      else reject(error ?? new ProviderError('network', { retryable: true }));
    };
    const onAbort = (): void => end(new ProviderError('cancelled'));
    const onLate = (): void => end(new ProviderError('timeout', { retryable: true }));
    signal.addEventListener('abort', onAbort);
    deadline.addEventListener('abort', onLate);
    const request = httpRequest({
      createConnection: () => socket,
      host: address,
      method,
      path: url.pathname,
      headers: {
        Host: url.host,
        Connection: 'close',
        'Accept-Encoding': 'identity',
        'User-Agent': 'AIMS',
        ...asked.headers,
        ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }),
      },
    });
    request.on('error', (cause) => end(faultOf(cause)));
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > rules.maximum) end(new ProviderError('too-big'));
        else chunks.push(chunk);
      });
      response.on('error', (cause) => end(faultOf(cause)));
      response.on('end', () => {
        const encoding = response.headers['content-encoding'] ?? 'identity';
        const text = encoding === 'identity' ? utf8(Buffer.concat(chunks)) : undefined;
        if (text === undefined) end(new ProviderError('malformed'));
        else end(undefined, { status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    request.end(body);
    if (signal.aborted) onAbort();
    else if (deadline.aborted) onLate();
  });
};

/** node:http's own parser errors begin so. */
const faultOf = (cause: NodeJS.ErrnoException): ProviderError =>
  cause.code?.startsWith('HPE_')
    ? new ProviderError('malformed', { protocolCode: cause.code, cause })
    : new ProviderError('network', { protocolCode: cause.code, retryable: true, cause });

const utf8 = (bytes: Buffer): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
};
