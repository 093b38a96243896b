import type { Element } from '@xmpp/xml';
import { afterEach, expect, it, vi } from 'vitest';
import type { FileOffer, SendOutcome } from '../../protocols/contract/index.ts';
import { NS } from '../../protocols/xmpp/namespaces.ts';
import { certificateFor } from './support/certificates.ts';
import { type Behaviour, type Connection, DOMAIN, HostileServer, stopServers } from './support/hostile-server.ts';
import { draft, everybodyLeaves, memoryStorage, next, type Person, person } from './support/kit.ts';

const OWN = `ana@${DOMAIN}`;
const BOB = 'xmpp:bob@campus.test';

afterEach(async () => {
  await everybodyLeaves();
  await stopServers();
});

interface Entry {
  id: string;
  /** The archived message, without its wrapping. */
  stanza: string;
  stamp?: string;
}

const text = (id: string, body: string, { from = 'bob@campus.test/x', to = OWN, inside = '' } = {}): Entry => ({
  id,
  stanza: `<message xmlns='jabber:client' type='chat' from='${from}' to='${to}' id='m-${id}'><body>${body}</body>${inside}</message>`,
});

const result = (iq: Element, { id, stanza, stamp = '2026-01-02T03:04:05Z' }: Entry): string => {
  const queryid = iq.getChild('query')?.attrs.queryid;
  return (
    `<message from='${OWN}'><result xmlns='${NS.archive}' queryid='${queryid}' id='${id}'><forwarded xmlns='${NS.forward}'>` +
    `<delay xmlns='${NS.delay}' stamp='${stamp}'/>${stanza}</forwarded></result></message>`
  );
};

/** A server with this archive, in pages. Counts the questions. */
const archiving = (entries: Entry[], more: Behaviour = {}): Behaviour & { asked: string[] } => {
  const asked: string[] = [];
  const answer = (line: Connection, iq: Element): void => {
    const set = iq.getChild('query')?.getChild('set');
    const after = set?.getChildText('after');
    const before = set?.getChildText('before');
    const max = Number(set?.getChildText('max'));
    asked.push(after ? `after ${after}` : before ? `before ${before}` : 'newest');
    const place = entries.findIndex(({ id }) => id === (after || before));
    if ((after || before) && place === -1) {
      line.write(
        `<iq type='error' id='${iq.attrs.id}'><error type='cancel'><item-not-found xmlns='${NS.stanzaErrors}'/></error></iq>`,
      );
      return;
    }
    const all = after ? entries.slice(place + 1) : before ? entries.slice(0, place) : entries;
    const page = after ? all.slice(0, max) : all.slice(-max);
    for (const entry of page) line.write(result(iq, entry));
    const bounds = page.length ? `<first>${page[0]?.id}</first><last>${page.at(-1)?.id}</last>` : '';
    line.result(
      iq,
      `<fin xmlns='${NS.archive}' complete='${page.length === all.length}'><set xmlns='${NS.resultSet}'>${bounds}</set></fin>`,
    );
  };
  return {
    disco: [NS.archive],
    ...more,
    asked,
    on: (line, element) => {
      if (more.on?.(line, element)) return true;
      if (!element.is('iq') || !element.getChild('query', NS.archive)) return false;
      answer(line, element);
      return true;
    },
  };
};

const setUp = async (
  behaviour: Behaviour,
  options: Parameters<typeof person>[1] = {},
): Promise<{ server: HostileServer; ana: Person; line: Connection; file: Promise<FileOffer> }> => {
  const server = await HostileServer.start({ contacts: { 'bob@campus.test': 'from' }, ...behaviour });
  const ana = person(
    {
      address: `xmpp:${OWN}`,
      server: { host: '127.0.0.1', port: server.port },
      certificateAuthorities: [certificateFor(`DNS:${DOMAIN}`).cert],
    },
    options,
  );
  const file = next(ana.set('fileTransfer').onOffer);
  ana.provider.start();
  await ana.reach('online');
  return { server, ana, line: await server.connection(0), file };
};

