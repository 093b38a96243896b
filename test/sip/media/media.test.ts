import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MemorySink, type SessionOptions } from '../../../msrp/index.ts';
import { Media, type MediaAddress, type MediaLine } from '../../../protocols/sip/media/media.ts';

const host = '127.0.0.1';
const body = randomBytes(100_000);

const media = (keyed = false): Media => {
  const made = new Media({ now: Date.now, log: () => {}, certificateAuthorities: [], relay: () => undefined, keyed });
  onTestFinished(() => made.close());
  return made;
};

/** What comes in on a line. */
const taking = (): { options: SessionOptions; received: Promise<Uint8Array> } => {
  let done: (bytes: Uint8Array) => void = () => {};
  const received = new Promise<Uint8Array>((resolve) => {
    done = resolve;
  });
  const sink = new MemorySink(1_000_000);
  return { options: { accept: () => ({ sink, ended: () => done(sink.bytes) }) }, received };
};
const refusing: SessionOptions = { accept: () => ({ refuse: 403 }) };

/** A middlebox that anchors media: knows where to go by its own port, and reads nothing. */
async function middlebox(target: number): Promise<{ port: number; connections: () => number }> {
  let connections = 0;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((near) => {
    connections++;
    const far = net.connect(target, host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as net.AddressInfo).port, connections: () => connections };
}

const begin = (line: MediaLine, remote: MediaAddress): Promise<void> =>
  line.start(remote, { timeout: 5_000, signal: new AbortController().signal });

describe.each([false, true])('a line between two accounts without relays (TLS: %s)', (secure) => {
  async function lines(change: (answer: MediaAddress) => Promise<MediaAddress>, cema: boolean) {
    const { options, received } = taking();
    const offerer = await media().offer({ host, secure }, refusing);
    const offered: MediaAddress = { ...offerer.address, host };
    expect(offered).toMatchObject({ secure, setup: 'actpass', cema: true });
    const { cema: _, ...plain } = offered;
    const answerer = await media().answer(host, cema ? offered : plain, options);
    const answered = await change({ ...answerer.address, host });
    await Promise.all([begin(offerer, answered), begin(answerer, offered)]);
    const message = offerer.session.send({ contentType: 'application/octet-stream', body });
    expect(await message.sent).toEqual({ state: 'sent' });
    expect(Buffer.compare(await received, body)).toBe(0);
    expect([offerer.relayed, answerer.relayed]).toEqual([false, false]);
    return answerer.address;
  }

  test('goes by the path', async () => {
    expect(await lines(async (answer) => answer, true)).toMatchObject({ setup: 'passive', cema: true });
  });

  test('goes by c= and m= where both sides have CEMA, whatever stands in the path', async () => {
    const boxes: Awaited<ReturnType<typeof middlebox>>[] = [];
    await lines(async (answer) => {
      const box = await middlebox(answer.port);
      boxes.push(box);
      return { ...answer, port: box.port };
    }, true);
    expect(boxes.map((box) => box.connections())).toEqual([1]);
  });

  test('goes by c= and m= also where the answerer has no CEMA (RFC 6714 §4.2)', async () => {
    const boxes: Awaited<ReturnType<typeof middlebox>>[] = [];
    const answered = await lines(async (answer) => {
      const box = await middlebox(answer.port);
      boxes.push(box);
      return { ...answer, port: box.port };
    }, false);
    expect(answered.cema).toBeUndefined();
    expect(boxes.map((box) => box.connections())).toEqual([1]);
  });
});

describe('where signalling proves who everybody is, a line', () => {
  const right = async (): Promise<MediaAddress> => {
    const line = await media(true).offer({ host, secure: true }, refusing);
    return { ...line.address, host };
  };
  const path = 'msrps://127.0.0.1:2855/relay;tcp';
  const wrong: [string, (line: MediaAddress) => MediaAddress][] = [
    ['without TLS', (line) => ({ ...line, secure: false })],
    ['without a fingerprint', ({ fingerprint: _fingerprint, ...line }) => line],
    ['through a relay', (line) => ({ ...line, path: [path, ...line.path] })],
  ];
  test.each(wrong)('%s is refused when it is offered, and when it is the answer', async (_, change) => {
    const refusal = { code: 'not-supported', protocolCode: '488' };
    await expect(media(true).answer(host, change(await right()), refusing)).rejects.toMatchObject(refusal);
    const offerer = await media(true).offer({ host, secure: true }, refusing);
    await expect(begin(offerer, change(await right()))).rejects.toMatchObject(refusal);
  });

  test('takes no other certificate than that of the description, whoever knows the session', async () => {
    const offerer = await media(true).offer({ host, secure: true }, refusing);
    const offered = { ...offerer.address, host };
    const [bob, mallory] = await Promise.all(
      [0, 1].map(() => media(true).answer(host, { ...offered, setup: 'passive' }, refusing)),
    );
    if (!bob || !mallory) throw new Error('no lines');
    const waiting = begin(offerer, { ...bob.address, host }).catch((error: unknown) => error);
    await expect(begin(mallory, offered)).rejects.toBeInstanceOf(Error);
    await Promise.all([begin(bob, offered), waiting]);
    expect(offerer.session.state.name).toBe('bound');
  });
});

test('who is offered a passive peer connects, and says a port nobody can connect to', async () => {
  const { options, received } = taking();
  const passive = await media().answer(host, { port: 9, secure: false, path: [], setup: 'active' }, options);
  const line = await media().answer(host, { ...passive.address, setup: 'passive' }, refusing);
  expect(line.address).toMatchObject({ setup: 'active', port: 9 });
  await Promise.all([begin(passive, line.address), begin(line, passive.address)]);
  line.session.send({ contentType: 'application/octet-stream', body });
  expect(Buffer.compare(await received, body)).toBe(0);
});

test.each([8, -8])(
  'a certificate is made anew when the clock says %d days later; lines with the one before go on',
  async (days) => {
    const clock = { now: Date.now() };
    const own = new Media({ now: () => clock.now, log: () => {}, certificateAuthorities: [], relay: () => undefined });
    onTestFinished(() => own.close());
    const before = await own.offer({ host, secure: true }, refusing);
    const beside = await own.offer({ host, secure: true }, refusing);
    clock.now += days * 86_400_000;
    const { options, received } = taking();
    const after = await own.answer(host, { ...before.address, host }, options);
    expect(before.address.fingerprint).toBe(beside.address.fingerprint);
    expect(after.address.fingerprint).not.toBe(before.address.fingerprint);
    // each goes on with the certificate it has announced
    await Promise.all([begin(before, { ...after.address, host }), begin(after, { ...before.address, host })]);
    before.session.send({ contentType: 'application/octet-stream', body });
    expect(Buffer.compare(await received, body)).toBe(0);
  },
);
