import net from 'node:net';
import tls from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { adoptSocket, adoptTlsSocket, directReading } from '../../../msrp/connection/direct-socket.ts';
import { ReadBufferPools } from '../../../msrp/connection/read-buffers.ts';
import { makeIdentity } from '../support/identity.ts';
import { bound } from '../support/receiving-session.ts';

/** The inside of Node that reads into given memory, as `adoptSocket` finds it. */
interface Inside {
  _handle: { useUserBuffer?: unknown };
}

async function accepted(): Promise<{ ours: net.Socket; theirs: net.Socket }> {
  const server = net.createServer({ pauseOnConnect: true });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as net.AddressInfo).port));
  });
  const connection = new Promise<net.Socket>((resolve) => server.once('connection', resolve));
  const theirs = net.connect({ port, host: '127.0.0.1' });
  const ours = await connection;
  onTestFinished(() => {
    theirs.destroy();
    ours.destroy();
    server.close();
  });
  return { ours, theirs };
}

describe('accepted sockets', () => {
  it('read into given memory on this version of Node', async () => {
    const { ours, theirs } = await accepted();
    const { socket, direct } = adoptSocket(ours, new ReadBufferPools());
    expect(socket).not.toBe(ours);
    if (direct === undefined) throw new Error('not direct');
    const memory = direct.buffers.current.buffer;
    const received = new Promise<Uint8Array>((resolve) => {
      direct.onBytes((data) => {
        resolve(data);
        return true;
      });
    });
    socket.resume();
    theirs.write('hello');
    const data = await received;
    expect(Buffer.from(data).toString()).toBe('hello');
    expect(data.buffer).toBe(memory);
    socket.destroy();
  });

  it('read into given memory over TLS, too', async () => {
    const server = tls.createServer({ ...(await makeIdentity()) });
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as net.AddressInfo).port));
    });
    const connection = new Promise<tls.TLSSocket>((resolve) => server.once('secureConnection', resolve));
    const theirs = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    theirs.write('hello');
    const { socket, direct } = adoptTlsSocket(await connection, new ReadBufferPools());
    onTestFinished(() => {
      theirs.destroy();
      socket.destroy();
      server.close();
    });
    if (direct === undefined) throw new Error('not direct');
    const memory = direct.buffers.current.buffer;
    const received = new Promise<Uint8Array>((resolve) => {
      direct.onBytes((data) => {
        resolve(data);
        return true;
      });
    });
    socket.resume();
    const data = await received;
    expect(Buffer.from(data).toString()).toBe('hello');
    expect(data.buffer).toBe(memory);
  });

  it('keep what comes before anybody listens, and read no further', async () => {
    const { onread, direct } = directReading(new ReadBufferPools());
    const memory = (onread.buffer as () => Buffer)();
    memory.write('early');
    expect(onread.callback(5, memory)).toBe(false);
    memory.fill(0);
    const seen = await new Promise<Uint8Array>((resolve) => {
      direct.onBytes((data) => {
        resolve(data);
        return true;
      });
    });
    expect(Buffer.from(seen).toString()).toBe('early');
  });

  it('stay as they are where Node has it otherwise, and sessions work on them', async () => {
    const { ours, theirs } = await accepted();
    const handle = (ours as unknown as Inside)._handle;
    let owner = handle as object;
    while (!Object.hasOwn(owner, 'useUserBuffer')) owner = Object.getPrototypeOf(owner) as object;
    const before = Object.getOwnPropertyDescriptor(owner, 'useUserBuffer') as PropertyDescriptor;
    Object.defineProperty(owner, 'useUserBuffer', { ...before, value: undefined });
    try {
      const adopted = adoptSocket(ours, new ReadBufferPools());
      expect(adopted).toEqual({ socket: ours, direct: undefined });
      const received = new Promise<Buffer>((resolve) => ours.once('data', resolve));
      theirs.write('hello');
      expect((await received).toString()).toBe('hello');
      // back-pressure, bytes held while somebody decides, and all that follows
      const { peer, mailbox, send } = await bound();
      const body = '~'.repeat(5_000_000);
      peer.write(send({ tid: 'tid00001', body }));
      expect((await mailbox.next()).bytes.toString() === body).toBe(true);
      expect(await peer.frame()).toContain('MSRP tid00001 200');
    } finally {
      Object.defineProperty(owner, 'useUserBuffer', before);
    }
  });
});
