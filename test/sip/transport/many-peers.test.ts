import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MessageFramer } from '../../../protocols/sip/transport/wire/message-framer.ts';
import { MessageHead } from '../../../protocols/sip/transport/wire/message-head.ts';
import { directAgent } from '../direct-agents.ts';
import { serverAgent } from '../server-agent.ts';

/** A program of another make: writes what it is told, and keeps what comes. */
interface Peer {
  heads: MessageHead[];
  /** Resolves to the nth message that came, from 1. */
  nth(count: number): Promise<MessageHead>;
  send(text: string | Buffer): void;
  port: number;
}

const peer = async (kind: 'udp' | 'tcp', to: number): Promise<Peer> => {
  const heads: MessageHead[] = [];
  const watchers = new Set<() => void>();
  const took = (text: string): void => {
    const head = MessageHead.parse(text);
    if (head) heads.push(head);
    for (const watcher of watchers) watcher();
  };
  const nth = (count: number): Promise<MessageHead> =>
    new Promise((resolve) => {
      const check = (): void => {
        const head = heads[count - 1];
        if (!head) return;
        watchers.delete(check);
        resolve(head);
      };
      watchers.add(check);
      check();
    });
  if (kind === 'udp') {
    const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    onTestFinished(() => void socket.close());
    socket.on('message', (datagram) => took(datagram.toString().split('\r\n\r\n', 1)[0] ?? ''));
    return { heads, nth, port: socket.address().port, send: (text) => socket.send(text, to, '127.0.0.1') };
  }
  const socket = net.connect(to, '127.0.0.1');
  await once(socket, 'connect');
  onTestFinished(() => void socket.destroy());
  const framer = new MessageFramer({ message: took, oversized: () => {}, crlf: () => {} });
  socket.on('data', (chunk: Buffer) => framer.push(chunk));
  return { heads, nth, port: socket.localPort ?? 0, send: (text) => void socket.write(text) };
};

