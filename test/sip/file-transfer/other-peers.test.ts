// Peers that are not AIMS: written here frame by frame on the MSRP library and the SIP user agent, as they behave.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MemorySink, MsrpEndpoint, type MsrpListener, type MsrpSession } from '../../../msrp/index.ts';
import type { SipSession, SipSessionState } from '../../../protocols/sip/sip-session.ts';
import { directAgent, incoming, reached } from '../direct-agents.ts';
import { Arrival, acceptInto, Content, fileOf, filePeer, nextOffer, outcome, phase } from './file-peers.ts';

const lines = (...text: string[]): string => `${text.join('\r\n')}\r\n`;
const head = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'];

const endpointOf = async (): Promise<{ endpoint: MsrpEndpoint; listener: MsrpListener }> => {
  const endpoint = new MsrpEndpoint();
  onTestFinished(() => endpoint.close());
  return { endpoint, listener: await endpoint.listen({ host: '127.0.0.1' }) };
};

const pathOf = (sdp: string): string => /^a=path:(.*)$/m.exec(sdp)?.[1]?.trim() ?? '';

interface Receiver {
  session: MsrpSession;
  sip: SipSession;
  sink: MemorySink;
}

/** Somebody who takes an offer of ours with an answer of the test's own. */
const receiver = async (
  answer: (path: string, port: number, offer: string) => string[],
  size = 10_000_000,
): Promise<{ uri: string; taken: Promise<Receiver> }> => {
  const { agent, uri } = await directAgent('blink');
  const { endpoint, listener } = await endpointOf();
  const sink = new MemorySink(size);
  const taken = incoming(agent).then(async (sip) => {
    const session = endpoint.createSession({ listener, accept: () => ({ sink }) });
    const offer = sip.remote?.sdp ?? '';
    sip.accept({ sdp: lines(...head, ...answer(session.localPath, listener.port, offer)) });
    await session.start({ remotePath: pathOf(offer), role: 'passive' }).catch(() => {});
    return { session, sip, sink };
  });
  return { uri, taken };
};

/** Somebody who offers us a file with an offer of the test's own. */
const sender = async (
  to: string,
  offer: (path: string, port: number) => string[],
): Promise<{
  sip: SipSession;
  session: MsrpSession;
  listener: MsrpListener;
  start: (role?: 'active' | 'passive') => Promise<void>;
}> => {
  const { agent } = await directAgent('blink');
  const { endpoint, listener } = await endpointOf();
  const session = endpoint.createSession({ listener, accept: () => ({ refuse: 403 }) });
  const sip = agent.invite(to, { sdp: lines(...head, ...offer(session.localPath, listener.port)) });
  const start = async (role: 'active' | 'passive' = 'active'): Promise<void> => {
    const { remote } = await reached(sip, 'established');
    await session.start({ remotePath: pathOf(remote.sdp), role });
  };
  return { sip, session, listener, start };
};

const media = (path: string, port: number, ...attributes: string[]): string[] => [
  `m=message ${port} TCP/MSRP *`,
  `a=path:${path}`,
  'a=accept-types:*',
  ...attributes,
];

const ended = (sip: SipSession): Promise<Extract<SipSessionState, { state: 'ended' }>> => reached(sip, 'ended');

