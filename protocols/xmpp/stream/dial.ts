import * as net from 'node:net';
import { ProviderError } from '../../contract/index.ts';

const faultOf = (cause: Error & { code?: string }): ProviderError => {
  const unknown = cause.code === 'ENOTFOUND' || cause.code === 'EAI_AGAIN';
  return new ProviderError(unknown ? 'host-unknown' : 'unreachable', {
    retryable: true,
    protocolCode: cause.code,
    cause,
  });
};

/** A connected TCP socket, or `host-unknown`, `unreachable`, `timeout`, all retryable; `cancelled` by the signal. */
export const dial = (host: string, port: number, timeout: number, signal: AbortSignal): Promise<net.Socket> =>
  new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, noDelay: true, autoSelectFamily: true });
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