const message = (via: string, body: string, lines: readonly string[] = []): string =>
  [
    'MESSAGE sip:ana@127.0.0.1 SIP/2.0',
    `Via: ${via}`,
    ...['From: <sip:x@y>;tag=1', 'To: <sip:ana@127.0.0.1>', 'Call-ID: one', 'CSeq: 1 MESSAGE'].filter(
      (usual) => !lines.some((line) => line.startsWith(usual.split(':', 1)[0] ?? '')),
    ),
    ...lines,
    'Content-Type: text/plain',
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');

/** Ana, and what she was told, in order. */
const listener = async () => {
  const { agent } = await directAgent('ana');
  const taken: string[] = [];
  agent.onMessage = (request) => {
    taken.push(request.message.body);
    request.accept();
  };
  return { agent, taken, port: agent.local?.port ?? 0 };
};

// RFC 3261 §17.2.3
describe('several programs at one listener', () => {
  test.each(['udp', 'tcp'] as const)('that use the same branch over %s are told apart', async (kind) => {
    const { taken, port } = await listener();
    const peers = [await peer(kind, port), await peer(kind, port), await peer(kind, port)];
    for (const [index, each] of peers.entries()) {
      const via = `SIP/2.0/${kind.toUpperCase()} 127.0.0.1:${each.port};branch=z9hG4bK-same`;
      each.send(message(via, `text ${index}`, [`Call-ID: call${index}`]));
      const answer = await each.nth(1);
      expect([answer.start, answer.get('via')]).toEqual([expect.objectContaining({ status: 200 }), via]);
    }
    expect(taken).toEqual(['text 0', 'text 1', 'text 2']);
    // and what one of them sends again is no other message
    const first = peers[0];
    first?.send(
      message(`SIP/2.0/${kind.toUpperCase()} 127.0.0.1:${first.port};branch=z9hG4bK-same`, 'text 0', [
        'Call-ID: call0',
      ]),
    );
    expect((await first?.nth(2))?.start).toMatchObject({ status: 200 });
    expect(taken.length).toBe(3);
  });

  test('that know no branches (RFC 2543) are told apart by what those go by, and heard once each', async () => {
    const { taken, port } = await listener();
    const old = await peer('udp', port);
    for (const branch of ['', ';branch=1']) {
      const via = `SIP/2.0/UDP 127.0.0.1:${old.port}${branch}`;
      for (const cseq of ['7', '7', '8']) {
        const count = old.heads.length;
        old.send(message(via, `text ${cseq}${branch}`, [`Call-ID: call${branch.length}`, `CSeq: ${cseq} MESSAGE`]));
        expect((await old.nth(count + 1)).get('via')).toBe(via);
      }
    }
    expect(taken).toEqual(['text 7', 'text 8', 'text 7;branch=1', 'text 8;branch=1']);
  });

  test('whose INVITEs share a branch each get their own refusal until they have acknowledged it', async () => {
    const { agent, port } = await listener();
    agent.onInvite = (session) => session.reject(session.header('subject') === 'one' ? 486 : 603);
    const callers = [await peer('udp', port), await peer('udp', port)];
    const request = (method: string, each: Peer, subject: string): string =>
      message(`SIP/2.0/UDP 127.0.0.1:${each.port};branch=z9hG4bK-same`, 'v=0\r\n', [
        `Call-ID: ${subject}`,
        `CSeq: 1 ${method}`,
        `Subject: ${subject}`,
        `Contact: <sip:x@127.0.0.1:${each.port}>`,
      ])
        .replace('MESSAGE sip', `${method} sip`)
        .replace('text/plain', 'application/sdp');
    const [one, two] = callers as [Peer, Peer];
    one.send(request('INVITE', one, 'one'));
    two.send(request('INVITE', two, 'two'));
    const finals = async (each: Peer): Promise<string | undefined> => {
      for (let count = 1; ; count++) {
        const head = await each.nth(count);
        if (head.start.kind === 'response' && head.start.status >= 300) return `${head.start.status}`;
      }
    };
    expect([await finals(one), await finals(two)]).toEqual(['486', '603']);
    // only the first says that it has come: the other's comes again
    one.send(request('ACK', one, 'one'));
    const [before, after] = [one.heads.length, two.heads.length];
    await two.nth(after + 1);
    expect(one.heads.length).toBe(before);
    two.send(request('ACK', two, 'two'));
  });

  test('write byte by byte, or all at once, and none disturbs another', async () => {
    const { taken, port } = await listener();
    const peers = await Promise.all(Array.from({ length: 20 }, () => peer('tcp', port)));
    const expected = peers.flatMap((_, index) => [`${index} reunião`, `${index} 🎓`]);
    const streams = peers.map((each, index) =>
      Buffer.from(
        ['reunião', '🎓']
          .map((text, cseq) => {
            const via = `SIP/2.0/TCP 127.0.0.1:${each.port};branch=z9hG4bK${cseq}`;
            return `\r\n\r\n${message(via, `${index} ${text}`, [`Call-ID: c${index}`, `CSeq: ${cseq + 1} MESSAGE`])}`;
          })
          .join(''),
      ),
    );
    const longest = Math.max(...streams.map(({ length }) => length));
    for (let at = 0; at < longest; at++) {
      for (const [index, stream] of streams.entries()) {
        if (index % 2 === 0) peers[index]?.send(stream.subarray(at, at + 1));
        else if (at === 0) peers[index]?.send(stream);
      }
    }
    await Promise.all(peers.map((each) => each.nth(2)));
    expect(taken.toSorted()).toEqual(expected.toSorted());
  });
});

test('several Via in one line are as several lines, and only the topmost is marked', async () => {
  const { port } = await listener();
  const proxy = await peer('udp', port);
  proxy.send(message('SIP/2.0/UDP proxy.test;branch=z9hG4bK1;rport, SIP/2.0/TCP "a,b".test;branch=z9hG4bK2', 'x'));
  const answer = await proxy.nth(1);
  expect(answer.all('via')).toEqual([
    `SIP/2.0/UDP proxy.test;branch=z9hG4bK1;rport=${proxy.port};received=127.0.0.1`,
    'SIP/2.0/TCP "a,b".test;branch=z9hG4bK2',
  ]);
});

test('where a request came from is not what its sender says', async () => {
  const { port } = await listener();
  const liar = await peer('udp', port);
  liar.send(message('SIP/2.0/UDP 192.0.2.1:9;received=192.0.2.2;rport=7;branch=z9hG4bK1', 'x'));
  expect((await liar.nth(1)).get('via')).toBe(
    `SIP/2.0/UDP 192.0.2.1:9;branch=z9hG4bK1;rport=${liar.port};received=127.0.0.1`,
  );
});

// all of 127/8 is the loopback on Linux
test.skipIf(process.platform !== 'linux')('one machine cannot take every place and keep the others away', async () => {
  const { port } = await listener();
  const greedy = Array.from({ length: 250 }, () =>
    net.connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' }).on('error', () => {}),
  );
  onTestFinished(() => {
    for (const socket of greedy) socket.destroy();
  });
  // who is not taken is told so at once
  const refused = greedy.map((socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())));
  let count = 0;
  await new Promise<void>((resolve) => {
    for (const each of refused)
      void each.then(() => {
        count += 1;
        if (count === 200) resolve();
      });
  });
  const other = await peer('tcp', port);
  other.send(message(`SIP/2.0/TCP 127.0.0.1:${other.port};branch=z9hG4bK1`, 'x'));
  expect((await other.nth(1)).start).toMatchObject({ status: 200 });
  expect(greedy.filter(({ destroyed }) => !destroyed).length).toBe(50);
});

// RFC 3261 §18.3
describe('a datagram that ends before its body does', () => {
  test('is refused with 400 when it is a request, and shown to nobody', async () => {
    const { port, taken } = await listener();
    const other = await peer('udp', port);
    const whole = message(`SIP/2.0/UDP 127.0.0.1:${other.port};branch=z9hG4bK1`, 'transfer 1000 euros, not');
    other.send(whole.slice(0, -5));
    expect((await other.nth(1)).start).toMatchObject({ status: 400 });
    other.send(whole.replace('bK1', 'bK2').replace('one', 'two'));
    expect((await other.nth(2)).start).toMatchObject({ status: 200 });
    expect(taken).toEqual(['transfer 1000 euros, not']);
  });

  test('is no answer when it is one, and what is beyond the body is left out', async () => {
    const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    onTestFinished(() => void socket.close());
    const { agent } = await serverAgent(socket.address().port, 'UDP');
    const answering = agent.request({ method: 'OPTIONS', to: 'sip:bob@campus.test' });
    const [datagram, from] = (await once(socket, 'message')) as [Buffer, dgram.RemoteInfo];
    const copied = datagram.toString().match(/^(?:Via|From|To|Call-ID|CSeq):.*$/gm) ?? [];
    const answer = (body: string): void =>
      socket.send(
        ['SIP/2.0 200 OK', ...copied, 'Content-Type: text/plain', 'Content-Length: 5', '', body].join('\r\n'),
        from.port,
        from.address,
      );
    answer('who');
    // it is asked again, as if nothing had come
    const [again] = (await once(socket, 'message')) as [Buffer];
    expect(again).toEqual(datagram);
    answer('whole and more');
    expect((await answering).body).toBe('whole');
  });
});
