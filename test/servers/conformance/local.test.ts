import './kit/emitters.ts';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { local } from '../../../protocols/sip/local/index.ts';
import { conformance } from './suite.ts';

const freeUdpPort = async (): Promise<number> => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
};

// a network of our own
const options = { loopbackOnly: true, multicastPort: await freeUdpPort() };

conformance('one network without a server', {
  protocol: local,
  abilities: { keepsTexts: false, contacts: 'discovered', asksToSee: false, rules: false, files: 'asked' },
  server: undefined,
  settings: () => ({ options }),
  password: () => undefined,
  nobody: 'sip:aaaaaaaaaaaaaaaaaaaa@local',
});
