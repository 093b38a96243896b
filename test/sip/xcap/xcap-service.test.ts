import { expect, test } from 'vitest';
import { memoryStorage, next } from '../kit.ts';
import { LISTS_PATH } from './hostile-server.ts';
import { CAPS_PATH, campus, caps, lists } from './small-campus.ts';

/** The list is another one; without a tag. */
const CHANGED =
  '<xcap-diff xmlns="urn:ietf:params:xml:ns:xcap-diff"><document sel="resource-lists/users/sip:ana@campus.test/index"/></xcap-diff>';

test('a change another device makes is read when the server tells it, and only then', async () => {
  const { shelf, asked, root, login, notify, subscription } = await campus();
  shelf.put(CAPS_PATH, caps('resource-lists'));
  shelf.put(LISTS_PATH, lists('<list><entry uri="sip:bob@campus.test"/></list>'));
  const ana = login(root.href);
  const list = ana.set('contactList');
  await next(list.onChange, (contacts) => contacts.length === 1);
  const watch = await subscription('xcap-diff');
  expect(watch.body).toContain('uri="resource-lists/users/sip:ana@campus.test/index"');
  const reads = (): number => asked.filter(({ path }) => path === LISTS_PATH).length;
  const before = reads();
  const diff = (selector: string, etag: string): string =>
    `<xcap-diff xmlns="urn:ietf:params:xml:ns:xcap-diff" xcap-root="${root}"><document sel="${selector}" new-etag="${etag.replaceAll('"', '&quot;')}"/></xcap-diff>`;
  // what is known already, and what is not ours
  notify(
    watch,
    'application/xcap-diff+xml',
    diff('resource-lists/users/sip:ana@campus.test/index', shelf.documents.get(LISTS_PATH)?.etag ?? ''),
  );
  notify(watch, 'application/xcap-diff+xml', diff('resource-lists/users/sip:eve@campus.test/index', '"9"'));
  shelf.put(LISTS_PATH, lists('<list><entry uri="sip:bob@campus.test"/><entry uri="sip:eve@campus.test"/></list>'));
  const changed = next(list.onChange, (contacts) => contacts.length === 2);
  // percent-encoded by the server in its own way
  notify(
    watch,
    'application/xcap-diff+xml',
    diff('resource-lists/users/sip%3aana%40campus.test/index', shelf.documents.get(LISTS_PATH)?.etag ?? ''),
  );
  await changed;
  expect(reads()).toBe(before + 1);
});

test('the first list of all, made by another device, is read when the server tells of it without a tag', async () => {
  const { shelf, root, login, notify, subscription } = await campus();
  shelf.put(CAPS_PATH, caps('resource-lists'));
  const list = login(root.href).set('contactList');
  const watch = await subscription('xcap-diff');
  shelf.put(LISTS_PATH, lists('<list><entry uri="sip:bob@campus.test"/></list>'));
  const read = next(list.onChange, (contacts) => contacts.length === 1);
  notify(watch, 'application/xcap-diff+xml', CHANGED);
  await read;
  expect(list.contacts.map(({ address }) => address)).toEqual(['sip:bob@campus.test']);
});

test('a change between reading and watching is read, where the first notice says nothing', async () => {
  const { shelf, root, login, notify, subscription } = await campus();
  shelf.put(CAPS_PATH, caps('resource-lists'));
  const list = login(root.href).set('contactList');
  const watch = await subscription('xcap-diff');
  shelf.put(LISTS_PATH, lists('<list><entry uri="sip:bob@campus.test"/></list>'));
  const read = next(list.onChange, (contacts) => contacts.length === 1);
  notify(watch, 'application/xcap-diff+xml', '');
  await read;
});

test('a change that is told while the list is being read is read, too', async () => {
  const { sip, shelf, asked, root, login, notify, subscription } = await campus();
  shelf.put(CAPS_PATH, caps('resource-lists'));
  shelf.put(LISTS_PATH, lists('<list><entry uri="sip:bob@campus.test"/></list>'));
  const list = login(root.href).set('contactList');
  const watch = await subscription('xcap-diff');
  const changed = (): void => notify(watch, 'application/xcap-diff+xml', CHANGED);
  let answer = (): void => {};
  shelf.hold = new Promise((resolve) => {
    answer = resolve;
  });
  const before = asked.length;
  changed();
  await expect.poll(() => asked.length).toBeGreaterThan(before);
  shelf.put(LISTS_PATH, lists('<list><entry uri="sip:bob@campus.test"/><entry uri="sip:eve@campus.test"/></list>'));
  const told = sip.answers.length;
  changed();
  await sip.until(() => sip.answers[told]);
  const read = next(list.onChange, (contacts) => contacts.length === 2);
  answer();
  await read;
});

