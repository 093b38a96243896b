import net, { type Socket } from 'node:net';
import tls, { type TLSSocket } from 'node:tls';
import { ProviderError } from '../../contract/index.ts';
import { refusalOf, type TlsTrust, tlsOptions } from './tls-trust.ts';

export interface StreamTarget {
  address: string;
  port: number;
  /** Present: TLS, and whose certificates are believed. */
  trust?: TlsTrust | undefined;
  /** TLS where certificates are not judged by authorities. */
  security?: StreamSecurity;
}

/** How one TLS connection is made and judged. */
export interface StreamSecurity {
  options: tls.ConnectionOptions;
  /** Undefined when the other end has the right identity. Nothing is sent before. */
  refusalOf: (socket: TLSSocket) => ProviderError | undefined;
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
    const { trust } = target;
    const security = target.security ?? (trust && byAuthority(trust, target.address));
    const to = { host: target.address, port: target.port };
    const secured = security && tls.connect({ ...security.options, ...to });
    const socket: Socket = secured ?? net.connect(to);
    let connected = false;
    const settle = (error: ProviderError | undefined): void => {
      clearTimeout(timer);
      options.signal.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError).removeListener('close', onError);
      if (!error) {
        resolve(socket);
        return;
      }
      // a socket may still report a fault after it was given up
      socket.on('error', () => {}).destroy();
      reject(error);
    };
    const onAbort = (): void => settle(new ProviderError('cancelled'));
    const onError = (cause?: unknown): void => {
      const { code } = (cause instanceof Error ? cause : {}) as NodeJS.ErrnoException;
      const facts = { protocolCode: code, retryable: true, cause };
      settle(new ProviderError(connected ? 'not-this-protocol' : 'unreachable', facts));
    };
    const timer = setTimeout(() => settle(new ProviderError('timeout', { retryable: true })), options.timeout);
    options.signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError).once('close', onError);
    socket.once('connect', () => {
      connected = true;
      if (secured) options.onSecuring?.();
      else settle(undefined);
    });
    if (secured) secured.once('secureConnect', () => settle(security.refusalOf(secured)));
    if (options.signal.aborted) onAbort();
  });

const byAuthority = (trust: TlsTrust, address: string): StreamSecurity => {
  const names = [trust.domain ?? [], trust.names].flat();
  const name = names.find((each) => net.isIP(each) === 0);
  return {
    options: { ...tlsOptions(trust), ...(name ? { servername: name } : {}) },
    refusalOf: (socket) => refusalOf(socket, trust, names[0] ?? address),
  };
};
