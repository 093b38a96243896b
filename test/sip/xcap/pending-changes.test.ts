import { describe, expect, test } from 'vitest';
import { memoryStorage, next, type Person } from '../kit.ts';
import { LISTS_PATH } from './hostile-server.ts';
import { CAPS_PATH, campus, caps, lists } from './small-campus.ts';

const RULES_PATH = '/xcap-root/pres-rules/users/sip:ana@campus.test/index';
const BOB = 'sip:bob@campus.test';
const EVE = 'sip:eve@campus.test';
const LEO = 'sip:leo@campus.test';
const entry = (name: string, address = BOB): string =>
  `<entry uri="${address}"><display-name>${name}</display-name></entry>`;
const list = (group: string, ...entries: string[]): string => `<list name="${group}">${entries.join('')}</list>`;
const facts = (person: Person): unknown =>
  person.set('contactList').contacts.map(({ address, name, groups }) => [address, name, groups]);

/** Ana has this list from before, and the server is away when she comes again. */
const away = async (ours: string, ...auids: string[]) => {
  const made = await campus();
  const { shelf, root, stop, login, subscription, sip } = made;
  shelf.put(CAPS_PATH, caps('resource-lists', ...auids));
  shelf.put(LISTS_PATH, lists(ours));
  const storage = memoryStorage();
  const before = login(root.href, storage);
  await subscription('xcap-diff');
  await before.provider.stop();
  sip.requests.length = 0;
  stop();
  const ana = login(root.href, storage);
  await expect.poll(() => ana.logs.some((line) => line.includes('sip.xcap-failed'))).toBe(true);
  return { ...made, ana, storage };
};

const up = async (person: Person): Promise<void> => {
  const contacts = person.set('contactList');
  if (contacts.kept !== 'server') await next(contacts.onChange, () => contacts.kept === 'server');
};

describe('with a server that is away at login', () => {
  test('the list is there, changes to it are shown and wait, and are made to what others wrote meanwhile', async () => {
    const { ana, shelf, start, root, login, storage } = await away(list('Lab', entry('Bob'), entry('Eve', EVE)));
    const contacts = ana.set('contactList');
    expect([contacts.kept, facts(ana)]).toEqual([
      'server',
      [
        [BOB, 'Bob', ['Lab']],
        [EVE, 'Eve', ['Lab']],
      ],
    ]);
    await contacts.put({ address: BOB, name: 'Robert', groups: ['Lab', 'Friends "&" 😀'] });
    await contacts.remove(EVE);
    await contacts.put({ address: LEO, name: 'Leo', groups: [] });
    await contacts.put({ address: LEO, name: 'Leo', groups: ['Lab'] });
    const changed = [
      [LEO, 'Leo', ['Lab']],
      [BOB, 'Robert', ['Friends "&" 😀', 'Lab']],
    ];
    expect([contacts.kept, facts(ana)]).toEqual(['waiting', changed]);
    await ana.provider.stop();
    // the program was ended, and another device went on
    shelf.put(LISTS_PATH, lists(list('Lab', entry('Bob'), entry('Eve', EVE)) + list('Old', entry('Bob'))));
    const later = login(root.href, storage);
    expect([later.set('contactList').kept, facts(later)]).toEqual(['waiting', changed]);
    await later.provider.stop();
    await start();
    const last = login(root.href, storage);
    await up(last);
    expect(facts(last)).toEqual([
      [LEO, 'Leo', ['Lab']],
      [BOB, 'Robert', ['Friends "&" 😀', 'Lab', 'Old']],
    ]);
    expect(shelf.documents.get(LISTS_PATH)?.text).not.toContain('eve@');
    await last.provider.stop();
  });

  test('who was removed sees us no longer when the server is back', async () => {
    const { ana, shelf, start, root, login, storage } = await away(list('Lab', entry('Bob')), 'pres-rules');
    await ana.set('contactList').remove(BOB);
    expect(facts(ana)).toEqual([]);
    await ana.provider.stop();
    await start();
    const allowed = `<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"><rule id="x"><conditions><identity><one id="${BOB}"/></identity></conditions><actions><sub-handling xmlns="urn:ietf:params:xml:ns:pres-rules">allow</sub-handling></actions></rule></ruleset>`;
    shelf.put(RULES_PATH, allowed);
    const again = login(root.href, storage);
    await up(again);
    expect(again.set('contactList').permissions?.of(BOB)).toBe('ask');
    expect(shelf.documents.get(RULES_PATH)?.text).toContain('confirm');
    await again.provider.stop();
  });

  test('a list kept here before there was a server waits for it as well', async () => {
    const { root, shelf, stop, start, login } = await campus();
    shelf.put(LISTS_PATH, lists(list('Lab', entry('Bobby'))));
    const storage = memoryStorage();
    const before = login('', storage);
    for (const [address, name] of [
      [BOB, 'Bob'],
      [EVE, 'Eve'],
    ] as const)
      await before.set('contactList').put({ address, name, groups: ['Mine'] });
    expect(before.set('contactList').kept).toBe('local');
    await before.provider.stop();
    stop();
    const ana = login(root.href, storage);
    expect([ana.set('contactList').kept, ana.set('contactList').contacts.length]).toEqual(['waiting', 2]);
    await ana.set('contactList').remove(EVE);
    await ana.provider.stop();
    await start();
    const again = login(root.href, storage);
    await up(again);
    expect(facts(again)).toEqual([[BOB, 'Bobby', ['Lab']]]);
    await again.provider.stop();
  });
});

test('of several changes the server refuses one of, the others are made', async () => {
  const { ana, shelf, start, root, login, storage } = await away(list('Lab', entry('Bob')));
  const contacts = ana.set('contactList');
  await contacts.put({ address: LEO, name: 'Leo', groups: ['Lab'] });
  await contacts.put({ address: EVE, name: 'Eve', groups: ['Forbidden'] });
  await ana.provider.stop();
  shelf.refuses = (body) => body.includes('Forbidden');
  await start();
  const again = login(root.href, storage);
  await up(again);
  expect(facts(again)).toEqual([
    [BOB, 'Bob', ['Lab']],
    [LEO, 'Leo', ['Lab']],
  ]);
  expect(again.logs).toContain('warn sip.xcap-failed {"code":"malformed","status":"409"}');
  const put = again.set('contactList').put({ address: EVE, name: 'Eve', groups: ['Forbidden'] });
  await expect(put).rejects.toMatchObject({ code: 'malformed', protocolCode: '409' });
  expect([again.set('contactList').kept, again.set('contactList').contacts.length]).toEqual(['server', 2]);
  await again.provider.stop();
});

test('a change that was damaged on disk is passed over', async () => {
  const { root, login } = await campus();
  const stored = JSON.stringify([
    7,
    { address: BOB, wanted: { name: 'no address' } },
    { address: LEO, wanted: { address: LEO, name: 'Leo', groups: [] } },
  ]);
  const ana = login(root.href, memoryStorage(new Map([['sip.pending', stored]])));
  expect(facts(ana)).toEqual([[LEO, 'Leo', []]]);
  await up(ana);
  const other = login(root.href, memoryStorage(new Map([['sip.pending', '{']])));
  expect(other.set('contactList').kept).toBe('server');
});
