import dgram from 'node:dgram';
import net from 'node:net';
import { HOST } from './ports.mjs';

/** Whether somebody takes TCP connections on the port. */
export const answersTcp = (port) =>
  new Promise((resolve) => {
    const socket = net.connect({ port, host: HOST });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

/** Whether a SIP server answers OPTIONS with 200 over UDP within half a second. */
export const answersSip = (port, domain) =>
  new Promise((resolve) => {
    const socket = dgram.createSocket('udp4');
    const done = (answer) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => done(false), 500);
    socket.on('error', () => done(false)); // ICMP: nobody listens yet
    socket.on('message', (data) => done(data.toString('latin1').startsWith('SIP/2.0 200')));
    socket.connect(port, HOST, () => {
      const { address, port: own } = socket.address();
      const id = Math.random().toString(36).slice(2);
      socket.send(
        [
          `OPTIONS sip:${domain} SIP/2.0`,
          `Via: SIP/2.0/UDP ${address}:${own};branch=z9hG4bK${id};rport`,
          `From: <sip:probe@${domain}>;tag=${id}`,
          `To: <sip:${domain}>`,
          `Call-ID: ${id}`,
          'CSeq: 1 OPTIONS',
          'Max-Forwards: 70',
          'Content-Length: 0',
          '\r\n',
        ].join('\r\n'),
      );
    });
  });
