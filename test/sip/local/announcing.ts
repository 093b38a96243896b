import dgram from 'node:dgram';
import { createRequire } from 'node:module';
import { onTestFinished } from 'vitest';
import { Discovery } from '../../../protocols/sip/local/discovery.ts';

// the codec below bonjour-service, found from there since it is no dependency of ours
const below = createRequire(createRequire(import.meta.url).resolve('bonjour-service'));
export const { encode } = createRequire(below.resolve('multicast-dns'))('dns-packet') as {
  encode: (packet: object) => Buffer;
};

const GROUP = '224.0.0.251';
/** A socket that shouts raw bytes into the group; `from`: its own port. */
export const shouting = async (port: number, from = 0): Promise<(bytes: Uint8Array) => Promise<void>> => {
  const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true });
  await new Promise<void>((resolve) => socket.bind(from, from === 0 ? '127.0.0.1' : '0.0.0.0', resolve));
  socket.setMulticastInterface('127.0.0.1');
  onTestFinished(() => void socket.close());
  return (bytes) => new Promise((resolve) => socket.send(bytes, port, GROUP, () => resolve()));
};

/** Announces whatever the test wants as the protocol would. */
export const announcing = async (port: number): Promise<Discovery> => {
  const fail = (): void => {};
  const discovery = new Discovery({
    loopbackOnly: true,
    port,
    log: () => {},
    onPresent: () => {},
    onLeaving: () => {},
    onFault: fail,
  });
  await discovery.open();
  onTestFinished(() => discovery.close());
  return discovery;
};
