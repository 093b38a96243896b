// A receiver that has no room or no place for a file says neither yes nor no.
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type ProtocolTransfer, ProviderError, type ProviderErrorCode } from '../../../../protocols/contract/index.ts';
import type { SipSession } from '../../../../protocols/sip/sip-session.ts';
import { offerOne } from '../../../protocols/offer-one.ts';
import { reached } from '../../direct-agents.ts';
import {
  Arrival,
  acceptInto,
  Content,
  fileOf,
  filePeer,
  nextOffer,
  nextOffers,
  outcome,
  phase,
  twoAcquaintances,
} from '../file-peers.ts';
import { media, sender } from '../raw-peers.ts';

const contents = (...sizes: number[]): Content[] => sizes.map((size) => new Content(randomBytes(size)));

describe('a file that cannot be kept', () => {
  test.each<ProviderErrorCode>(['no-space', 'permission-denied', 'name-refused', 'internal'])(
    'for %s is refused with 480 and words that say nothing of the disk',
    async (code) => {
      const bob = await filePeer('bob');
      const next = nextOffer(bob);
      const { sip } = await sender(bob.uri, (path, port) => media(path, port, 'a=sendonly', 'a=file-selector:size:9'));
      (await next).transfer.fail(new ProviderError(code));
      const { rejection } = await reached(sip, 'rejected');
      expect(rejection).toMatchObject({ status: 480, warning: '399 client "cannot be kept"' });
    },
  );

  test('is told apart from a no and from an absence, and is tried again by nobody but a person', async () => {
    const { ana, bob } = await twoAcquaintances();
    const offered = nextOffer(bob);
    const sending = offerOne(ana.files, bob.address, fileOf(new Content(randomBytes(9))));
    (await offered).transfer.fail(new ProviderError('no-space'));
    const { error } = await phase(sending, 'failed');
    expect(error).toMatchObject({ code: 'peer-cannot-keep', protocolCode: '480', retryable: false });
  });

  test('is one of several: it alone is closed, with its words, and the other arrives', async () => {
    const { ana, bob } = await twoAcquaintances();
    const files = contents(50_000, 60_000);
    const offered = nextOffers(bob, 2);
    const sending = ana.files.offer(
      bob.address,
      files.map((file) => fileOf(file)),
    );
    const [full, fits] = (await offered) as [ProtocolTransfer, ProtocolTransfer];
    const arrival = new Arrival(60_000);
    acceptInto(fits, arrival);
    full.fail(new ProviderError('no-space'));
    expect(await Promise.all(sending.map(outcome))).toEqual(['failed peer-cannot-keep', 'finished']);
    expect(await Promise.all([full, fits].map(outcome))).toEqual(['failed no-space', 'finished']);
    expect(Buffer.compare(arrival.bytes, files[1]?.bytes ?? Buffer.alloc(0))).toBe(0);
  });

  test('beside one that was declined: each is told its own, and nothing is left open', async () => {
    const { ana, bob } = await twoAcquaintances();
    const sessions: SipSession[] = [];
    const take = bob.agent.onInvite;
    bob.agent.onInvite = (session) => {
      sessions.push(session);
      take?.(session);
    };
    const offered = nextOffers(bob, 3);
    const sending = ana.files.offer(
      bob.address,
      contents(1, 2, 3).map((file) => fileOf(file)),
    );
    const [first, second, third] = (await offered) as [ProtocolTransfer, ProtocolTransfer, ProtocolTransfer];
    first.decline();
    second.fail(new ProviderError('permission-denied'));
    third.fail(new ProviderError('peer-busy'));
    expect(await Promise.all(sending.map(outcome))).toEqual([
      'declined',
      'failed peer-cannot-keep',
      'failed peer-busy',
    ]);
    expect(sessions).toHaveLength(1);
    await Promise.all(sessions.map((session) => reached(session, 'ended')));
  });

  test('although it was asked for: who gave it learns the same', async () => {
    const { ana, bob } = await twoAcquaintances();
    const file = new Content(randomBytes(3_000_000));
    const given = new Promise<ProtocolTransfer>((resolve) => {
      ana.files.onRequest((request) => resolve(request.give(fileOf(file))));
    });
    const asked = bob.files.fetch(ana.address, fileOf(file).file);
    const arrival = new Arrival(file.size);
    arrival.failAt = { position: 1_000_000, error: new ProviderError('no-space') };
    acceptInto(asked, arrival);
    expect(await outcome(asked)).toBe('failed no-space');
    expect(await outcome(await given)).toBe('failed peer-cannot-keep');
  });
});

test('one offer too many is answered 486: somebody there is busy with the others', async () => {
  const bob = await filePeer('bob');
  const next = nextOffer(bob);
  const { sip } = await sender(bob.uri, (path, port) => media(path, port, 'a=sendonly', 'a=file-selector:size:9'));
  (await next).transfer.fail(new ProviderError('peer-busy'));
  expect((await reached(sip, 'rejected')).rejection.status).toBe(486);
});
