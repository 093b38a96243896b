import { once } from 'node:events';
import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { leadsInside } from '../../../protocols/sip/media/unasked-connections.ts';
import { anaAt } from '../kit.ts';
import { ScriptedServer } from '../scripted-server.ts';

test.each([
  ['a port where somebody listens', true],
  ['a port where nobody does', false],
])(
  'a stranger whose session would make us connect to %s gets the same answer, and nobody is connected to',
  async (_, open) => {
    let connections = 0;
    const target = net.createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    target.listen(0, '127.0.0.1');
    await once(target, 'listening');
    const { port } = target.address() as net.AddressInfo;
    onTestFinished(() => void target.close());
    if (!open) {
      target.close();
      await once(target, 'close');
    }
    const server = await ScriptedServer.open();
    const ana = anaAt(server.port);
    ana.provider.start();
    const registered = await server.until(() => server.requests.find(({ method }) => method === 'REGISTER'));
    const contact = /<(sip:[^>]+)>/.exec(registered.head.get('contact') ?? '')?.[1] ?? '';
    const sdp = [
      'v=0',
      'o=- 1 1 IN IP4 127.0.0.1',
      's=-',
      'c=IN IP4 127.0.0.1',
      't=0 0',
      `m=message ${port} TCP/MSRP *`,
      'a=accept-types:text/plain',
      `a=path:msrp://127.0.0.1:${port}/any;tcp`,
      'a=setup:passive',
      '',
    ].join('\r\n');
    server.sendRequest(
      'INVITE',
      contact,
      ['Contact: <sip:stranger@127.0.0.1:5060>', 'Content-Type: application/sdp'],
      sdp,
    );
    const status = await server.until(() => {
      const final = server.answers.find((head) => head.start.kind === 'response' && head.start.status >= 200);
      return final?.start.kind === 'response' ? final.start.status : undefined;
    });
    expect(status).toBe(486);
    await ana.provider.stop();
    expect(connections).toBe(0);
  },
);

test('no description leads into this machine, unless the server is there too', () => {
  const interfaces = {
    eth0: [
      { address: '192.0.2.7', netmask: '', family: 'IPv4' as const, mac: '', internal: false, cidr: '192.0.2.7/24' },
    ],
  };
  const inside = ['127.0.0.1', '127.9.9.9', '0.0.0.0', '[::1]', 'localhost', 'x.Localhost.', '169.254.169.254'];
  for (const host of [...inside, 'fe80::1%eth0', '192.0.2.7', '::ffff:127.0.0.1'])
    expect([host, leadsInside([host], '192.0.2.7', interfaces)]).toEqual([host, true]);
  for (const host of ['192.0.2.8', 'relay.campus.test', '2001:db8::1'])
    expect([host, leadsInside([host], '192.0.2.7', interfaces)]).toEqual([host, false]);
  expect(leadsInside(['127.0.0.1'], '127.0.0.1', interfaces)).toBe(false);
});
