import { describe, expect, test } from 'vitest';
import type { Announcement } from '../../../protocols/sip/local/announcement.ts';
import {
  type LocalPeer,
  MAXIMUM_AT_HOST,
  MAXIMUM_PEERS,
  PeerDirectory,
  SILENCE,
} from '../../../protocols/sip/local/peer-directory.ts';

const id = 'abcdefghij234567klmn';
const ana = (more: Partial<Announcement> = {}): Announcement => ({
  id,
  port: 5070,
  name: 'Ana',
  presence: { state: 'available' },
  ...more,
});

/** A directory under a clock of the test's own; whoever is in `answering` answers a ping. */
const directoryOf = () => {
  let time = 0;
  const answering = new Set<string>();
  const pinged: string[] = [];
  const directory = new PeerDirectory({
    now: () => time,
    ping: async ({ host, port }: LocalPeer) => {
      pinged.push(`${host}:${port}`);
      return answering.has(`${host}:${port}`);
    },
  });
  const seen: string[] = [];
  directory.onChange(({ peer, present }) =>
    seen.push(`${present ? '+' : '-'}${peer.host}:${peer.port} ${peer.presence.state}`),
  );
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  return { directory, answering, pinged, seen, settle, pass: (ms: number) => (time += ms) };
};

describe('who is there', () => {
  test('comes, changes and leaves, each told once', () => {
    const { directory, seen } = directoryOf();
    directory.present(ana(), '192.0.2.1');
    directory.present(ana(), '192.0.2.1');
    directory.present(ana({ presence: { state: 'away', note: 'lunch' } }), '192.0.2.1');
    directory.leaving(id, '192.0.2.1');
    directory.leaving(id, '192.0.2.1');
    expect(seen).toEqual(['+192.0.2.1:5070 available', '+192.0.2.1:5070 away', '-192.0.2.1:5070 away']);
    expect(directory.peers).toEqual([]);
  });

  test('stays while it gives signs of life, and is not bothered', async () => {
    const { directory, pinged, pass } = directoryOf();
    directory.present(ana(), '192.0.2.1');
    for (let i = 0; i < 10; i++) {
      pass(SILENCE - 1);
      directory.present(ana(), '192.0.2.1');
      directory.check();
    }
    expect(pinged).toEqual([]);
  });

  test('who falls silent is asked, and removed only when no answer comes', async () => {
    const { directory, answering, pinged, pass, settle, seen } = directoryOf();
    answering.add('192.0.2.1:5070');
    directory.present(ana(), '192.0.2.1');
    pass(SILENCE + 1);
    directory.check();
    await settle();
    expect(directory.peers).toHaveLength(1);
    answering.clear();
    directory.check();
    await settle();
    expect(directory.peers, 'it has just answered').toHaveLength(1);
    pass(SILENCE + 1);
    directory.check();
    await settle();
    expect(seen.at(-1)).toBe('-192.0.2.1:5070 available');
    expect(pinged).toHaveLength(2);
  });

  test('who cannot be reached is asked at once', async () => {
    const { directory, settle } = directoryOf();
    directory.present(ana(), '192.0.2.1');
    directory.suspect(id);
    await settle();
    expect(directory.peers).toEqual([]);
  });

  test('is not more than the limit, and those who are there stay', () => {
    const { directory } = directoryOf();
    for (let n = 0; n < MAXIMUM_PEERS + 10; n++) directory.present(ana({ id: `${n}` }), `192.0.${n >> 8}.${n & 255}`);
    expect(directory.peers).toHaveLength(MAXIMUM_PEERS);
    expect(directory.find('0')).toBeDefined();
    expect(directory.find(`${MAXIMUM_PEERS}`)).toBeUndefined();
  });

  test('nobody is there or has left after we left', () => {
    const { directory, seen } = directoryOf();
    directory.present(ana(), '192.0.2.1');
    directory.leaving(id, '192.0.2.1');
    expect(directory.hasLeft(id)).toBe(true);
    directory.present(ana(), '192.0.2.1');
    expect(directory.hasLeft(id)).toBe(false);
    directory.clear();
    expect(seen.at(-1)).toBe('-192.0.2.1:5070 available');
    expect([directory.peers, directory.hasLeft(id)]).toEqual([[], false]);
  });
});

