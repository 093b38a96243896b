import type { Socket } from 'node:net';
import { StreamFlow } from '../transport/stream-flow.ts';
import { answerTo } from '../transport/wire/answer-to.ts';
import { MessageHead } from '../transport/wire/message-head.ts';

/**
 * Answers a program that speaks SIP without TLS, as AIMS did before ids were keys: RFC 3329 §2.2: 494 names what is wanted. Such a
 * program says that the other side cannot do this; nothing of what it wrote is read. The connection ends after `within` ms.
 */
export function refusePlainSip(socket: Socket, within: number): void {
  const end = setTimeout(() => flow.close(), within);
  const flow = new StreamFlow(socket, 'TCP', {
    message: (_flow, text) => {
      const head = MessageHead.parse(text);
      if (head?.start.kind !== 'request' || head.method === 'ACK') return;
      const wanted = ['Security-Server: tls;q=0.1', 'Warning: 399 local "Update AIMS: here everybody has a key"'];
      flow.send(Buffer.from(answerTo(head, 494, 'Security Agreement Required', wanted), 'utf8')).catch(() => {});
    },
    oversized: (of) => of.close(),
    closed: () => clearTimeout(end),
  });
  socket.once('close', () => clearTimeout(end));
  socket.resume();
}
