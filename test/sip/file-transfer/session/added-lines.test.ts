// Lines that a peer adds to a session that carries a file already (RFC 5547 §8.1, §8.2, §8.6, §8.7).
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { MemorySink, type MsrpSession } from '../../../../msrp/index.ts';
import type { ProtocolTransfer } from '../../../../protocols/contract/index.ts';
import { ProviderError } from '../../../../protocols/contract/index.ts';
import { UNDECIDED_TIMEOUT } from '../../../../protocols/sip/file-transfer/incoming-offer.ts';
import type { SipSession } from '../../../../protocols/sip/sip-session.ts';
import { offerOne } from '../../../protocols/offer-one.ts';
import { directAgent } from '../../direct-agents.ts';
import {
  Arrival,
  acceptInto,
  Content,
  type FilePeer,
  fileOf,
  filePeer,
  holdTime,
  nextOffer,
  outcome,
  pass,
  phase,
} from '../file-peers.ts';
import { ended, endpointOf, head, lines, media, pathOf, receiver, sender } from '../raw-peers.ts';

const SIZE = 9000;

interface Running {
  bob: FilePeer;
  sip: SipSession;
  /** The first file, which runs. */
  first: ProtocolTransfer;
  firstLine: string[];
  /** Sends the rest of it. */
  finish: () => Promise<string>;
  /** One more session of the sender's, and a line that offers a file by it. */
  another: (id: string) => { session: MsrpSession; line: string[] };
  /** Offers these lines, and gives back those of the answer. */
  reoffer: (...offered: string[][]) => Promise<string[]>;
}

const fileLine = (path: string, port: number, id: string, size: number): string[] =>
  media(path, port, 'a=sendonly', 'a=setup:actpass', `a=file-selector:size:${size}`, `a=file-transfer-id:${id}`);

/** Somebody sends Bob, who is ours, a file; it is accepted and runs. */
const running = async (): Promise<Running> => {
  const bob = await filePeer('bob');
  const next = nextOffer(bob);
  let firstLine: string[] = [];
  const { session, start, sip } = await sender(bob.uri, (path, port) => {
    firstLine = fileLine(path, port, 'one', SIZE);
    return firstLine;
  });
  const { transfer } = await next;
  acceptInto(transfer, new Arrival(SIZE));
  await start();
  await phase(transfer, 'running');
  const { endpoint, listener } = await endpointOf();
  return {
    bob,
    sip,
    first: transfer,
    firstLine,
    finish: async () => {
      await session.send({ contentType: 'a/b', body: randomBytes(SIZE) }).sent;
      return await outcome(transfer);
    },
    another: (id) => {
      const more = endpoint.createSession({ listener, accept: () => ({ refuse: 403 }) });
      return { session: more, line: fileLine(more.localPath, listener.port, id, SIZE) };
    },
    reoffer: async (...offered) => {
      const { sdp } = await sip.reoffer({ sdp: lines(...head, ...offered.flat()) });
      return sdp.split(/^m=message /m).slice(1);
    },
  };
};

const send = async (session: MsrpSession, answer: string | undefined, body: Uint8Array): Promise<void> => {
  await session.start({ remotePath: pathOf(answer ?? ''), role: 'active' });
  await session.send({ contentType: 'a/b', body }).sent;
};