describe('an id seen at another place', () => {
  test('has moved when nobody answers at the old one', async () => {
    const { directory, settle, seen } = directoryOf();
    directory.present(ana(), '192.0.2.1');
    directory.present(ana({ port: 6000 }), '192.0.2.1');
    await settle();
    expect(directory.find(id)).toMatchObject({ port: 6000 });
    expect(seen).toEqual(['+192.0.2.1:5070 available', '-192.0.2.1:5070 available', '+192.0.2.1:6000 available']);
  });

  test('is somebody else while the one we know answers', async () => {
    const { directory, answering, settle } = directoryOf();
    answering.add('192.0.2.1:5070');
    directory.present(ana(), '192.0.2.1');
    directory.present(ana({ name: 'Evil', port: 666 }), '192.0.2.66');
    await settle();
    expect(directory.peers).toMatchObject([{ host: '192.0.2.1', port: 5070, name: 'Ana' }]);
  });

  test('cannot say goodbye for the one we know', () => {
    const { directory } = directoryOf();
    directory.present(ana(), '192.0.2.1');
    directory.leaving(id, '192.0.2.66');
    expect(directory.peers).toHaveLength(1);
  });
});

describe('whoever shouts many names', () => {
  const host = '192.0.2.66';

  test('from one address fills so many places, and names without a program give way', async () => {
    const { directory, settle, pass } = directoryOf();
    for (let n = 0; n < 500; n++) directory.present(ana({ id: `fake${n}` }), host);
    expect(directory.peers.length).toBeLessThanOrEqual(MAXIMUM_AT_HOST);
    directory.present(ana({ id: 'real' }), '192.0.2.1');
    expect(directory.find('real')).toBeDefined();
    await settle();
    pass(20_000);
    directory.present(ana({ id: 'late' }), host);
    expect(directory.find('late'), 'somebody at the same address').toBeDefined();
  });

  test('from every address keeps nobody out for good, and those who answer stay', async () => {
    const { directory, answering, settle, pass, pinged } = directoryOf();
    answering.add('192.0.2.1:5070');
    directory.present(ana({ id: 'real' }), '192.0.2.1');
    const shout = (): void => {
      for (let n = 0; n < 600; n++) directory.present(ana({ id: `fake${n}` }), `198.51.${n >> 8}.${n & 255}`);
    };
    shout();
    expect(directory.peers).toHaveLength(MAXIMUM_PEERS);
    for (let round = 0; round < 3; round++) {
      directory.present(ana({ id: 'late' }), '192.0.2.2');
      await settle();
      pass(1_000);
    }
    expect([directory.find('real'), directory.find('late')].map((peer) => peer !== undefined)).toEqual([true, true]);
    expect(pinged.length, 'a few at a time').toBeLessThanOrEqual(12);
  });

  test('or changes, or comes and goes, all the time is heard a few times a second', () => {
    const { directory, seen, pass } = directoryOf();
    for (let n = 0; n < 5_000; n++) {
      if (n % 3 === 0) directory.leaving(id, host);
      else directory.present(ana({ name: `${n}` }), host);
      pass(1);
    }
    // in five seconds
    expect(seen.length).toBeLessThanOrEqual(80 + 5 * 4 + 1);
    directory.present(ana({ id: 'real' }), '192.0.2.1');
    expect(directory.find('real')).toBeDefined();
    pass(10_000);
    directory.present(ana({ name: 'in the end' }), host);
    expect(directory.find(id)?.name).toBe('in the end');
  });
});

test('who has a key does not lose it because its place is said to have none', async () => {
  const { directory, answering, settle } = directoryOf();
  directory.present(ana(), '192.0.2.1');
  answering.add('192.0.2.1:5070');
  directory.present(ana({ outdated: true }), '192.0.2.1');
  await settle();
  expect(directory.find(id)?.outdated).toBeUndefined();
});

test('who announces an id without a key keeps nobody away who has it, however long they listen', async () => {
  const { directory, answering, pinged, settle } = directoryOf();
  answering.add('192.0.2.66:1');
  directory.present(ana({ port: 1, outdated: true }), '192.0.2.66');
  directory.present(ana(), '192.0.2.1');
  await settle();
  expect(directory.find(id), 'it shows no key').toMatchObject({ host: '192.0.2.66', outdated: true });
  answering.add('192.0.2.1:5070');
  directory.present(ana(), '192.0.2.1');
  await settle();
  expect(directory.peers).toMatchObject([{ host: '192.0.2.1', port: 5070 }]);
  expect(directory.find(id)?.outdated).toBeUndefined();
  answering.delete('192.0.2.1:5070');
  pinged.length = 0;
  directory.present(ana({ port: 1, outdated: true }), '192.0.2.66');
  await settle();
  expect(pinged).toEqual([]);
  expect(directory.find(id)).toMatchObject({ host: '192.0.2.1' });
});