const entries = (count: number): Entry[] =>
  Array.from({ length: count }, (_, index) => text(`a${index}`, `text ${index}`));

it('reads the newest page first at the first login, then older ones up to a bound', async () => {
  const all = entries(700);
  const behaviour = archiving(all);
  const { ana } = await setUp(behaviour);
  const received = await ana.texts(500);
  expect(received.slice(0, 50).map(({ text: body }) => body)).toEqual(
    all.slice(-50).map((_, index) => `text ${650 + index}`),
  );
  expect(behaviour.asked).toEqual([
    'newest',
    ...[650, 600, 550, 500, 450, 400, 350, 300, 250].map((place) => `before a${place}`),
  ]);
  expect(received[0]).toMatchObject({
    archiveId: 'a650',
    id: 'm-a650',
    delayed: true,
    sentAt: Date.parse('2026-01-02T03:04:05Z'),
  });
  expect(ana.storage.content.get('archive.newest')).toBe('a699');
});

it('calls past what was there before the first login, and nothing that came since', async () => {
  const marked = (id: string): Entry => text(id, id, { inside: `<markable xmlns='${NS.markers}'/>` });
  const before = [marked('a0'), marked('a1')];
  const { ana } = await setUp(archiving(before));
  await ana.texts(2);
  expect(ana.received.map(({ isPast }) => isPast)).toEqual([true, true]);
  await ana.provider.stop();
  const again = await setUp(archiving([...before, marked('a2')]), { storage: ana.storage });
  await again.ana.texts(1);
  expect(again.ana.received.map(({ id, isPast }) => [id, isPast])).toEqual([['m-a2', undefined]]);
  // what was read on another device long ago is not told to have been read now
  again.ana.set('messaging').sendRead(BOB, 'm-a1');
  again.ana.set('messaging').sendRead(BOB, 'm-a2');
  const marker = await again.line.expect('a marker', (element) => element.is('message'));
  expect(marker.getChild('displayed', NS.markers)?.attrs.id).toBe('m-a2');
});

it('calls nothing past that came after a first login with an empty archive, and confirms it', async () => {
  const { ana } = await setUp(archiving([]));
  await vi.waitFor(() => expect(ana.storage.content.has('archive.newest')).toBe(true), { timeout: 20_000 });
  await ana.provider.stop();
  const wanted = text('a0', 'while you were away', { inside: `<request xmlns='${NS.receipts}'/>` });
  const again = await setUp(archiving([wanted]), { storage: ana.storage });
  expect(await again.ana.texts(1)).toMatchObject([{ id: 'm-a0', deliveryWanted: expect.any(Number) }]);
  expect(again.ana.received[0]).not.toHaveProperty('isPast');
  const receipt = await again.line.expect('a receipt', (element) => element.is('message'));
  expect(receipt.getChild('received', NS.receipts)?.attrs.id).toBe('m-a0');
});

it('knows what came since a first login that was killed before it had read the archive', async () => {
  const storage = memoryStorage();
  const silent: Behaviour = {
    disco: [NS.archive],
    on: (_line, element) => element.is('iq') && element.getChild('query', NS.archive) !== undefined,
  };
  const killed = await setUp(silent, { storage });
  await killed.line.expect('the question', (element) => element.getChild('query', NS.archive) !== undefined);
  const disk = memoryStorage(new Map(storage.content));
  const soon = new Date(Date.now() + 1_000).toISOString();
  const all = [text('a0', 'long ago'), { ...text('a1', 'since then'), stamp: soon }];
  const { ana } = await setUp(archiving(all), { storage: disk });
  await ana.texts(2);
  expect(ana.received.map(({ id, isPast }) => [id, isPast])).toEqual([
    ['m-a0', true],
    ['m-a1', undefined],
  ]);
});

