import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ProviderError } from '../../../protocols/contract/index.ts';
import { local } from '../../../protocols/sip/local/index.ts';
import { offerOne } from '../../protocols/offer-one.ts';
import { Arrival, acceptInto, Content, fileOf, outcome } from '../file-transfer/file-peers.ts';
import {
  contextOf,
  type Local,
  localPeer,
  memoryStorage,
  multicastPort,
  neighbours,
  registered,
  sees,
} from './local-peers.ts';

const draft = (text: string) => ({ id: randomUUID(), text, composedAt: Date.now() });

describe('two people on one network', () => {
  test('find each other by themselves, with the names they give', async () => {
    const { ana, bob } = await neighbours();
    expect(ana.set('contactList').contacts).toEqual([
      { address: bob.provider.address, name: 'Bob', groups: [], subscription: 'mutual' },
    ]);
    expect(bob.set('contactList').contacts.map(({ name }) => name)).toEqual(['Ana']);
    expect(ana.set('contactList').kept).toBe('discovered');
    expect(ana.provider.capabilitiesOf(bob.provider.address)).toEqual({
      messaging: { on: true, mode: 'page' },
      fileTransfer: { on: true },
    });
  });

  test('write to each other in order, and are told what was delivered and read', async () => {
    const { ana, bob } = await neighbours();
    const messaging = ana.set('messaging');
    const marks: string[] = [];
    const both = new Promise<void>((resolve) => {
      messaging.onMark(({ id, mark }) => {
        marks.push(`${id} ${mark}`);
        if (marks.length === 4) resolve();
      });
    });
    const drafts = [draft('Olá! reunião às 10 😀'), draft('second'), draft(`${'long '.repeat(5_000)}`)];
    const outcomes = drafts.map((each) => messaging.send(bob.provider.address, each).outcome);
    expect(await Promise.all(outcomes)).toEqual(drafts.map(() => ({ state: 'sent' })));
    expect(bob.texts.map(({ text }) => text)).toEqual(drafts.map(({ text }) => text));
    expect(bob.texts[0]).toMatchObject({ peer: ana.provider.address, peerName: 'Ana', delayed: false });
    bob.set('messaging').sendRead(ana.provider.address, drafts[0]?.id ?? '');
    await both;
    expect([...marks].sort()).toEqual([...drafts.map(({ id }) => `${id} delivered`), `${drafts[0]?.id} read`].sort());
  });

  test('can write to themselves', async () => {
    const { ana } = await neighbours();
    expect(await ana.set('messaging').send(ana.provider.address, draft('buy milk')).outcome).toEqual({ state: 'sent' });
    expect(ana.texts).toMatchObject([{ text: 'buy milk', peer: ana.provider.address }]);
  });

  test('go on in a session when the talk is lively, until one leaves', async () => {
    const { ana, bob } = await neighbours();
    const mode = (from: Local, to: Local, wanted: 'page' | 'session' | undefined) =>
      new Promise<void>((resolve) => {
        const look = (): void => {
          const { messaging } = from.provider.capabilitiesOf(to.provider.address);
          if ((messaging.on ? messaging.mode : undefined) !== wanted) return;
          stop();
          resolve();
        };
        const stop = from.provider.onCapabilities(look);
        look();
      });
    const say = async (from: Local, to: Local, text: string) =>
      expect(await from.set('messaging').send(to.provider.address, draft(text)).outcome).toEqual({ state: 'sent' });
    for (const text of ['one', 'two']) await say(ana, bob, text);
    await Promise.all([mode(ana, bob, 'session'), mode(bob, ana, 'session')]);
    await say(ana, bob, 'three');
    await say(bob, ana, 'four');
    expect([bob.texts, ana.texts].map((texts) => texts.map(({ text }) => text))).toEqual([
      ['one', 'two', 'three'],
      ['four'],
    ]);
    await bob.provider.stop();
    await mode(ana, bob, undefined);
  });

  test('see each other type', async () => {
    const { ana, bob } = await neighbours();
    const typing = new Promise((resolve) => {
      bob.set('messaging').onTyping(resolve);
    });
    ana.set('messaging').sendTyping(bob.provider.address, 'composing');
    expect(await typing).toEqual({ peer: ana.provider.address, state: 'composing' });
  });

  test('see each other’s presence change, note and all', async () => {
    const { ana, bob } = await neighbours();
    await bob.set('presence').publish({ state: 'busy', note: 'exam until 12', idleSince: 1_763_000_000_000 });
    await sees(ana, bob.provider.address, ({ state }) => state === 'busy');
    expect(ana.set('presence').presenceOf(bob.provider.address)).toEqual({
      state: 'busy',
      note: 'exam until 12',
      idleSince: 1_763_000_000_000,
    });
    await bob.set('presence').publish({ state: 'available' });
    await sees(ana, bob.provider.address, ({ state, note }) => state === 'available' && note === undefined);
  });

  test('send each other files directly', async () => {
    const { ana, bob } = await neighbours();
    const content = new Content(randomBytes(2_000_000));
    const arrival = new Arrival(content.size);
    bob.set('fileTransfer').onOffer(({ transfer }) => acceptInto(transfer, arrival));
    const sending = offerOne(ana.set('fileTransfer'), bob.provider.address, fileOf(content));
    expect(await outcome(sending)).toBe('finished');
    expect(arrival.bytes.equals(content.bytes)).toBe(true);
  });

  test('know nothing of each other once they have left themselves', async () => {
    const { ana, bob } = await neighbours();
    await ana.provider.stop();
    expect(ana.set('presence').presenceOf(bob.provider.address)).toEqual({ state: 'unknown' });
  });

  test('can write at once after coming online, before anybody has been heard', async () => {
    const { ana, bob } = await neighbours();
    await ana.provider.stop();
    ana.provider.start();
    await registered(ana.provider, 'online');
    expect(await ana.set('messaging').send(bob.provider.address, draft('hi')).outcome).toEqual({ state: 'sent' });
  });

  test('notice at once when one leaves', async () => {
    const { ana, bob } = await neighbours();
    const address = bob.provider.address;
    await bob.provider.stop();
    await sees(ana, address, ({ state }) => state === 'offline');
    expect(ana.set('contactList').contacts).toEqual([]);
    expect(ana.provider.capabilitiesOf(address).messaging).toMatchObject({ on: false, off: { code: 'peer-offline' } });
  });

  test('see one who wants to be offline as that, and can still write to them', async () => {
    const { ana, bob } = await neighbours();
    await bob.set('presence').publish({ state: 'offline' });
    await sees(ana, bob.provider.address, ({ state }) => state === 'offline');
    expect(bob.set('presence').presenceOf(ana.provider.address).state).toBe('available');
    expect(await ana.set('messaging').send(bob.provider.address, draft('hi')).outcome).toEqual({ state: 'sent' });
    await bob.set('presence').publish({ state: 'away' });
    await sees(ana, bob.provider.address, ({ state }) => state === 'away');
  });

  test('are the same people after a restart of one, at another port', async () => {
    const port = multicastPort();
    const storage = memoryStorage();
    const ana = await localPeer('Ana', port);
    const bob = await localPeer('Bob', port, storage);
    const { address } = bob.provider;
    await sees(ana, address);
    await bob.provider.stop();
    await sees(ana, address, ({ state }) => state === 'offline');
    const again = await localPeer('Bob', port, storage);
    expect(again.provider.address).toBe(address);
    await sees(ana, address);
    expect(await ana.set('messaging').send(address, draft('hi')).outcome).toEqual({ state: 'sent' });
    expect(again.texts).toHaveLength(1);
  });

  test('meet again when the same account is stopped and started', async () => {
    const { ana, bob } = await neighbours();
    await bob.provider.stop();
    await sees(ana, bob.provider.address, ({ state }) => state === 'offline');
    bob.provider.start();
    await registered(bob.provider, 'online');
    await Promise.all([sees(ana, bob.provider.address), sees(bob, ana.provider.address)]);
    expect(await ana.set('messaging').send(bob.provider.address, draft('hi')).outcome).toEqual({ state: 'sent' });
  });

  test('meet again after sleep', async () => {
    const { ana, bob } = await neighbours();
    ana.provider.machineEvent('wake');
    bob.provider.machineEvent('network-changed');
    expect(ana.provider.registration.state).toBe('online');
    expect(await ana.set('messaging').send(bob.provider.address, draft('hi')).outcome).toEqual({ state: 'sent' });
  });

  test('a text the other cannot keep is not confirmed', async () => {
    const { ana, bob } = await neighbours();
    bob.set('messaging').receiver = () => {
      throw new Error('disk is full');
    };
    const outcome = await ana.set('messaging').send(bob.provider.address, draft('hi')).outcome;
    expect(outcome.state).toBe('failed');
  });
});

