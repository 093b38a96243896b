import diagnostics from 'node:diagnostics_channel';
import { describe, expect, it } from 'vitest';
import { type LogLevel, requestedNickname, setNickname, type TracedFrame } from '../../msrp/index.ts';
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
