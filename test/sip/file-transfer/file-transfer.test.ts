import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ProviderError } from '../../../protocols/contract/index.ts';
import { ICON_MAXIMUM } from '../../../protocols/sip/file-transfer/outgoing-offer.ts';
import { offerOne } from '../../protocols/offer-one.ts';
import {
  Arrival,
  acceptInto,
  Content,
  fileOf,
  filePeer,
  nextOffer,
  outcome,
  phase,
  recordPhases,
  twoPeers,
} from './file-peers.ts';

const MIB = 1_048_576;

describe('a file that is accepted', () => {
  test.each([
    ['plain TCP', false],
    ['TLS with certificates known by fingerprint', true],
  ])('arrives whole over %s, with every fact that was offered', async (_, secure) => {
    const { from, to, address } = await twoPeers({ secure });
    const content = new Content(randomBytes(3 * MIB + 17));
    const offered = nextOffer(to);
    const icon = { type: 'image/png', data: randomBytes(900) };
    const file = fileOf(content, { icon, modifiedAt: Date.UTC(2026, 10, 22, 20, 31, 5) });
    const sending = offerOne(from.files, address, file);
    expect(sending.phase).toEqual({ state: 'offered' });
    const sent = recordPhases(sending);
    const { transfer: receiving, key } = await offered;
    const received = recordPhases(receiving);
    expect(key).toContain(file.id);
    expect(receiving.peer).toBe('sip:ana@127.0.0.1');
    expect(receiving.file).toMatchObject({
      name: 'reunião 😀.bin',
      type: 'application/octet-stream',
      size: content.size,
      hashes: [{ algorithm: 'sha-256' }, { algorithm: 'sha-1' }],
      modifiedAt: Date.UTC(2026, 10, 22, 20, 31, 5),
    });
    expect(Buffer.from(receiving.file.icon?.data ?? []).equals(icon.data)).toBe(true);
    const arrival = new Arrival(content.size);
    acceptInto(receiving, arrival);
    expect(await outcome(sending)).toBe('finished');
    expect(await outcome(receiving)).toBe('finished');
    expect(arrival.bytes.equals(content.bytes)).toBe(true);
    expect(arrival.ends).toEqual(['closed']);
    expect([sending.bytes, receiving.bytes]).toEqual([content.size, content.size]);
    expect(sent).toEqual(['offered', 'accepted', 'connecting', 'running', 'finished']);
    expect(received).toEqual(['offered', 'accepted', 'connecting', 'running', 'finished']);
    await expect.poll(() => content.closed).toBe(1);
  });

  test('goes without a picture that is too big for a SIP message', async () => {
    const { from, to, address } = await twoPeers();
    for (const [size, comes] of [
      [ICON_MAXIMUM, true],
      [ICON_MAXIMUM + 1, false],
    ] as const) {
      const offered = nextOffer(to);
      const icon = { type: 'image/png', data: randomBytes(size) };
      const sending = offerOne(from.files, address, fileOf(new Content(randomBytes(10)), { icon }));
      const { transfer } = await offered;
      expect(transfer.file.icon !== undefined).toBe(comes);
      transfer.decline();
      expect(await outcome(sending)).toBe('declined');
    }
  });

  test('of no bytes at all arrives', async () => {
    const { from, to, address } = await twoPeers();
    const offered = nextOffer(to);
    const sending = offerOne(from.files, address, fileOf(new Content(new Uint8Array(0))));
    const { transfer } = await offered;
    let completed = 0;
    const arrival = new Arrival(0);
    acceptInto(transfer, arrival, { complete: async () => void completed++ });
    expect(await outcome(transfer)).toBe('finished');
    expect(await outcome(sending)).toBe('finished');
    expect(completed).toBe(1);
    expect(arrival.ends).toEqual(['closed']);
  });

  test('is counted in bytes that never fall, told seldom and up to the last', async () => {
    const { from, to, address } = await twoPeers();
    const content = new Content(randomBytes(20 * MIB));
    const offered = nextOffer(to);
    const sending = offerOne(from.files, address, fileOf(content));
    const { transfer } = await offered;
    const told: number[] = [];
    transfer.onBytes((bytes) => told.push(bytes));
    const begun = Date.now();
    acceptInto(transfer, new Arrival(content.size));
    expect(await outcome(sending)).toBe('finished');
    await phase(transfer, 'finished');
    expect(told.at(-1)).toBe(content.size);
    expect([...told].sort((a, b) => a - b)).toEqual(told);
    expect(told.length).toBeLessThanOrEqual((Date.now() - begun) / 100 + 1);
  });

  test('goes on from the byte where an earlier attempt stopped', async () => {
    const { from, to, address } = await twoPeers();
    const content = new Content(randomBytes(2 * MIB));
    const offered = nextOffer(to);
    const sending = offerOne(from.files, address, fileOf(content));
    const { transfer } = await offered;
    const already = 1_300_001;
    const arrival = new Arrival(content.size, content.bytes.subarray(0, already));
    let least = Number.POSITIVE_INFINITY;
    const write = arrival.write.bind(arrival);
    arrival.write = (data, position) => {
      least = Math.min(least, position);
      write(data, position);
    };
    acceptInto(transfer, arrival, { from: already });
    expect(await outcome(sending)).toBe('finished');
    expect(await outcome(transfer)).toBe('finished');
    expect(least).toBe(already);
    expect(arrival.bytes.equals(content.bytes)).toBe(true);
    expect([sending.bytes, transfer.bytes]).toEqual([content.size, content.size]);
  });

  test('that is all there already needs no byte more', async () => {
    const { from, to, address } = await twoPeers();
    const content = new Content(randomBytes(5000));
    const offered = nextOffer(to);
    const sending = offerOne(from.files, address, fileOf(content));
    const { transfer } = await offered;
    acceptInto(transfer, new Arrival(content.size, content.bytes), { from: content.size });
    expect(await outcome(sending)).toBe('finished');
    expect(await outcome(transfer)).toBe('finished');
  });

  test('can be one of several to and from the same people at once', async () => {
    const { from, to, address } = await twoPeers();
    const contents = Array.from({ length: 6 }, (_, index) => new Content(randomBytes(300_000 + index)));
    const arrivals = new Map<string, Arrival>();
    to.files.onOffer(({ transfer }) => {
      const arrival = new Arrival(transfer.file.size ?? 0);
      arrivals.set(transfer.file.name, arrival);
      acceptInto(transfer, arrival);
    });
    const sending = contents.map((content, index) =>
      offerOne(from.files, address, fileOf(content, { name: `${index}` })),
    );
    expect(await Promise.all(sending.map(outcome))).toEqual(contents.map(() => 'finished'));
    for (const [index, content] of contents.entries()) {
      expect(arrivals.get(`${index}`)?.bytes.equals(content.bytes)).toBe(true);
    }
  });
});

