// RFC 6714: what stands in between has put its own address into the c= and m= lines
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { MemorySink } from '../../../../msrp/index.ts';
import type { ProtocolTransfer } from '../../../../protocols/contract/index.ts';
import { offerOne } from '../../../protocols/offer-one.ts';
import { directAgent, incoming, reached } from '../../direct-agents.ts';
import { Arrival, acceptInto, Content, fileOf, filePeer, nextOffer, nextOffers, outcome } from '../file-peers.ts';
import { endpointOf, head, lines, media, pathOf, sender } from '../raw-peers.ts';

/** Nobody is there. */
const BEHIND = 'msrp://127.0.0.1:1/behind;tcp';
const content = new Content(randomBytes(100_000));

describe('an answer without CEMA (§4.2)', () => {
  test('from somebody who connects is asked for again without CEMA, and what comes then is used', async () => {
    const ana = await filePeer('ana');
    const { agent, uri } = await directAgent('middlebox');
    const { endpoint, listener } = await endpointOf();
    const sink = new MemorySink(content.size);
    const session = endpoint.createSession({ listener, accept: () => ({ sink }) });
    const sending = offerOne(ana.files, uri, fileOf(content));
    const sip = await incoming(agent);
    expect(sip.remote?.sdp).toContain('a=msrp-cema\r\n');
    const again = new Promise<string>((resolve) => {
      sip.answerReoffer = ({ sdp }) => {
        resolve(sdp);
        return { sdp: lines(...head, ...media(session.localPath, listener.port, 'a=recvonly', 'a=setup:active')) };
      };
    });
    sip.accept({ sdp: lines(...head, ...media(BEHIND, 2000, 'a=recvonly', 'a=setup:active')) });
    const sdp = await again;
    expect(sdp).not.toContain('msrp-cema');
    expect(sdp).toContain(pathOf(sip.remote?.sdp ?? ''));
    expect(sdp).toMatch(/a=file-transfer-id:/);
    await session.start({ remotePath: pathOf(sdp), role: 'active' });
    expect(await outcome(sending)).toBe('finished');
    expect(Buffer.compare(sink.bytes, content.bytes)).toBe(0);
  });

  test('that stays the only one ends the file', async () => {
    const ana = await filePeer('ana');
    const { agent, uri } = await directAgent('middlebox');
    const sending = offerOne(ana.files, uri, fileOf(content));
    const sip = await incoming(agent);
    sip.answerReoffer = () => {
      throw new Error('no');
    };
    sip.accept({ sdp: lines(...head, ...media(BEHIND, 2000, 'a=recvonly', 'a=setup:active')) });
    expect(await outcome(sending)).toBe('failed not-supported');
    await reached(sip, 'ended');
  });
});

test('of two files whose answer has no CEMA, and one is not taken without, the other arrives', async () => {
  const ana = await filePeer('ana');
  const { agent, uri } = await directAgent('middlebox');
  const { endpoint, listener } = await endpointOf();
  const sink = new MemorySink(content.size);
  const session = endpoint.createSession({ listener, accept: () => ({ sink }) });
  const sending = ana.files.offer(uri, [fileOf(content), fileOf(content)]);
  const sip = await incoming(agent);
  const taken = media(session.localPath, listener.port, 'a=recvonly', 'a=setup:active');
  const behind = media(BEHIND, 2000, 'a=recvonly', 'a=setup:active');
  const plain = new Promise<string>((resolve) => {
    sip.answerReoffer = ({ sdp }) => {
      const [, first = '', second = ''] = sdp.split(/^m=message /m);
      if (!first.startsWith('0 ') && !first.includes('msrp-cema')) throw new Error('no');
      if (!second.includes('msrp-cema')) resolve(pathOf(second));
      const closed = media('', 0, 'a=recvonly').filter((line) => !line.startsWith('a=path'));
      return { sdp: lines(...head, ...(first.startsWith('0 ') ? closed : behind), ...taken) };
    };
  });
  sip.accept({ sdp: lines(...head, ...behind, ...behind) });
  await session.start({ remotePath: await plain, role: 'active' });
  expect(await Promise.all(sending.map(outcome))).toEqual(['failed not-supported', 'finished']);
  expect(Buffer.compare(sink.bytes, content.bytes)).toBe(0);
});

