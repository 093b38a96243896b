// Files that the receiver asks for (RFC 5547 §8.2.2, §8.3.2).
import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  type AcceptedFile,
  type Address,
  type FileFacts,
  type FileRequest,
  isWanted,
  type OutgoingFile,
  type ProtocolTransfer,
} from '../../../protocols/contract/index.ts';
import { directAgent, incoming, reached } from '../direct-agents.ts';
import {
  Arrival,
  acceptInto,
  Content,
  type FilePeer,
  fileOf,
  filePeer,
  nextOffer,
  outcome,
  phase,
  twoAcquaintances,
} from './file-peers.ts';
import { ended, head, lines, media, sender } from './raw-peers.ts';

/** Gives whoever asks what fits of these files, as the keeper of all transfers does. */
const give = (peer: FilePeer, ...files: OutgoingFile[]): { given: ProtocolTransfer[]; requests: FileRequest[] } => {
  const given: ProtocolTransfer[] = [];
  const requests: FileRequest[] = [];
  peer.files.onRequest((request) => {
    requests.push(request);
    const [file, ...others] = files.filter((each) => isWanted(each.file, request.wanted));
    if (file && others.length === 0) given.push(request.give(file));
    else request.refuse();
  });
  return { given, requests };
};

const fetch = (peer: FilePeer, from: Address, file: FileFacts, place: AcceptedFile): ProtocolTransfer => {
  const transfer = peer.files.fetch(from, file);
  expect(transfer.phase.state).toBe('offered');
  transfer.accept(place);
  return transfer;
};

const into = (arrival: Arrival, from = 0): AcceptedFile => ({ sink: arrival, from, complete: async () => {} });

