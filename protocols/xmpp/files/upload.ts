import type { ClientRequest, OutgoingHttpHeaders } from 'node:http';
import { TLSSocket } from 'node:tls';
import { type ByteSource, ProviderError } from '../../contract/index.ts';
import { NS } from '../namespaces.ts';
import type { IqCaller } from '../session/iq-caller.ts';
import { type Element, xml } from '../stream/xml.ts';
import { safeName } from './file-message.ts';
import { type HttpRules, openRequest, permittedUrl, responseOf, transportError } from './http.ts';

const CHUNK = 128 * 1024;
/** Milliseconds for the service to say that it wants the body; one that says nothing gets it all the same. */
const INVITATION = 250;
/** Below that the question takes longer than the answer spares. */
const ASKED_FROM = 1024 * 1024;
/**
 * What Prosody (0.12) takes at a time. It rests for a millisecond wherever TLS holds more than it took: a record of this
 * size, beginning where the body begins, makes it ten times as fast as one of 16 KiB.
 */
const RECORD = 4096;
const SLOT_NAME = /^.{0,40}/su;
// XEP-0363 §4: these and no others, whatever the service says
const HEADERS = new Set(['authorization', 'cookie', 'expires']);

export interface Slot {
  put: URL;
  headers: OutgoingHttpHeaders;
  /** What the peer is told. */
  get: string;
}

/** What a status other than success means for a file that is sent; a redirect is none that XEP-0363 knows. */
const refusalOf = (status: number): ProviderError =>
  status === 413
    ? new ProviderError('too-big', { protocolCode: status })
    : new ProviderError('store-failed', { protocolCode: status, retryable: status >= 500 || status === 429 });

/** The name as part of an address: Prosody 0.12 refuses one with a slash. The peer learns the real name from the message. */
const slotName = (name: string): string => {
  const safe = safeName(name);
  const extension = /\.[\w-]{1,10}$/.exec(safe)?.[0] ?? '';
  const stem = SLOT_NAME.exec(safe.slice(0, safe.length - extension.length))?.[0] ?? '';
  return `${stem}${extension}`;
};

const headersOf = (put: Element): OutgoingHttpHeaders => {
  const headers: Record<string, string[]> = {};
  for (const element of put.getChildren('header', NS.httpUpload)) {
    const name = element.attrs.name?.trim().toLowerCase() ?? '';
    if (!HEADERS.has(name)) continue;
    // §4: a line end in here would begin a header of somebody else's choice
    const value = element.getText().replace(/[\r\n]/g, '');
    headers[name] = [...(headers[name] ?? []), value];
  }
  return headers;
};

/** Asks the service for a place (XEP-0363 §4). Rejects with `too-big`, `malformed`, or what the service says. */
export const requestSlot = async (
  iq: IqCaller,
  service: string,
  file: { name: string; size: number; type: string },
  rules: HttpRules,
): Promise<Slot> => {
  const child = xml('request', {
    xmlns: NS.httpUpload,
    filename: slotName(file.name),
    size: file.size,
    'content-type': file.type,
  });
  const result = await iq.request({ type: 'get', to: service, child });
  const slot = result.getChild('slot', NS.httpUpload);
  const put = slot?.getChild('put', NS.httpUpload);
  const url = permittedUrl(put?.attrs.url ?? '', rules);
  const get = permittedUrl(slot?.getChild('get', NS.httpUpload)?.attrs.url ?? '', rules);
  if (!put || !url || !get) throw new ProviderError('malformed', { protocolCode: 'slot' });
  return { put: url, headers: headersOf(put), get: get.href };
};

const write = (request: ClientRequest, chunk: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    request.write(chunk, (error) => (error ? reject(transportError(error)) : resolve()));
  });

/** Waits until the service has read the header and wants the body (RFC 9110 §10.1.1), or has answered, or is silent. */
const invited = (request: ClientRequest, answer: Promise<unknown>): Promise<void> =>
  new Promise((resolve) => {
    const limit = setTimeout(resolve, INVITATION);
    const go = (): void => {
      clearTimeout(limit);
      resolve();
    };
    request.once('continue', go);
    answer.then(go, go);
    request.flushHeaders();
  });

/**
 * Streams a source to its slot: the next piece is read when the system took the last one, so memory stays at one piece
 * whatever the size. Rejects with `source-changed` when the source has another length than it said, else with what the
 * transport or the service says; the service may refuse in the middle.
 */
export const upload = async (
  slot: Slot,
  source: ByteSource,
  type: string,
  { signal, onStart, onBytes }: { signal: AbortSignal; onStart: () => void; onBytes: (bytes: number) => void },
  rules: HttpRules,
): Promise<void> => {
  const asks = source.size >= ASKED_FROM;
  const headers = {
    ...slot.headers,
    'Content-Type': type,
    'Content-Length': source.size,
    ...(asks && { Expect: '100-continue' }),
  };
  const request = await openRequest(slot.put, { method: 'PUT', headers, signal }, rules);
  const answer = responseOf(request);
  let early = false;
  answer.then(
    () => {
      early = true;
    },
    () => {},
  );
  try {
    if (asks) await invited(request, answer);
    if (request.socket instanceof TLSSocket) request.socket.setMaxSendFragment(RECORD);
    onStart();
    const buffer = Buffer.allocUnsafe(CHUNK);
    let position = 0;
    while (position < source.size && !early) {
      const read = await source.read(buffer, position);
      if (read === 0 || position + read > source.size) throw new ProviderError('source-changed');
      await write(request, buffer.subarray(0, read)).catch((cause: unknown) => {
        // a server that has refused may close at once; its answer says more than the broken line
        if (!early) throw cause;
      });
      position += read;
      onBytes(position);
    }
    request.end();
    const response = await answer;
    response.resume();
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 299) throw refusalOf(status);
    // a success before the end keeps half a file
    if (position < source.size) throw new ProviderError('store-failed', { protocolCode: status });
  } finally {
    request.destroy();
  }
};
