import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { offerOne } from '../../../protocols/offer-one.ts';
import { directAgent, incoming, reached } from '../../direct-agents.ts';
import {
  Arrival,
  acceptInto,
  Content,
  fileOf,
  filePeer,
  holdTime,
  nextOffer,
  outcome,
  pass,
  phase,
} from '../file-peers.ts';
import { ended, endpointOf, head, lines, media, pathOf, receiver, sender } from '../raw-peers.ts';

describe('an offer made within the session', () => {
  test('that changes nothing is answered as before, and the file arrives (RFC 5547 §8.1)', async () => {
    const bob = await filePeer('bob');
    const content = randomBytes(5000);
    const next = nextOffer(bob);
    const offer = (path: string, port: number): string[] =>
      media(path, port, 'a=sendonly', 'a=setup:actpass', 'a=file-selector:size:5000', 'a=file-transfer-id:same');
    const { session, start, sip, listener } = await sender(bob.uri, offer);
    const { transfer } = await next;
    const arrival = new Arrival(5000);
    acceptInto(transfer, arrival);
    await start();
    const before = sip.remote?.sdp ?? '';
    const again = await sip.reoffer({ sdp: lines(...head, ...offer(session.localPath, listener.port)) });
    expect(pathOf(again.sdp)).toBe(pathOf(before));
    await session.send({ contentType: 'a/b', body: content }).sent;
    expect(await outcome(transfer)).toBe('finished');
    sip.end();
  });

  test('that closes the line of the sender ends the file as cancelled (RFC 5547 §8.4)', async () => {
    const bob = await filePeer('bob');
    const next = nextOffer(bob);
    const offer = (path: string, port: number): string[] =>
      media(path, port, 'a=sendonly', 'a=setup:actpass', 'a=file-selector:size:5000', 'a=file-transfer-id:same');
    const { session, start, sip } = await sender(bob.uri, offer);
    const { transfer } = await next;
    acceptInto(transfer, new Arrival(5000));
    await start();
    const { sdp } = await sip.reoffer({ sdp: lines(...head, ...offer(session.localPath, 0)) });
    expect(sdp).toContain('m=message 0 TCP/MSRP *');
    expect(sdp).toContain('a=file-transfer-id:same');
    expect(await outcome(transfer)).toBe('cancelled peer');
  });

  test('that closes the line of the receiver ends our sending as cancelled', async () => {
    const ana = await filePeer('ana');
    const { uri, taken } = await receiver((path, port) => media(path, port, 'a=recvonly', 'a=setup:passive'));
    const slow = new Content(randomBytes(9_000_000));
    const read = slow.read.bind(slow);
    const goOn = new Promise<void>((resolve) => void taken.then(() => resolve()));
    slow.read = async (buffer, position) => {
      // the rest only once the receiver has said what it wants to say
      if (position > 1_000_000) await goOn.then(() => stuck);
      return await read(buffer, position);
    };
    const stuck = new Promise<void>(() => {});
    const sending = offerOne(ana.files, uri, fileOf(slow));
    const { sip, session } = await taken;
    await phase(sending, 'running');
    await sip.reoffer({ sdp: lines(...head, ...media(session.localPath, 0, 'a=recvonly', 'a=file-selector:size:1')) });
    expect(await outcome(sending)).toBe('cancelled peer');
  });
});

describe('when nothing happens any more', () => {
  beforeEach(holdTime);

  test('an offer nobody answers stays open after nine minutes, and its INVITE ends without a word of a cancel', async () => {
    const ana = await filePeer('ana');
    const { agent, uri } = await directAgent('bob');
    const sending = offerOne(ana.files, uri, fileOf(new Content(randomBytes(10))));
    const sip = await incoming(agent);
    sip.ring();
    await pass(9 * 60_000 - 5_000);
    expect(sending.phase.state).toBe('offered');
    await pass(6_000);
    expect(await outcome(sending)).toBe('unanswered, asked');
    expect((await reached(sip, 'ended')).reason).toBeUndefined();
  });

  test('an offer that reached no device in nine minutes finds nobody there', async () => {
    const ana = await filePeer('ana');
    const { agent, uri } = await directAgent('bob');
    const sending = offerOne(ana.files, uri, fileOf(new Content(randomBytes(10))));
    await incoming(agent);
    await pass(9 * 60_000);
    expect(await outcome(sending)).toBe('failed peer-offline');
  });

  test('a peer that was to connect and does not', async () => {
    const ana = await filePeer('ana');
    const { agent, uri } = await directAgent('bob');
    const sending = offerOne(ana.files, uri, fileOf(new Content(randomBytes(10))));
    const sip = await incoming(agent);
    sip.accept({ sdp: lines(...head, ...media('msrp://127.0.0.1:9/x;tcp', 9, 'a=recvonly', 'a=setup:active')) });
    await phase(sending, 'connecting');
    await pass(21_000);
    expect(await outcome(sending)).toBe('failed timeout');
    expect((await ended(sip)).reason).toContain('timeout');
  });

  test('a sender that was to connect and does not', async () => {
    const bob = await filePeer('bob');
    const next = nextOffer(bob);
    const { sip } = await sender(bob.uri, (path, port) =>
      media(path, port, 'a=sendonly', 'a=setup:active', 'a=file-selector:size:9'),
    );
    const { transfer } = await next;
    const arrival = new Arrival(9);
    acceptInto(transfer, arrival);
    await reached(sip, 'established');
    await pass(21_000);
    expect(await outcome(transfer)).toBe('failed timeout');
    expect(arrival.ends).toEqual(['aborted']);
    expect((await ended(sip)).reason).toContain('timeout');
  });

  test('a sender that falls silent in the middle', async () => {
    const bob = await filePeer('bob');
    const next = nextOffer(bob);
    const { session, start } = await sender(bob.uri, (path, port) =>
      media(path, port, 'a=sendonly', 'a=setup:actpass', 'a=file-selector:size:90000'),
    );
    const { transfer } = await next;
    acceptInto(transfer, new Arrival(90_000));
    await start();
    async function* little(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(5000);
      await new Promise(() => {});
    }
    void session.send({ contentType: 'a/b', body: little() });
    await phase(transfer, 'running');
    await pass(62_000);
    expect(await outcome(transfer)).toBe('failed timeout');
  });

  test('a receiver that takes nothing any more', async () => {
    const ana = await filePeer('ana');
    const { agent, uri } = await directAgent('bob');
    const { endpoint, listener } = await endpointOf();
    const sending = offerOne(ana.files, uri, fileOf(new Content(randomBytes(9_000_000))));
    const sip = await incoming(agent);
    const session = endpoint.createSession({
      listener,
      // never says whether it wants it
      accept: () => new Promise(() => {}),
    });
    sip.accept({ sdp: lines(...head, ...media(session.localPath, listener.port, 'a=recvonly', 'a=setup:passive')) });
    await session.start({ remotePath: pathOf(sip.remote?.sdp ?? ''), role: 'passive' });
    await phase(sending, 'running');
    await pass(62_000);
    expect(await outcome(sending)).toBe('failed timeout');
  });
});
