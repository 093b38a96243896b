import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import tls from 'node:tls';
import type { Logger } from '../../diagnostics/log.ts';
import { MsrpError } from '../../errors.ts';
import type { TlsIdentity } from './tls.ts';

export interface ListenOptions {
  /** Address to listen on. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port?: number;
  /** Host that goes into local paths, where it is not the address listened on. */
  readonly advertisedHost?: string;
  /** With it the listener speaks `msrps`, and asks peers for their certificates. */
  readonly tls?: TlsIdentity;
}

/** A place where peers connect to; any number of sessions share it. */
export interface MsrpListener {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** Takes no more connections; the ones there are stay. */
  close(): void;
}

const HANDSHAKE_TIMEOUT = 15_000;

/** Starts listening. Sockets without TLS are handed over paused. @throws MsrpError `listen-failed` */
export function startListening(
  options: ListenOptions,
  logger: Logger,
  connected: (socket: Socket) => void,
): Promise<MsrpListener> {
  const server: Server =
    options.tls === undefined
      ? net.createServer({ pauseOnConnect: true }, connected)
      : tls.createServer(
          {
            cert: options.tls.cert,
            key: options.tls.key,
            minVersion: 'TLSv1.2',
            handshakeTimeout: HANDSHAKE_TIMEOUT,
            // peers have certificates of their own making: their fingerprints are checked per session (RFC 4975 §14.4)
            requestCert: true,
            rejectUnauthorized: false,
          },
          connected,
        );
  server.on('tlsClientError', (error: Error) => logger('info', 'TLS handshake failed', { reason: error.message }));
  return new Promise((resolve, reject) => {
    const failed = (cause: Error) =>
      reject(new MsrpError('listen-failed', 'The address cannot be listened on', { cause }));
    server.once('error', failed);
    server.listen({ host: options.host, port: options.port ?? 0 }, () => {
      server.removeListener('error', failed);
      server.on('error', (error) => logger('warning', 'listener fault', { reason: error.message }));
      const { port } = server.address() as AddressInfo;
      resolve({
        host: options.advertisedHost ?? options.host,
        port,
        secure: options.tls !== undefined,
        close: () => {
          server.close();
        },
      });
    });
  });
}
