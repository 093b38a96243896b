// RFC 6714: what stands in between has put its own address into the c= and m= lines
import { describe, expect, onTestFinished, test } from 'vitest';
import { MemorySink, MsrpEndpoint } from '../../../msrp/index.ts';
import type { SessionDescription } from '../../../protocols/sip/session-description-handler.ts';
import type { SipSession } from '../../../protocols/sip/sip-session.ts';
import { directAgent } from '../direct-agents.ts';
import { Campus, ChatPeer } from './support/chat-peers.ts';

/** Nobody is there. */
const BEHIND = 'msrp://127.0.0.1:1/behind;tcp';
const OLA = 'sip:ola@local';

const chat = (path: string, port: number, setup: string): SessionDescription => ({
  sdp: [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=message ${port} TCP/MSRP *`,
    `a=path:${path}`,
    'a=accept-types:text/plain',
    `a=setup:${setup}`,
    '',
  ].join('\r\n'),
});
const pathIn = (sdp: string): string => /^a=path:(\S+)/m.exec(sdp)?.[1] ?? '';

/** Ana, and Ola of another maker behind something that answers for her; `invited`: Ana's INVITE, not answered yet. */
const withOla = async () => {
  const campus = new Campus();
  const ana = await new ChatPeer(campus, 'ana', {}).begin();
  const { agent, uri } = await directAgent('ola');
  campus.move(OLA, uri);
  const pages: string[] = [];
  agent.onMessage = (request) => {
    pages.push(request.message.body);
    request.accept();
  };
  const invited = new Promise<SipSession>((resolve) => {
    agent.onInvite = resolve;
  });
  const say = async (text: string): Promise<string> => {
    const { outcome } = ana.messaging.send(OLA, { id: `id-${text}`, text, composedAt: 0 });
    return (await outcome).state;
  };
  const endpoint = new MsrpEndpoint();
  onTestFinished(() => endpoint.close());
  const listener = await endpoint.listen({ host: '127.0.0.1' });
  const sink = new MemorySink(10_000);
  const media = endpoint.createSession({
    listener,
    matching: 'session-id',
    accept: () => ({ sink, ended: () => campus.tell() }),
  });
  const inSession = () => campus.until(() => ana.messaging.modeOf(OLA) === 'session');
  return { campus, ana, agent, say, pages, invited, media, port: listener.port, sink, inSession };
};
type Setting = Awaited<ReturnType<typeof withOla>>;

/** The session is used. */
const carries = async ({ say, pages, sink, inSession }: Setting): Promise<void> => {
  await inSession();
  const before = pages.length;
  expect(await say('carried')).toBe('sent');
  expect([sink.text, pages.length]).toEqual(['carried', before]);
};

describe('an answer without CEMA from somebody who connects (§4.2)', () => {
  const answered = async () => {
    const setting = await withOla();
    await setting.say('a');
    await setting.say('b');
    return { ...setting, sip: await setting.invited };
  };

  test('is asked for again without CEMA, and what comes then is used', async () => {
    const setting = await answered();
    const { sip, media, port } = setting;
    const offered = sip.remote?.sdp ?? '';
    expect(offered).toContain('a=msrp-cema\r\n');
    const again = new Promise<string>((resolve) => {
      sip.answerReoffer = ({ sdp }) => {
        resolve(sdp);
        return chat(media.localPath, port, 'active');
      };
    });
    sip.accept(chat(BEHIND, 2000, 'active'));
    const sdp = await again;
    expect(sdp).not.toContain('msrp-cema');
    expect(pathIn(sdp)).toBe(pathIn(offered));
    await media.start({ remotePath: pathIn(sdp), role: 'active' });
    await carries(setting);
    expect(setting.ana.inviting).toHaveLength(1);
  });

  test('is asked for again after a glare (RFC 3261 §14.1)', async () => {
    const setting = await answered();
    const { ana, sip, media, port } = setting;
    const [ours] = ana.inviting;
    if (!ours) throw new Error('no INVITE');
    const reoffer = ours.reoffer.bind(ours);
    let crossed = (): void => {};
    const glare = new Promise<void>((resolve) => {
      crossed = resolve;
    });
    ours.reoffer = () => {
      ours.reoffer = reoffer;
      crossed();
      return Promise.reject(new Error('491'));
    };
    const again = new Promise<string>((resolve) => {
      sip.answerReoffer = ({ sdp }) => {
        resolve(sdp);
        return chat(media.localPath, port, 'active');
      };
    });
    sip.accept(chat(BEHIND, 2000, 'active'));
    await glare;
    await new Promise(setImmediate);
    ana.clock.advance(4_000);
    const sdp = await again;
    expect(sdp).not.toContain('msrp-cema');
    await media.start({ remotePath: pathIn(sdp), role: 'active' });
    await carries(setting);
  });

  test('need not be asked for again when an offer of theirs crosses: our answer says the same', async () => {
    const setting = await answered();
    const { ana, sip, media } = setting;
    const [ours] = ana.inviting;
    if (!ours) throw new Error('no INVITE');
    const glare = new Promise<void>((resolve) => {
      ours.reoffer = () => {
        resolve();
        return Promise.reject(new Error('491'));
      };
    });
    const path = media.localPath.replace(/:\d+\//, ':1/');
    sip.accept(chat(path, 2000, 'active'));
    await glare;
    // comes the same way as the ACK, behind it
    await setting.say('c');
    const { sdp } = await sip.reoffer(chat(path, 2000, 'actpass'));
    expect(sdp).not.toContain('msrp-cema');
    expect(sdp).toContain('a=setup:passive\r\n');
    await media.start({ remotePath: pathIn(sdp), role: 'active' });
    ana.clock.advance(4_000);
    await carries(setting);
  });

  test.each([
    [
      'refused',
      () => {
        throw new Error('no');
      },
    ],
    ['answered with a closed line', () => chat(BEHIND, 0, 'active')],
  ] as const)('ends the session when the second offer is %s, and texts go by MESSAGE', async (_, answer) => {
    const { campus, ana, sip, say, pages } = await answered();
    sip.answerReoffer = answer;
    sip.accept(chat(BEHIND, 2000, 'active'));
    await campus.until(() => ana.inviting[0]?.state.state === 'ended');
    expect(await say('c')).toBe('sent');
    expect([pages.length, ana.messaging.modeOf(OLA), ana.clock.running]).toEqual([3, 'page', 0]);
  });

  test('that never comes the second time is waited for as long as for any connection', async () => {
    const { campus, ana, sip, say, pages } = await answered();
    const asked = new Promise<void>((resolve) => {
      sip.answerReoffer = () => {
        resolve();
        return new Promise(() => {});
      };
    });
    sip.accept(chat(BEHIND, 2000, 'active'));
    await asked;
    expect(await say('c')).toBe('sent');
    ana.clock.advance(20_000);
    await campus.until(() => ana.inviting[0]?.state.state === 'ended');
    expect([pages.length, ana.clock.running]).toEqual([3, 0]);
  });
});

test('an answer without CEMA from somebody we connect to is taken: we know where c= and m= lead', async () => {
  const setting = await withOla();
  await setting.say('a');
  await setting.say('b');
  const sip = await setting.invited;
  let offers = 0;
  sip.onReoffered(() => {
    offers += 1;
  });
  void setting.media.start({ role: 'passive' });
  sip.accept(chat(setting.media.localPath.replace(/:\d+\//, ':1/'), setting.port, 'passive'));
  await carries(setting);
  expect(offers).toBe(0);
});

test('an offer that comes again with another path, from what stands in between, is followed', async () => {
  const setting = await withOla();
  const { ana, agent, campus, media, port } = setting;
  const sip = agent.invite(campus.find(ana.address) ?? '', chat(BEHIND, 2000, 'actpass'));
  const ola = await campus.until(() => ana.invited[0]?.peer);
  await new Promise<void>((resolve) => {
    sip.onState(({ state }) => state === 'established' && resolve());
  });
  const { sdp } = await sip.reoffer(chat(media.localPath, port, 'actpass'));
  await media.start({ remotePath: pathIn(sdp), role: 'active' });
  await campus.until(() => ana.messaging.modeOf(ola) === 'session');
  const { outcome } = ana.messaging.send(ola, { id: 'id-1', text: 'followed', composedAt: 0 });
  expect([(await outcome).state, setting.sink.text]).toEqual(['sent', 'followed']);
});
