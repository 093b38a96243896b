import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ACCOUNT, Desk, TALK } from './support/desk.ts';
import { MemoryProvider } from './support/memory-pair.ts';
import { ANA, call, pair } from './support/pair.ts';

const refused = (code: string) => expect.objectContaining({ fault: expect.objectContaining({ code }) });

/** A file that Rui has received. */
async function received(name: string) {
  const desks = await pair();
  const { rui, write, offer } = desks;
  const { received: id, sent } = await offer(write('a.bin', 'content'));
  await call(rui, 'transfers.accept', { transferId: id, path: path.join(rui.folder, 'chosen', name) });
  await rui.untilState(id, 'completed');
  return { ...desks, id, sent, file: path.join(rui.folder, 'chosen', name) };
}

describe('a finished file', () => {
  test('is opened and shown by the system', async () => {
    const { rui, id, file } = await received('a.pdf');
    await call(rui, 'transfers.open', { transferId: id });
    await call(rui, 'transfers.reveal', { transferId: id });
    expect(rui.opened).toEqual([file]);
    expect(rui.revealed).toEqual([file]);
  });

  test('that has no program is told so, without the words of the system', async () => {
    const { rui, id } = await received('a.pdf');
    rui.refusal = 'No application knows how to open /home/rui/chosen/a.pdf';
    await expect(call(rui, 'transfers.open', { transferId: id })).rejects.toEqual(refused('not-available-here'));
  });

  test('that was moved away is told so, and its path is forgotten', async () => {
    const { rui, id, file } = await received('a.pdf');
    fs.rmSync(file);
    for (const name of ['transfers.open', 'transfers.reveal'] as const) {
      await expect(call(rui, name, { transferId: id })).rejects.toEqual(refused('file-gone'));
    }
    expect(rui.transfer(id).path).toBeNull();
    expect(rui.opened).toEqual([]);
  });

  test('that is a program under the name it was given is never opened, but can be shown', async () => {
    const { rui, id } = await received('report.pdf.exe');
    await expect(call(rui, 'transfers.open', { transferId: id })).rejects.toEqual(refused('risky-file'));
    await call(rui, 'transfers.reveal', { transferId: id });
    expect(rui.opened).toEqual([]);
  });

  test('that was offered as a program carries a warning, and is not opened under another name either', async () => {
    const { rui, ruiProvider } = await pair();
    const transfer = ruiProvider.offerFrom(ANA, { name: 'setup\u202Efdp.exe', type: 'application/pdf', size: 0 }, 'k');
    const { id } = rui.only;
    expect(rui.only).toMatchObject({ risky: true, file: { name: 'setupfdp.exe' } });
    await call(rui, 'transfers.accept', { transferId: id, path: path.join(rui.folder, 'harmless.txt') });
    await (await transfer.taken).complete();
    await expect(call(rui, 'transfers.open', { transferId: id })).rejects.toEqual(refused('risky-file'));
  });

  test('can be opened by its sender too', async () => {
    const { ana, sent } = await received('a.pdf');
    await ana.untilState(sent, 'completed');
    await call(ana, 'transfers.reveal', { transferId: sent });
    expect(ana.revealed).toEqual([path.join(ana.folder, 'a.bin')]);
    // nobody else has it to send again
    fs.rmSync(path.join(ana.folder, 'a.bin'));
    await expect(call(ana, 'transfers.open', { transferId: sent })).rejects.toEqual(refused('source-missing'));
  });
});

test('only what is finished is opened', async () => {
  const { ana, rui, write, offer } = await pair();
  const ids = await offer(write('a.bin', 'content'));
  await expect(call(rui, 'transfers.open', { transferId: ids.received })).rejects.toEqual(refused('wrong-state'));
  await expect(call(ana, 'transfers.reveal', { transferId: ids.sent })).rejects.toEqual(refused('wrong-state'));
});

test('each command says what it cannot be asked for', async () => {
  const { ana, rui, write, offer } = await pair();
  const { sent, received: id } = await offer(write('a.bin', 'content'));
  await expect(call(ana, 'transfers.accept', { transferId: sent })).rejects.toEqual(refused('wrong-state'));
  await expect(call(rui, 'transfers.retry', { transferId: id })).rejects.toEqual(refused('wrong-state'));
  await expect(call(rui, 'transfers.accept', { transferId: id, path: 'not/absolute' })).rejects.toEqual(
    refused('command-invalid'),
  );
  await expect(call(ana, 'transfers.offer', { talkId: TALK, paths: ['not/absolute'] })).rejects.toEqual(
    refused('command-invalid'),
  );
  await expect(call(ana, 'transfers.offer', { talkId: 'none', paths: ['/a'] })).rejects.toEqual(refused('not-found'));
  const data = { talkId: 'none', name: 'a', type: 'b', data: Buffer.from('') };
  await expect(call(ana, 'transfers.offerData', data)).rejects.toEqual(refused('not-found'));
  for (const name of ['accept', 'decline', 'cancel', 'retry', 'open', 'reveal'] as const) {
    await expect(call(ana, `transfers.${name}`, { transferId: 'none' })).rejects.toEqual(refused('not-found'));
  }
});

