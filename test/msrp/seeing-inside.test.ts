import diagnostics from 'node:diagnostics_channel';
import { describe, expect, it } from 'vitest';
import {
  type AcceptHook,
  type LogLevel,
  MemorySink,
  requestedNickname,
  setNickname,
  type TracedConnection,
  type TracedFrame,
  type TracedMessage,
  type TracedSession,
} from '../../msrp/index.ts';
import { endpoint, Mailbox, pair, RawPeer } from './support/support.ts';

describe('nicknames (RFC 7701)', () => {
  it('are asked for, granted and refused', async () => {
    const asked: (string | undefined)[] = [];
    const { active } = await pair({
      passive: {
        request: (head) => {
          const nickname = requestedNickname(head);
          asked.push(nickname);
          return nickname === 'taken' ? { status: 425, comment: 'Nickname usage failed' } : { status: 200 };
        },
      },
    });
    await setNickname(active, 'Alice "the" \\ Ñandú');
    await expect(setNickname(active, 'taken')).rejects.toMatchObject({ code: 'refused', status: 425 });
    await setNickname(active, '');
    expect(asked).toEqual(['Alice "the" \\ Ñandú', 'taken', '']);
  });

  it('are read without quotes, too', async () => {
    const asked: (string | undefined)[] = [];
    const { active } = await pair({
      passive: {
        request: (head) => {
          asked.push(requestedNickname(head));
          return { status: 200 };
        },
      },
    });
    await active.request('NICKNAME', [['Use-Nickname', 'Ally']]);
    await active.request('OTHER', []);
    expect(asked).toEqual(['Ally', undefined]);
  });
});

describe('seeing inside', () => {
  it('shows the head of every frame to whoever subscribes, and no body', async () => {
    const seen: TracedFrame[] = [];
    const see = (message: unknown) => seen.push(message as TracedFrame);
    diagnostics.subscribe('msrp:frame', see);
    try {
      const { active, mailbox } = await pair();
      const message = active.send({ contentType: 'text/plain', body: 'private words' });
      await mailbox.next();
      await message.sent;
      // the bind and the message, each out and in on either side, and so their responses
      const frames = seen.map(({ direction, head }) => `${direction} ${head.split('\r\n')[0]?.split(' ')[2]}`).sort();
      expect(frames).toEqual(['in 200', 'in 200', 'in SEND', 'in SEND', 'out 200', 'out 200', 'out SEND', 'out SEND']);
      expect(seen[0]?.peer).toMatch(/^127\.0\.0\.1:\d+$/);
      expect(JSON.stringify(seen)).not.toContain('private words');
      expect(JSON.stringify(seen)).toContain('Content-Type: text/plain');
    } finally {
      diagnostics.unsubscribe('msrp:frame', see);
    }
  });

  it('shows what becomes of connections, sessions and messages', async () => {
    const seen: string[] = [];
    // connections of the tests before may still be going
    const ours = new Set<string>();
    const watchers = (['connection', 'session', 'message'] as const).map((name) => {
      const see = (message: unknown) => {
        const facts = message as TracedConnection | TracedSession | TracedMessage;
        if ('event' in facts) {
          if (facts.event === 'opened') ours.add(facts.peer);
          if (!ours.has(facts.peer)) return;
        }
        const words = Object.entries(facts).filter(([key, value]) => key !== 'messageId' && key !== 'peer' && value);
        seen.push(`${name} ${words.map(([, value]) => String(value)).join(' ')}`);
      };
      diagnostics.subscribe(`msrp:${name}`, see);
      return () => diagnostics.unsubscribe(`msrp:${name}`, see);
    });
    try {
      const accept: AcceptHook = ({ contentType }) =>
        contentType === 'a/b' ? { refuse: 415 } : { sink: new MemorySink(100) };
      const { active, passive } = await pair({ passive: { accept } });
      await active.send({ contentType: 'text/plain', body: 'taken' }).sent;
      await active.send({ contentType: 'a/b', body: 'refused' }).sent;
      const over = new Promise((resolve) => passive.onStateChange(resolve));
      await active.close();
      await over;
      const closed = () => seen.filter((line) => line.startsWith('connection closed')).length;
      while (closed() < 2) await new Promise((resolve) => setImmediate(resolve));
      expect(seen.sort()).toEqual([
        'connection closed',
        'connection closed connection-lost',
        'connection opened',
        'connection opened',
        'message in completed',
        'message in refused',
        'message out refused',
        'message out sent',
        'session bound',
        'session bound',
        'session closed',
        'session closed connection-lost',
        'session closing',
        'session connecting',
        'session waiting',
      ]);
    } finally {
      for (const stop of watchers) stop();
    }
  });

  it('cuts the body off what it shows of a request that has one', async () => {
    const seen: string[] = [];
    const see = (message: unknown) => seen.push((message as TracedFrame).head);
    const { active } = await pair({ passive: { request: () => ({ status: 200 }) } });
    diagnostics.subscribe('msrp:frame', see);
    try {
      await active.request('OTHER', [['X-One', 'a']], { contentType: 'text/plain', text: 'private words' });
      expect(seen).toHaveLength(4);
      for (const head of seen) {
        expect(head).toMatch(/^MSRP \w{16} (OTHER|200 OK)\r\n(\S+: .*\r\n)+$/);
        expect(head).not.toContain('private');
      }
    } finally {
      diagnostics.unsubscribe('msrp:frame', see);
    }
  });

  it('tells the logger why a peer was cut off, and nothing of what it wrote', async () => {
    const lines: { level: LogLevel; text: string; facts: object }[] = [];
    const own = endpoint({ logger: (level, text, facts) => lines.push({ level, text, facts }) });
    const listener = await own.listen({ host: '127.0.0.1' });
    own.createSession({ listener, accept: new Mailbox().accept });
    const peer = await RawPeer.connect(listener.port);
    peer.write('secret words\r\n');
    await peer.closed();
    expect(lines).toEqual([{ level: 'warning', text: 'frame refused', facts: { code: 'malformed-frame' } }]);
  });
});
