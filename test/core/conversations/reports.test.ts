import { describe, expect, it } from 'vitest';
import { TestProfile, turn } from '../support/core.ts';

const RUI = 'test:rui@campus.test';
const EVA = 'test:eva@campus.test';

/** Signed in; what is reported stays on its way until the test says that it has left. */
async function ready() {
  const profile = new TestProfile();
  await profile.start();
  const { account, provider } = await profile.signIn();
  provider.messaging.holdsReports = true;
  return { profile, account, provider };
}

/** The next life of a profile that was killed, online. */
async function next(profile: TestProfile) {
  const after = profile.killed();
  await after.start();
  await turn();
  return { after, messaging: after.protocol.last.messaging };
}

const readAll = async (profile: TestProfile): Promise<void> => {
  for (const { id, last } of (await profile.snapshot()).talks)
    await profile.call('talks.markRead', { talkId: id, upTo: last?.sequence ?? 0 });
};

describe('a person whose program is killed', () => {
  it('between keeping a text and reporting it reports it after the next start, with the time it was written', async () => {
    const { profile, provider } = await ready();
    provider.messaging.receiver?.({
      id: 'one',
      direction: 'incoming',
      peer: RUI,
      text: 'are you there?',
      sentAt: 7,
      delayed: false,
      deliveryWanted: 5,
    });
    const { messaging } = await next(profile);
    expect(messaging.delivered).toEqual([{ to: RUI, id: 'one', writtenAt: 5 }]);
  });

  it('while a report is on its way reports it again, and never again once it has left', async () => {
    const { profile, provider } = await ready();
    provider.receive({ id: 'one', text: 'a', deliveryWanted: 5 });
    provider.receive({ id: 'two', text: 'b', deliveryWanted: 6 });
    provider.messaging.reported.emit({ peer: RUI, id: 'one', report: 'delivered' });
    await turn();
    const second = await next(profile);
    expect(second.messaging.delivered).toEqual([{ to: RUI, id: 'two', writtenAt: 6 }]);
    const third = await next(second.after);
    expect(third.messaging.delivered).toEqual([]);
  });

  it('reports nothing that nobody asked for, or that a report of somebody else is about', async () => {
    const { profile, provider } = await ready();
    provider.receive({ text: 'quiet' });
    provider.receive({ id: 'one', text: 'a', deliveryWanted: 5 });
    provider.messaging.reported.emit({ peer: EVA, id: 'one', report: 'delivered' });
    await turn();
    const { messaging } = await next(profile);
    expect(messaging.delivered.map(({ id }) => id)).toEqual(['one']);
  });

  it('between reading and telling so tells it after the next start', async () => {
    const { profile, provider } = await ready();
    provider.receive({ id: 'one', text: 'a' });
    await readAll(profile);
    expect(provider.messaging.read).toEqual([{ to: RUI, id: 'one' }]);
    const second = await next(profile);
    expect(second.messaging.read).toEqual([{ to: RUI, id: 'one' }]);
    const third = await next(second.after);
    expect(third.messaging.read).toEqual([]);
  });
});

it('a copy of a text that is here already, such as of an archive, is reported when that is still owed', async () => {
  const { profile, provider } = await ready();
  provider.receive({ id: 'one', text: 'a', deliveryWanted: 5 });
  provider.messaging.delivered.length = 0;
  expect(provider.receive({ id: 'one', archiveId: 'x', text: 'a' })).toBe('duplicate');
  expect(provider.messaging.delivered).toEqual([{ to: RUI, id: 'one', writtenAt: 5 }]);
  provider.messaging.reported.emit({ peer: RUI, id: 'one', report: 'delivered' });
  await turn();
  provider.receive({ id: 'one', archiveId: 'x', text: 'a' });
  expect(provider.messaging.delivered).toHaveLength(1);
  await profile.stop();
});

it('a report that found nobody is told when its peer is back, to that peer alone', async () => {
  const { provider } = await ready();
  provider.receive({ id: 'one', text: 'a', deliveryWanted: 5 });
  provider.receive({ id: 'two', text: 'b', peer: EVA, deliveryWanted: 6 });
  provider.messaging.delivered.length = 0;
  provider.presence.tell(EVA, { state: 'available' });
  expect(provider.messaging.delivered).toEqual([{ to: EVA, id: 'two', writtenAt: 6 }]);
});

it('a report that was lost while everybody is online is tried again, after ever longer pauses', async () => {
  const { profile, provider } = await ready();
  provider.receive({ id: 'one', text: 'a', deliveryWanted: 5 });
  const tries = () => provider.messaging.delivered.length;
  expect(tries()).toBe(1);
  profile.clock.advance(30_000);
  expect(tries()).toBe(2);
  profile.clock.advance(59_000);
  expect(tries()).toBe(2);
  profile.clock.advance(1_000);
  expect(tries()).toBe(3);
  provider.messaging.reported.emit({ peer: RUI, id: 'one', report: 'delivered' });
  profile.clock.advance(24 * 3_600_000);
  expect(tries()).toBe(3);
});

it('a talk that is removed owes nothing', async () => {
  const { profile, provider } = await ready();
  provider.receive({ id: 'one', text: 'a', deliveryWanted: 5 });
  const [talk] = (await profile.snapshot()).talks;
  await profile.call('talks.remove', { talkId: talk?.id ?? '' });
  const { messaging } = await next(profile);
  expect(messaging.delivered).toEqual([]);
});