test('an offer that cannot be written where it should go stays open for another folder', async () => {
  const { rui, write, offer } = await pair();
  const { received: id } = await offer(write('a.bin', 'content'));
  fs.writeFileSync(rui.downloads, 'a file in the way');
  await expect(call(rui, 'transfers.accept', { transferId: id })).rejects.toEqual(refused('permission-denied'));
  // the window says why for as long as that is so
  expect(rui.transfer(id)).toMatchObject({ state: 'offered', fault: { code: 'permission-denied' } });
  await call(rui, 'transfers.accept', { transferId: id, path: path.join(rui.folder, 'elsewhere', 'b.bin') });
  expect((await rui.untilState(id, 'completed')).fault).toBeNull();
});

test('an offer larger than the free disk is refused before the peer is told anything', async () => {
  const { rui, ruiProvider } = await pair();
  const transfer = ruiProvider.offerFrom(ANA, { name: 'a', type: 'text/plain', size: 2 ** 52 }, 'key');
  await expect(call(rui, 'transfers.accept', { transferId: rui.only.id })).rejects.toEqual(refused('no-space'));
  expect(rui.only).toMatchObject({ state: 'offered', fault: { code: 'no-space' } });
  expect(transfer.phase.state).toBe('offered');
  expect(rui.downloaded()).toEqual([]);
});

test('clearing tidies the ended ones out of the panel, over a restart too; in the talk they are as they were', async () => {
  const { rui, ruiProvider, id, file } = await received('a.pdf');
  ruiProvider.offerFrom(ANA, { name: 'open', type: 'text/plain', size: 1 }, 'other');
  await call(rui, 'transfers.clear', {});
  const shown = () => rui.transfers.snapshot().map((one) => [one.file.name, one.state, one.path, one.tidied ?? false]);
  const expected = [
    ['a.bin', 'completed', file, true],
    ['open', 'offered', null, false],
  ];
  expect(rui.events.at(-1)).toMatchObject({ type: 'transfers', changed: [{ id, tidied: true }], removed: [] });
  expect(shown()).toEqual(expected);
  await rui.restart();
  expect(shown()[0]).toEqual(expected[0]);
  expect(fs.existsSync(file)).toBe(true);
  await call(rui, 'transfers.clear', {});
  await call(rui, 'transfers.clear', {});
  expect(shown()[0]).toEqual(expected[0]);
});

describe('what has no place any more', () => {
  test('goes with its talk', async () => {
    const { ana, rui, write, offer } = await pair();
    const { received: id } = await offer(write('a.bin', 'content'));
    rui.transfers.forgetTalk(TALK);
    expect(rui.transfers.snapshot()).toEqual([]);
    expect(rui.statesOf(id)).toEqual(['offered', 'cancelled']);
    expect(ana.only).toMatchObject({ state: 'cancelled', by: 'peer' });
  });

  test('is cancelled with its account', async () => {
    const { ana, rui, write, offer } = await pair();
    await offer(write('a.bin', 'content'));
    ana.transfers.forgetAccount(ACCOUNT);
    expect(ana.only).toMatchObject({ state: 'cancelled', by: 'us' });
    expect(rui.only).toMatchObject({ state: 'cancelled', by: 'peer' });
  });
});

