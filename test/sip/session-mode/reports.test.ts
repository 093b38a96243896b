import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { MessageMark } from '../../../protocols/contract/index.ts';
import { directAgent } from '../direct-agents.ts';
import { Campus, ChatPeer } from './support/chat-peers.ts';

const OLA = 'sip:ola@local';

/** A SEND as it came, and ways to speak of it. */
interface Frame {
  id: string;
  messageId: string;
  /** Bytes of its body. */
  size: number;
  body: string;
  answer(status: number): void;
  report(status: number, range: string, messageId?: string): void;
}

/** Ana in a session with Ola, whose every answer and report the test writes itself. */
const withOla = async (react: (frame: Frame) => void, types = 'message/cpim text/plain') => {
  const campus = new Campus();
  const ana = await new ChatPeer(campus, 'ana', {}).begin();
  const { agent, uri } = await directAgent('ola');
  campus.move(OLA, uri);
  const pages: string[] = [];
  agent.onMessage = (request) => {
    pages.push(request.message.body);
    request.accept();
    campus.tell();
  };
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let kept = '';
    socket.on('data', (data: Buffer) => {
      kept += data.toString('latin1');
      for (;;) {
        const found = /^MSRP (\S+) SEND\r\n[\s\S]*?-------\1[$+#]\r\n/.exec(kept);
        if (!found) return;
        kept = kept.slice(found[0].length);
        const field = (name: string): string => new RegExp(`^${name}: (.*)\r$`, 'm').exec(found[0])?.[1] ?? '';
        const body = /\r\n\r\n([\s\S]*)\r\n-------/.exec(found[0])?.[1] ?? '';
        const [to, from] = [field('To-Path'), field('From-Path')];
        const frame: Frame = {
          id: found[1] ?? '',
          messageId: field('Message-ID'),
          size: body.length,
          body: Buffer.from(body, 'latin1').toString('utf8'),
          answer: (status) =>
            void socket.write(
              `MSRP ${frame.id} ${status} x\r\nTo-Path: ${from}\r\nFrom-Path: ${to}\r\n-------${frame.id}$\r\n`,
            ),
          report: (status, range, messageId = frame.messageId) =>
            void socket.write(
              `MSRP r${frame.id} REPORT\r\nTo-Path: ${from}\r\nFrom-Path: ${to}\r\nMessage-ID: ${messageId}\r\nByte-Range: ${range}\r\nStatus: 000 ${status} x\r\n-------r${frame.id}$\r\n`,
            ),
        };
        // what binds the session
        if (body === '') frame.answer(200);
        else react(frame);
        campus.tell();
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as net.AddressInfo;
  agent.onInvite = (session) =>
    session.accept({
      sdp: [
        'v=0',
        'o=- 1 1 IN IP4 127.0.0.1',
        's=-',
        'c=IN IP4 127.0.0.1',
        't=0 0',
        `m=message ${port} TCP/MSRP *`,
        `a=path:msrp://127.0.0.1:${port}/abcdefghijkl;tcp`,
        `a=accept-types:${types}`,
        'a=accept-wrapped-types:*',
        'a=setup:passive',
        '',
      ].join('\r\n'),
    });
  const say = async (id: string, text = 'zażółć'): Promise<string> => {
    const { outcome } = ana.messaging.send(OLA, { id, text, composedAt: 0 });
    return (await outcome).state;
  };
  await say('1');
  await say('2');
  await campus.until(() => ana.messaging.modeOf(OLA) === 'session');
  const marked = (id: string, mark: MessageMark['mark']) => ana.marked(id, mark);
  return { ana, campus, say, pages, marked };
};

const ID = '11111111-2222-4333-8444-555555555555';
const NEXT = '11111111-2222-4333-8444-666666666666';

describe('a text in a session is delivered', () => {
  test('when every byte of it has been reported, in whatever order', async () => {
    const frames: Frame[] = [];
    const { ana, say, marked } = await withOla((frame) => {
      frames.push(frame);
      frame.answer(200);
      if (frame.messageId === ID.replaceAll('-', '')) {
        frame.report(200, `5-${frame.size}/${frame.size}`);
        frame.report(200, `1-3/${frame.size}`);
      } else frame.report(200, `1-${frame.size}/${frame.size}`);
    });
    expect(await say(ID)).toBe('sent');
    expect(await say(NEXT)).toBe('sent');
    await marked(NEXT, 'delivered');
    expect(ana.marks.map(({ id }) => id)).toEqual([NEXT]);
    const [first] = frames;
    first?.report(200, `4-4/${first.size}`);
    await marked(ID, 'delivered');
    first?.report(200, `1-${first.size}/${first.size}`);
    expect(await say('3')).toBe('sent');
    expect(ana.marks.filter(({ id }) => id === ID)).toHaveLength(1);
  });

  test('although the report comes before the answer', async () => {
    const { say, marked } = await withOla((frame) => {
      frame.report(200, `1-${frame.size}/${frame.size}`);
      frame.answer(200);
    });
    expect(await say(ID)).toBe('sent');
    await marked(ID, 'delivered');
  });
});

describe('a text in a session is not delivered', () => {
  test.each<[string, (frame: Frame) => void]>([
    ['by a report about another', (frame) => frame.report(200, `1-${frame.size}/${frame.size}`, 'somethingelse')],
    ['by a report of a part', (frame) => frame.report(200, `2-${frame.size}/${frame.size}`)],
    ['by a report of nothing', (frame) => frame.report(200, `1-0/${frame.size}`)],
    ['by its 200 alone', () => {}],
  ])('%s', async (_, report) => {
    const { ana, say, marked, pages } = await withOla((frame) => {
      frame.answer(200);
      if (frame.messageId === NEXT.replaceAll('-', '')) frame.report(200, `1-${frame.size}/${frame.size}`);
      else report(frame);
    });
    expect([await say(ID), await say(NEXT)]).toEqual(['sent', 'sent']);
    await marked(NEXT, 'delivered');
    expect(ana.marks.map(({ id }) => id)).toEqual([NEXT]);
    // the peer has confirmed it: it goes no other way
    expect(pages).toHaveLength(2);
  });

  test.each([400, 413, 415])('when it is reported as failed with %i: it goes by MESSAGE, once', async (status) => {
    const { ana, campus, say, pages } = await withOla((frame) => {
      frame.answer(200);
      frame.report(status, `1-${frame.size}/${frame.size}`);
      // some say both
      frame.report(200, `1-${frame.size}/${frame.size}`);
    });
    expect(await say(ID, 'cannot be read')).toBe('sent');
    await campus.until(() => pages.length === 3);
    expect(pages[2]).toContain('cannot be read');
    expect(pages[2]).toContain(`imdn.Message-ID: ${ID}`);
    await ana.messaging.settled();
    expect([ana.marks, pages.length, ana.messaging.modeOf(OLA)]).toEqual([[], 3, 'session']);
  });

  test.each([403, 413, 415, 423])(
    'when it is answered with %i: it goes by MESSAGE, and the session stays',
    async (status) => {
      const { ana, say, pages } = await withOla((frame) => frame.answer(status));
      expect([await say(ID, 'not here'), await say(NEXT, 'nor this')]).toEqual(['sent', 'sent']);
      expect(pages.slice(2).map((page) => /not here|nor this/.exec(page)?.[0])).toEqual(['not here', 'nor this']);
      expect([ana.marks, ana.messaging.modeOf(OLA)]).toEqual([[], 'session']);
    },
  );

  test('nor does the session stand any longer when the peer does not know it', async () => {
    const { ana, campus, say, pages } = await withOla((frame) => frame.answer(481));
    expect(await say(ID)).toBe('sent');
    await campus.until(() => ana.messaging.modeOf(OLA) === 'page');
    expect(pages).toHaveLength(3);
  });
});