describe('a file that is asked for', () => {
  test('by its hash comes whole', async () => {
    const { ana, bob } = await twoAcquaintances();
    const content = new Content(randomBytes(800_000));
    const file = fileOf(content);
    const { given, requests } = give(ana, file, fileOf(new Content(randomBytes(9))));
    const arrival = new Arrival(800_000);
    const fetching = fetch(bob, ana.address, { ...file.file, name: 'made safe.bin' }, into(arrival));
    expect(fetching.phase.state).toBe('accepted');
    expect(await outcome(fetching)).toBe('finished');
    expect(Buffer.compare(arrival.bytes, content.bytes)).toBe(0);
    expect(await outcome(given[0] as ProtocolTransfer)).toBe('finished');
    await expect.poll(() => content.closed).toBe(1);
    // a hash is enough (§8.2.2): the name may be another on each side
    expect(requests[0]?.wanted).toEqual({ size: 800_000, hashes: file.file.hashes?.toReversed() });
    expect(requests[0]?.peer).toBe(bob.address);
  });

  test('from the middle on brings the rest only', async () => {
    const { ana, bob } = await twoAcquaintances();
    const content = new Content(randomBytes(100_000));
    const file = fileOf(content);
    const { requests } = give(ana, file);
    const arrival = new Arrival(100_000, content.bytes.subarray(0, 60_000));
    const written: number[] = [];
    arrival.wrote = (end) => written.push(end);
    expect(await outcome(fetch(bob, ana.address, file.file, into(arrival, 60_000)))).toBe('finished');
    expect(requests[0]?.from).toBe(60_000);
    expect(Math.min(...written)).toBeGreaterThan(60_000);
    expect(Buffer.compare(arrival.bytes, content.bytes)).toBe(0);
  });

  test('by name, type and size where no hash is known', async () => {
    const { ana, bob } = await twoAcquaintances();
    const file = fileOf(new Content(randomBytes(10)), { hashes: [] });
    const { requests } = give(ana, file);
    expect(await outcome(fetch(bob, ana.address, file.file, into(new Arrival(10))))).toBe('finished');
    const { name, type, size } = file.file;
    expect(requests[0]?.wanted).toEqual({ name, type, size, hashes: [] });
  });

  test('and is not there, or fits several, is refused alike', async () => {
    const { ana, bob } = await twoAcquaintances();
    const file = fileOf(new Content(randomBytes(10)), { hashes: [] });
    give(ana, file, file);
    for (const name of [file.file.name, 'another'])
      expect(await outcome(fetch(bob, ana.address, { ...file.file, name }, into(new Arrival(10))))).toBe(
        'failed source-missing',
      );
  });

  test.each(['giver', 'asker'] as const)('is broken off by the %s', async (who) => {
    const { ana, bob } = await twoAcquaintances();
    const content = new Content(randomBytes(3_000_000));
    content.read = async (buffer, position) => {
      if (position > 1_000_000) await new Promise(() => {});
      const piece = content.bytes.subarray(position, position + buffer.length);
      buffer.set(piece);
      return piece.length;
    };
    const file = fileOf(content);
    const { given } = give(ana, file);
    const fetching = fetch(bob, ana.address, file.file, into(new Arrival(3_000_000)));
    await phase(fetching, 'running');
    const giving = given[0] as ProtocolTransfer;
    (who === 'giver' ? giving : fetching).cancel();
    expect(await outcome(fetching)).toBe(who === 'giver' ? 'cancelled peer' : 'cancelled us');
    expect(await outcome(giving)).toBe(who === 'giver' ? 'cancelled us' : 'cancelled peer');
  });

  test('is not asked for any more once it is cancelled', async () => {
    const { ana, bob } = await twoAcquaintances();
    const file = fileOf(new Content(randomBytes(10)));
    const fetching = fetch(bob, ana.address, file.file, into(new Arrival(10)));
    fetching.cancel();
    expect(await outcome(fetching)).toBe('cancelled us');
  });

  test('and changed meanwhile fails before a byte moves', async () => {
    const bob = await filePeer('bob');
    const { agent, uri } = await directAgent('ana');
    const invited = incoming(agent);
    const { file } = fileOf(new Content(randomBytes(10)));
    const arrival = new Arrival(10);
    const fetching = fetch(bob, uri, file, into(arrival));
    const sip = await invited;
    const other = createHash('sha1').update('other').digest('hex').toUpperCase().match(/../g)?.join(':');
    sip.accept({
      sdp: lines(
        ...head,
        ...media('msrp://127.0.0.1:9/x;tcp', 9, 'a=sendonly', 'a=setup:passive', `a=file-selector:hash:sha-1:${other}`),
      ),
    });
    expect(await outcome(fetching)).toBe('failed source-changed');
    expect(arrival.ends).toEqual(['aborted']);
    expect((await ended(sip)).reason).toContain('source-changed');
  });

  test.each([
    ['a closed line', 'failed source-missing', (sdp: string) => sdp.replace('m=message 9 ', 'm=message 0 ')],
    ['a line without a path', 'failed malformed', (sdp: string) => sdp.replace(/a=path.*\r\n/, '')],
    ['another medium', 'failed malformed', () => lines(...head, 'm=audio 9 RTP/AVP 0')],
  ])('and answered with %s ends as %s', async (_, expected, spoil) => {
    const bob = await filePeer('bob');
    const { agent, uri } = await directAgent('ana');
    const invited = incoming(agent);
    const fetching = fetch(bob, uri, fileOf(new Content(randomBytes(10))).file, into(new Arrival(10)));
    const sip = await invited;
    const answer = media('msrp://127.0.0.1:9/x;tcp', 9, 'a=sendonly', 'a=setup:passive', 'a=file-selector:size:10');
    sip.accept({ sdp: spoil(lines(...head, ...answer)) });
    expect(await outcome(fetching)).toBe(expected);
    await ended(sip);
  });

  test.each([
    // by a server, of a person who is not logged in
    [404, 'failed peer-offline'],
    [410, 'failed source-missing'],
    [603, 'failed source-missing'],
    [486, 'failed peer-busy'],
  ])('and refused with %i ends as %s', async (status, expected) => {
    const bob = await filePeer('bob');
    const { agent, uri } = await directAgent('ana');
    agent.onInvite = (sip) => sip.reject(status);
    const fetching = fetch(bob, uri, fileOf(new Content(randomBytes(10))).file, into(new Arrival(10)));
    expect(await outcome(fetching)).toBe(expected);
  });

  test('of somebody who is not there fails at once', async () => {
    const bob = await filePeer('bob');
    const { agent, uri } = await directAgent('gone');
    await agent.stop();
    const fetching = fetch(bob, uri, fileOf(new Content(randomBytes(10))).file, into(new Arrival(10)));
    expect(await outcome(fetching)).toBe('failed peer-offline');
  });
});