describe('when we send', () => {
  test('a receiver without roles, file attributes or reports, as RFC 4975 alone has it, gets the file', async () => {
    const ana = await filePeer('ana');
    const { uri, taken } = await receiver((path, port) => media(path, port));
    const content = new Content(randomBytes(700_000));
    const sending = ana.files.offer(uri, fileOf(content));
    expect(await outcome(sending)).toBe('finished');
    const { sink, sip } = await taken;
    expect(content.bytes.length).toBe(sink.bytes.length);
    expect(Buffer.compare(sink.bytes, content.bytes)).toBe(0);
    expect(await ended(sip)).toEqual({ state: 'ended', by: 'peer' });
  });

  test('a receiver that hangs up the moment it has all, as Blink 5.5 does, counts as success', async () => {
    const ana = await filePeer('ana');
    const content = new Content(randomBytes(900_000));
    const { agent, uri } = await directAgent('blink');
    const { endpoint, listener } = await endpointOf();
    const sending = ana.files.offer(uri, fileOf(content));
    const sip = await incoming(agent);
    const session = endpoint.createSession({
      listener,
      accept: () => ({ sink: new MemorySink(content.size), ended: () => sip.end() }),
    });
    sip.accept({ sdp: lines(...head, ...media(session.localPath, listener.port, 'a=recvonly', 'a=setup:passive')) });
    await session.start({ remotePath: pathOf(sip.remote?.sdp ?? ''), role: 'passive' });
    expect(await outcome(sending)).toBe('finished');
    expect(sending.bytes).toBe(content.size);
  });

  test('a receiver that hangs up in the middle does not', async () => {
    const ana = await filePeer('ana');
    const content = new Content(randomBytes(9_000_000));
    const { agent, uri } = await directAgent('blink');
    const { endpoint, listener } = await endpointOf();
    const sending = ana.files.offer(uri, fileOf(content));
    const sip = await incoming(agent);
    const session = endpoint.createSession({
      listener,
      accept: () => ({ sink: new MemorySink(content.size), progress: () => sip.end() }),
    });
    sip.accept({ sdp: lines(...head, ...media(session.localPath, listener.port, 'a=recvonly', 'a=setup:passive')) });
    await session.start({ remotePath: pathOf(sip.remote?.sdp ?? ''), role: 'passive' });
    expect(await outcome(sending)).toBe('cancelled peer');
  });

  test('a receiver that hangs up with a reason of its own has failed', async () => {
    const ana = await filePeer('ana');
    const { agent, uri } = await directAgent('blink');
    const sending = ana.files.offer(uri, fileOf(new Content(randomBytes(10))));
    const sip = await incoming(agent);
    sip.accept({ sdp: lines(...head, ...media('msrp://127.0.0.1:9/x;tcp', 9, 'a=recvonly', 'a=setup:active')) });
    await reached(sip, 'established');
    sip.end('SIP ;cause=500 ;text="media stream failed to start"');
    expect(await outcome(sending)).toBe('failed network');
  });

  test.each([
    [
      'accepts the session and refuses the file by port 0',
      ['m=message 0 TCP/MSRP *', 'a=file-selector:size:10'],
      'declined',
    ],
    ['answers with other media', ['m=audio 9 RTP/AVP 0'], 'failed not-supported'],
    [
      'answers with a path that is none',
      ['m=message 9 TCP/MSRP *', 'a=file-selector:size:10', 'a=path:x'],
      'failed malformed',
    ],
    [
      'answers for TLS what was offered for TCP',
      ['m=message 9 TCP/TLS/MSRP *', 'a=file-selector:size:10', 'a=path:msrp://127.0.0.1:9/x;tcp'],
      'failed malformed',
    ],
    [
      'wants more than there is',
      ['m=message 9 TCP/MSRP *', 'a=path:msrp://127.0.0.1:9/x;tcp', 'a=file-selector:size:10', 'a=file-range:12-*'],
      'failed malformed',
    ],
    [
      'takes only smaller files',
      ['m=message 9 TCP/MSRP *', 'a=path:msrp://127.0.0.1:9/x;tcp', 'a=file-selector:size:10', 'a=max-size:9'],
      'failed too-big',
    ],
    [
      'cannot be reached',
      ['m=message 1 TCP/MSRP *', 'a=path:msrp://127.0.0.1:1/x;tcp', 'a=file-selector:size:10'],
      'failed network',
    ],
  ])('a receiver that %s', async (_, answer, expected) => {
    const ana = await filePeer('ana');
    const { uri } = await receiver(() => answer);
    expect(await outcome(ana.files.offer(uri, fileOf(new Content(randomBytes(10)))))).toBe(expected);
  });

  test.each([
    [486, 'peer-busy'],
    [480, 'peer-offline'],
    [404, 'peer-unknown'],
    [488, 'not-supported'],
    [415, 'not-supported'],
    [413, 'too-big'],
    [487, 'timeout'],
  ])('a receiver that answers %i fails it as %s', async (status, code) => {
    const ana = await filePeer('ana');
    const { agent, uri } = await directAgent('bob');
    agent.onInvite = (sip) => sip.reject(status);
    expect(await outcome(ana.files.offer(uri, fileOf(new Content(randomBytes(10)))))).toBe(`failed ${code}`);
  });

  test('a receiver that knows no multipart gets the offer again without the picture (RFC 5547 §8.8)', async () => {
    const ana = await filePeer('ana');
    const { agent, uri } = await directAgent('old');
    const offers: (number | undefined)[] = [];
    agent.onInvite = (sip) => {
      offers.push(sip.remote?.parts?.length);
      sip.reject(offers.length === 1 ? 415 : 603);
    };
    const icon = { type: 'image/png', data: randomBytes(100) };
    expect(await outcome(ana.files.offer(uri, fileOf(new Content(randomBytes(10)), { icon })))).toBe('declined');
    expect(offers).toEqual([1, undefined]);
  });

  test('a receiver whose certificate is not the announced one gets nothing', async () => {
    const ana = await filePeer('ana', { secure: true });
    const { agent, uri } = await directAgent('evil');
    const bob = await filePeer('bob', { secure: true });
    const offered = nextOffer(bob);
    const content = new Content(randomBytes(1000));
    const sending = ana.files.offer(uri, fileOf(content));
    // the man in the middle passes the offer on and puts a fingerprint of his own into the answer
    const sip = await incoming(agent);
    const onward = agent.invite(bob.uri, { sdp: sip.remote?.sdp ?? '' });
    const { transfer } = await offered;
    acceptInto(transfer, new Arrival(content.size));
    const { remote } = await reached(onward, 'established');
    sip.accept({ sdp: remote.sdp.replace(/sha-256 \S+/, `sha-256 ${Array(32).fill('AA').join(':')}`) });
    expect(await outcome(sending)).toBe('failed tls-untrusted');
    expect(transfer.bytes).toBe(0);
  });
});

