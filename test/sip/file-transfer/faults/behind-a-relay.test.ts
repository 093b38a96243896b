import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { offerOne } from '../../../protocols/offer-one.ts';
import { narrowRelay } from '../../media/narrow-relay.ts';
import { Arrival, acceptInto, Content, type FilePeer, fileOf, filePeer, nextOffer, outcome } from '../file-peers.ts';

/** Offers the content, and has it accepted. */
const goes = async (ana: FilePeer, bob: FilePeer, content: Content): Promise<{ ends: string[]; arrival: Arrival }> => {
  const offered = nextOffer(bob);
  const sent = offerOne(ana.files, bob.uri, fileOf(content));
  const { transfer } = await offered;
  const arrival = new Arrival(content.size);
  acceptInto(transfer, arrival);
  return { ends: [await outcome(transfer), await outcome(sent)], arrival };
};

test('a relay that keeps 32 KiB, and connects to the peer only now, loses nothing of a file', async () => {
  const relay = await narrowRelay();
  const ana = await filePeer('ana', { relay: relay.account });
  const bob = await filePeer('bob');
  const content = new Content(randomBytes(1_000_000));
  const { ends, arrival } = await goes(ana, bob, content);
  expect(ends).toEqual(['finished', 'finished']);
  expect(arrival.bytes.equals(content.bytes)).toBe(true);
  expect(relay.lost()).toBe(0);
});

test('a relay that does not reach the peer is given up in seconds, and the file goes directly when it is offered again', async () => {
  const { account } = await narrowRelay(false);
  const ana = await filePeer('ana', { relay: account });
  const bob = await filePeer('bob');
  const content = new Content(randomBytes(1_000_000));
  const first = await goes(ana, bob, content);
  expect(first.ends).toEqual(['failed timeout', 'failed timeout']);
  const second = await goes(ana, bob, content);
  expect(second.ends).toEqual(['finished', 'finished']);
  expect(second.arrival.bytes.equals(content.bytes)).toBe(true);
});
