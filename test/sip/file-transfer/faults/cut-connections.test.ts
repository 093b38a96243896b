import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { offerOne } from '../../../protocols/offer-one.ts';
import { directAgent, incoming, reached } from '../../direct-agents.ts';
import { Arrival, acceptInto, Content, fileOf, filePeer, nextOffer, outcome, phase } from '../file-peers.ts';
import { head, lines, media, pathOf, sender } from '../raw-peers.ts';

// The MSRP connection of a transfer ends at one chosen byte of what is on it.

const SIZE = 300_000;
const content = randomBytes(SIZE);

const frame = (to: string, from: string) => {
  const start = [
    'MSRP cut12345 SEND',
    `To-Path: ${to}`,
    `From-Path: ${from}`,
    'Message-ID: cut-1',
    `Byte-Range: 1-${SIZE}/${SIZE}`,
    'Content-Type: a/b',
    '',
    '',
  ].join('\r\n');
  return {
    head: start.length,
    bytes: Buffer.concat([Buffer.from(start), content, Buffer.from('\r\n-------cut12345$\r\n')]),
  };
};

const offered = (path: string, port: number) =>
  media(
    path,
    port,
    'a=sendonly',
    'a=setup:active',
    `a=file-selector:name:"a.bin" type:a/b size:${SIZE}`,
    'a=file-transfer-id:cut',
  );

