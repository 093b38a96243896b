import type { ClientRequest, IncomingMessage } from 'node:http';
import { type ByteSink, ProviderError } from '../../contract/index.ts';
import { type HttpRules, openRequest, permittedUrl, responseOf, statusError, transportError } from './http.ts';

const MAXIMUM_REDIRECTS = 5;

export interface DownloadOptions {
  url: URL;
  /** First byte wanted. */
  from: number;
  /** Bytes of the whole file as offered; a hard limit when known. */
  size: number | undefined;
  sink: ByteSink;
  signal: AbortSignal;
  onStart: () => void;
  /** Bytes that are in the sink, with those that were there before. */
  onBytes: (bytes: number) => void;
}

interface Opened {
  request: ClientRequest;
  response: IncomingMessage;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

const open = async ({ url, from, signal }: DownloadOptions, rules: HttpRules): Promise<Opened> => {
  let place = url;
  for (let hop = 0; hop <= MAXIMUM_REDIRECTS; hop++) {
    const headers = {
      Accept: '*/*',
      // an encoding would make the bytes others than those that were hashed
      'Accept-Encoding': 'identity',
      ...(from > 0 ? { Range: `bytes=${from}-` } : {}),
    };
    const request = await openRequest(place, { method: 'GET', headers, signal }, rules);
    request.end();
    const response = await responseOf(request);
    if (!REDIRECTS.has(response.statusCode ?? 0)) return { request, response };
    request.destroy();
    const next = permittedUrl(new URL(response.headers.location ?? '', place).href, rules);
    // never out of TLS into the open
    if (!next) throw new ProviderError('policy', { protocolCode: 'redirect' });
    place = next;
  }
  throw new ProviderError('policy', { protocolCode: 'redirect' });
};

/** Where the bytes of this answer begin, and how long the whole file is, if it says. RFC 9110 §14.4. */
const extentOf = (response: IncomingMessage, from: number): { begin: number; total: number | undefined } => {
  const length = response.headers['content-length'];
  if (response.statusCode === 200) return { begin: 0, total: length === undefined ? undefined : Number(length) };
  if (response.statusCode !== 206) throw statusError(response.statusCode ?? 0);
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers['content-range'] ?? '');
  if (!range || Number(range[1]) > from) throw new ProviderError('malformed', { protocolCode: 'content-range' });
  return { begin: Number(range[1]), total: range[2] === '*' ? undefined : Number(range[2]) };
};

/**
 * Fetches a file from `from` on into the sink, as fast as the sink takes it. More or other bytes than offered are
 * `size-mismatch`, and none of them is written. A server that does not know ranges sends all again; what we have is skipped.
 */
export const download = async (options: DownloadOptions, rules: HttpRules): Promise<void> => {
  const { from, size, sink, signal, onStart, onBytes } = options;
  // nothing is left to fetch, and an empty range cannot be asked for (RFC 9110 §14.1.1)
  if (size !== undefined && from === size && from > 0) {
    onStart();
    return;
  }
  const { request, response } = await open(options, rules);
  try {
    const { begin, total } = extentOf(response, from);
    if (size !== undefined && total !== undefined && total !== size) throw new ProviderError('size-mismatch');
    const expected = size ?? total;
    onStart();
    let position = begin;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      const skip = Math.min(chunk.length, Math.max(0, from - position));
      const end = position + chunk.length;
      if (expected !== undefined && end > expected) throw new ProviderError('size-mismatch');
      if (skip < chunk.length) await sink.write(chunk.subarray(skip), position + skip);
      position = end;
      if (position > from) onBytes(position);
    }
    if (signal.aborted) throw new ProviderError('cancelled');
    if (expected !== undefined && position !== expected) throw new ProviderError('size-mismatch');
  } catch (cause) {
    throw transportError(cause);
  } finally {
    request.destroy();
  }
};
