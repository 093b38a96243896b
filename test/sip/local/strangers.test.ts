import { randomUUID } from 'node:crypto';
import dgram from 'node:dgram';
import net from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { MessageDraft } from '../../../protocols/contract/index.ts';
import { recordsOf, SERVICE } from '../../../protocols/sip/local/announcement.ts';
import { local } from '../../../protocols/sip/local/index.ts';
import { MAXIMUM_AT_HOST } from '../../../protocols/sip/local/peer-directory.ts';
import type { directAgent } from '../direct-agents.ts';
import { announcing, encode, shouting } from './announcing.ts';
import { keyedAgent } from './keyed-agents.ts';
import { contextOf, localPeer, multicastPort, neighbours, portOf, registered, sees } from './local-peers.ts';

const id = 'abcdefghij234567klmn';

const text = (
  from: string,
  content = 'hi',
): Parameters<Awaited<ReturnType<typeof directAgent>>['agent']['request']>[0] => ({
  method: 'MESSAGE',
  to: from,
  body: { contentType: 'text/plain', content },
});

describe('whoever is no peer', () => {
  test('is not listened to: its texts and offers are put off', async () => {
    const port = multicastPort();
    const ana = await localPeer('Ana', port);
    const stranger = await keyedAgent(ana.provider.address, await portOf(ana, port));
    const { uri } = stranger;
    expect((await stranger.agent.request(text(uri))).status).toBe(480);
    const session = stranger.agent.invite(uri, { sdp: 'v=0\r\n' });
    const rejected = await new Promise((resolve) => {
      session.onState((state) => {
        if (state.state === 'rejected') resolve(state.rejection.status);
      });
    });
    expect(rejected).toBe(480);
    expect(ana.texts).toEqual([]);
  });

  test('cannot take the place of somebody who is there', async () => {
    const { ana, bob, port } = await neighbours();
    const evil = await announcing(port);
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const evilPort = (server.address() as net.AddressInfo).port;
    let called = false;
    server.on('connection', () => {
      called = true;
    });
    const bobId = bob.provider.address.slice(4, -6);
    evil.announce({ id: bobId, port: evilPort, name: 'Bob', presence: { state: 'away' } }, '127.0.0.1');
    // everything the network says arrives in order: when this one is seen, that one was heard
    evil.announce({ id, port: evilPort, name: 'Marker', presence: { state: 'busy' } }, '127.0.0.1');
    await sees(ana, `sip:${id}@local`);
    const sent = { id: randomUUID(), text: 'secret', composedAt: Date.now() };
    expect(await ana.set('messaging').send(bob.provider.address, sent).outcome).toEqual({ state: 'sent' });
    expect(bob.texts.map((message) => message.text)).toEqual(['secret']);
    expect(called).toBe(false);
  });

  test('from another port than that of multicast DNS is not heard', async () => {
    const port = multicastPort();
    const ana = await localPeer('Ana', port);
    const shout = await shouting(port);
    const stranger = 'zzzzzzzzzzzzzzzzzzzz';
    const announced = (instance: string, name: string): Buffer =>
      encode({
        type: 'response',
        answers: recordsOf({ id: instance, port: 5070, name, presence: { state: 'busy' } }, '127.0.0.1'),
      });
    await shout(announced(stranger, 'From afar'));
    const neighbour = await announcing(port);
    neighbour.announce({ id, port: 5070, name: 'Marker', presence: { state: 'busy' } }, '127.0.0.1');
    await sees(ana, `sip:${id}@local`);
    expect(ana.set('contactList').contacts.map(({ name }) => name)).toEqual(['Marker']);
  });

  test('and announces thousands of names keeps nobody from being heard, and fills nobody’s list', async () => {
    const { ana, bob, port } = await neighbours();
    const evil = await announcing(port);
    let told = 0;
    const stop = ana.set('contactList').onChange(() => {
      told += 1;
    });
    const letters = 'abcdefghijklmnopqrstuvwxyz';
    for (let n = 0; n < 2_000; n++) {
      const name = [n >> 8, (n >> 4) & 15, n & 15].map((at) => letters[at]).join('');
      evil.announce({ id: name.padEnd(20, 'a'), port: 1, name, presence: { state: 'busy' } }, '127.0.0.1');
      // as fast as the system takes them
      if (n % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const sent = (text: string): MessageDraft => ({ id: randomUUID(), text, composedAt: Date.now() });
    expect(await ana.set('messaging').send(bob.provider.address, sent('still there?')).outcome).toEqual({
      state: 'sent',
    });
    expect(await bob.set('messaging').send(ana.provider.address, sent('yes')).outcome).toEqual({ state: 'sent' });
    stop();
    // within the allowance of an address, which all share here
    expect(ana.set('contactList').contacts.length).toBeLessThanOrEqual(MAXIMUM_AT_HOST);
    expect(told).toBeLessThanOrEqual(200);
    expect([ana.texts.length, bob.texts.length]).toEqual([1, 1]);
  });

  test('with bytes that are no DNS, or DNS about other things, changes nothing', async () => {
    const port = multicastPort();
    const ana = await localPeer('Ana', port);
    const shout = await shouting(port);
    const header = Buffer.from('000084000000000100000000', 'hex');
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from('hello'),
      Buffer.alloc(1200, 0xff),
      header,
      // a name that points at itself
      Buffer.concat([header, Buffer.from('c00c00210001000000780006000000000001', 'hex')]),
    ]) {
      await shout(bytes);
    }
    const other = await announcing(port);
    other.announce({ id: 'printer', port: 1, name: 'x', presence: { state: 'busy' } }, '127.0.0.1');
    other.announce({ id, port: 5070, name: 'Marker', presence: { state: 'busy' } }, '127.0.0.1');
    await sees(ana, `sip:${id}@local`);
    expect(ana.set('contactList').contacts.map(({ name }) => name)).toEqual(['Marker']);
    expect(ana.provider.registration.state).toBe('online');
  });
});

