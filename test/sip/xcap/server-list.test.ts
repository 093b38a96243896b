import { expect, test } from 'vitest';
import { ProviderError } from '../../../protocols/contract/index.ts';
import { ServerList } from '../../../protocols/sip/presence/server-list.ts';
import type { StoredContact } from '../../../protocols/sip/presence/stored-contacts.ts';
import { readResourceLists } from '../../../protocols/sip/xcap/documents/resource-lists.ts';
import type { XcapClient } from '../../../protocols/sip/xcap/xcap-client.ts';
import { XcapDocument } from '../../../protocols/sip/xcap/xcap-document.ts';
import { seeds } from '../../extent.ts';
import { seeded } from '../../seeded.ts';
import { memoryStorage } from '../kit.ts';
import { client, httpServer, LISTS_PATH, Shelf } from './hostile-server.ts';
import { lists } from './small-campus.ts';

interface Life {
  storage: ReturnType<typeof memoryStorage>;
  http: XcapClient;
  document: XcapDocument;
  list: ServerList;
}

const begin = (root: URL, content: ReadonlyMap<string, string>): Life => {
  const storage = memoryStorage(new Map(content));
  const http = client(root);
  const document = new XcapDocument({
    auid: 'resource-lists',
    contentType: 'application/resource-lists+xml',
    storage,
    fits: (text) => readResourceLists(text) !== undefined,
    client: () => http,
  });
  const list = new ServerList({
    storage,
    xcap: { lists: document, lookAgain: () => {}, note: (cause) => ProviderError.from(cause) },
    takeBack: async () => {},
    onChange: () => {},
  });
  return { storage, http, document, list };
};

/** One program of an account, that can be ended at any moment. */
class Program {
  readonly #root: URL;
  #life: Life;
  readonly under = new Set<Promise<unknown>>();

  constructor(root: URL) {
    this.#root = root;
    this.#life = begin(root, new Map());
  }

  get list(): ServerList {
    return this.#life.list;
  }

  find(address: string): StoredContact | undefined {
    return this.list.contacts.find((each) => each.address === address);
  }

  /** With what is on disk at this moment; nothing of what is under way gets there. */
  kill(): void {
    const { http, storage } = this.#life;
    http.stop();
    this.#life = begin(this.#root, storage.content);
  }

  async look(): Promise<void> {
    const { document, list } = this.#life;
    const isRead = await document.read().then(
      () => true,
      () => false,
    );
    if (isRead) await list.catchUp();
  }

  change(address: string, wanted: StoredContact | undefined): void {
    const done = this.list.change({ address, before: this.find(address), wanted });
    this.under.add(done);
    void done.finally(() => this.under.delete(done));
  }

  async settled(): Promise<void> {
    await Promise.all(this.under);
  }
}

const SHARED = ['sip:x0@campus.test', 'sip:x1@campus.test', 'sip:x2@campus.test'];
const plain = (contacts: readonly StoredContact[]): unknown =>
  Object.fromEntries(
    contacts
      .map(({ address, name, groups }) => [address, { name, groups: [...groups].sort() }] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );

test.each(seeds(12))(
  'two programs change one list at once, with a server that comes and goes, and are killed: nothing is lost (seed %i)',
  async (seed) => {
    const draw = seeded(seed);
    const random = (below: number): number => Math.floor(draw() * below);
    const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T;
    const shelf = new Shelf();
    const { root } = await httpServer(shelf.answer);
    shelf.put(LISTS_PATH, lists(SHARED.map((uri) => `<list><entry uri="${uri}"/></list>`).join('')));
    const programs = [new Program(root), new Program(root)] as const;
    for (const each of programs) await each.look();
    /** What each person is meant to be in the end: one program alone says so of each thing. */
    const meant = new Map<string, { name: string; groups: Set<string> } | undefined>();
    for (const address of SHARED) meant.set(address, { name: '', groups: new Set() });

    const step = async (): Promise<void> => {
      const who = random(2);
      const program = programs[who] as Program;
      const own = `sip:${'ab'[who]}${random(4)}@campus.test`;
      switch (random(10)) {
        case 0:
          shelf.status = pick([undefined, undefined, 503, 'broken', 'unheard'] as const);
          return;
        case 1:
          program.kill();
          return;
        case 2:
          await program.look();
          return;
        case 3:
          await program.settled();
          return;
        case 4:
          meant.delete(own);
          program.change(own, undefined);
          return;
        case 5:
        case 6: {
          const [name, group] = [`${own} ${random(100)} "&<" é`, `'Gr"up' ${random(3)}`];
          meant.set(own, { name, groups: new Set([group]) });
          program.change(own, { address: own, name, groups: [group] });
          return;
        }
        default: {
          // of these one gives the name, and each has groups of its own
          const address = pick(SHARED);
          const is = program.find(address) ?? { address, name: '', groups: [] };
          const mine = (group: string): boolean => group.startsWith(String(who));
          const group = `${who} ${random(3)}`;
          const isLeaving = is.groups.includes(group);
          const groups = isLeaving ? is.groups.filter((each) => each !== group) : [...is.groups, group];
          const name = who === 0 ? `Name ${random(100)}` : is.name;
          const known = meant.get(address);
          if (known) {
            if (who === 0) known.name = name;
            known.groups = new Set([...[...known.groups].filter((each) => !mine(each)), ...groups.filter(mine)]);
          }
          program.change(address, { address, name, groups });
        }
      }
    };
    for (let count = 0; count < 60; count++) await step();
    await Promise.all(programs.map((each) => each.settled()));
    shelf.status = undefined;
    for (const each of programs) await each.look();
    for (const each of programs) await each.look();
    const wanted = Object.fromEntries(
      [...meant]
        .map(([address, is]) => [address, { name: is?.name, groups: [...(is?.groups ?? [])].sort() }] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
    expect([programs[0].list.isWaiting, programs[1].list.isWaiting]).toEqual([false, false]);
    expect(plain(readResourceLists(shelf.documents.get(LISTS_PATH)?.text ?? '') ?? [])).toEqual(wanted);
    for (const each of programs) expect(plain(each.list.contacts)).toEqual(wanted);
  },
);

test('a change that cannot be kept on disk is not begun', async () => {
  const shelf = new Shelf();
  const { root, asked } = await httpServer(shelf.answer);
  const { list, storage } = begin(root, new Map());
  const full = new Error('no room');
  storage.put = () => {
    throw full;
  };
  const contact = { address: SHARED[0] ?? '', name: 'Ana', groups: [] };
  await expect(list.change({ address: contact.address, wanted: contact })).rejects.toBe(full);
  expect([list.contacts, list.isWaiting, asked]).toEqual([[], false, []]);
});