test.each([
  ['before the first', () => 0],
  ['within the start line', () => 9],
  ['at the end of the head', ({ head: end }: { head: number }) => end],
  ['at the first of the body', ({ head: end }: { head: number }) => end + 1],
  ['in the middle of the body', ({ head: end }: { head: number }) => end + 123_457],
  ['at the last of the body', ({ head: end }: { head: number }) => end + SIZE],
  ['within the end-line', ({ head: end }: { head: number }) => end + SIZE + 10],
])('a sender whose connection is cut %s byte leaves what it sent, and the rest comes later', async (_, cut) => {
  const bob = await filePeer('bob');
  const first = nextOffer(bob);
  const broken = await sender(bob.uri, offered);
  const { transfer } = await first;
  const arrival = new Arrival(SIZE);
  acceptInto(transfer, arrival);
  const { remote } = await reached(broken.sip, 'established');
  const to = pathOf(remote.sdp);
  const whole = frame(to, broken.session.localPath);
  const sent = cut(whole);
  const socket = net.connect(Number(/:(\d+)\//.exec(to)?.[1]), '127.0.0.1');
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  // an orderly end: what was sent before it arrives
  socket.end(whole.bytes.subarray(0, sent));
  // a peer that is gone has nothing to say either
  broken.sip.end();
  expect(await outcome(transfer)).toMatch(/^(failed network|cancelled peer)$/);
  const { bytes } = transfer;
  expect(bytes).toBeLessThanOrEqual(Math.max(0, sent - whole.head));
  expect(arrival.bytes.subarray(0, bytes).equals(content.subarray(0, bytes))).toBe(true);

  const next = nextOffer(bob);
  const again = await sender(bob.uri, offered);
  const rest = new Arrival(SIZE, content.subarray(0, bytes));
  acceptInto((await next).transfer, rest, { from: bytes });
  await again.start();
  await again.session.send({ contentType: 'a/b', body: content.subarray(bytes) }).sent;
  expect(await outcome((await next).transfer)).toBe('finished');
  expect(rest.bytes.equals(content)).toBe(true);
  again.sip.end();
});

test.each([1, 100])(
  'a receiver that hangs up after %d bytes, before the session is bound, has not got the file',
  async (cut) => {
    const ana = await filePeer('ana');
    const { agent, uri } = await directAgent('bob');
    const wire = net.createServer((socket) => {
      let taken = 0;
      socket.on('error', () => {});
      socket.on('data', (data) => {
        taken += data.length;
        if (taken >= cut) socket.destroy();
      });
    });
    wire.listen(0, '127.0.0.1');
    await once(wire, 'listening');
    onTestFinished(() => void wire.close());
    const { port } = wire.address() as net.AddressInfo;
    const sending = offerOne(ana.files, uri, fileOf(new Content(content)));
    const sip = await incoming(agent);
    const path = `msrp://127.0.0.1:${port}/${randomBytes(12).toString('hex')};tcp`;
    sip.accept({ sdp: lines(...head, ...media(path, port, 'a=recvonly', 'a=setup:passive')) });
    const last = await phase(sending, 'failed', 'finished');
    expect(last).toMatchObject({ state: 'failed', error: { code: 'network' } });
    expect(sending.bytes).toBeLessThan(SIZE);
  },
);

/** The way to whoever writes a description, over a socket that ends when `limit` bytes have come over it. */
const narrow = async (): Promise<{ lead: (sdp: string) => string; limit: number }> => {
  let port = 0;
  const made = { limit: Number.POSITIVE_INFINITY, lead: (sdp: string) => sdp };
  const server = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1');
    let passed = 0;
    near.on('error', () => {}).on('close', () => far.destroy());
    far.on('error', () => {}).on('close', () => near.destroy());
    far.on('data', (data: Buffer) => void (near.destroyed || near.write(data)));
    near.on('data', (data: Buffer) => {
      const piece = data.subarray(0, made.limit - passed);
      passed += piece.length;
      if (passed < made.limit) far.write(piece);
      // what was let through still arrives; the sender is cut off at once
      else {
        far.end(piece);
        near.resetAndDestroy();
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const own = (server.address() as net.AddressInfo).port;
  made.lead = (sdp) => {
    port = Number(/^m=message (\d+)/m.exec(sdp)?.[1]);
    return sdp.replaceAll(`:${port}/`, `:${own}/`).replace(`m=message ${port}`, `m=message ${own}`);
  };
  return made;
};

/** The receiver of a file is cut off after so many bytes, and takes the rest in a second attempt. */
const cutAndGoOn = async (cut: number): Promise<void> => {
  const [ana, bob] = [await filePeer('ana'), await filePeer('bob')];
  const way = await narrow();
  const { onInvite } = bob.agent;
  bob.agent.onInvite = (session) => {
    const accept = session.accept.bind(session);
    session.accept = (answer) => accept({ ...answer, sdp: way.lead(answer.sdp) });
    onInvite?.(session);
  };
  way.limit = cut;
  const first = nextOffer(bob);
  const file = fileOf(new Content(content));
  const sending = offerOne(ana.files, bob.uri, file);
  const { transfer } = await first;
  const arrival = new Arrival(SIZE);
  acceptInto(transfer, arrival);
  expect([await outcome(transfer), await outcome(sending)], `${cut}`).toEqual(['failed network', 'failed network']);
  const { bytes } = transfer;
  expect(bytes, `${cut}`).toBeLessThan(Math.min(cut, SIZE));
  expect(arrival.bytes.subarray(0, bytes).equals(content.subarray(0, bytes)), `${cut}`).toBe(true);

  way.limit = Number.POSITIVE_INFINITY;
  const next = nextOffer(bob);
  const again = offerOne(ana.files, bob.uri, { ...file, open: async () => new Content(content) });
  const rest = new Arrival(SIZE, content.subarray(0, bytes));
  acceptInto((await next).transfer, rest, { from: bytes });
  expect([await outcome((await next).transfer), await outcome(again)], `${cut}`).toEqual(['finished', 'finished']);
  expect(rest.bytes.equals(content), `${cut}`).toBe(true);
};

test('a file whose receiver is cut off at whatever byte goes on where it stopped, and is the same', async () => {
  // within heads, at the first bytes of the file, in the middle, near the end; together, since each waits to be sure
  await Promise.all([1, 90, 400, 1_000, 70_000, 150_001, SIZE, SIZE + 300].map(cutAndGoOn));
});
