import { once } from 'node:events';
import net from 'node:net';
import type { CampusDescription } from '../../../campus/campus.mjs';
import { accountOf, setOf } from './accounts.ts';

export interface LoginCost {
  /** ms from start to the last contact's presence. */
  milliseconds: number;
  /** SIP requests of ours, and of the server to us. */
  sent: number;
  got: number;
}

const REQUEST = /^[A-Z]+ \S+ SIP\/2\.0\r$/gm;

/** A tunnel to the server that counts the requests in each direction. */
const countingTunnel = async (
  port: number,
): Promise<{ port: number; counts: { sent: number; got: number }; close(): void }> => {
  const counts = { sent: 0, got: 0 };
  const sockets = new Set<net.Socket>();
  const count = (socket: net.Socket, what: 'sent' | 'got'): void => {
    let rest = '';
    socket.on('data', (chunk) => {
      const text = rest + chunk.toString('latin1');
      const end = text.lastIndexOf('\n') + 1;
      counts[what] += text.slice(0, end).match(REQUEST)?.length ?? 0;
      rest = text.slice(end);
    });
  };
  const server = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1');
    for (const socket of [near, far]) sockets.add(socket.on('error', () => {}));
    count(near, 'sent');
    count(far, 'got');
    near.pipe(far).pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as net.AddressInfo).port, counts, close };
};

/** A login with so many contacts, until the presence of every one is known. `list`: by one subscription to the whole list. */
export const login = async (campus: CampusDescription, contacts: number, list: boolean): Promise<LoginCost> => {
  const content = new Map<string, string>();
  const here = setOf(accountOf(campus, 'erin', { transport: 'tcp', content }), 'contactList');
  for (let index = 0; index < contacts; index++)
    await here.put({ address: `sip:person${index}@campus.test`, name: `Person ${index}`, groups: [] });
  if (!list) return oneLogin(campus, contacts, { content });
  const served = { content, xcapRoot: campus.xcapRoot };
  // the first login brings the list to the server
  await oneLogin(campus, contacts, served);
  return oneLogin(campus, contacts, served);
};

const oneLogin = async (
  campus: CampusDescription,
  contacts: number,
  options: { content: Map<string, string>; xcapRoot?: string },
): Promise<LoginCost> => {
  const tunnel = await countingTunnel(campus.ports.sip);
  const account = accountOf(campus, 'erin', { ...options, transport: 'tcp', port: tunnel.port });
  const known = new Set<string>();
  const began = performance.now();
  const all = new Promise<void>((resolve) => {
    setOf(account, 'presence').onPresence(({ address, presence: { state } }) => {
      if (state === 'unknown') known.delete(address);
      else known.add(address);
      if (known.size === contacts) resolve();
    });
  });
  account.start();
  await all;
  const milliseconds = performance.now() - began;
  const counts = { ...tunnel.counts };
  await account.stop();
  tunnel.close();
  return { milliseconds, ...counts };
};
