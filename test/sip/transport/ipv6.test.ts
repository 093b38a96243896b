import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, expect, onTestFinished, test } from 'vitest';
import { locateServer } from '../../../protocols/sip/locating/server-locator.ts';
import { ServerNetwork } from '../../../protocols/sip/transport/server-network.ts';
import { SipUserAgent } from '../../../protocols/sip/user-agent.ts';
import { offerOne } from '../../protocols/offer-one.ts';
import { directAgent, incoming, reached } from '../direct-agents.ts';
import { Arrival, acceptInto, Content, fileOf, nextOffer, outcome, twoPeers } from '../file-transfer/file-peers.ts';

const here = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1'));
if (!here) console.warn('IPv6 is not tested: the loopback of this machine has no ::1');

const OK = (request: string): string =>
  [
    'SIP/2.0 200 OK',
    ...request.split('\r\n').filter((line) => /^(?:Via|From|Call-ID|CSeq):/i.test(line)),
    `${/^To: .*/im.exec(request)?.[0]};tag=six`,
    'Content-Length: 0\r\n\r\n',
  ].join('\r\n');

/** A server at ::1 that answers 200 to everything, and what it got. */
const server = async (protocol: 'TCP' | 'UDP'): Promise<{ port: number; got: string[] }> => {
  const got: string[] = [];
  if (protocol === 'UDP') {
    const socket = dgram.createSocket('udp6').bind(0, '::1');
    await once(socket, 'listening');
    onTestFinished(() => void socket.close());
    socket.on('message', (datagram, from) => {
      got.push(datagram.toString());
      socket.send(OK(datagram.toString()), from.port, from.address);
    });
    return { port: socket.address().port, got };
  }
  const listener = net.createServer((socket) => {
    onTestFinished(() => void socket.destroy());
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        got.push(chunk.toString());
        socket.write(OK(chunk.toString()));
      });
  });
  listener.listen(0, '::1');
  await once(listener, 'listening');
  onTestFinished(() => void listener.close());
  return { port: (listener.address() as net.AddressInfo).port, got };
};

describe.runIf(here)('over IPv6', () => {
  test.each(['TCP', 'UDP'] as const)('a server is found by SRV and AAAA, and asked over %s', async (protocol) => {
    const { port, got } = await server(protocol);
    const resolver = {
      naptr: async () => [],
      srv: async (name: string) =>
        name === `_sip._${protocol.toLowerCase()}.campus.test`
          ? [{ name: 'six.campus.test', port, priority: 0, weight: 0 }]
          : [],
      addresses: async (host: string) => (host === 'six.campus.test' ? ['::1'] : []),
    };
    const agent = new SipUserAgent({
      address: 'sip:ana@campus.test',
      displayName: 'Ana',
      network: new ServerNetwork({
        locate: () => locateServer({ domain: 'campus.test' }, resolver, () => 0),
        trust: { certificateAuthorities: [], trustedFingerprints: [], names: ['campus.test'] },
        onStep: () => {},
      }),
      log: () => {},
      accept: ['text/plain'],
    });
    await agent.connect();
    onTestFinished(() => agent.stop());
    expect((await agent.request({ method: 'OPTIONS', to: 'sip:bob@[::1]' })).status).toBe(200);
    // a stream begins with a ping
    expect(got[0]).toMatch(/^(\r\n\r\n)?OPTIONS sip:bob@\[::1\] SIP\/2\.0\r\n/);
    expect(got[0]).toContain(`Via: SIP/2.0/${protocol} [::1]:${agent.local?.port};`);
    expect(agent.contact).toContain(`@[::1]:${agent.local?.port};transport=${protocol.toLowerCase()}>`);
  });

  test.each(['tcp', 'udp'])('two people write and hold a session over %s', async (transport) => {
    const ana = await directAgent('ana', '::1');
    const bob = await directAgent('bob', '::1');
    bob.agent.onMessage = (request) => request.accept();
    const to = transport === 'udp' ? bob.udpUri : bob.uri;
    const body = { contentType: 'text/plain', content: 'reunião' };
    expect((await ana.agent.request({ method: 'MESSAGE', to, body })).status).toBe(200);
    const invited = incoming(bob.agent);
    const session = ana.agent.invite(to, { sdp: 'v=0\r\n' });
    const theirs = await invited;
    expect(theirs.peer).toBe('sip:ana@[::1]');
    theirs.accept({ sdp: 'v=0\r\n' });
    await Promise.all([reached(session, 'established'), reached(theirs, 'established')]);
    // the BYE goes to the Contact
    session.end();
    expect(await reached(theirs, 'ended')).toMatchObject({ by: 'peer' });
  });

  test.each([false, true])('a file goes over a path with [::1], TLS: %s', async (secure) => {
    const { from, to, address } = await twoPeers({ host: '::1', secure });
    const content = new Content(Buffer.from('zażółć '.repeat(20_000)));
    const offered = nextOffer(to);
    const sent = offerOne(from.files, address, fileOf(content));
    const { transfer } = await offered;
    const arrival = new Arrival(content.size);
    acceptInto(transfer, arrival);
    expect(await Promise.all([outcome(sent), outcome(transfer)])).toEqual(['finished', 'finished']);
    expect(arrival.bytes.equals(Buffer.from(content.bytes))).toBe(true);
  });
});