describe('a file that is not wanted', () => {
  test('is declined', async () => {
    const { from, to, address } = await twoPeers();
    const offered = nextOffer(to);
    const sending = offerOne(from.files, address, fileOf(new Content(randomBytes(10))));
    (await offered).transfer.decline();
    expect(await outcome(sending)).toBe('declined');
    expect((await offered).transfer.phase.state).toBe('declined');
  });

  test('is taken back before the answer', async () => {
    const { from, to, address } = await twoPeers();
    const offered = nextOffer(to);
    const sending = offerOne(from.files, address, fileOf(new Content(randomBytes(10))));
    const { transfer } = await offered;
    sending.cancel();
    expect(await outcome(sending)).toBe('cancelled us');
    expect(await outcome(transfer)).toBe('cancelled peer');
  });

  test('is taken back in the moment it is offered', async () => {
    const { from, address } = await twoPeers();
    const sending = offerOne(from.files, address, fileOf(new Content(randomBytes(10))));
    sending.cancel();
    expect(await outcome(sending)).toBe('cancelled us');
  });

  test('is cancelled by the receiver right after accepting', async () => {
    const { from, to, address } = await twoPeers();
    const offered = nextOffer(to);
    const content = new Content(randomBytes(MIB));
    const sending = offerOne(from.files, address, fileOf(content));
    const { transfer } = await offered;
    const arrival = new Arrival(MIB);
    acceptInto(transfer, arrival);
    transfer.cancel();
    expect(await outcome(transfer)).toBe('cancelled us');
    expect(await outcome(sending)).toMatch(/^(declined|cancelled peer)$/);
    expect(arrival.ends).toEqual(['aborted']);
  });

  test('comes to its end when what it was given throws instead of rejecting', async () => {
    const throws = (): never => {
      throw new Error('a bug of whoever keeps files');
    };
    const { from, to, address } = await twoPeers();
    const offered = nextOffer(to);
    const content = Object.assign(new Content(randomBytes(20 * MIB)), { close: throws });
    const sending = offerOne(from.files, address, fileOf(content));
    const { transfer } = await offered;
    acceptInto(transfer, Object.assign(new Arrival(content.size), { abort: throws }));
    await phase(sending, 'running');
    sending.cancel();
    expect(await outcome(sending)).toBe('cancelled us');
    expect(await outcome(transfer)).toBe('cancelled peer');
    const again = nextOffer(to);
    const second = offerOne(from.files, address, fileOf(new Content(randomBytes(10))));
    const { transfer: taken } = await again;
    acceptInto(taken, Object.assign(new Arrival(10), { abort: throws }));
    taken.cancel();
    expect(await outcome(taken)).toBe('cancelled us');
    expect(await outcome(second)).toMatch(/^(declined|cancelled peer)$/);
  });

  test.each(['connecting', 'running'] as const)('is cancelled by the sender while %s', async (state) => {
    const { from, to, address } = await twoPeers();
    const offered = nextOffer(to);
    const content = new Content(randomBytes(20 * MIB));
    const sending = offerOne(from.files, address, fileOf(content));
    const { transfer } = await offered;
    const arrival = new Arrival(content.size);
    acceptInto(transfer, arrival);
    await phase(sending, state);
    sending.cancel();
    expect(await outcome(sending)).toBe('cancelled us');
    expect(await outcome(transfer)).toBe('cancelled peer');
    await expect.poll(() => arrival.ends).toEqual(['aborted']);
    await expect.poll(() => content.closed).toBeGreaterThanOrEqual(1);
  });

  test.each(['connecting', 'running'] as const)('is cancelled by the receiver while %s', async (state) => {
    const { from, to, address } = await twoPeers();
    const offered = nextOffer(to);
    const content = new Content(randomBytes(20 * MIB));
    const sending = offerOne(from.files, address, fileOf(content));
    const { transfer } = await offered;
    const arrival = new Arrival(content.size);
    acceptInto(transfer, arrival);
    await phase(transfer, state);
    transfer.cancel();
    expect(await outcome(transfer)).toBe('cancelled us');
    expect(await outcome(sending)).toBe('cancelled peer');
    await expect.poll(() => arrival.ends).toEqual(['aborted']);
    await expect.poll(() => content.closed).toBe(1);
    expect(sending.bytes).toBeLessThan(content.size);
  });

  test('is refused with 480 where nobody listens', async () => {
    const { from, address } = await twoPeers();
    expect(await outcome(offerOne(from.files, address, fileOf(new Content(randomBytes(1)))))).toBe(
      'failed peer-offline',
    );
  });
});