describe('an offer without CEMA (§4.3)', () => {
  test('whose writer cannot connect to us is refused with 488', async () => {
    const bob = await filePeer('bob');
    const next = nextOffer(bob);
    const { sip } = await sender(bob.uri, () =>
      media(BEHIND, 2000, 'a=sendonly', 'a=setup:passive', 'a=file-selector:size:9'),
    );
    const { transfer } = await next;
    acceptInto(transfer, new Arrival(9));
    expect(await outcome(transfer)).toBe('failed not-supported');
    expect((await reached(sip, 'rejected')).rejection.status).toBe(488);
  });

  test('of which one line alone is so: that file ends with its reason, and the other arrives', async () => {
    const bob = await filePeer('bob');
    const offered = nextOffers(bob, 2);
    const body = randomBytes(9000);
    const { sip, session } = await sender(bob.uri, (path, port) => [
      ...media(BEHIND, 2000, 'a=sendonly', 'a=setup:passive', 'a=file-selector:size:9'),
      ...media(path, port, 'a=sendonly', 'a=setup:actpass', 'a=file-selector:size:9000'),
    ]);
    const [behind, near] = (await offered) as [ProtocolTransfer, ProtocolTransfer];
    const arrival = new Arrival(9000);
    acceptInto(behind, new Arrival(9));
    acceptInto(near, arrival);
    const { remote } = await reached(sip, 'established');
    const [, first = '', second = ''] = remote.sdp.split(/^m=message /m);
    expect(first).toMatch(/^0 TCP\/MSRP \*\r\ni=not supported\r\n/);
    await session.start({ remotePath: pathOf(second), role: 'active' });
    session.send({ contentType: 'application/octet-stream', body, successReport: true });
    expect(await Promise.all([behind, near].map(outcome))).toEqual(['failed not-supported', 'finished']);
    expect(Buffer.compare(arrival.bytes, body)).toBe(0);
  });

  test('is taken from somebody who can: our own path is as it was', async () => {
    const bob = await filePeer('bob');
    const next = nextOffer(bob);
    const body = randomBytes(9000);
    const { session, start } = await sender(bob.uri, (path) =>
      media(path, 2000, 'a=sendonly', 'a=setup:actpass', 'a=file-selector:size:9000'),
    );
    const { transfer } = await next;
    const arrival = new Arrival(9000);
    acceptInto(transfer, arrival);
    await start();
    session.send({ contentType: 'application/octet-stream', body, successReport: true });
    expect(await outcome(transfer)).toBe('finished');
    expect(Buffer.compare(arrival.bytes, body)).toBe(0);
  });

  test('that comes again with another path, from what stands in between, is followed', async () => {
    const bob = await filePeer('bob');
    const next = nextOffer(bob);
    const { agent } = await directAgent('middlebox');
    const { endpoint, listener } = await endpointOf();
    const session = endpoint.createSession({ listener, accept: () => ({ refuse: 403 }) });
    const attributes = ['a=sendonly', 'a=setup:actpass', 'a=file-selector:size:9000', 'a=file-transfer-id:one'];
    const sip = agent.invite(bob.uri, { sdp: lines(...head, ...media(BEHIND, 2000, ...attributes)) });
    const { transfer } = await next;
    const arrival = new Arrival(9000);
    acceptInto(transfer, arrival);
    await reached(sip, 'established');
    const { sdp } = await sip.reoffer({
      sdp: lines(...head, ...media(session.localPath, listener.port, ...attributes)),
    });
    await session.start({ remotePath: pathOf(sdp), role: 'active' });
    const body = randomBytes(9000);
    session.send({ contentType: 'application/octet-stream', body, successReport: true });
    expect(await outcome(transfer)).toBe('finished');
    expect(Buffer.compare(arrival.bytes, body)).toBe(0);
  });
});
