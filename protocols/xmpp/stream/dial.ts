import { lookup } from 'node:dns';
import * as net from 'node:net';
import { ProviderError } from '../../contract/index.ts';

const faultOf = (cause: Error & { code?: string }): ProviderError => {
  if (cause instanceof ProviderError) return cause;
  const unknown = cause.code === 'ENOTFOUND' || cause.code === 'EAI_AGAIN';
  return new ProviderError(unknown ? 'host-unknown' : 'unreachable', {
    retryable: true,
    protocolCode: cause.code,
    cause,
  });
};

const refused = (): ProviderError => new ProviderError('policy', { protocolCode: 'private-address' });

/** Resolves a name as Node does, to the permitted ones of its addresses. */
const lookupOf =
  (permits: (address: string) => boolean): net.LookupFunction =>
  (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (cause, addresses) => {
      if (cause) {
        callback(cause, '');
        return;
      }
      const permitted = addresses.filter(({ address }) => permits(address));
      const [first] = permitted;
      if (!first) callback(refused(), '');
      else if (options.all) callback(null, permitted);
      else callback(null, first.address, first.family);
    });
  };

/**
 * A connected TCP socket, or `host-unknown`, `unreachable`, `timeout`, all retryable; `cancelled` by the signal; `policy`
 * when none of the host's addresses is permitted.
 */
export const dial = (
  host: string,
  port: number,
  timeout: number,
  signal: AbortSignal,
  permits: (address: string) => boolean = () => true,
): Promise<net.Socket> =>
  new Promise((resolve, reject) => {
    if (net.isIP(host) && !permits(host)) {
      reject(refused());
      return;
    }
    const lookup = lookupOf(permits);
    const socket = net.connect({ host, port, noDelay: true, autoSelectFamily: true, lookup });
    const settle = (error?: ProviderError): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.off('connect', onConnect).off('error', onError);
      if (error) {
        socket.on('error', () => {});
        socket.destroy();
        reject(error);
      } else resolve(socket);
    };
    const onConnect = (): void => settle();
    const onError = (cause: Error): void => settle(faultOf(cause));
    const onAbort = (): void => settle(new ProviderError('cancelled'));
    const timer = setTimeout(
      () => settle(new ProviderError('timeout', { retryable: true, detail: 'connect' })),
      timeout,
    );
    socket.once('connect', onConnect).once('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
