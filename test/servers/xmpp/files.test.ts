import { afterEach, expect, it } from 'vitest';
import { offerOne } from '../../protocols/offer-one.ts';
import { bytesOf, keep, namesOf, offerOf, outgoing, phasesOf, sha256, sourceOf } from '../../xmpp/support/files-kit.ts';
import { draft, everybodyLeaves, next, type Person } from '../../xmpp/support/kit.ts';
import { campus, user } from '../campus.ts';
import { member, online } from './kit.ts';

const BOB = (): string => `xmpp:${user('bob').jid}`;
const ALL = ['offered', 'accepted', 'connecting', 'running', 'finished'];

afterEach(everybodyLeaves);

/** Online, and the place for files is found. */
const ready = async (...parameters: Parameters<typeof online>): Promise<Person> => {
  const made = await online(...parameters);
  const able = (): boolean => made.provider.capabilitiesOf(BOB()).fileTransfer.on;
  if (able()) return made;
  await made.set('contactList').put({ address: BOB(), name: 'Bob', groups: [] });
  if (!able()) await next(made.provider.onCapabilities, ({ capabilities }) => capabilities.fileTransfer.on);
  return made;
};

it.each([
  ['an empty file', 0],
  ['a small file', 1000],
  ['five million bytes', 5_000_000],
])('sends %s by the server, and it arrives as it was', async (_what, size) => {
  const [alice, bob] = await Promise.all([ready('alice'), online('bob')]);
  const bytes = bytesOf(size);
  const file = outgoing(bytes);
  const offered = offerOf(file, bob);
  const sent = offerOne(alice.set('fileTransfer'), BOB(), file);
  expect(namesOf(await phasesOf(sent))).toEqual(ALL);
  expect(sent.bytes).toBe(size);
  const { transfer, key } = await offered;
  expect(transfer).toMatchObject({ direction: 'incoming', peer: `xmpp:${user('alice').jid}`, id: file.id });
  expect(transfer.file).toMatchObject(file.file);
  expect(key).not.toBe('');
  const kept = keep();
  const phases = phasesOf(transfer);
  transfer.accept(kept.file);
  expect(namesOf(await phases)).toEqual(ALL);
  expect(sha256(kept.bytes)).toBe(sha256(bytes));
  expect(kept.closed).toBe(true);
  expect(transfer.bytes).toBe(size);
  // a link to a file is no text
  expect(bob.received.some(({ id }) => id === file.id)).toBe(false);
});

it('goes on in the middle', async () => {
  const [alice, bob] = await Promise.all([ready('alice'), online('bob')]);
  const bytes = bytesOf(300_000);
  const file = outgoing(bytes);
  const offered = offerOf(file, bob);
  offerOne(alice.set('fileTransfer'), BOB(), file);
  const { transfer } = await offered;
  const kept = keep(bytes.subarray(0, 123_457));
  const phases = phasesOf(transfer);
  transfer.accept(kept.file);
  expect(namesOf(await phases)).toEqual(ALL);
  expect(kept.bytes.equals(bytes)).toBe(true);
});

it('refuses a file that is too big for the server before it is opened', async () => {
  const alice = await ready('alice');
  const limit = alice.set('fileTransfer').maximumBytes;
  expect(limit).toBe(campus().xmpp.uploadLimit);
  let opened = false;
  const transfer = offerOne(alice.set('fileTransfer'), BOB(), {
    id: crypto.randomUUID(),
    file: { name: 'big.iso', type: 'application/octet-stream', size: limit + 1 },
    open: async () => {
      opened = true;
      return sourceOf(Buffer.alloc(0));
    },
  });
  expect((await phasesOf(transfer)).at(-1)).toMatchObject({ state: 'failed', error: { code: 'too-big' } });
  expect(opened).toBe(false);
});

it('stops in the middle of an upload when told to, and nobody hears of the file', async () => {
  const [alice, bob] = await Promise.all([ready('alice'), online('bob')]);
  const source = sourceOf(bytesOf(8_000_000));
  const file = outgoing(bytesOf(8_000_000), 'cancelled', source);
  const transfer = offerOne(alice.set('fileTransfer'), BOB(), file);
  const phases = phasesOf(transfer);
  await next(transfer.onBytes);
  transfer.cancel();
  expect((await phases).at(-1)).toEqual({ state: 'cancelled', by: 'us' });
  const offers: string[] = [];
  bob.set('fileTransfer').onOffer((offer) => offers.push(offer.transfer.id));
  const after = outgoing(bytesOf(10), 'after it');
  const offered = offerOf(after, bob);
  offerOne(alice.set('fileTransfer'), BOB(), after);
  await offered;
  expect(offers).not.toContain(file.id);
  expect(source.closed).toBe(1);
});

it('offers again after a restart what was not fetched, and not what was', async () => {
  const [alice, bob] = await Promise.all([ready('alice'), online('bob')]);
  const file = outgoing(bytesOf(1000), 'kept');
  const offered = offerOf(file, bob);
  offerOne(alice.set('fileTransfer'), BOB(), file);
  const { key, transfer } = await offered;
  await bob.provider.stop();
  expect(transfer.phase).toMatchObject({ state: 'failed', error: { code: 'network' } });
  const again = member('bob', { storage: bob.storage });
  const repeated = offerOf(file, again);
  again.provider.start();
  const second = await repeated;
  expect(second.key).toBe(key);
  const kept = keep();
  const phases = phasesOf(second.transfer);
  second.transfer.accept(kept.file);
  expect(namesOf(await phases)).toEqual(ALL);
  expect(again.storage.content.get('files.offers')).not.toContain(file.id);
});

it('brings a file that was sent in absence', async () => {
  const [alice, bob] = await Promise.all([ready('alice'), online('bob')]);
  await bob.provider.stop();
  const file = outgoing(bytesOf(10), 'while away');
  expect(namesOf(await phasesOf(offerOne(alice.set('fileTransfer'), BOB(), file)))).toEqual(ALL);
  const again = member('bob', { storage: bob.storage });
  const offers: string[] = [];
  const offered = offerOf(file, again);
  again.set('fileTransfer').onOffer(({ transfer }) => offers.push(transfer.id));
  again.provider.start();
  await offered;
  await alice.sees(BOB(), ({ state }) => state !== 'offline');
  // what comes behind this text would have come
  alice.set('messaging').send(BOB(), draft('last'));
  await again.texts(1);
  expect(offers.filter((id) => id === file.id)).toHaveLength(1);
});