test('a peer that vanished without a goodbye is gone as soon as something cannot be sent to it', async () => {
  const port = multicastPort();
  const ana = await localPeer('Ana', port);
  const ghost = await announcing(port);
  const closed = net.createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const nobody = (closed.address() as net.AddressInfo).port;
  await new Promise((resolve) => closed.close(resolve));
  ghost.announce({ id, port: nobody, name: 'Ghost', presence: { state: 'available' } }, '127.0.0.1');
  await sees(ana, `sip:${id}@local`);
  const draft = { id: randomUUID(), text: 'anybody?', composedAt: Date.now() };
  const outcome = await ana.set('messaging').send(`sip:${id}@local`, draft).outcome;
  expect(outcome).toMatchObject({ state: 'failed', error: { code: 'peer-offline', retryable: true } });
  await sees(ana, `sip:${id}@local`, ({ state }) => state === 'offline');
});

test('a question of another program is answered with where we are, and no more', () => {
  const records = recordsOf({ id, port: 5070, name: 'Ana', presence: { state: 'available' } }, '127.0.0.1');
  expect(records.filter(({ type }) => type === 'PTR').map(({ name, data }) => `${name} ${data as string}`)).toEqual([
    `${SERVICE} ${id}.${SERVICE}`,
    `_services._dns-sd._udp.local ${SERVICE}`,
  ]);
});

test('a multicast port that cannot be had leaves the account waiting to try again', async () => {
  const port = multicastPort();
  // held without sharing
  const holder = dgram.createSocket({ type: 'udp4' });
  await new Promise<void>((resolve) => holder.bind(port, '0.0.0.0', resolve));
  const provider = local.create(contextOf('Ana', port));
  onTestFinished(() => provider.stop());
  provider.start();
  expect(await registered(provider, 'waiting')).toMatchObject({ cause: { code: 'network', retryable: true } });
  await new Promise<void>((resolve) => holder.close(() => resolve()));
  provider.machineEvent('network-changed');
  await registered(provider, 'online');
});