it('calls a file past as well', async () => {
  const url = 'https://127.0.0.1:1/old.txt';
  const link = text('a0', url, { inside: `<x xmlns='${NS.outOfBand}'><url>${url}</url></x>` });
  const { ana, file } = await setUp(archiving([{ ...link, stamp: new Date().toISOString() }]));
  const offered = await file;
  expect([offered.transfer.file.name, offered.isPast]).toEqual(['old.txt', true]);
  await ana.provider.stop();
  // what was not fetched is offered again at the next login, and is no newer then
  const again = await setUp(archiving([]), { storage: ana.storage });
  expect((await again.file).isPast).toBe(true);
});

it('sends no receipts for the past', async () => {
  const wanted = text('a0', 'old', { inside: `<request xmlns='${NS.receipts}'/>` });
  const { ana, line } = await setUp(archiving([wanted]));
  await ana.texts(1);
  await ana.provider.stop();
  expect(line.saw('message')).toBe(false);
});

it('reads only what is new at the next login, page by page, and confirms it', async () => {
  const all = [...entries(120), text('z', 'the last', { inside: `<request xmlns='${NS.receipts}'/>` })];
  const storage = memoryStorage(new Map([['archive.newest', 'a9']]));
  const behaviour = archiving(all);
  const { ana, line } = await setUp(behaviour, { storage });
  await ana.texts(111);
  expect(behaviour.asked).toEqual(['after a9', 'after a59', 'after a109']);
  expect(ana.received.map(({ text: body }) => body)).toEqual([
    ...Array.from({ length: 110 }, (_, i) => `text ${i + 10}`),
    'the last',
  ]);
  const receipt = await line.expect('a receipt', (element) => element.is('message'));
  expect(receipt.getChild('received', NS.receipts)?.attrs.id).toBe('m-z');
});

it('shows what came while it was away before what comes live, in the order in which it was written', async () => {
  const storage = memoryStorage(new Map([['archive.newest', 'a9']]));
  const live = text('a12', 'the third');
  const all = [...entries(10), text('a10', 'the first'), text('a11', 'the second'), live];
  const behaviour = archiving(all, {
    on: (line, element) => {
      // before the answer of the archive, as after a kill in the middle
      if (element.is('iq') && element.getChild('query', NS.archive)) {
        const id = `<stanza-id xmlns='${NS.stanzaId}' by='${OWN}' id='a12'/>`;
        line.write(live.stanza.replace('</message>', `${id}</message>`));
      }
      return false;
    },
  });
  const { ana } = await setUp(behaviour, { storage });
  await ana.texts(3);
  expect(ana.received.map(({ text: body }) => body)).toEqual(['the first', 'the second', 'the third']);
});

it('does not lose what came live while an archive that fails was asked', async () => {
  const storage = memoryStorage(new Map([['archive.newest', 'a9']]));
  const { ana } = await setUp(
    {
      disco: [NS.archive],
      on: (line, element) => {
        if (!element.is('iq') || !element.getChild('query', NS.archive)) return false;
        const id = `<stanza-id xmlns='${NS.stanzaId}' by='${OWN}' id='a12'/>`;
        line.write(text('a12', 'live').stanza.replace('</message>', `${id}</message>`));
        line.write(
          `<iq type='error' id='${element.attrs.id}'><error type='wait'><resource-constraint xmlns='${NS.stanzaErrors}'/></error></iq>`,
        );
        return true;
      },
    },
    { storage },
  );
  expect(await ana.texts(1)).toMatchObject([{ text: 'live', archiveId: 'a12' }]);
  // it is read again the next time
  expect(storage.content.get('archive.newest')).toBe('a9');
});

