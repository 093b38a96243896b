import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { Readable } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { MsrpSession } from '../../../msrp/index.ts';
import { directAgent, reached } from '../direct-agents.ts';
import { Arrival, acceptInto, filePeer, nextOffer, outcome, phase } from './file-peers.ts';
import { ended, endless, endpointOf, head, lines, media, pathOf, sender } from './raw-peers.ts';

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

  test.each([
    ['in one piece', 1_000_000],
    ['byte by byte at the border', 1],
  ])('a file inside CPIM comes out of it, sent %s (RFC 5547 §9)', async (_, piece) => {
    const bob = await filePeer('bob');
    const content = randomBytes(300);
    const wrapper = Buffer.from(
      'To: Bob <sip:bob@example.com>\r\nDateTime: 2006-05-15T15:02:31-03:00\r\n\r\nContent-Disposition: render; filename="a"\nContent-Type: image/jpeg\n\n',
    );
    const next = nextOffer(bob);
    const { session, start, sip } = await sender(bob.uri, offered(content.length));
    const { transfer } = await next;
    const arrival = new Arrival(content.length, content.subarray(0, 100));
    acceptInto(transfer, arrival, { from: 100 });
    await start();
    const body = Buffer.concat([wrapper, content.subarray(100)]);
    const { state } = await session.send({ contentType: 'message/cpim', body, chunking: piece }).sent;
    expect(state).toBe('sent');
    expect(await outcome(transfer)).toBe('finished');
    expect(arrival.bytes.equals(content)).toBe(true);
    expect(transfer.bytes).toBe(300);
    sip.end();
  });

  test('a CPIM wrapper without end, or with more behind it than offered, is no file', async () => {
    const bob = await filePeer('bob');
    for (const body of [
      'To: <sip:bob@example.com>\r\n\r\nContent-Type: a/b',
      `To: <x:y>\r\n\r\nA: b\r\n\r\n${'x'.repeat(11)}`,
    ]) {
      const next = nextOffer(bob);
      const { session, start } = await sender(bob.uri, offered(10));
      const { transfer } = await next;
      const arrival = new Arrival(10);
      acceptInto(transfer, arrival);
      await start();
      // as a stream, since our library would not send it from memory
      const stream = Readable.from([Buffer.from(body)]);
      const { sent } = session.send({ contentType: 'message/cpim', body: stream });
      expect(await sent).toMatchObject({ state: 'refused' });
      expect(await outcome(transfer)).toMatch(/^failed (malformed|size-mismatch)$/);
      expect(arrival.ends).toEqual(['aborted']);
    }
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

  const SHA1 = 'ab'.repeat(20);
  const SHA256 = 'cd'.repeat(32);
  const colons = (hex: string): string => hex.match(/../g)?.join(':') ?? '';
  test.each([
    ['none', '', undefined],
    ['sha-1 in capitals', `hash:sha-1:${colons(SHA1).toUpperCase()}`, [{ algorithm: 'sha-1', value: SHA1 }]],
    ['sha-1 in small letters', `hash:sha-1:${colons(SHA1)}`, [{ algorithm: 'sha-1', value: SHA1 }]],
    ['sha-256 alone', `hash:sha-256:${colons(SHA256).toUpperCase()}`, [{ algorithm: 'sha-256', value: SHA256 }]],
    [
      'both, and one nobody knows',
      `hash:md5:00 hash:sha-1:${colons(SHA1)} hash:sha-256:${colons(SHA256)}`,
      [
        { algorithm: 'sha-256', value: SHA256 },
        { algorithm: 'sha-1', value: SHA1 },
      ],
    ],
  ])('of the hashes of an offer is known: %s', async (_, hash, hashes) => {
    const bob = await filePeer('bob');
    const next = nextOffer(bob);
    const selector = `a=file-selector:size:10 ${hash}`.trim();
    const { sip } = await sender(bob.uri, (path, port) => media(path, port, 'a=sendonly', 'a=setup:actpass', selector));
    const { transfer } = await next;
    expect(transfer.file.hashes).toEqual(hashes);
    transfer.decline();
    await reached(sip, 'rejected');
  });

  test('a broken line, a foreign medium and a line over TLS under the path of one without are closed beside a good one', async () => {
    const bob = await filePeer('bob');
    const next = nextOffer(bob);
    const good = (path: string, port: number): string[] =>
      media(path, port, 'a=sendonly', 'a=setup:actpass', 'a=file-selector:size:10');
    const { sip } = await sender(bob.uri, (path, port) => [
      ...good(path, 0),
      'm=video 4 RTP/AVP 31',
      ...good(path, port).map((line) => line.replace('TCP/MSRP', 'TCP/TLS/MSRP')),
      ...good(path, port).filter((line) => !line.startsWith('a=path')),
      ...good(path, port),
    ]);
    acceptInto((await next).transfer, new Arrival(10));
    const { remote } = await reached(sip, 'established');
    expect(remote.sdp.match(/^m=\S+ \d+ \S+/gm)?.map((line) => line.replace(/ [1-9]\d+ /, ' open '))).toEqual([
      'm=message 0 TCP/MSRP',
      'm=video 0 RTP/AVP',
      'm=message 0 TCP/TLS/MSRP',
      'm=message 0 TCP/MSRP',
      'm=message open TCP/MSRP',
    ]);
    sip.end();
  });

  test('two lines under one id are one file: the second is refused, and shown to nobody', async () => {
    const bob = await filePeer('bob');
    const shown: string[] = [];
    bob.files.onOffer(({ transfer }) => {
      shown.push(transfer.file.name);
      acceptInto(transfer, new Arrival(9));
    });
    const line = (path: string, port: number, name: string): string[] =>
      media(path, port, 'a=sendonly', `a=file-selector:name:"${name}" size:9`, 'a=file-transfer-id:same');
    const { sip } = await sender(bob.uri, (path, port) => [...line(path, port, 'a'), ...line(path, port, 'b')]);
    const { remote } = await reached(sip, 'established');
    expect(remote.sdp.match(/^m=message \d+/gm)?.map((text) => text.endsWith(' 0'))).toEqual([false, true]);
    expect(shown).toEqual(['a']);
    sip.end();
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