describe('what is not there', () => {
  test('a text to somebody who is away fails at once and can be sent again', async () => {
    const ana = await localPeer('Ana', multicastPort());
    const result = await ana.set('messaging').send('sip:abcdefghij234567klmn@local', draft('hi')).outcome;
    expect(result).toMatchObject({ state: 'failed', error: { code: 'peer-offline', retryable: true } });
  });

  test('a file to somebody who is away fails at once', async () => {
    const ana = await localPeer('Ana', multicastPort());
    const file = fileOf(new Content(new Uint8Array(1)));
    expect(await outcome(offerOne(ana.set('fileTransfer'), 'sip:abcdefghij234567klmn@local', file))).toBe(
      'failed peer-offline',
    );
  });

  test('nothing can be sent before start and after stop', async () => {
    const provider = local.create(contextOf('Ana', multicastPort()));
    const send = () => provider.operationSet('messaging')?.send('sip:abcdefghij234567klmn@local', draft('hi')).outcome;
    expect(await send()).toMatchObject({ state: 'failed', error: { code: 'network', retryable: true } });
    provider.start();
    await registered(provider, 'online');
    await provider.stop();
    expect(provider.registration).toEqual({ state: 'offline' });
    expect(await send()).toMatchObject({ state: 'failed', error: { code: 'network' } });
  });

  test('the list cannot be changed by hand', async () => {
    const ana = await localPeer('Ana', multicastPort());
    const list = ana.set('contactList');
    for (const change of [list.put({ address: 'sip:x@local', name: 'X', groups: [] }), list.remove('sip:x@local')]) {
      await expect(change).rejects.toMatchObject({ code: 'not-supported' });
    }
  });
});

describe('an address on the network', () => {
  test.each(['sip:abcdefghij234567klmn@local', ' ABCDEFGHIJ234567KLMN@LOCAL '])('%s is one', (text) => {
    expect(local.parseAddress(text)).toBe('sip:abcdefghij234567klmn@local');
  });
  test.each(['ana@campus.test', 'sip:ana@local', '', 'sip:abcdefghij234567klm1@local'])('%s is none', (text) => {
    expect(local.parseAddress(text)).toBeInstanceOf(ProviderError);
  });
  test('is made once and kept', () => {
    const storage = memoryStorage();
    const [first, second] = [local.create(contextOf('A', 1, storage)), local.create(contextOf('B', 2, storage))];
    expect(first.address).toBe(second.address);
    expect(local.parseAddress(first.address)).toBe(first.address);
    expect(local.create(contextOf('A', 1)).address).not.toBe(first.address);
  });
});