describe('offers', () => {
  const facts = { name: 'a', type: 'text/plain', size: 1 };

  test('seen twice are one', async () => {
    const { rui, ruiProvider } = await pair();
    ruiProvider.offerFrom(ANA, facts, 'key');
    ruiProvider.offerFrom(ANA, facts, 'key');
    expect(rui.only.state).toBe('offered');
    await call(rui, 'transfers.decline', { transferId: rui.only.id });
    ruiProvider.offerFrom(ANA, facts, 'key');
    expect(rui.only.state).toBe('declined');
    await call(rui, 'transfers.clear', {});
    ruiProvider.offerFrom(ANA, facts, 'key');
    expect(rui.only).toMatchObject({ state: 'declined', tidied: true });
    expect(rui.lines).toHaveLength(1);
  });

  test.each([
    ['another size', { size: 2 }],
    ['another hash', { hashes: [{ algorithm: 'sha-256', value: 'B'.repeat(64) }] }],
  ] as const)('under a known id with %s are refused, and what was offered stands', async (_, other) => {
    const { rui, ruiProvider } = await pair();
    const known = { ...facts, hashes: [{ algorithm: 'sha-256', value: 'a'.repeat(64) }] } as const;
    const first = ruiProvider.offerFrom(ANA, known, 'key');
    expect(ruiProvider.offerFrom(ANA, { ...known, ...other }, 'key').phase.state).toBe('declined');
    expect([first.phase.state, rui.only.state]).toEqual(['offered', 'offered']);
    // cancelled by its sender, it may come again: as what it was
    first.to({ state: 'cancelled', by: 'peer' });
    expect(ruiProvider.offerFrom(ANA, { ...known, ...other }, 'key').phase.state).toBe('declined');
    expect(rui.only.state).toBe('cancelled');
    const upper = [{ algorithm: 'sha-256', value: 'A'.repeat(64) }] as const;
    ruiProvider.offerFrom(ANA, { ...facts, hashes: upper }, 'key');
    expect(rui.only.state).toBe('offered');
  });

  test('beyond fifty unanswered ones of a peer are refused, as by somebody who is busy', async () => {
    const { rui, ruiProvider } = await pair();
    for (let index = 1; index <= 51; index++) ruiProvider.offerFrom(ANA, facts, `key ${index}`);
    expect(rui.transfers.snapshot()).toHaveLength(50);
    expect(ruiProvider.received.map((transfer) => transfer.phase).slice(-2)).toMatchObject([
      { state: 'offered' },
      { state: 'failed', error: { code: 'peer-busy' } },
    ]);
    ruiProvider.offerFrom('sip:somebody.else@campus.test', facts, 'key 52');
    expect(rui.transfers.snapshot()).toHaveLength(51);
    expect(rui.logged).toEqual(['warn offer-refused']);
  });

  test.each([-1, 1.5, Number.NaN, 2 ** 60])('of an impossible size (%d) are refused', async (size) => {
    const { rui, ruiProvider } = await pair();
    const transfer = ruiProvider.offerFrom(ANA, { ...facts, size }, 'key');
    expect(transfer.phase).toMatchObject({ state: 'failed', error: { code: 'malformed' } });
    expect(rui.transfers.snapshot()).toEqual([]);
  });

  test('that cannot be kept on disk are no refusal of the person, and nothing is thrown at the provider', async () => {
    const { rui, ruiProvider } = await pair();
    rui.driver.exec('DROP TABLE transfers');
    const transfer = ruiProvider.offerFrom(ANA, facts, 'key');
    expect(transfer.phase.state).toBe('failed');
    expect(rui.logged).toEqual(['error offer-not-kept']);
  });

  test('come no more after an account was detached', async () => {
    const rui = new Desk(ANA);
    await rui.transfers.recover();
    const provider = new MemoryProvider('sip:rui@campus.test');
    rui.transfers.attach(ACCOUNT, provider);
    rui.transfers.attach(ACCOUNT, provider);
    expect([provider.offers.size, provider.capabilities.size]).toEqual([1, 1]);
    rui.transfers.detach(ACCOUNT);
    expect([provider.offers.size, provider.capabilities.size]).toEqual([0, 0]);
  });

  test('of unknown size are taken whole, and their size is known at the end', async () => {
    const { rui, ruiProvider } = await pair();
    const transfer = ruiProvider.offerFrom(ANA, { name: 'a', type: 'text/plain', size: undefined }, 'key');
    const { id } = rui.only;
    expect(rui.only.file.size).toBeNull();
    await call(rui, 'transfers.accept', { transferId: id });
    const accepted = await transfer.taken;
    const { sink } = accepted;
    await expect(Promise.resolve(sink.write(Buffer.from('x'), 4 * 1024 ** 3))).rejects.toMatchObject({
      code: 'too-big',
    });
    expect(rui.transfer(id).state).toBe('offered');
    await expect(accepted.complete()).rejects.toMatchObject({ code: 'too-big' });
    const other = ruiProvider.offerFrom(ANA, { name: 'b', type: 'text/plain', size: undefined }, 'key 2');
    const second = await rui.untilAny('offered');
    await call(rui, 'transfers.accept', { transferId: second.id });
    const file = await other.taken;
    await file.sink.write(Buffer.from('hello'), 0);
    await file.complete();
    expect(rui.transfer(second.id)).toMatchObject({ state: 'completed', bytes: 5, file: { size: 5 } });
  });
});
