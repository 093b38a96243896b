import { expect, test } from 'vitest';
import type { OutgoingRequest } from '../../../protocols/sip/request.ts';
import { reached } from '../direct-agents.ts';
import { announcing } from './announcing.ts';
import { keyedAgent } from './keyed-agents.ts';
import { localPeer, multicastPort, portOf, sees } from './local-peers.ts';

/** A neighbour the network has told of, who can send whatever the test wants. */
const neighbour = async () => {
  const port = multicastPort();
  const ana = await localPeer('Ana', port);
  const mallory = await keyedAgent(ana.provider.address, await portOf(ana, port));
  const announcer = await announcing(port);
  const at = mallory.agent.local?.port ?? 0;
  announcer.announce({ id: mallory.key.id, port: at, name: 'M', presence: { state: 'available' } }, '127.0.0.1');
  await sees(ana, mallory.agent.address);
  const text = (content: string): OutgoingRequest => ({
    method: 'MESSAGE',
    to: mallory.uri,
    body: { contentType: 'text/plain', content },
  });
  return { ana, mallory, text };
};

test('of 200 texts of 900 kB one neighbour gets in what fits, and is told to wait with the rest', async () => {
  const { ana, mallory, text } = await neighbour();
  const large = 'x'.repeat(900_000);
  const statuses: number[] = [];
  let waits = 0;
  for (let sent = 0; sent < 200; sent++) {
    const answer = await mallory.agent.request(text(large));
    statuses.push(answer.status);
    if (answer.retryAfter !== undefined) waits += 1;
  }
  expect(ana.texts.length).toBeLessThan(200);
  expect(statuses.filter((status) => status === 200)).toHaveLength(ana.texts.length);
  expect(waits).toBe(200 - ana.texts.length);
}, 120_000);

test('and invitations count as texts do', async () => {
  const { ana, mallory, text } = await neighbour();
  const flood = Array.from({ length: 1_500 }, () => mallory.agent.request(text('hi')));
  const invitations = Array.from({ length: 20 }, () => mallory.agent.invite(mallory.uri, { sdp: 'v=0\r\n' }));
  const answers = await Promise.all(flood);
  expect(answers.filter(({ status }) => status === 486).length).toBe(1_500 - ana.texts.length);
  const rejections = await Promise.all(invitations.map((session) => reached(session, 'rejected')));
  // a place that has become free in between may be taken by one of them, which offers nothing we know
  expect(new Set(rejections.map(({ rejection }) => rejection.status))).toContain(486);
}, 60_000);
