import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { ProtocolTransfer } from '../../../../protocols/contract/index.ts';
import { offerOne } from '../../../protocols/offer-one.ts';
import { incoming } from '../../direct-agents.ts';
import { narrowRelay } from '../../media/narrow-relay.ts';
import {
  Arrival,
  acceptInto,
  Content,
  type FilePeer,
  fileOf,
  filePeer,
  holdTime,
  nextOffer,
  outcome,
  pass,
} from '../file-peers.ts';
import { media, pathOf, receiver } from '../raw-peers.ts';

/** Offers the content, and has it accepted. */
const goes = async (
  ana: FilePeer,
  bob: FilePeer,
  content: Content,
): Promise<{ sent: ProtocolTransfer; transfer: ProtocolTransfer; arrival: Arrival }> => {
  const offered = nextOffer(bob);
  const sent = offerOne(ana.files, bob.uri, fileOf(content));
  const { transfer } = await offered;
  const arrival = new Arrival(content.size);
  acceptInto(transfer, arrival);
  return { sent, transfer, arrival };
};

/** Lets held time go on until it is so, beside the bytes, which go on by themselves. */
const goesOnUntil = (test: () => boolean): Promise<void> =>
  expect.poll(() => pass(1_000).then(test), { timeout: 20_000 }).toBe(true);

test('a relay that keeps 32 KiB, and connects to the peer only now, loses nothing of a file', async () => {
  const relay = await narrowRelay();
  const ana = await filePeer('ana', { relay: relay.account });
  const bob = await filePeer('bob');
  const content = new Content(randomBytes(1_000_000));
  const { sent, transfer, arrival } = await goes(ana, bob, content);
  expect([await outcome(transfer), await outcome(sent)]).toEqual(['finished', 'finished']);
  expect(arrival.bytes.equals(content.bytes)).toBe(true);
  expect(relay.lost()).toBe(0);
});

test('a relay that does not reach the peer is given up in seconds, and the file goes directly when it is offered again', async () => {
  const { account } = await narrowRelay(false);
  const ana = await filePeer('ana', { relay: account });
  const bob = await filePeer('bob');
  const content = new Content(randomBytes(1_000_000));
  holdTime();
  const first = await goes(ana, bob, content);
  await goesOnUntil(() => first.transfer.phase.state === 'failed');
  expect([await outcome(first.transfer), await outcome(first.sent)]).toEqual(['failed timeout', 'failed timeout']);
  const second = await goes(ana, bob, content);
  expect([await outcome(second.transfer), await outcome(second.sent)]).toEqual(['finished', 'finished']);
  expect(second.arrival.bytes.equals(content.bytes)).toBe(true);
});

test('the same where the peer waits for ever: who sends gives it up', async () => {
  const { account } = await narrowRelay(false);
  const ana = await filePeer('ana', { relay: account });
  const { agent, uri } = await receiver((path, port) => media(path, port, 'a=recvonly', 'a=setup:passive'));
  const content = new Content(randomBytes(1_000_000));
  holdTime();
  const first = offerOne(ana.files, uri, fileOf(content));
  await goesOnUntil(() => first.phase.state === 'failed');
  expect(await outcome(first)).toBe('failed timeout');
  const next = incoming(agent);
  offerOne(ana.files, uri, fileOf(content));
  expect(pathOf((await next).remote?.sdp ?? '')).not.toContain(' ');
});
