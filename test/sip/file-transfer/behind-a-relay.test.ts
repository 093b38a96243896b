import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { offerOne } from '../../protocols/offer-one.ts';
import { narrowRelay } from '../media/narrow-relay.ts';
import { Arrival, acceptInto, Content, fileOf, filePeer, nextOffer, outcome } from './file-peers.ts';

test('a relay that keeps 32 KiB, and connects to the peer only now, loses nothing of a file', async () => {
  const relay = await narrowRelay();
  const ana = await filePeer('ana', { relay: relay.account });
  const bob = await filePeer('bob');
  const content = new Content(randomBytes(1_000_000));
  const offered = nextOffer(bob);
  const sent = offerOne(ana.files, bob.uri, fileOf(content));
  const { transfer } = await offered;
  const arrival = new Arrival(content.size);
  acceptInto(transfer, arrival);
  expect([await outcome(transfer), await outcome(sent)]).toEqual(['finished', 'finished']);
  expect(arrival.bytes.equals(content.bytes)).toBe(true);
  expect(relay.lost()).toBe(0);
});
