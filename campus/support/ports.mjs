import { randomInt } from 'node:crypto';
import dgram from 'node:dgram';
import net from 'node:net';
import { CampusError } from './errors.mjs';

export const HOST = '127.0.0.1';

/** Every port of the campus by name. UDP is used on `sip` only; each number is asked for on TCP and UDP. */
export const PORT_NAMES = [
  'sip',
  'sips',
  'xcap',
  'xcaps',
  'msrp',
  'msrps',
  'ldap',
  'ldaps',
  'c2s',
  'c2sDirect',
  'http',
  'https',
  'proxy65',
];

// Below the range from which Linux takes numbers for outgoing connections (32768 on): while a killed server is down, no client
// of anything can be given its port by chance.
const LOWEST = 20_000;
const HIGHEST = 32_000;

const tcpFree = (port) =>
  new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: HOST, exclusive: true }, () => server.close(() => resolve(true)));
  });

const udpFree = (port) =>
  new Promise((resolve) => {
    const socket = dgram.createSocket('udp4');
    socket.once('error', () => {
      socket.close();
      resolve(false);
    });
    socket.bind({ port, address: HOST, exclusive: true }, () => socket.close(() => resolve(true)));
  });

/**
 * Numbers for all ports: the wished ones as they are, the others free at this moment. Between choosing and listening another
 * program may take one; the start then fails with `port-taken` and is tried again with other numbers.
 * @param {Record<string, number>} wished
 * @returns {Promise<Record<string, number>>}
 */
export async function choosePorts(wished = {}) {
  for (const [name, port] of Object.entries(wished)) {
    if (!PORT_NAMES.includes(name))
      throw new CampusError('bad-request', `no port is called ${name}: ${PORT_NAMES.join(' ')}`);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new CampusError('bad-request', `${name}: a port is a number from 1 to 65535`);
    }
    if (!(await tcpFree(port))) throw new CampusError('port-taken', `port ${port} (${name}) is in use`);
  }
  const taken = new Set(Object.values(wished));
  const ports = {};
  for (const name of PORT_NAMES) {
    ports[name] = wished[name] ?? (await freePort(taken));
    taken.add(ports[name]);
  }
  return ports;
}

async function freePort(taken) {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const port = randomInt(LOWEST, HIGHEST);
    if (!taken.has(port) && (await tcpFree(port)) && (await udpFree(port))) return port;
  }
  throw new CampusError('port-taken', `no free port between ${LOWEST} and ${HIGHEST}`);
}