describe('when we receive', () => {
  const offered =
    (size: number, ...more: string[]) =>
    (path: string, port: number) =>
      media(
        path,
        port,
        'a=sendonly',
        'a=setup:actpass',
        `a=file-selector:name:"a.bin" type:a/b size:${size}`,
        'a=file-transfer-id:x1',
        ...more,
      );

  test('several files in one offer are decided about one by one, and those taken arrive (RFC 5547 §8.2.3)', async () => {
    const bob = await filePeer('bob');
    const contents = [randomBytes(100_000), randomBytes(10), randomBytes(200_000)];
    const { agent } = await directAgent('ana');
    const { endpoint, listener } = await endpointOf();
    const sessions = contents.map(() => endpoint.createSession({ listener, accept: () => ({ refuse: 403 }) }));
    const transfers: Parameters<Parameters<typeof bob.files.onOffer>[0]>[0][] = [];
    bob.files.onOffer((each) => transfers.push(each));
    const sip = agent.invite(bob.uri, {
      sdp: lines(
        ...head,
        ...sessions.flatMap((session, index) =>
          media(
            session.localPath,
            listener.port,
            'a=sendonly',
            'a=setup:actpass',
            `a=file-selector:name:"${index}" type:a/b size:${contents[index]?.length}`,
            `a=file-transfer-id:id${index}`,
          ),
        ),
      ),
    });
    await expect.poll(() => transfers.length).toBe(3);
    expect(new Set(transfers.map(({ key }) => key)).size).toBe(3);
    const arrivals = contents.map(({ length }) => new Arrival(length));
    for (const [index, { transfer }] of transfers.entries()) {
      if (index === 1) transfer.decline();
      else acceptInto(transfer, arrivals[index] as Arrival);
    }
    const { remote } = await reached(sip, 'established');
    const answered = remote.sdp.split(/^m=/m).slice(1);
    expect(answered.map((line) => line.startsWith('message 0 '))).toEqual([false, true, false]);
    expect(answered[1]).toContain('a=file-transfer-id:id1');
    await Promise.all(
      [0, 2].map(async (index) => {
        const session = sessions[index] as MsrpSession;
        await session.start({ remotePath: pathOf(answered[index] ?? ''), role: 'active' });
        await session.send({ contentType: 'a/b', body: contents[index] as Buffer }).sent;
      }),
    );
    expect(await Promise.all(transfers.map(({ transfer }) => outcome(transfer)))).toEqual([
      'finished',
      'declined',
      'finished',
    ]);
    expect(arrivals[0]?.bytes.equals(contents[0] as Buffer)).toBe(true);
    expect(arrivals[2]?.bytes.equals(contents[2] as Buffer)).toBe(true);
    sip.end();
  });

  test('a sender that knows no file-range in answers sends all, and all lands where it belongs', async () => {
    const bob = await filePeer('bob');
    const content = randomBytes(50_000);
    const next = nextOffer(bob);
    const { session, start, sip } = await sender(bob.uri, offered(content.length));
    const { transfer } = await next;
    const arrival = new Arrival(content.length, content.subarray(0, 20_000));
    acceptInto(transfer, arrival, { from: 20_000 });
    await start();
    expect(sip.remote?.sdp).toContain('a=file-range:20001-*');
    await session.send({ contentType: 'a/b', body: content }).sent;
    expect(await outcome(transfer)).toBe('finished');
    expect(arrival.bytes.equals(content)).toBe(true);
    sip.end();
  });

  test('more bytes than offered are not kept', async () => {
    const bob = await filePeer('bob');
    const next = nextOffer(bob);
    const { session, start, sip } = await sender(bob.uri, offered(1000));
    const { transfer } = await next;
    const arrival = new Arrival(100_000);
    acceptInto(transfer, arrival);
    await start();
    void session.send({ contentType: 'a/b', body: randomBytes(50_000) });
    expect(await outcome(transfer)).toBe('failed size-mismatch');
    expect(arrival.ends).toEqual(['aborted']);
    expect((await ended(sip)).reason).toContain('size-mismatch');
  });

  test('fewer bytes than offered are no file', async () => {
    const bob = await filePeer('bob');
    const next = nextOffer(bob);
    const { session, start } = await sender(bob.uri, offered(1000));
    const { transfer } = await next;
    let completed = false;
    acceptInto(transfer, new Arrival(1000), {
      complete: async () => {
        completed = true;
      },
    });
    await start();
    expect(await session.send({ contentType: 'a/b', body: randomBytes(999) }).sent).toMatchObject({
      state: 'refused',
      status: 413,
    });
    expect(await outcome(transfer)).toBe('failed size-mismatch');
    expect(completed).toBe(false);
  });

  test('a second message in the session is refused (RFC 5547 §8.7)', async () => {
    const bob = await filePeer('bob');
    const next = nextOffer(bob);
    const { session, start, sip } = await sender(bob.uri, offered(1000));
    const { transfer } = await next;
    acceptInto(transfer, new Arrival(1000));
    await start();
    await session.send({ contentType: 'a/b', body: randomBytes(1000) }).sent;
    expect(await session.send({ contentType: 'a/b', body: randomBytes(10) }).sent).toMatchObject({
      state: 'refused',
      status: 403,
    });
    expect(await outcome(transfer)).toBe('finished');
    sip.end();
  });

  test('a sender that hangs up in the middle has given up', async () => {
    const bob = await filePeer('bob');
    const next = nextOffer(bob);
    const { session, start, sip } = await sender(bob.uri, offered(9_000_000));
    const { transfer } = await next;
    const arrival = new Arrival(9_000_000);
    acceptInto(transfer, arrival);
    await start();
    void session.send({ contentType: 'a/b', body: endless() });
    await phase(transfer, 'running');
    session.abort();
    sip.end();
    expect(await outcome(transfer)).toBe('cancelled peer');
    expect(arrival.ends).toEqual(['aborted']);
  });

  test('a sender whose connection breaks without a word leaves a network fault', async () => {
    const bob = await filePeer('bob');
    const next = nextOffer(bob);
    const { session, start } = await sender(bob.uri, offered(9_000_000));
    const { transfer } = await next;
    acceptInto(transfer, new Arrival(9_000_000));
    await start();
    void session.send({ contentType: 'a/b', body: endless() });
    await phase(transfer, 'running');
    session.abort();
    expect(await outcome(transfer)).toBe('failed network');
  });

  test('an empty file needs no message from a sender that sends none, as Blink 5.5 does not', async () => {
    const bob = await filePeer('bob');
    const next = nextOffer(bob);
    const { start, sip } = await sender(bob.uri, offered(0));
    const { transfer } = await next;
    const arrival = new Arrival(0);
    acceptInto(transfer, arrival);
    await start();
    sip.end();
    expect(await outcome(transfer)).toBe('finished');
    expect(arrival.ends).toEqual(['closed']);
  });

  test('a sender that wants to be connected to is connected to', async () => {
    const bob = await filePeer('bob');
    const content = randomBytes(1000);
    const next = nextOffer(bob);
    const { session, start, sip } = await sender(bob.uri, (path, port) =>
      offered(1000)(path, port).map((line) => line.replace('actpass', 'passive')),
    );
    const { transfer } = await next;
    const arrival = new Arrival(1000);
    acceptInto(transfer, arrival);
    await start('passive');
    expect(sip.remote?.sdp).toContain('a=setup:active');
    await session.send({ contentType: 'a/b', body: content }).sent;
    expect(await outcome(transfer)).toBe('finished');
    sip.end();
  });

  test('whoever guesses a path, or comes by a second connection, gets nowhere', async () => {
    const bob = await filePeer('bob');
    const content = randomBytes(5000);
    const next = nextOffer(bob);
    const { session, start, sip } = await sender(bob.uri, offered(content.length));
    const { transfer } = await next;
    const arrival = new Arrival(content.length);
    acceptInto(transfer, arrival);
    const { remote } = await reached(sip, 'established');
    const path = pathOf(remote.sdp);
    const port = Number(/:(\d+)\//.exec(path)?.[1]);
    const shout = async (to: string): Promise<string> => {
      const socket = net.connect(port, '127.0.0.1');
      onTestFinished(() => void socket.destroy());
      socket.write(
        `MSRP evil1234 SEND\r\nTo-Path: ${to}\r\nFrom-Path: msrp://127.0.0.1:9/evil;tcp\r\nMessage-ID: e\r\nByte-Range: 1-4/4\r\nContent-Type: a/b\r\n\r\nevil\r\n-------evil1234$\r\n`,
      );
      const [data] = (await once(socket, 'data')) as [Buffer];
      return data.toString().split('\r\n', 1)[0] ?? '';
    };
    expect(await shout(path.replace(/\/[^/;]+;/, '/guessed;'))).toMatch(/^MSRP evil1234 481/);
    expect(await shout(path)).toMatch(/^MSRP evil1234 481/);
    await start();
    expect(await shout(path)).toMatch(/^MSRP evil1234 (481|506)/);
    await session.send({ contentType: 'a/b', body: content }).sent;
    expect(await outcome(transfer)).toBe('finished');
    expect(arrival.bytes.equals(content)).toBe(true);
    sip.end();
  });

  test('a broken offer is answered 488 with a Warning and shown to nobody', async () => {
    const bob = await filePeer('bob');
    let shown = 0;
    bob.files.onOffer(() => shown++);
    const { sip } = await sender(bob.uri, (_, port) => offered(10)('http://x', port));
    const { rejection } = await reached(sip, 'rejected');
    expect(rejection.status).toBe(488);
    expect(rejection.warning).toContain('Path does not fit');
    expect(shown).toBe(0);
  });

  test('more than 64 offers at once are answered 486', { timeout: 20_000 }, async () => {
    const bob = await filePeer('bob');
    let shown = 0;
    bob.files.onOffer(() => shown++);
    const { agent } = await directAgent('eager');
    const sessions = Array.from({ length: 65 }, () =>
      agent.invite(bob.uri, { sdp: lines(...head, ...offered(10)('msrp://127.0.0.1:9/x;tcp', 9)) }),
    );
    const { rejection } = await Promise.race(sessions.map((sip) => reached(sip, 'rejected')));
    expect(rejection.status).toBe(486);
    expect(shown).toBe(64);
  });

  test('a name with directories and tricks in it comes without', async () => {
    const bob = await filePeer('bob');
    const names: string[] = [];
    bob.files.onOffer(({ transfer }) => {
      names.push(transfer.file.name);
      transfer.decline();
    });
    for (const name of ['../../etc/passwd', 'C:%5CWindows%5Ccmd.exe', '..', 'photo%E2%80%AEgpj.exe', '%0D%0A']) {
      const { sip } = await sender(bob.uri, (path, port) =>
        offered(1)(path, port).map((line) => line.replace('a.bin', name)),
      );
      await reached(sip, 'rejected');
    }
    expect(names).toEqual(['passwd', 'cmd.exe', 'file', 'photogpj.exe', 'file']);
  });
});

/** Goes on until nobody wants it any more. */
async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield Buffer.alloc(4096);
}
