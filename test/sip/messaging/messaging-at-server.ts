import { Media } from '../../../protocols/sip/media/media.ts';
import { readContent } from '../../../protocols/sip/messaging/message-content.ts';
import { SipMessaging } from '../../../protocols/sip/messaging/messaging.ts';
import { TestClock } from '../../msrp/support/test-clock.ts';
import { memoryStorage } from '../kit.ts';
import { type Received, ScriptedServer } from '../scripted-server.ts';
import { serverAgent } from '../server-agent.ts';

export const BOB = 'sip:bob@campus.test';

/** Ana's texts at a server that does what the test says; sessions are out of reach. */
export const messagingAtServer = async (storage = memoryStorage()) => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  const clock = new TestClock();
  const state = { online: true, now: Date.now() };
  const page = new SipMessaging({
    agent,
    storage,
    media: new Media({ now: Date.now, log: () => {}, relay: () => undefined, certificateAuthorities: [] }),
    // nowhere a session could lead to
    place: () => undefined,
    online: () => state.online && agent.connected,
    reachable: (peer) => peer !== 'sip:away@campus.test',
    alone: () => true,
    lookAround: () => {},
    now: () => state.now,
    clock,
  });
  const texts: string[] = [];
  page.receiver = ({ text }) => {
    texts.push(text);
    return 'stored';
  };
  /** Everything that was begun has been handled, in both directions. */
  const settled = async (): Promise<void> => {
    await page.settled();
    await agent.request({ method: 'OPTIONS', to: BOB });
  };
  /** A MESSAGE of Bob's. */
  const receive = async (contentType: string, body: string, lines: readonly string[] = []): Promise<void> => {
    const count = server.answers.length;
    server.sendRequest(
      'MESSAGE',
      'sip:ana@campus.test',
      [`From: <${BOB}>;tag=1`, `Content-Type: ${contentType}`, ...lines],
      body,
    );
    await server.until(() => server.answers[count]);
  };
  return { server, agent, page, texts, clock, state, settled, receive };
};

export const typeOf = ({ head }: Received): string => (head.get('content-type') ?? '').split(';')[0] ?? '';
export const contentOf = (request: Received) =>
  readContent(request.head.get('content-type') ?? '', Buffer.from(request.body));
