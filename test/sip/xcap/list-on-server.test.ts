import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { next, type Person } from '../kit.ts';
import { LISTS_PATH, type Shelf } from './hostile-server.ts';
import { CAPS_PATH, campus, caps, lists } from './small-campus.ts';

afterEach(() => void vi.useRealTimers());

const BOB = 'sip:bob@campus.test';
const entry = (name: string, address = BOB): string =>
  `<entry uri="${address}"><display-name>${name}</display-name></entry>`;
const list = (group: string, ...entries: string[]): string => `<list name="${group}">${entries.join('')}</list>`;
const CHANGED =
  '<xcap-diff xmlns="urn:ietf:params:xml:ns:xcap-diff"><document sel="resource-lists/users/sip:ana@campus.test/index"/></xcap-diff>';
const facts = (person: Person): unknown =>
  person.set('contactList').contacts.map(({ address, name, groups }) => [address, name, groups]);

/** Ana sees this list; then another device makes `theirs` of it, which she learns only from the refusal of her change. */
const meanwhile = async (ours: string, theirs: string) => {
  const { shelf, root, login, subscription } = await campus();
  shelf.put(CAPS_PATH, caps('resource-lists'));
  shelf.put(LISTS_PATH, lists(ours));
  const ana = login(root.href);
  await subscription('xcap-diff');
  shelf.put(LISTS_PATH, lists(theirs));
  return ana;
};

describe('a change to a contact whom another device changed at the same time', () => {
  test('a new name and another group are both kept', async () => {
    const ana = await meanwhile(list('Lab', entry('Bob')), list('Lab', entry('Bob')) + list('Old', entry('Bob')));
    await ana.set('contactList').put({ address: BOB, name: 'Robert', groups: ['Lab'] });
    expect(facts(ana)).toEqual([[BOB, 'Robert', ['Lab', 'Old']]]);
  });

  test('a group that was left and one that was joined go and come, and their name stays', async () => {
    const ana = await meanwhile(list('Lab', entry('Bob')), list('Lab', entry('Bobby')) + list('Old', entry('Bobby')));
    await ana.set('contactList').put({ address: BOB, name: 'Bob', groups: ['New'] });
    expect(facts(ana)).toEqual([[BOB, 'Bobby', ['New', 'Old']]]);
  });

  test('of two names the later holds', async () => {
    const ana = await meanwhile(list('Lab', entry('Bob')), list('Lab', entry('Bobby')));
    await ana.set('contactList').put({ address: BOB, name: 'Robert', groups: ['Lab'] });
    expect(facts(ana)).toEqual([[BOB, 'Robert', ['Lab']]]);
  });

  test('who was added on both is in the groups of both, under whatever encoding', async () => {
    const ana = await meanwhile('', list('Old', entry('Bob', 'sip:b%6fb@campus.test')));
    await ana.set('contactList').put({ address: BOB, name: '"B" <&> 😀', groups: ['Lab'] });
    expect(facts(ana)).toEqual([[BOB, '"B" <&> 😀', ['Lab', 'Old']]]);
  });

  test('who was removed there and renamed here is there, who was renamed there and removed here is not', async () => {
    const eve = 'sip:eve@campus.test';
    const ana = await meanwhile(list('Lab', entry('Bob'), entry('Eve', eve)), list('Lab', entry('Evelyn', eve)));
    await Promise.all([
      ana.set('contactList').put({ address: BOB, name: 'Robert', groups: ['Lab'] }),
      ana.set('contactList').remove(eve),
    ]);
    expect(facts(ana)).toEqual([[BOB, 'Robert', ['Lab']]]);
  });
});

test('who was refused once and is put on the list is told to ask again; a new name changes nothing about a block', async () => {
  const { sip, shelf, root, login, subscription } = await campus();
  shelf.put(CAPS_PATH, caps('resource-lists', 'pres-rules'));
  const ana = login(root.href);
  await subscription('xcap-diff');
  const contacts = ana.set('contactList');
  await contacts.permissions?.set(BOB, 'block');
  const put = (name: string) => contacts.put({ address: BOB, name, groups: [] });
  await put('Bob');
  expect([facts(ana), contacts.permissions?.of(BOB)]).toEqual([[[BOB, 'Bob', []]], 'ask']);
  await sip.until(() => sip.requests.find(({ method, head }) => method === 'OPTIONS' && head.get('to')?.includes(BOB)));
  await contacts.permissions?.set(BOB, 'block');
  await put('Robert');
  expect([facts(ana), contacts.permissions?.of(BOB)]).toEqual([[[BOB, 'Robert', []]], 'block']);
});

