import net, { type Socket } from 'node:net';
import tls from 'node:tls';
import { ProviderError } from '../../contract/index.ts';
import { refusalOf, type TlsTrust, tlsOptions } from './tls-trust.ts';

export interface StreamTarget {
  address: string;
  port: number;
  /** Present: TLS. */
  trust?: TlsTrust | undefined;
}

/** Called when the TCP connection stands and TLS begins. */
type Securing = () => void;

/**
 * A connected socket ready for SIP: TCP, or TLS with a believed certificate. Rejects with `unreachable`, `timeout`,
 * `not-this-protocol` (no TLS spoken there), `tls-untrusted` or, when aborted, `cancelled`.
 */
export const connectStream = (
  target: StreamTarget,
  options: { timeout: number; signal: AbortSignal; onSecuring?: Securing },
): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const plain = net.connect({ host: target.address, port: target.port });
    let socket: Socket = plain;
    const settle = (error: ProviderError | undefined): void => {
      clearTimeout(timer);
      options.signal.removeEventListener('abort', onAbort);
      for (const each of new Set([plain, socket])) {
        each.removeAllListeners('error');
        each.removeAllListeners('close');
        // a socket may still report a fault after it was given up
        if (error) each.on('error', () => {}).destroy();
      }
      if (error) reject(error);
      else resolve(socket);
    };
    const onAbort = (): void => settle(new ProviderError('cancelled'));
    const timer = setTimeout(() => settle(new ProviderError('timeout', { retryable: true })), options.timeout);
    options.signal.addEventListener('abort', onAbort, { once: true });
    if (options.signal.aborted) onAbort();
    plain.once('error', (error: NodeJS.ErrnoException) =>
      settle(new ProviderError('unreachable', { protocolCode: error.code, retryable: true, cause: error })),
    );
    plain.once('connect', () => {
      const { trust } = target;
      if (!trust) return settle(undefined);
      options.onSecuring?.();
      const name = trust.names.find((each) => net.isIP(each) === 0);
      const secured = tls.connect({ ...tlsOptions(trust), socket: plain, ...(name ? { servername: name } : {}) });
      socket = secured;
      const broken = (error?: NodeJS.ErrnoException): void =>
        settle(new ProviderError('not-this-protocol', { protocolCode: error?.code, retryable: true, cause: error }));
      plain.removeAllListeners('error').on('error', broken);
      secured.once('error', broken).once('close', () => broken());
      secured.once('secureConnect', () => settle(refusalOf(secured, trust, trust.names[0] ?? target.address)));
    });
  });
