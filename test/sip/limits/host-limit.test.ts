import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { HostLimit } from '../../../protocols/sip/limits/host-limit.ts';
import { StreamFlow } from '../../../protocols/sip/transport/stream-flow.ts';

test('one neighbour cannot fill the disk with large texts, and the others still write', () => {
  let now = 0;
  const limit = new HostLimit(() => now);
  let taken = 0;
  for (; now < 20_000; now += 43) if (limit.excess('192.0.2.7', 900_000) === undefined) taken += 1;
  expect(taken * 900_000).toBeLessThan(60_000_000);
  expect(limit.excess('192.0.2.8', 900_000)).toBeUndefined();
});

test('nor with very many small ones', () => {
  let now = 0;
  const limit = new HostLimit(() => now);
  let taken = 0;
  for (let text = 0; text < 14_860; text++) {
    now = text / 3;
    if (limit.excess('192.0.2.7', 10) === undefined) taken += 1;
  }
  expect(taken).toBeLessThan(1_300);
});

test('nor over days, at a rate that is taken for minutes', () => {
  let now = 0;
  const limit = new HostLimit(() => now);
  let taken = 0;
  // 1 MB a second for a day
  for (; now < 86_400_000; now += 250) if (limit.excess('192.0.2.7', 250_000) === undefined) taken += 1;
  expect(taken * 250_000).toBeLessThan(400_000_000);
});

test.each([
  ['half a head', 'MESSAGE sip:a SIP/2.0\r\n', 'X: 1\r\n', 'a head that never ended'],
  ['half a body', 'MESSAGE sip:a SIP/2.0\r\nContent-Length: 400\r\n\r\n', 'x', 'a body that never ended'],
])('who sends %s and no more is let go of, however slowly the rest trickles', async (_, begin, more, reason) => {
  const why = new Promise<string>((resolve) => {
    const server = net.createServer((socket) => {
      const events = {
        message: () => {},
        oversized: () => {},
        closed: (_flow: StreamFlow, error: Error) => resolve(error.message),
      };
      new StreamFlow(socket, 'TCP', events, { headWithin: 100 });
    });
    server.listen(0, '127.0.0.1', () => {
      const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
      client.on('error', () => {});
      client.write(begin);
      const trickle = setInterval(() => client.write(more), 10);
      onTestFinished(() => {
        clearInterval(trickle);
        client.destroy();
        server.close();
      });
    });
  });
  expect(await why).toBe(reason);
});
