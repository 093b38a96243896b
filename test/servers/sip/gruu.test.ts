import dgram from 'node:dgram';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { splitDatagram } from '../../../protocols/sip/transport/udp-flow.ts';
import { MessageHead } from '../../../protocols/sip/transport/wire/message-head.ts';
import { reached } from '../../sip/direct-agents.ts';
import { campus, user } from '../campus.ts';
import { digest, sipRequest } from '../raw.ts';
import { userAgentOf } from './kit.ts';

const SDP = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=message 9 TCP/MSRP *\r\n';
const INSTANCE = 'urn:uuid:00000000-0000-4000-8000-00000000b0b1';

test('over UDP a session with a device whose Contact is a GRUU stands, and ends', async () => {
  const { ports } = campus();
  const bob = user('bob');
  const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  onTestFinished(() => void socket.close());
  const came: MessageHead[] = [];
  let tell: () => void = () => {};
  socket.on('message', (datagram) => {
    const head = MessageHead.parse(splitDatagram(datagram)?.head ?? '');
    if (head) came.push(head);
    tell();
  });
  const until = async (found: (head: MessageHead) => boolean): Promise<MessageHead> => {
    for (;;) {
      const head = came.find(found);
      if (head) return head;
      await new Promise<void>((resolve) => (tell = resolve));
    }
  };
  const send = (text: string): void => socket.send(text, ports.sip, '127.0.0.1');
  const uri = `sip:${campus().domain}`;
  const contact = `Contact: <sip:bob@127.0.0.1:${socket.address().port}>;+sip.instance="<${INSTANCE}>";reg-id=1;expires=60`;
  const registering = { method: 'REGISTER', uri, from: bob.sip, to: bob.sip, transport: 'UDP' } as const;
  const headers = [contact, 'Supported: gruu, path'];
  send(sipRequest({ ...registering, headers }));
  const challenge = await until(({ start }) => start.kind === 'response' && start.status === 401);
  const credentials = digest(challenge.get('www-authenticate') ?? '', bob, 'REGISTER', uri);
  send(sipRequest({ ...registering, sequence: 2, headers: [...headers, `Authorization: ${credentials}`] }));
  const registered = await until(({ start }) => start.kind === 'response' && start.status === 200);
  const gruu = registered.all('contact').flatMap((each) => /pub-gruu="([^"]+)"/.exec(each)?.[1] ?? [])[0];
  expect(gruu).toContain(';gr=');

  const alice = await userAgentOf('alice', 'UDP');
  const session = alice.invite(bob.sip, { sdp: SDP });
  const invite = await until(({ method }) => method === 'INVITE');
  const lines = (status: string, body = ''): string =>
    [
      `SIP/2.0 ${status}`,
      ...invite.all('via').map((via) => `Via: ${via}`),
      ...invite.all('record-route').map((route) => `Record-Route: ${route}`),
      `From: ${invite.get('from')}`,
      `To: ${invite.get('to')};tag=bob`,
      `Call-ID: ${invite.get('call-id')}`,
      `CSeq: ${invite.get('cseq')}`,
      `Contact: <${gruu}>`,
      ...(body ? ['Content-Type: application/sdp'] : []),
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n');
  send(lines('200 OK', SDP));
  await reached(session, 'established');
  await until(({ start }) => start.kind === 'request' && start.method === 'ACK');
  session.end();
  const bye = await until(({ start }) => start.kind === 'request' && start.method === 'BYE');
  expect(bye.get('call-id')).toBe(invite.get('call-id'));
});