describe('what goes wrong is told to both sides', () => {
  test.each([
    ['hash-mismatch', 'hash-mismatch'],
    // what is wrong with a disk is not told to others
    ['no-space', 'peer-cannot-keep'],
    ['name-refused', 'peer-cannot-keep'],
    ['permission-denied', 'peer-cannot-keep'],
  ] as const)(
    'a receiver that cannot finish for %s says %s, and the sender never counts it as done',
    async (code, told) => {
      const { from, to, address } = await twoPeers();
      const offered = nextOffer(to);
      const content = new Content(randomBytes(MIB));
      const sending = offerOne(from.files, address, fileOf(content));
      const seen = recordPhases(sending);
      const { transfer } = await offered;
      acceptInto(transfer, new Arrival(content.size), { complete: () => Promise.reject(new ProviderError(code)) });
      expect(await outcome(transfer)).toBe(`failed ${code}`);
      expect(await outcome(sending)).toBe(`failed ${told}`);
      expect(seen).not.toContain('finished');
    },
  );

  test('a disk that fills up in the middle', async () => {
    const { from, to, address } = await twoPeers();
    const offered = nextOffer(to);
    const content = new Content(randomBytes(8 * MIB));
    const sending = offerOne(from.files, address, fileOf(content));
    const { transfer } = await offered;
    const arrival = new Arrival(content.size);
    arrival.failAt = { position: 3 * MIB, error: new ProviderError('no-space') };
    acceptInto(transfer, arrival);
    expect(await outcome(transfer)).toBe('failed no-space');
    expect(await outcome(sending)).toBe('failed peer-cannot-keep');
    expect(arrival.ends).toEqual(['aborted']);
  });

  test('a source that changed while it was read', async () => {
    const { from, to, address } = await twoPeers();
    const offered = nextOffer(to);
    const content = new Content(randomBytes(8 * MIB));
    content.failAt = { position: 3 * MIB, error: new ProviderError('source-changed') };
    const sending = offerOne(from.files, address, fileOf(content));
    const { transfer } = await offered;
    const arrival = new Arrival(content.size);
    acceptInto(transfer, arrival);
    expect(await outcome(sending)).toBe('failed source-changed');
    expect(await outcome(transfer)).toBe('failed source-changed');
    await expect.poll(() => arrival.ends).toEqual(['aborted']);
  });

  test('a source that may not be read any more: the receiver learns that it could not be read', async () => {
    const { from, to, address } = await twoPeers();
    const offered = nextOffer(to);
    const file = fileOf(new Content(randomBytes(100)));
    const denied = () => Promise.reject(new ProviderError('permission-denied'));
    const sending = offerOne(from.files, address, { ...file, open: denied });
    const { transfer } = await offered;
    acceptInto(transfer, new Arrival(100));
    expect(await outcome(sending)).toBe('failed permission-denied');
    expect(await outcome(transfer)).toBe('failed unreadable');
  });

  test('a source that is gone when it is wanted', async () => {
    const { from, to, address } = await twoPeers();
    const offered = nextOffer(to);
    const file = fileOf(new Content(randomBytes(100)));
    const sending = offerOne(from.files, address, {
      ...file,
      open: () => Promise.reject(new ProviderError('source-missing')),
    });
    const { transfer } = await offered;
    acceptInto(transfer, new Arrival(100));
    expect(await outcome(sending)).toBe('failed source-missing');
    expect(await outcome(transfer)).toBe('failed source-missing');
  });

  test('a source of another size than offered', async () => {
    const { from, to, address } = await twoPeers();
    const offered = nextOffer(to);
    const file = fileOf(new Content(randomBytes(100)));
    const other = new Content(randomBytes(99));
    const sending = offerOne(from.files, address, { ...file, open: async () => other });
    const { transfer } = await offered;
    acceptInto(transfer, new Arrival(100));
    expect(await outcome(sending)).toBe('failed source-changed');
    expect(await outcome(transfer)).toBe('failed source-changed');
    await expect.poll(() => other.closed).toBe(1);
  });

  test('a program that stops in the middle leaves failed transfers on both sides, and what is confirmed counted', async () => {
    const { from, to, address } = await twoPeers();
    const offered = nextOffer(to);
    const content = new Content(randomBytes(40 * MIB));
    const sending = offerOne(from.files, address, fileOf(content));
    const { transfer } = await offered;
    const arrival = new Arrival(content.size);
    acceptInto(transfer, arrival);
    await new Promise<void>((resolve) => {
      arrival.wrote = (position) => {
        if (position > 5 * MIB) resolve();
      };
    });
    to.files.stop();
    expect(await outcome(transfer)).toBe('failed network');
    expect(await outcome(sending)).toBe('failed network');
    expect(sending.bytes).toBeGreaterThan(MIB);
    expect(sending.bytes).toBeLessThan(content.size);
    expect(arrival.ends).toEqual(['aborted']);
  });

  test('nobody there', async () => {
    const from = await filePeer('ana');
    const gone = await filePeer('bob');
    await gone.agent.disconnect();
    const sending = offerOne(from.files, gone.uri, fileOf(new Content(randomBytes(10))));
    const last = await phase(sending, 'failed');
    expect(last.error.retryable).toBe(true);
  });

  test('an address that is none', async () => {
    const from = await filePeer('ana');
    expect(await outcome(offerOne(from.files, 'nobody', fileOf(new Content(randomBytes(10)))))).toBe(
      'failed address-invalid',
    );
  });

  test('no connection of our own', async () => {
    const { from, address } = await twoPeers();
    await from.agent.disconnect();
    const sending = offerOne(from.files, address, fileOf(new Content(randomBytes(10))));
    expect(await outcome(sending)).toBe('failed network');
  });
});