describe('when the server fails in the middle', () => {
  /** Ana sees bob in Lab; the server fails, and has put him in Old as well when it is well again. */
  const failing = async (fault: Shelf['status'] | 'away') => {
    const { shelf, root, stop, start, login, notify, subscription } = await campus();
    shelf.put(CAPS_PATH, caps('resource-lists'));
    shelf.put(LISTS_PATH, lists(list('Lab', entry('Bob'))));
    const ana = login(root.href);
    const watch = await subscription('xcap-diff');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    shelf.put(LISTS_PATH, lists(list('Lab', entry('Bob')) + list('Old', entry('Bob'))));
    if (fault === 'away') stop();
    else shelf.status = fault;
    const failed = vi.waitUntil(() => ana.logs.find((line) => line.includes('sip.xcap-failed')));
    notify(watch, 'application/xcap-diff+xml', CHANGED);
    const log = await failed;
    const heal = async (): Promise<void> => {
      if (fault === 'away') await start();
      else shelf.status = undefined;
    };
    return { ana, contacts: ana.set('contactList'), log, heal };
  };
  const change = { address: BOB, name: 'Robert', groups: ['Lab'] };

  test.each([
    [401, 'credentials-rejected'],
    [403, 'policy'],
    [409, 'malformed'],
  ] as const)('%s: the list stays, changes fail with %s, and what changed is read later', async (fault, code) => {
    const { ana, contacts, log, heal } = await failing(fault);
    expect(log).toContain(`"code":"${code}"`);
    await expect(contacts.put(change)).rejects.toMatchObject({ code });
    await expect(contacts.remove(BOB)).rejects.toMatchObject({ code });
    expect([facts(ana), contacts.kept]).toEqual([[[BOB, 'Bob', ['Lab']]], 'server']);
    await heal();
    const read = next(contacts.onChange, ([contact]) => contact?.groups.length === 2);
    await vi.advanceTimersByTimeAsync(600 * 750);
    await read;
    expect(facts(ana)).toEqual([[BOB, 'Bob', ['Lab', 'Old']]]);
  });

  test.each([
    [500, 'server-unavailable'],
    [503, 'server-unavailable'],
    ['broken', 'network'],
    ['away', 'unreachable'],
  ] as const)('%s: a change is kept here, says so, and goes up later by itself', async (fault, code) => {
    const { ana, contacts, log, heal } = await failing(fault);
    expect(log).toContain(`"code":"${code}"`);
    await contacts.put(change);
    expect([facts(ana), contacts.kept]).toEqual([[[BOB, 'Robert', ['Lab']]], 'waiting']);
    await heal();
    const up = vi.waitUntil(() => contacts.kept === 'server');
    await vi.advanceTimersByTimeAsync(60 * 750);
    await up;
    expect(facts(ana)).toEqual([[BOB, 'Robert', ['Lab', 'Old']]]);
  });

  test.each([
    [0, 3_750],
    [1_000_000, 2_700_000],
  ])('asked to be left alone for %i s, it is asked again after %i ms', async (retryAfter, wait) => {
    const { shelf, root, login, notify, subscription } = await campus();
    shelf.put(CAPS_PATH, caps('resource-lists'));
    shelf.put(LISTS_PATH, lists(list('Lab', entry('Bob'))));
    login(root.href);
    const watch = await subscription('xcap-diff');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    Object.assign(shelf, { status: 503, retryAfter });
    // not lived through: an hour of this clock is a moment, in which no connection answers
    const timers = vi.spyOn(globalThis, 'setTimeout');
    onTestFinished(() => timers.mockRestore());
    notify(watch, 'application/xcap-diff+xml', CHANGED);
    await vi.waitUntil(() => timers.mock.calls.some(([, delay]) => delay === wait));
  });
});

test('of five hundred people one is renamed, grouped and removed, and the rest stays to the letter', async () => {
  const people = Array.from({ length: 500 }, (_, index) => entry(`Student ${index}`, `sip:s${index}@campus.test`));
  const { shelf, root, login, subscription } = await campus();
  shelf.put(CAPS_PATH, caps('resource-lists'));
  shelf.put(LISTS_PATH, lists(list('Year 1', ...people)));
  const ana = login(root.href);
  await subscription('xcap-diff');
  const contacts = ana.set('contactList');
  const address = 'sip:s250@campus.test';
  await contacts.put({ address, name: 'Ana "2" <&> 🎓', groups: ['Year 1', 'Friends'] });
  expect(contacts.contacts.find((each) => each.address === address)).toMatchObject({
    name: 'Ana "2" <&> 🎓',
    groups: ['Friends', 'Year 1'],
  });
  await contacts.remove(address);
  const rest = people.filter((each) => !each.includes('s250@'));
  expect(shelf.documents.get(LISTS_PATH)?.text).toBe(lists(list('Year 1', ...rest)));
  expect(contacts.contacts.length).toBe(499);
});

test('watcher information with a gap is asked for whole', async () => {
  const { sip, login, subscription, root, notify } = await campus();
  login(root.href);
  const watch = await subscription('presence.winfo');
  const info = (version: number, state: string): string =>
    `<watcherinfo xmlns="urn:ietf:params:xml:ns:watcherinfo" version="${version}" state="${state}"/>`;
  notify(watch, 'application/watcherinfo+xml', info(0, 'full'));
  notify(watch, 'application/watcherinfo+xml', info(2, 'partial'));
  const refresh = await sip.until(() =>
    sip.requests.find(({ head }) => head.get('event') === 'presence.winfo' && head.get('to')?.includes('tag=')),
  );
  expect(refresh.head.get('cseq')).toBe('2 SUBSCRIBE');
});