it('moves past what nobody sees', async () => {
  const receipt: Entry = {
    id: 'r1',
    stanza: `<message xmlns='jabber:client' from='bob@campus.test/x' to='${OWN}'><received xmlns='${NS.receipts}' id='x'/></message>`,
  };
  const storage = memoryStorage(new Map([['archive.newest', 'a0']]));
  const { ana } = await setUp(archiving([text('a0', 'seen'), receipt]), { storage });
  await ana.provider.stop();
  expect(storage.content.get('archive.newest')).toBe('r1');
  expect(ana.received).toEqual([]);
});

it('begins anew when the server has forgotten the place', async () => {
  const storage = memoryStorage(new Map([['archive.newest', 'gone']]));
  const behaviour = archiving(entries(3));
  const { ana } = await setUp(behaviour, { storage });
  await ana.texts(3);
  expect(behaviour.asked).toEqual(['after gone', 'newest']);
});

it('goes on next time where it was interrupted in the past', async () => {
  const all = entries(120);
  let cut = true;
  const behaviour = archiving(all, {
    on: (line, element) => {
      const before = element.getChild('query')?.getChild('set')?.getChildText('before');
      if (!cut || !before) return false;
      cut = false;
      line.socket.destroy();
      return true;
    },
  });
  const { ana } = await setUp(behaviour);
  await ana.texts(120);
  expect(behaviour.asked).toEqual(['newest', 'after a119', 'before a70', 'before a20']);
});

it('hands a text over once that comes live and from the archive, and follows the live ones', async () => {
  const live = (id: string): string =>
    `<message from='bob@campus.test/x' to='${OWN}' type='chat' id='m-${id}'><body>live ${id}</body>` +
    `<stanza-id xmlns='${NS.stanzaId}' by='${OWN}' id='${id}'/></message>`;
  const calls: string[] = [];
  const server = await HostileServer.start(
    archiving([text('a0', 'old'), text('l1', 'live l1')], {
      on: (line, element) => {
        if (element.is('presence')) line.write(live('l1'));
        return false;
      },
    }),
  );
  const ana = person({
    address: `xmpp:${OWN}`,
    server: { host: '127.0.0.1', port: server.port },
    certificateAuthorities: [certificateFor(`DNS:${DOMAIN}`).cert],
  });
  const done = new Promise<void>((resolve) => {
    ana.set('messaging').receiver = (message) => {
      calls.push(message.text);
      if (message.text === 'old') void server.connection(0).then((line) => line.write(live('l2')));
      if (message.text === 'live l2') void server.connection(0).then((line) => line.write(live('l3')));
      if (message.text === 'live l3') resolve();
      return 'stored';
    };
  });
  ana.provider.start();
  await done;
  expect(calls).toEqual(['live l1', 'old', 'live l2', 'live l3']);
  await ana.provider.stop();
  expect(ana.storage.content.get('archive.newest')).toBe('l3');
});

