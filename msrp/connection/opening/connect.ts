import net, { isIP, type OnReadOpts, type Socket } from 'node:net';
import tls, { type ConnectionOptions } from 'node:tls';
import type { Clock } from '../../clock.ts';
import { MsrpError } from '../../errors.ts';
import { directReading } from '../direct-socket.ts';
import type { ReadBufferPools } from '../read-buffers.ts';
import type { SocketAndBuffers } from '../transport.ts';
import type { TlsIdentity } from './tls.ts';

/** How the certificate of the other side is judged. */
export type TlsTrust =
  /** By name and authority, as for relays (RFC 4976 §9.2); `ca` adds authorities to those of the system. */
  | { readonly kind: 'authority'; readonly serverName: string; readonly ca: readonly string[] }
  /** By fingerprint, as for peers: the caller checks it once connected (RFC 4975 §14.4). */
  | { readonly kind: 'fingerprint' };

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  readonly readBuffers: ReadBufferPools;
  /** Milliseconds until connection and handshake must be there. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  readonly tls: { readonly trust: TlsTrust; readonly identity: TlsIdentity | undefined } | undefined;
}

/**
 * Opens a connection, with TLS 1.2 or later where asked for.
 *
 * @throws MsrpError `connect-failed`, `connect-timeout`, `tls-untrusted`, `aborted`
 */
export function openSocket(options: ConnectOptions): Promise<SocketAndBuffers> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(new MsrpError('aborted', 'Connecting was called off'));
      return;
    }
    const { host, port } = options;
    const { onread, direct } = directReading(options.readBuffers);
    const socket: Socket =
      options.tls === undefined
        ? net.connect({ host, port, noDelay: true, onread })
        : tls.connect(tlsOptions(options.tls, { host, port, onread }));
    const finish = (settle: () => void) => {
      timer.cancel();
      signal?.removeEventListener('abort', abort);
      socket.removeListener('error', failed);
      settle();
    };
    const fail = (error: MsrpError) =>
      finish(() => {
        // what else goes wrong while it closes is of no interest
        socket.on('error', () => undefined);
        socket.destroy();
        reject(error);
      });
    const abort = () => fail(new MsrpError('aborted', 'Connecting was called off'));
    const failed = (cause: Error & { code?: string }) => fail(connectError(cause));
    const timer = options.clock.after(options.timeout, () =>
      fail(new MsrpError('connect-timeout', 'The other side could not be reached in time')),
    );
    signal?.addEventListener('abort', abort, { once: true });
    socket.once('error', failed);
    socket.once(options.tls === undefined ? 'connect' : 'secureConnect', () =>
      finish(() => resolve({ socket, direct })),
    );
  });
}

/** What `tls.connect` takes although its types do not say so: it hands it on to `net.Socket`. */
interface TlsTarget extends ConnectionOptions {
  readonly host: string;
  readonly onread: OnReadOpts;
}

function tlsOptions({ trust, identity }: NonNullable<ConnectOptions['tls']>, target: TlsTarget): ConnectionOptions {
  const name = trust.kind === 'authority' ? trust.serverName : target.host;
  return {
    ...target,
    minVersion: 'TLSv1.2',
    // the fingerprint says more than any authority could; it is checked as soon as the certificate is there
    rejectUnauthorized: trust.kind === 'authority',
    // RFC 6066 §3: no addresses in a server name
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(trust.kind === 'authority' && trust.ca.length > 0 ? { ca: [...tls.rootCertificates, ...trust.ca] } : {}),
    ...(identity === undefined ? {} : { cert: identity.cert, key: identity.key }),
  };
}

function connectError(cause: Error & { code?: string }): MsrpError {
  const code = cause.code ?? '';
  const untrusted =
    code.startsWith('ERR_TLS') || code.startsWith('CERT_') || /SELF_SIGNED|UNABLE_TO|DEPTH_ZERO/.test(code);
  return untrusted
    ? new MsrpError('tls-untrusted', 'The certificate of the other side is not to be trusted', { cause })
    : new MsrpError('connect-failed', 'The connection could not be made', { cause });
}