describe('a request of another client', () => {
  const HASH = 'AA:'.repeat(20).slice(0, -1);
  const asked = (path: string, port: number, ...more: string[]): string[] =>
    media(path, port, 'a=recvonly', 'a=setup:actpass', ...more);

  test('that asks for what nobody has is refused with 488, and says no more', async () => {
    const ana = await filePeer('ana');
    give(ana);
    const { sip } = await sender(ana.uri, (path, port) => asked(path, port, `a=file-selector:hash:sha-1:${HASH}`));
    const { rejection } = await reached(sip, 'rejected');
    expect(rejection).toMatchObject({ status: 488, warning: '399 client "No such file"' });
  });

  test('that comes while the program is going is refused with 480: it may be asked for again', async () => {
    const ana = await filePeer('ana');
    const ask = () => sender(ana.uri, (path, port) => asked(path, port, `a=file-selector:hash:sha-1:${HASH}`));
    const { sip: unheard } = await ask();
    expect((await reached(unheard, 'rejected')).rejection.status).toBe(480);
    const stop = ana.files.onRequest((request) => {
      request.give(fileOf(new Content(randomBytes(10))));
      ana.files.stop();
    });
    const { sip: given } = await ask();
    expect((await reached(given, 'rejected')).rejection.status).toBe(480);
    stop();
    ana.files.onRequest(() => ana.files.stop());
    const { sip: undecided } = await ask();
    expect((await reached(undecided, 'rejected')).rejection.status).toBe(480);
    const { bob } = await twoAcquaintances();
    const fetching = fetch(bob, ana.uri, fileOf(new Content(randomBytes(10))).file, into(new Arrival(10)));
    expect(await outcome(fetching)).toBe('failed peer-offline');
  });

  test.each([
    ['the first half only', 'a=file-selector:size:10', 'a=file-range:1-5', 'Files are sent to their end'],
    ['a part of who knows what', 'a=file-selector:name:"a"', 'a=file-range:1-5', 'Files are sent to their end'],
    ['no file in particular', 'a=file-selector:', 'a=x:y', 'File selector is empty'],
  ])('that asks for %s is refused', async (_, selector, more, warning) => {
    const ana = await filePeer('ana');
    const { requests } = give(ana);
    const { sip } = await sender(ana.uri, (path, port) => asked(path, port, selector, more));
    expect((await reached(sip, 'rejected')).rejection).toMatchObject({
      status: 488,
      warning: `399 client "${warning}"`,
    });
    expect(requests).toEqual([]);
  });

  test('beside an offer is answered with it', async () => {
    const ana = await filePeer('ana');
    give(ana);
    const offered = nextOffer(ana);
    const { sip } = await sender(ana.uri, (path, port) => [
      ...media(path, port, 'a=sendonly', 'a=setup:active', 'a=file-selector:size:10'),
      ...asked(path, port, `a=file-selector:hash:sha-1:${HASH}`),
    ]);
    acceptInto((await offered).transfer, new Arrival(10));
    const { remote } = await reached(sip, 'established');
    expect(remote.sdp.match(/^m=message \d+/gm)?.map((line) => line === 'm=message 0')).toEqual([false, true]);
    expect(remote.sdp).toContain('a=sendonly');
    sip.end();
  });

  test('that is answered too late by the keeper gives a failed transfer, and nothing goes out', async () => {
    const ana = await filePeer('ana');
    const requested = new Promise<FileRequest>((resolve) => void ana.files.onRequest(resolve));
    const { sip } = await sender(ana.uri, (path, port) => asked(path, port, `a=file-selector:hash:sha-1:${HASH}`));
    const request = await requested;
    sip.end();
    request.refuse();
    const content = new Content(randomBytes(10));
    expect(await outcome(request.give(fileOf(content)))).toMatch(/^(failed|cancelled)/);
    expect(content.closed).toBe(0);
  });
});

test('a file fits what is wanted only in everything that is said', () => {
  const { file } = fileOf(new Content(Buffer.from('abc')), { name: 'a.txt', type: 'text/plain; charset=utf-8' });
  const hashes = file.hashes ?? [];
  expect(isWanted(file, { hashes: [] })).toBe(true);
  expect(isWanted(file, { name: 'a.txt', type: 'TEXT/plain', size: 3, hashes })).toBe(true);
  expect(isWanted(file, { hashes: hashes.slice(1) })).toBe(true);
  expect(isWanted(file, { name: 'b.txt', hashes })).toBe(false);
  expect(isWanted(file, { type: 'text/html', hashes })).toBe(false);
  expect(isWanted(file, { size: 4, hashes })).toBe(false);
  expect(isWanted(file, { hashes: [{ algorithm: 'sha-1', value: 'a'.repeat(40) }] })).toBe(false);
  const { hashes: _, ...unknown } = file;
  expect(isWanted(unknown, { hashes })).toBe(false);
});