it('takes results only from its own archive and for its own question', async () => {
  const forged = text('f', 'forged');
  const { ana } = await setUp(
    archiving([text('a', 'real')], {
      on: (line, element) => {
        if (!element.getChild('query', NS.archive)) return false;
        line.write(result(element, forged).replace(OWN, 'mallory@campus.test'));
        line.write(result(element, forged).replace(/queryid='[^']*'/, "queryid='other'"));
        return false;
      },
    }),
  );
  await ana.texts(1);
  await ana.provider.stop();
  expect(ana.received.map(({ text: body }) => body)).toEqual(['real']);
});

it('shows what another device of ours sent', async () => {
  const { ana } = await setUp(archiving([text('a', 'from my phone', { from: `${OWN}/phone`, to: 'bob@campus.test' })]));
  const [message] = await ana.texts(1);
  expect(message).toMatchObject({ direction: 'outgoing', peer: BOB, text: 'from my phone' });
});

/** Two texts that reach the archive and one that does not; then the connection and the session are lost. */
const loseSession = async (
  after: Entry[],
): Promise<{
  drafts: ReturnType<typeof draft>[];
  outcomes: Promise<SendOutcome>[];
  resent: () => Promise<string[]>;
  ana: Person;
}> => {
  const all: Entry[] = [];
  const drafts = [draft('surely there'), draft('there, but for whom?'), draft('lost')];
  const [, , lost] = drafts;
  let dropped = false;
  const { server, ana } = await setUp(
    archiving(all, {
      on: (line, element) => {
        if (dropped) return false;
        if (element.is('r') && line.saw('message')) return true;
        if (!element.is('message')) return false;
        if (element.attrs.id !== lost?.id) {
          const from = `${OWN}/${ana.storage.content.get('resource')}`;
          const entry = text(`own-${all.length}`, 'mine', { from, to: 'bob@campus.test' });
          all.push({ ...entry, stanza: entry.stanza.replace(`m-${entry.id}`, element.attrs.id ?? '') });
          return false;
        }
        dropped = true;
        all.push(
          ...after.map((entry) => ({ ...entry, stanza: entry.stanza.replace('@second@', drafts[1]?.id ?? '') })),
        );
        line.socket.destroy();
        return true;
      },
    }),
  );
  const outcomes = drafts.map((each) => ana.set('messaging').send(BOB, each).outcome);
  const resent = async (): Promise<string[]> => {
    const line = await server.connection(1);
    return line.elements.flatMap((element) => (element.is('message') ? [element.attrs.id ?? ''] : []));
  };
  return { drafts, outcomes, resent, ana };
};

it('sends again after a lost session what the archive does not hold, and the last that it holds', async () => {
  const { drafts, outcomes, resent, ana } = await loseSession([text('x', 'a text of bob behind it')]);
  expect(await Promise.all(outcomes)).toEqual(drafts.map(() => ({ state: 'sent' })));
  expect(await resent()).toEqual(drafts.slice(1).map(({ id }) => id));
  // the same draft once more, as after a restart of the program that did not hear the outcome
  for (const each of drafts) expect(await ana.set('messaging').send(BOB, each).outcome).toEqual({ state: 'sent' });
  expect(await resent()).toHaveLength(2);
});

it('does not send again what the peer says it has', async () => {
  const receipt: Entry = {
    id: 'receipt',
    stanza: `<message xmlns='jabber:client' from='bob@campus.test/x' to='${OWN}'><received xmlns='${NS.receipts}' id='@second@'/></message>`,
  };
  const { drafts, outcomes, resent } = await loseSession([receipt]);
  expect(await Promise.all(outcomes)).toEqual(drafts.map(() => ({ state: 'sent' })));
  expect(await resent()).toEqual(drafts.slice(2).map(({ id }) => id));
});

it('gets a text of the archive again that could not be kept', async () => {
  const behaviour = archiving(entries(3));
  let full = true;
  const server = await HostileServer.start(behaviour);
  const ana = person({
    address: `xmpp:${OWN}`,
    server: { host: '127.0.0.1', port: server.port },
    certificateAuthorities: [certificateFor(`DNS:${DOMAIN}`).cert],
  });
  const keep = ana.set('messaging').receiver;
  ana.set('messaging').receiver = (message) => {
    if (full) throw new Error('disk full');
    return keep?.(message) ?? 'stored';
  };
  ana.provider.start();
  await ana.reach('waiting');
  full = false;
  await ana.texts(3);
  expect(ana.received.map(({ text: body }) => body)).toEqual(['text 0', 'text 1', 'text 2']);
});

it('lives without an archive that does not answer as agreed', async () => {
  const { ana } = await setUp(
    archiving([], {
      on: (line, element) => {
        if (!element.getChild('query', NS.archive)) return false;
        line.write(`<iq type='error' id='${element.attrs.id}'/>`);
        return true;
      },
    }),
  );
  expect(await ana.set('messaging').send(BOB, draft('older than the session', 0)).outcome).toEqual({ state: 'sent' });
});
