import { expect, test } from 'vitest';
import { XcapDocument } from '../../../protocols/sip/xcap/xcap-document.ts';
import { memoryStorage } from '../kit.ts';
import { client, httpServer, LISTS_PATH, Shelf } from './hostile-server.ts';

const shelved = async (storage = memoryStorage()) => {
  const shelf = new Shelf();
  const { root, asked } = await httpServer(shelf.answer);
  const one = client(root);
  const fits = (text: string): boolean => !text.startsWith('<html');
  const document = new XcapDocument({ auid: 'resource-lists', contentType: 'a/b', storage, fits, client: () => one });
  const told: (string | undefined)[] = [];
  document.onChange((text) => told.push(text));
  return { shelf, asked, document, told };
};

test('a new document is made only where there is none', async () => {
  const { shelf, asked, document, told } = await shelved();
  await document.change((text) => text ?? '<new/>');
  expect(shelf.documents.get(LISTS_PATH)?.text).toBe('<new/>');
  expect(asked.at(-1)?.headers['if-none-match']).toBe('*');
  expect(told).toEqual(['<new/>']);
});

test('a change is made to what another device wrote meanwhile', async () => {
  const { shelf, document, told } = await shelved();
  shelf.put(LISTS_PATH, 'a');
  await document.read();
  shelf.put(LISTS_PATH, 'ab');
  await document.change((text) => `${text}c`);
  expect(shelf.documents.get(LISTS_PATH)?.text).toBe('abc');
  expect(told.at(-1)).toBe('abc');
});

test('changes asked for at once follow each other', async () => {
  const { shelf, document } = await shelved();
  await Promise.all(['a', 'b', 'c'].map((letter) => document.change((text) => `${text ?? ''}${letter}`)));
  expect(shelf.documents.get(LISTS_PATH)?.text).toBe('abc');
});

test('a server that always says conflict is left after five attempts', async () => {
  const { shelf, asked, document } = await shelved();
  shelf.put(LISTS_PATH, 'a');
  shelf.conflicts = 1000;
  await expect(document.change((text) => `${text}b`)).rejects.toMatchObject({
    code: 'server-unavailable',
    protocolCode: '412',
    retryable: true,
  });
  expect(asked.filter(({ method }) => method === 'PUT').length).toBe(5);
  expect(document.text).toBe('a');
});

test('what changes nothing is not written, and what cannot be understood is left as it is', async () => {
  const { shelf, asked, document } = await shelved();
  shelf.put(LISTS_PATH, 'a');
  await document.change((text) => text);
  await expect(document.change(() => undefined)).rejects.toMatchObject({ code: 'malformed' });
  expect(asked.filter(({ method }) => method === 'PUT')).toEqual([]);
});

test('the copy outlives the program, and is asked for again by its tag', async () => {
  const storage = memoryStorage();
  const first = await shelved(storage);
  first.shelf.put(LISTS_PATH, 'é');
  await first.document.read();
  const second = await shelved(storage);
  second.shelf.documents.set(LISTS_PATH, { text: 'é', etag: first.document.etag ?? '' });
  expect(second.document.text).toBe('é');
  await second.document.read();
  expect(second.asked[0]?.headers['if-none-match']).toBe(first.document.etag);
  expect(second.told).toEqual([]);
});

test('a document the server has lost is put there again, and a change made to it', async () => {
  const { shelf, document, told } = await shelved();
  shelf.put(LISTS_PATH, 'a');
  await document.read();
  shelf.documents.clear();
  await document.read();
  expect([shelf.documents.get(LISTS_PATH)?.text, told]).toEqual(['a', ['a']]);
  shelf.documents.clear();
  await document.change((text) => `${text}b`);
  expect([shelf.documents.get(LISTS_PATH)?.text, told]).toEqual(['ab', ['a', 'ab']]);
});

test('one that cannot be put back is kept here, and never begun anew', async () => {
  const { shelf, document, told } = await shelved();
  shelf.put(LISTS_PATH, 'a');
  await document.read();
  shelf.documents.clear();
  shelf.status = 503;
  const changes = Array.from({ length: 2 }, () => document.change((text) => `${text}b`));
  for (const change of changes) await expect(change).rejects.toMatchObject({ code: 'server-unavailable' });
  shelf.status = undefined;
  await document.change((text) => `${text}b`);
  expect([shelf.documents.get(LISTS_PATH)?.text, told]).toEqual(['ab', ['a', 'ab']]);
});

test('another device that puts it back first is followed', async () => {
  const { shelf, document } = await shelved();
  shelf.put(LISTS_PATH, 'a');
  await document.read();
  shelf.documents.clear();
  shelf.between = () => shelf.put(LISTS_PATH, 'theirs');
  await document.read();
  expect(document.text).toBe('theirs');
});

test('a page that is no such document is not taken for one, now or at the next start, and never put back', async () => {
  const storage = memoryStorage();
  const { shelf, document, told } = await shelved(storage);
  shelf.put(LISTS_PATH, 'a');
  await document.read();
  shelf.put(LISTS_PATH, '<html>Log in to the network</html>');
  await expect(document.read()).rejects.toMatchObject({ code: 'malformed' });
  await expect(document.change((text) => `${text}b`)).rejects.toMatchObject({ code: 'malformed' });
  expect([document.text, told]).toEqual(['a', ['a']]);
  shelf.documents.clear();
  await document.read();
  expect(shelf.documents.get(LISTS_PATH)?.text).toBe('a');
  storage.put('sip.xcap.resource-lists', JSON.stringify({ text: '<html/>', etag: '"1"' }));
  expect((await shelved(storage)).document.text).toBeUndefined();
});

test('a damaged copy is none', () => {
  const storage = memoryStorage(new Map([['sip.xcap.resource-lists', '{"text":1']]));
  const document = new XcapDocument({
    auid: 'resource-lists',
    contentType: 'a/b',
    storage,
    fits: () => true,
    client: () => undefined,
  });
  expect(document.text).toBeUndefined();
});

test('without a connection a change is refused as one that may be tried again', async () => {
  const document = new XcapDocument({
    auid: 'resource-lists',
    contentType: 'a/b',
    storage: memoryStorage(),
    fits: () => true,
    client: () => undefined,
  });
  await expect(document.change(() => 'x')).rejects.toMatchObject({ code: 'network', retryable: true });
});