describe('a file that is added to a session', () => {
  test('is offered, and arrives beside the first when it is accepted', async () => {
    const { bob, sip, firstLine, finish, another, reoffer } = await running();
    const { session, line } = another('two');
    const next = nextOffer(bob);
    const answered = reoffer(firstLine, line);
    const { transfer } = await next;
    const arrival = new Arrival(SIZE);
    acceptInto(transfer, arrival);
    const [first = '', second = ''] = await answered;
    expect(first).toContain('a=file-transfer-id:one');
    expect(second).toMatch(/^[1-9]/);
    expect(second).toContain('a=file-transfer-id:two');
    expect(second).toContain('a=recvonly');
    const body = randomBytes(SIZE);
    await send(session, second, body);
    expect(await outcome(transfer)).toBe('finished');
    expect(Buffer.compare(arrival.bytes, body)).toBe(0);
    expect(await finish()).toBe('finished');
    sip.end();
  });

  test('is refused by port 0 when it is declined, and the first goes on', async () => {
    const { bob, firstLine, finish, another, reoffer } = await running();
    const next = nextOffer(bob);
    const answered = reoffer(firstLine, another('two').line);
    (await next).transfer.decline();
    const [first = '', second = ''] = await answered;
    expect(first).toMatch(/^[1-9]/);
    expect(second).toMatch(/^0 [\s\S]*a=recvonly/);
    expect(second).toContain('a=file-transfer-id:two');
    expect(await finish()).toBe('finished');
  });

  test('that cannot be kept says so, and one that cannot be read is refused and shown to nobody', async () => {
    const { bob, firstLine, finish, another, reoffer } = await running();
    const seen: ProtocolTransfer[] = [];
    bob.files.onOffer(({ transfer }) => {
      seen.push(transfer);
      transfer.fail(new ProviderError('no-space'));
    });
    const broken = another('three').line.filter((line) => !line.startsWith('a=path'));
    const [, second = '', third = ''] = await reoffer(firstLine, another('two').line, broken);
    expect(second).toMatch(/^0 [^\r]*\r\ni=cannot be kept\r\n/);
    expect(third).toMatch(/^0 /);
    expect(seen).toHaveLength(1);
    expect(await finish()).toBe('finished');
  });

  test('of which nobody has decided in half a minute stays open, and can be asked for', async () => {
    const { bob, sip, firstLine, finish, another, reoffer } = await running();
    const next = nextOffer(bob);
    holdTime();
    const answered = reoffer(firstLine, another('two').line);
    const { transfer } = await next;
    await pass(UNDECIDED_TIMEOUT + 1000);
    const [, second = ''] = await answered;
    expect(second).toMatch(/^0 [\s\S]*a=inactive/);
    expect(await outcome(transfer)).toBe('unanswered, asked');
    expect(await finish()).toBe('finished');
    sip.end();
  });

  test('and the session ends while a person still thinks: it is taken back', async () => {
    const { bob, sip, first, firstLine, another, reoffer } = await running();
    const next = nextOffer(bob);
    const answered = reoffer(firstLine, another('two').line).catch(() => 'no answer');
    const { transfer } = await next;
    sip.end();
    expect(await outcome(transfer)).toBe('cancelled peer');
    expect(await outcome(first)).toBe('cancelled peer');
    void answered;
  });

  test('keeps the session although the first ends meanwhile', async () => {
    const { bob, sip, firstLine, finish, another, reoffer } = await running();
    const { session, line } = another('two');
    const next = nextOffer(bob);
    const answered = reoffer(firstLine, line);
    const { transfer } = await next;
    expect(await finish()).toBe('finished');
    const arrival = new Arrival(SIZE);
    acceptInto(transfer, arrival);
    await send(session, (await answered)[1], randomBytes(SIZE));
    expect(await outcome(transfer)).toBe('finished');
    expect(sip.state.state).toBe('established');
    sip.end();
  });

  test('on a line of ours: who sends a file is offered one, and asked for one', async () => {
    const ana = await filePeer('ana');
    const { uri, taken } = await receiver((path, port) => media(path, port, 'a=recvonly', 'a=setup:passive'));
    const slow = new Content(randomBytes(3_000_000));
    const read = slow.read.bind(slow);
    let goOn = (): void => {};
    const open = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    slow.read = async (buffer, position) => {
      if (position > 1_000_000) await open;
      return await read(buffer, position);
    };
    const sending = offerOne(ana.files, uri, fileOf(slow));
    const { sip, session: own, sink } = await taken;
    await phase(sending, 'running');
    const wanted = new Content(randomBytes(SIZE));
    const file = fileOf(wanted);
    ana.files.onRequest((request) => request.give(file));
    const next = nextOffer(ana);
    const { endpoint, listener } = await endpointOf();
    const got = new MemorySink(SIZE);
    const [push, pull] = [0, 1].map(() => endpoint.createSession({ listener, accept: () => ({ sink: got }) })) as [
      MsrpSession,
      MsrpSession,
    ];
    const hash = file.file.hashes?.[0]?.value.toUpperCase().match(/../g)?.join(':');
    const answered = sip.reoffer({
      sdp: lines(
        ...head,
        ...media(own.localPath, listener.port, 'a=recvonly', 'a=file-selector:size:3000000'),
        ...fileLine(push.localPath, listener.port, 'two', SIZE),
        ...media(
          pull.localPath,
          listener.port,
          'a=recvonly',
          'a=setup:actpass',
          `a=file-selector:hash:sha-256:${hash}`,
          'a=file-transfer-id:three',
        ),
      ),
    });
    const { transfer } = await next;
    const arrival = new Arrival(SIZE);
    acceptInto(transfer, arrival);
    const [, , second, third] = (await answered).sdp.split(/^m=message /m);
    expect(third).toContain('a=sendonly');
    await send(push, second, randomBytes(SIZE));
    await pull.start({ remotePath: pathOf(third ?? ''), role: 'active' });
    expect(await outcome(transfer)).toBe('finished');
    await expect.poll(() => Buffer.compare(got.bytes, wanted.bytes)).toBe(0);
    goOn();
    expect(await outcome(sending)).toBe('finished');
    expect(Buffer.compare(sink.bytes, slow.bytes)).toBe(0);
  });
});

