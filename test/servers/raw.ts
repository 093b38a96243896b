import { createHash, randomUUID } from 'node:crypto';
import dgram from 'node:dgram';
import net from 'node:net';
import tls from 'node:tls';
import { campus, campusAuthority } from './campus.ts';

// The smallest possible clients: text out, text in. They share nothing with the program, so they can judge the servers alone.

/** A connection whose received text is collected until something is found in it. */
export interface Line {
  send(text: string): void;
  /** Waits until the text received since the last answer matches, and gives all of it back. */
  until(pattern: RegExp): Promise<string>;
  /** Goes on over TLS on the same connection. */
  upgrade(): Promise<Line>;
  readonly closed: Promise<void>;
  close(): void;
}

function line(socket: net.Socket): Line {
  let received = '';
  let check = (): void => undefined;
  let fault: Error | undefined;
  socket.on('data', (data) => {
    received += data.toString();
    check();
  });
  socket.on('error', (error) => {
    fault = error;
  });
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      fault ??= new Error('closed by the server');
      check();
      resolve();
    });
  });
  return {
    send: (text) => socket.write(text),
    until: (pattern) =>
      new Promise((resolve, reject) => {
        check = () => {
          if (pattern.test(received)) {
            const text = received;
            received = '';
            resolve(text);
          } else if (fault) reject(new Error(`${fault.message} while waiting for ${pattern}; received: ${received}`));
        };
        check();
      }),
    upgrade: async () => {
      socket.removeAllListeners('data');
      return line(await secured({ socket }));
    },
    closed,
    close: () => socket.destroy(),
  };
}

const secured = (options: tls.ConnectionOptions): Promise<tls.TLSSocket> =>
  new Promise((resolve, reject) => {
    const { domain } = campus();
    const socket = tls.connect({ servername: domain, ca: campusAuthority(), ...options });
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });

export const connectTcp = (port: number): Promise<Line> =>
  new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: campus().host });
    socket.once('connect', () => resolve(line(socket)));
    socket.once('error', reject);
  });

/** Rejects with Node's error when the certificate is not the one of the campus. */
export const connectTls = async (port: number): Promise<Line> => line(await secured({ port, host: campus().host }));

const field = (challenge: string, name: string): string =>
  new RegExp(`${name}="?([^",\r]+)`).exec(challenge)?.[1] ?? '';

/** Answers a digest challenge (RFC 7616 §3.4) with the algorithm it names. */
export function digest(
  challenge: string,
  who: { name: string; password: string },
  method: string,
  uri: string,
  form: 'with qop' | 'without qop' = 'with qop',
): string {
  const algorithm = field(challenge, 'algorithm') || 'MD5';
  const hash = (text: string): string =>
    createHash(algorithm === 'SHA-256' ? 'sha256' : 'md5')
      .update(text)
      .digest('hex');
  const realm = field(challenge, 'realm');
  const nonce = field(challenge, 'nonce');
  const cnonce = randomUUID();
  const counted = form === 'with qop' ? ['00000001', cnonce, 'auth'] : [];
  const parts = [hash(`${who.name}:${realm}:${who.password}`), nonce, ...counted, hash(`${method}:${uri}`)];
  const response = hash(parts.join(':'));
  return (
    `Digest username="${who.name}", realm="${realm}", nonce="${nonce}", uri="${uri}", algorithm=${algorithm}, ` +
    `response="${response}"${form === 'with qop' ? `, qop=auth, nc=00000001, cnonce="${cnonce}"` : ''}`
  );
}

interface SipRequest {
  readonly method: string;
  readonly uri: string;
  readonly from: string;
  readonly to: string;
  readonly transport: 'UDP' | 'TCP' | 'TLS';
  readonly callId?: string;
  readonly sequence?: number;
  readonly headers?: readonly string[];
  readonly body?: string;
}

export function sipRequest(request: SipRequest): string {
  const { method, uri, from, to, transport, callId = randomUUID(), sequence = 1, headers = [], body = '' } = request;
  return [
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/${transport} 127.0.0.1:9;branch=z9hG4bK${randomUUID()};rport`,
    `From: <${from}>;tag=${randomUUID()}`,
    `To: <${to}>`,
    `Call-ID: ${callId}`,
    `CSeq: ${sequence} ${method}`,
    'Max-Forwards: 70',
    ...headers,
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}

/** The answer to one datagram. */
export const askUdp = (port: number, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = dgram.createSocket('udp4');
    socket.once('error', reject);
    socket.once('message', (data) => {
      socket.close();
      resolve(data.toString());
    });
    socket.connect(port, campus().host, () => socket.send(text));
  });
