import { randomUUID } from 'node:crypto';
import type { MessageHead } from './message-head.ts';

/** RFC 3261 §8.2.6: an answer built from its request, without a body; `more` are whole header lines. */
export const answerTo = (
  request: MessageHead,
  status: number,
  reason: string,
  more: readonly string[] = [],
): string => {
  const to = request.get('to');
  const tagged = to === undefined || /;\s*tag=/i.test(to) ? to : `${to};tag=${randomUUID().slice(0, 8)}`;
  const kept = { From: request.get('from'), To: tagged, 'Call-ID': request.get('call-id'), CSeq: request.get('cseq') };
  const lines = [
    `SIP/2.0 ${status} ${reason}`,
    ...request.all('via').map((via) => `Via: ${via}`),
    ...Object.entries(kept).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`])),
    ...more,
    'Content-Length: 0',
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
};
