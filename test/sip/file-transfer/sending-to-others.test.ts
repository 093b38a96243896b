import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fingerprintOf, MemorySink, parseCpim } from '../../../msrp/index.ts';
import { createCertificate } from '../../../protocols/sip/media/certificate.ts';
import { offerOne } from '../../protocols/offer-one.ts';
import { directAgent, incoming, reached } from '../direct-agents.ts';
import { Arrival, acceptInto, Content, fileOf, filePeer, nextOffer, outcome } from './file-peers.ts';
import { ended, endpointOf, head, lines, media, pathOf, receiver } from './raw-peers.ts';

describe('when we send', () => {
  test('a receiver without roles, file attributes or reports, as RFC 4975 alone has it, gets the file', async () => {
    const ana = await filePeer('ana');
    const { uri, taken } = await receiver((path, port) => media(path, port));
    const content = new Content(randomBytes(700_000));
    const sending = offerOne(ana.files, uri, fileOf(content));
    expect(await outcome(sending)).toBe('finished');
    const { sink, sip } = await taken;
    expect(content.bytes.length).toBe(sink.bytes.length);
    expect(Buffer.compare(sink.bytes, content.bytes)).toBe(0);
    expect(await ended(sip)).toEqual({ state: 'ended', by: 'peer' });
  });

  test('a receiver that takes files inside CPIM only gets it so (RFC 5547 §9)', async () => {
    const ana = await filePeer('ana');
    const { uri, taken } = await receiver((path, port) =>
      media(path, port, 'a=accept-wrapped-types:*').map((line) =>
        line.replace('accept-types:*', 'accept-types:message/cpim'),
      ),
    );
    const content = new Content(randomBytes(700_000));
    const sending = offerOne(ana.files, uri, fileOf(content));
    expect(await outcome(sending)).toBe('finished');
    const message = parseCpim((await taken).sink.bytes);
    expect(message.contentType).toBe('application/octet-stream');
    expect(Buffer.compare(message.body, content.bytes)).toBe(0);
    expect(sending.bytes).toBe(content.size);
  });

  test('a receiver that takes other types only is sent nothing', async () => {
    const ana = await filePeer('ana');
    const { uri } = await receiver((path, port) =>
      media(path, port).map((line) => line.replace('accept-types:*', 'accept-types:text/plain image/*')),
    );
    expect(await outcome(offerOne(ana.files, uri, fileOf(new Content(randomBytes(10)))))).toBe('failed not-supported');
  });

  /** A file of this size goes to somebody who says goodbye when it has ended, or at the first progress. */
  const hungUp = async (size: number, when: 'ended' | 'progress') => {
    const ana = await filePeer('ana');
    const content = new Content(randomBytes(size));
    const { agent, uri } = await directAgent('blink');
    const { endpoint, listener } = await endpointOf();
    const sending = offerOne(ana.files, uri, fileOf(content));
    const sip = await incoming(agent);
    const session = endpoint.createSession({
      listener,
      accept: () => ({ sink: new MemorySink(content.size), [when]: () => sip.end() }),
    });
    sip.accept({ sdp: lines(...head, ...media(session.localPath, listener.port, 'a=recvonly', 'a=setup:passive')) });
    await session.start({ remotePath: pathOf(sip.remote?.sdp ?? ''), role: 'passive' });
    return sending;
  };

  test('a receiver that hangs up the moment it has all, as Blink 5.5 does, counts as success', async () => {
    const sending = await hungUp(900_000, 'ended');
    expect(await outcome(sending)).toBe('finished');
    expect(sending.bytes).toBe(900_000);
  });

  test('a receiver that hangs up in the middle does not', async () => {
    expect(await outcome(await hungUp(9_000_000, 'progress'))).toBe('cancelled peer');
  });

  test('a receiver that hangs up with a reason of its own has failed', async () => {
    const ana = await filePeer('ana');
    const { agent, uri } = await directAgent('blink');
    const sending = offerOne(ana.files, uri, fileOf(new Content(randomBytes(10))));
    const sip = await incoming(agent);
    sip.accept({ sdp: lines(...head, ...media('msrp://127.0.0.1:9/x;tcp', 9, 'a=recvonly', 'a=setup:active')) });
    await reached(sip, 'established');
    sip.end('SIP ;cause=500 ;text="media stream failed to start"');
    expect(await outcome(sending)).toBe('failed network');
  });

  test.each([
    [
      'accepts the session and refuses the file by port 0',
      ['m=message 0 TCP/MSRP *', 'a=file-selector:size:10'],
      'declined',
    ],
    ['answers with other media', ['m=audio 9 RTP/AVP 0'], 'failed not-supported'],
    [
      'answers with a path that is none',
      ['m=message 9 TCP/MSRP *', 'a=file-selector:size:10', 'a=path:x'],
      'failed malformed',
    ],
    [
      'answers for TLS what was offered for TCP',
      ['m=message 9 TCP/TLS/MSRP *', 'a=file-selector:size:10', 'a=path:msrp://127.0.0.1:9/x;tcp'],
      'failed malformed',
    ],
    [
      'wants more than there is',
      ['m=message 9 TCP/MSRP *', 'a=path:msrp://127.0.0.1:9/x;tcp', 'a=file-selector:size:10', 'a=file-range:12-*'],
      'failed malformed',
    ],
    [
      'wants the beginning only',
      ['m=message 9 TCP/MSRP *', 'a=path:msrp://127.0.0.1:9/x;tcp', 'a=file-selector:size:10', 'a=file-range:1-5'],
      'failed malformed',
    ],
    [
      'takes the file in a wrapper, and no more bytes than the file alone has (RFC 5547 §8.7)',
      [
        'm=message 9 TCP/MSRP *',
        'a=path:msrp://127.0.0.1:9/x;tcp',
        'a=file-selector:size:10',
        'a=max-size:10',
        'a=accept-types:message/cpim',
      ],
      'failed too-big',
    ],
    [
      'takes only smaller files',
      ['m=message 9 TCP/MSRP *', 'a=path:msrp://127.0.0.1:9/x;tcp', 'a=file-selector:size:10', 'a=max-size:9'],
      'failed too-big',
    ],
    [
      'cannot be reached',
      ['m=message 1 TCP/MSRP *', 'a=path:msrp://127.0.0.1:1/x;tcp', 'a=file-selector:size:10'],
      'failed network',
    ],
  ])('a receiver that %s', async (_, answer, expected) => {
    const ana = await filePeer('ana');
    const { uri } = await receiver(() => answer);
    expect(await outcome(offerOne(ana.files, uri, fileOf(new Content(randomBytes(10)))))).toBe(expected);
  });

  test.each([
    [486, 'peer-busy'],
    [480, 'peer-offline'],
    [404, 'peer-unknown'],
    [488, 'not-supported'],
    [415, 'not-supported'],
    [413, 'too-big'],
    [487, 'timeout'],
  ])('a receiver that answers %i fails it as %s', async (status, code) => {
    const ana = await filePeer('ana');
    const { agent, uri } = await directAgent('bob');
    agent.onInvite = (sip) => sip.reject(status);
    expect(await outcome(offerOne(ana.files, uri, fileOf(new Content(randomBytes(10)))))).toBe(`failed ${code}`);
  });

  test('a receiver that knows no multipart gets the offer again without the picture (RFC 5547 §8.8)', async () => {
    const ana = await filePeer('ana');
    const { agent, uri } = await directAgent('old');
    const offers: (number | undefined)[] = [];
    agent.onInvite = (sip) => {
      offers.push(sip.remote?.parts?.length);
      sip.reject(offers.length === 1 ? 415 : 603);
    };
    const icon = { type: 'image/png', data: randomBytes(100) };
    expect(await outcome(offerOne(ana.files, uri, fileOf(new Content(randomBytes(10)), { icon })))).toBe('declined');
    expect(offers).toEqual([1, undefined]);
  });

  test('a receiver over TLS that announces no certificate, as Blink 5.5 does, gets nothing: nobody vouches for it', async () => {
    const ana = await filePeer('ana', { secure: true });
    const { agent, uri } = await directAgent('blink');
    const { endpoint } = await endpointOf();
    const listener = await endpoint.listen({ host: '127.0.0.1', tls: createCertificate(Date.now()) });
    const sink = new MemorySink(1000);
    const content = new Content(randomBytes(1000));
    const sending = offerOne(ana.files, uri, fileOf(content));
    const sip = await incoming(agent);
    const session = endpoint.createSession({ listener, accept: () => ({ sink }) });
    const answer = media(session.localPath, listener.port, 'a=recvonly', 'a=setup:passive');
    sip.accept({ sdp: lines(...head, ...answer).replace('TCP/MSRP', 'TCP/TLS/MSRP') });
    void session.start({ remotePath: pathOf(sip.remote?.sdp ?? ''), role: 'passive' }).catch(() => {});
    // RFC 4975 §14.4: without a fingerprint an authority has to know the certificate
    expect(await outcome(sending)).toBe('failed tls-untrusted');
    expect(sink.bytes).toHaveLength(0);
    expect((await ended(sip)).reason).toContain('tls-untrusted');
  });

  test('a receiver that takes it under another name, as Blink 5.5 does, gets it', async () => {
    const ana = await filePeer('ana');
    const { uri, taken } = await receiver((path, port, offer) => [
      ...media(path, port, 'a=recvonly', 'a=setup:passive'),
      ...(/^a=file-.*$/gm.exec(offer)?.map((line) => line.trim().replace(/name:"[^"]*"/, 'name:"other-2.bin"')) ?? []),
    ]);
    const content = new Content(randomBytes(5000));
    expect(await outcome(offerOne(ana.files, uri, fileOf(content)))).toBe('finished');
    expect(Buffer.compare((await taken).sink.bytes, content.bytes)).toBe(0);
  });

  test('a receiver whose certificate is not the announced one gets nothing', async () => {
    const ana = await filePeer('ana', { secure: true });
    const { agent, uri } = await directAgent('evil');
    const bob = await filePeer('bob', { secure: true });
    const offered = nextOffer(bob);
    const content = new Content(randomBytes(1000));
    const sending = offerOne(ana.files, uri, fileOf(content));
    // the man in the middle passes the offer on and puts a fingerprint of his own into the answer
    const sip = await incoming(agent);
    const onward = agent.invite(bob.uri, { sdp: sip.remote?.sdp ?? '' });
    const { transfer } = await offered;
    acceptInto(transfer, new Arrival(content.size));
    const { remote } = await reached(onward, 'established');
    sip.accept({ sdp: remote.sdp.replace(/sha-256 \S+/, `sha-256 ${Array(32).fill('AA').join(':')}`) });
    expect(await outcome(sending)).toBe('failed tls-untrusted');
    expect(transfer.bytes).toBe(0);
  });
});

describe('a receiver whose media are set otherwise than ours', () => {
  /** Refuses media of the other kind with 488. */
  const taking = async (protocol: 'TCP/MSRP' | 'TCP/TLS/MSRP') => {
    const { agent, uri } = await directAgent('blink');
    const { endpoint } = await endpointOf();
    const identity = createCertificate(Date.now());
    const listener = await endpoint.listen({
      host: '127.0.0.1',
      ...(protocol === 'TCP/MSRP' ? {} : { tls: identity }),
    });
    const sink = new MemorySink(10_000);
    const offered: string[] = [];
    agent.onInvite = (sip) => {
      const offer = sip.remote?.sdp ?? '';
      offered.push(/^m=message \d+ (\S+)/m.exec(offer)?.[1] ?? '');
      if (offered.at(-1) !== protocol) {
        sip.reject(488);
        return;
      }
      const session = endpoint.createSession({ listener, accept: () => ({ sink }) });
      const line = media(
        session.localPath,
        listener.port,
        'a=recvonly',
        'a=setup:passive',
        `a=fingerprint:${fingerprintOf(identity.cert)}`,
      );
      sip.accept({ sdp: lines(...head, ...line.map((each) => each.replace('TCP/MSRP', protocol))) });
      session.start({ remotePath: pathOf(offer), role: 'passive' }).catch(() => {});
    };
    return { uri, offered, sink };
  };

  test('gets a file encrypted after refusing it in clear', async () => {
    const ana = await filePeer('ana');
    const { uri, offered, sink } = await taking('TCP/TLS/MSRP');
    const content = new Content(randomBytes(5_000));
    expect(await outcome(offerOne(ana.files, uri, fileOf(content)))).toBe('finished');
    expect(offered).toEqual(['TCP/MSRP', 'TCP/TLS/MSRP']);
    expect(Buffer.compare(sink.bytes, content.bytes)).toBe(0);
  });

  test('is not sent in clear what would have been encrypted, and the reason is said', async () => {
    const ana = await filePeer('ana', { secure: true });
    const { uri, offered } = await taking('TCP/MSRP');
    expect(await outcome(offerOne(ana.files, uri, fileOf(new Content(randomBytes(10)))))).toBe(
      'failed encryption-refused',
    );
    expect(offered).toEqual(['TCP/TLS/MSRP']);
  });
});