test('what the server cannot do is not offered', async () => {
  const { shelf, root, login, subscription } = await campus();
  shelf.put(CAPS_PATH, caps('resource-lists'));
  const ana = login(root.href);
  // the last of what is done after a login
  await subscription('xcap-diff');
  expect([ana.set('contactList').kept, ana.set('contactList').permissions]).toEqual(['server', undefined]);
});

test('a server that does not say what it can do is taken to have lists and rules', async () => {
  const { root, login, asked, subscription } = await campus();
  const ana = login(root.href);
  await subscription('xcap-diff');
  expect(ana.set('contactList').permissions?.of('sip:bob@campus.test')).toBe('ask');
  expect(asked.map(({ path }) => path.split('/')[2])).toEqual(['xcap-caps', 'resource-lists', 'pres-rules']);
});

test('without a word of where it is, only a server that proves itself over TLS is asked', async () => {
  const { shelf, asked, login } = await campus();
  shelf.put(CAPS_PATH, caps('resource-lists'));
  const ana = login(undefined);
  await ana.reach('online');
  const list = ana.set('contactList');
  await list.put({ address: 'sip:bob@campus.test', name: 'Bob', groups: [] });
  expect([list.kept, list.contacts.length, asked]).toEqual(['local', 1, []]);
});

test('a root that is none is said in the log, and the list is kept here', async () => {
  const { login } = await campus();
  const ana = login('ftp://x/');
  await ana.reach('online');
  expect(ana.set('contactList').kept).toBe('local');
  expect(ana.logs).toContain('warn sip.xcap-root-invalid {}');
});

test('copies of another server are forgotten', async () => {
  const storage = memoryStorage();
  const first = await campus();
  first.shelf.put(LISTS_PATH, lists('<list><entry uri="sip:bob@campus.test"/></list>'));
  const ana = first.login(first.root.href, storage);
  await next(ana.set('contactList').onChange, (contacts) => contacts.length === 1);
  await first.subscription('xcap-diff');
  await ana.provider.stop();
  const second = await campus();
  const again = second.login(second.root.href, storage);
  expect(again.set('contactList').contacts).toEqual([]);
  await again.provider.stop();
});

test('a document that cannot be understood is shown as nothing and never overwritten', async () => {
  const { shelf, root, login, subscription } = await campus();
  const theirs =
    '<!DOCTYPE x [<!ENTITY a "b">]><resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">&a;</resource-lists>';
  shelf.put(LISTS_PATH, theirs);
  const ana = login(root.href);
  await subscription('xcap-diff');
  const put = ana.set('contactList').put({ address: 'sip:bob@campus.test', name: 'Bob', groups: [] });
  await expect(put).rejects.toMatchObject({ code: 'malformed' });
  expect([ana.set('contactList').contacts, shelf.documents.get(LISTS_PATH)?.text]).toEqual([[], theirs]);
});

test('a network that answers with a page of its own leaves the list, and what the server can do, as they were', async () => {
  const storage = memoryStorage();
  const { shelf, root, login, subscription, sip } = await campus();
  shelf.put(CAPS_PATH, caps('resource-lists'));
  shelf.put(LISTS_PATH, lists('<list><entry uri="sip:bob@campus.test"/></list>'));
  const first = login(root.href, storage);
  await subscription('xcap-diff');
  await first.provider.stop();
  for (const path of [CAPS_PATH, LISTS_PATH]) shelf.put(path, '<html><body>Log in</body></html>');
  sip.requests.length = 0;
  const again = login(root.href, storage);
  const list = again.set('contactList');
  await expect.poll(() => again.logs.filter((line) => line.includes('sip.xcap-failed'))).toHaveLength(1);
  expect([list.contacts.map(({ address }) => address), list.kept, list.permissions]).toEqual([
    ['sip:bob@campus.test'],
    'server',
    undefined,
  ]);
  await again.provider.stop();
});
