import { expect, it } from 'vitest';
import { TestProfile, turn } from '../support/core.ts';

const BEFORE = 'test:before@local.test';
const NOW = 'test:now@local.test';

async function twoTalks() {
  const profile = new TestProfile();
  profile.protocol.keys = true;
  await profile.start();
  const { provider } = await profile.signIn();
  provider.contactList.kept = 'discovered';
  provider.receive({ text: 'old', peer: BEFORE, peerName: 'Bob' });
  provider.receive({ text: 'new', peer: NOW, peerName: 'Bob' });
  provider.receive({ text: 'old too', peer: BEFORE });
  provider.receiveFile({ name: 'report.txt' });
  await turn();
  const personAt = async (address: string) => {
    const { people } = await profile.snapshot();
    return people.find(({ addresses }) => addresses.some((one) => one.address === address))?.id ?? '';
  };
  return { profile, provider, personAt };
}

it('two people joined by hand have one talk with the messages of both, in their order, also after a restart', async () => {
  const { profile, provider, personAt } = await twoTalks();
  const into = await personAt(NOW);
  const before = (await profile.snapshot()).talks;
  const { talkId } = await profile.call('people.join', { personId: await personAt(BEFORE), into });
  await turn();
  expect(profile.told('talks').flatMap(({ removed }) => removed)).toHaveLength(2);
  const look = async () => {
    const { talks, people } = await profile.snapshot();
    const page = await profile.call('messages.page', { talkId: talkId ?? '', limit: 50 });
    return { talks, people, texts: page.messages.map(({ text }) => text) };
  };
  for (const restart of [false, true]) {
    if (restart) await profile.restart();
    const { talks, people, texts } = await look();
    expect(talks).toHaveLength(before.length - 1);
    expect(talks.find(({ id }) => id === talkId)).toMatchObject({
      personId: into,
      unread: 3,
      last: { text: 'old too', talkId },
    });
    expect(
      people
        .find(({ id }) => id === into)
        ?.addresses.map(({ address }) => address)
        .sort(),
    ).toEqual([BEFORE, NOW]);
    expect(texts.sort()).toEqual(['new', 'old', 'old too']);
  }
  expect(profile.protocol.last.receive({ text: 'again', peer: BEFORE })).toBe('stored');
  expect(provider).toBeDefined();
  expect((await look()).texts).toContain('again');
});

it('files of a talk that was joined stay with it', async () => {
  const { profile, personAt } = await twoTalks();
  const rui = await personAt('test:rui@campus.test');
  const { talkId } = await profile.call('people.join', { personId: rui, into: await personAt(NOW) });
  await turn();
  expect((await profile.snapshot()).transfers).toMatchObject([{ talkId }]);
  await profile.restart();
  expect((await profile.snapshot()).transfers).toMatchObject([{ talkId }]);
});

it('nobody is joined with themselves, nor with somebody who is not there', async () => {
  const { profile, personAt } = await twoTalks();
  const personId = await personAt(NOW);
  expect(await profile.refused('people.join', { personId, into: personId })).toBe('command-invalid');
  expect(await profile.refused('people.join', { personId, into: 'nobody' })).toBe('not-found');
});