describe('a line that is used again (§8.6)', () => {
  test('for the next file, once the first is there', async () => {
    const { bob, sip, finish, another, reoffer } = await running();
    expect(await finish()).toBe('finished');
    const { session, line } = another('two');
    const next = nextOffer(bob);
    const answered = reoffer(line);
    const { transfer } = await next;
    const arrival = new Arrival(SIZE);
    acceptInto(transfer, arrival);
    const body = randomBytes(SIZE);
    await send(session, (await answered)[0], body);
    expect(await outcome(transfer)).toBe('finished');
    expect(Buffer.compare(arrival.bytes, body)).toBe(0);
    sip.end();
  });

  test('while its file runs: that one is aborted, and the new one offered (§8.1)', async () => {
    const { bob, sip, first, another, reoffer } = await running();
    const { session, line } = another('two');
    const next = nextOffer(bob);
    const answered = reoffer(line);
    const { transfer } = await next;
    acceptInto(transfer, new Arrival(SIZE));
    const [answer] = await answered;
    expect(await outcome(first)).toBe('cancelled peer');
    await send(session, answer, randomBytes(SIZE));
    expect(await outcome(transfer)).toBe('finished');
    sip.end();
  });

  test('for another file under the same id is an error that ends it (§8.1)', async () => {
    const { first, firstLine, sip, reoffer } = await running();
    holdTime();
    const [answer] = await reoffer(firstLine.map((line) => line.replace(`size:${SIZE}`, 'size:1')));
    expect(answer).toMatch(/^0 /);
    expect(await outcome(first)).toBe('failed source-changed');
    // nothing is left in the session, and nobody else ends it
    await pass(11_000);
    await ended(sip);
  });

  test('with an id that was used before is no new file, and nobody is asked', async () => {
    const { bob, firstLine, finish, another, reoffer } = await running();
    const seen: ProtocolTransfer[] = [];
    bob.files.onOffer(({ transfer }) => {
      seen.push(transfer);
      transfer.decline();
    });
    await reoffer(firstLine, another('two').line);
    const [, second] = await reoffer(firstLine, another('two').line);
    expect(second).toMatch(/^0 /);
    expect(seen).toHaveLength(1);
    expect(await finish()).toBe('finished');
  });
});

test('with more offers open than anybody answers, what is added is refused', async () => {
  const { bob, sip, firstLine, another, reoffer } = await running();
  const { agent } = await directAgent('eager');
  let shown = 0;
  const allShown = new Promise<void>((resolve) => {
    bob.files.onOffer(() => {
      shown++;
      if (shown === 64) resolve();
    });
  });
  const many = Array.from({ length: 64 }, (_, index) => {
    const line = fileLine('msrp://127.0.0.1:9/x;tcp', 9, `many-${index}`, 1);
    return agent.invite(bob.uri, { sdp: lines(...head, ...line) });
  });
  await allShown;
  const [, second] = await reoffer(firstLine, another('two').line);
  expect(second).toMatch(/^0 [^\r]*\r\ni=busy\r\n/);
  for (const invite of many) invite.end();
  sip.end();
});

describe('an offer within a session that only says which way bytes go (RFC 3264 §6.1, §8.4)', () => {
  test.each([
    ['sendonly', 'recvonly', 'running'],
    ['sendrecv', 'recvonly', 'running'],
    ['inactive', 'inactive', 'paused'],
    // the sender would receive, which this file never does: it is held
    ['recvonly', 'inactive', 'paused'],
  ])('as %s is answered by %s, and the line stays', async (direction, answer, state) => {
    const { first, firstLine, finish, reoffer } = await running();
    const turned = firstLine.map((line) => (line === 'a=sendonly' ? `a=${direction}` : line));
    const [said = ''] = await reoffer(turned);
    expect(said).toMatch(/^[1-9]/);
    expect(said).toContain(`a=${answer}\r\n`);
    await expect.poll(() => first.phase.state).toBe(state);
    await reoffer(firstLine);
    await expect.poll(() => first.phase.state).toBe('running');
    expect(await finish()).toBe('finished');
  });
});
