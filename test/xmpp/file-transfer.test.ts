import type { RequestListener } from 'node:http';
import type { Element } from '@xmpp/xml';
import { afterEach, expect, it } from 'vitest';
import { type ProtocolTransfer, ProviderError } from '../../protocols/contract/index.ts';
import { HttpTransfer } from '../../protocols/xmpp/files/transfer.ts';
import { NS } from '../../protocols/xmpp/namespaces.ts';
import { offerOne } from '../protocols/offer-one.ts';
import { BOB, OWN } from './support/ana.ts';
import { bytesOf, keep, namesOf, outgoing, phasesOf, sha256, sourceOf } from './support/files-kit.ts';
import { type Connection, DOMAIN, stopServers } from './support/hostile-server.ts';
import { draft, everybodyLeaves, memoryStorage, next, type Person } from './support/kit.ts';
import { end, serve, setUp, withUpload } from './support/upload-kit.ts';

const ALL = ['offered', 'accepted', 'connecting', 'running', 'finished'];

afterEach(async () => {
  await everybodyLeaves();
  await stopServers();
});

it('uploads with the headers it may, then tells the peer all it knows of the file', async () => {
  let headers: NodeJS.Dict<string | string[]> = {};
  let body = Buffer.alloc(0);
  const url = await serve((request, response) => {
    headers = request.headers;
    request.on('data', (data: Buffer) => {
      body = Buffer.concat([body, data]);
    });
    request.on('end', () => response.writeHead(201).end());
  });
  const slot =
    `<put url='${url}'><header name='AUTHORIZATION'>Bearer\r\nX-Evil: 1</header><header name='X-Other'>no</header>` +
    `<header name='Host'>evil.test</header><header name='cookie'>a=b</header></put><get url='${url}'/>`;
  const { ana, line } = await setUp(withUpload(slot));
  const bytes = bytesOf(300_000);
  const file = outgoing(bytes);
  expect(ana.provider.capabilitiesOf(BOB).fileTransfer).toEqual({ on: true });
  expect(ana.set('fileTransfer').maximumBytes).toBe(1_000_000);
  const transfer = offerOne(ana.set('fileTransfer'), BOB, file);
  expect(transfer).toMatchObject({ id: file.id, direction: 'outgoing', peer: BOB, phase: { state: 'offered' } });
  expect(namesOf(await phasesOf(transfer))).toEqual(ALL);
  expect(headers).toMatchObject({ authorization: 'BearerX-Evil: 1', cookie: 'a=b', 'content-length': '300000' });
  expect([headers['x-other'], headers['x-evil'], headers.host?.includes('evil')]).toEqual([
    undefined,
    undefined,
    false,
  ]);
  expect(sha256(body)).toBe(sha256(bytes));
  const asked = line.elements.map((element) => element.getChild('request', NS.httpUpload)).find(Boolean);
  expect(asked?.attrs).toMatchObject({
    filename: 'relatório final.pdf',
    size: '300000',
    'content-type': 'application/pdf',
  });
  const told = await line.expect('the link', (element) => element.is('message'));
  expect(told.attrs).toMatchObject({ id: file.id, to: 'bob@campus.test' });
  expect(told.getChildText('body')).toBe(url);
  expect(told.getChild('x', NS.outOfBand)?.getChildText('url')).toBe(url);
  const shared = told.getChild('file-sharing', NS.fileSharing);
  const facts = shared?.getChild('file', NS.fileMetadata);
  expect(['name', 'size', 'media-type', 'date'].map((name) => facts?.getChildText(name))).toEqual([
    'relatório final.pdf',
    '300000',
    'application/pdf',
    '2026-01-02T03:04:05.000Z',
  ]);
  expect(Buffer.from(facts?.getChildText('hash', NS.hashes) ?? '', 'base64').toString('hex')).toBe(sha256(bytes));
  expect(shared?.getChild('sources')?.getChild('url-data', NS.urlData)?.attrs.target).toBe(url);
});

it('closes the source and tells nobody when it is cancelled in any state', async () => {
  for (const moment of ['offered', 'accepted', 'connecting', 'running'] as const) {
    const url = await serve((request) => void request.pause());
    const { ana, line } = await setUp(withUpload(`<put url='${url}'/><get url='${url}'/>`, { limit: '99000000' }));
    const source = sourceOf(bytesOf(20_000_000));
    let opened = false;
    const file = outgoing(bytesOf(20_000_000), 'x', source);
    const transfer = offerOne(ana.set('fileTransfer'), BOB, {
      ...file,
      open: async () => {
        opened = true;
        return source;
      },
    });
    const over = end(transfer);
    if (transfer.phase.state !== moment) await next(transfer.onPhase, ({ state }) => state === moment);
    transfer.cancel();
    expect(await over).toEqual({ state: 'cancelled', by: 'us' });
    await ana.provider.stop();
    expect(line.saw('message')).toBe(false);
    if (opened) await expect.poll(() => source.closed).toBe(1);
  }
});

it('waits for the account to come back before it tells of a finished upload', async () => {
  let finish: () => void = () => {};
  const reached = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let answer: () => void = () => {};
  const url = await serve((request, response) => {
    answer = () => void response.writeHead(201).end();
    request.resume().on('end', finish);
  });
  const { server, ana, line } = await setUp(withUpload(`<put url='${url}'/><get url='${url}'/>`));
  const transfer = offerOne(ana.set('fileTransfer'), BOB, outgoing(bytesOf(10)));
  const over = end(transfer);
  await reached;
  line.socket.destroy();
  await ana.reach('waiting');
  answer();
  expect(await over).toEqual({ state: 'finished' });
  expect((await server.connection(1)).saw('message')).toBe(true);
});

it('fails when the peer cannot be told', async () => {
  const url = await serve((request, response) => void request.resume().on('end', () => response.writeHead(201).end()));
  const refuse = (line: Connection, element: Element): boolean => {
    if (element.is('message'))
      line.write(
        `<message type='error' from='bob@campus.test' id='${element.attrs.id}'><error type='cancel'><service-unavailable xmlns='${NS.stanzaErrors}'/></error></message>`,
      );
    return false;
  };
  const { ana } = await setUp(withUpload(`<put url='${url}'/><get url='${url}'/>`, { more: refuse }));
  expect(await end(offerOne(ana.set('fileTransfer'), BOB, outgoing(bytesOf(10))))).toMatchObject({
    state: 'failed',
    error: { code: 'peer-offline' },
  });
});

const link = (url: string, { id = 'f', body = url, sharing = '', from = 'bob@campus.test/x' } = {}): string =>
  `<message type='chat' from='${from}' to='${OWN}' id='${id}'><body>${body}</body><x xmlns='${NS.outOfBand}'><url>${url}</url></x>${sharing}</message>`;

const sharing = (url: string, inside: string): string =>
  `<file-sharing xmlns='${NS.fileSharing}'><file xmlns='${NS.fileMetadata}'>${inside}</file><sources><url-data xmlns='${NS.urlData}' target='${url}'/></sources></file-sharing>`;

it('offers a file that a link shares, with a name that is no path, and no text', async () => {
  const { ana, line } = await setUp();
  const hash = Buffer.alloc(32, 1).toString('base64');
  const facts = `<name>..\\../etc/pass\u202ewd.pdf</name><size>5</size><media-type>application/pdf</media-type><date>2026-01-02T03:04:05Z</date><hash xmlns='${NS.hashes}' algo='sha-256'>${hash}</hash><hash xmlns='${NS.hashes}' algo='sha-1'>short</hash>`;
  const offered = next(ana.set('fileTransfer').onOffer);
  line.write(link('https://files.test/x', { sharing: sharing('https://files.test/x', facts) }));
  const { transfer, key } = await offered;
  expect(key).toBe('f');
  const value = Buffer.alloc(32, 1).toString('hex');
  expect(transfer.file).toEqual({
    name: 'passwd.pdf',
    size: 5,
    type: 'application/pdf',
    modifiedAt: Date.parse('2026-01-02T03:04:05Z'),
    hashes: [{ algorithm: 'sha-256', value }],
  });
  line.write(link('https://files.test/x'));
  line.write(link('https://files.test/a%20b.zip?x#y', { id: 'g' }));
  const second = await next(ana.set('fileTransfer').onOffer);
  expect(second.transfer.file).toEqual({ name: 'a b.zip', size: undefined, type: 'application/octet-stream' });
  expect(ana.received).toEqual([]);
});

it.each([
  ['<name>..</name><size>-1</size><media-type>text/html; x</media-type>'],
  ['<name/><size>1e3</size><media-type></media-type>'],
  ['<name>/</name><size>9007199254740993</size><media-type>no</media-type>'],
])('makes the best of odd facts: %s', async (facts) => {
  const { ana, line } = await setUp();
  const offered = next(ana.set('fileTransfer').onOffer);
  line.write(link('https://files.test/', { sharing: sharing('https://files.test/', facts) }));
  const { transfer } = await offered;
  expect(transfer.file.name).toBe('file');
  expect(transfer.file.type).toBe('application/octet-stream');
  expect(transfer.file.size === undefined || transfer.file.size === 1000).toBe(true);
});

it.each([
  'http://192.0.2.1/x',
  'http://127.0.0.1:1/x',
  'https://192.168.1.1/x',
  'ftp://files.test/x',
  'file:///etc/passwd',
  'javascript:alert(1)',
])('shows a link as the text it is where it may not be fetched: %s', async (url) => {
  const { ana, line } = await setUp();
  line.write(link(url));
  expect((await ana.texts(1))[0]?.text).toBe(url);
});

it('gives a text beside the file as a text', async () => {
  const { ana, line } = await setUp();
  const offered = next(ana.set('fileTransfer').onOffer);
  line.write(link('https://files.test/x', { body: 'look at this' }));
  await offered;
  expect((await ana.texts(1))[0]?.text).toBe('look at this');
});

it('shows a link of last month as the text it is', async () => {
  const { ana, line } = await setUp();
  const old = `<delay xmlns='${NS.delay}' from='${DOMAIN}' stamp='2020-01-01T00:00:00Z'/>`;
  line.write(link('https://files.test/x', { sharing: old }));
  expect((await ana.texts(1))[0]?.text).toBe('https://files.test/x');
});

it('knows its own upload when a copy of it comes back', async () => {
  const { ana, line } = await setUp();
  const copy = (resource: string): string =>
    `<message from='${OWN}'><sent xmlns='${NS.carbons}'><forwarded xmlns='${NS.forward}'>` +
    `<message xmlns='jabber:client' type='chat' from='${OWN}/${resource}' to='bob@campus.test' id='${resource}'><body>https://files.test/x</body><x xmlns='${NS.outOfBand}'><url>https://files.test/x</url></x></message>` +
    `</forwarded></sent></message>`;
  line.write(copy(ana.storage.content.get('resource') ?? ''));
  line.write(copy('phone'));
  const [text] = await ana.texts(1);
  expect(text).toMatchObject({ id: 'phone', direction: 'outgoing', text: 'https://files.test/x' });
});

/** Offers a file that this listener serves. */
const offerFrom = async (
  listener: RequestListener,
  facts: string,
): Promise<{ ana: Person; line: Connection; transfer: ProtocolTransfer }> => {
  const url = await serve(listener);
  const { ana, line } = await setUp();
  const offered = next(ana.set('fileTransfer').onOffer);
  line.write(link(url, { sharing: sharing(url, facts) }));
  return { ana, line, transfer: (await offered).transfer };
};

it('finishes only when what came was found to be right', async () => {
  const { transfer } = await offerFrom((_request, response) => void response.end('hello'), '<size>5</size>');
  const kept = keep(undefined, async () => {
    throw new ProviderError('hash-mismatch');
  });
  const phases = phasesOf(transfer);
  transfer.accept(kept.file);
  expect((await phases).at(-1)).toMatchObject({ state: 'failed', error: { code: 'hash-mismatch' } });
  expect(kept.bytes.toString()).toBe('hello');
});

it('aborts the sink when more comes than was offered, and when it is cancelled', async () => {
  const long = await offerFrom((_request, response) => void response.end('hello and more'), '<size>5</size>');
  const first = keep();
  const phases = phasesOf(long.transfer);
  long.transfer.accept(first.file);
  expect((await phases).at(-1)).toMatchObject({ state: 'failed', error: { code: 'size-mismatch' } });
  expect(first.aborted).toBeInstanceOf(ProviderError);
  const slow = await offerFrom((_request, response) => void response.write('he'), '<size>5</size>');
  const second = keep();
  const over = end(slow.transfer);
  slow.transfer.accept(second.file);
  await next(slow.transfer.onPhase, ({ state }) => state === 'running');
  slow.transfer.cancel();
  expect(await over).toEqual({ state: 'cancelled', by: 'us' });
  await expect.poll(() => second.aborted).toBeInstanceOf(Error);
});

it('comes to its end when what it was given throws instead of rejecting', async () => {
  const throws = (): never => {
    throw new Error('a bug of whoever keeps files');
  };
  const { transfer } = await offerFrom((_request, response) => void response.end('hello and more'), '<size>5</size>');
  const { file } = keep();
  transfer.accept({ ...file, sink: { ...file.sink, abort: throws } });
  expect(await end(transfer)).toMatchObject({ state: 'failed', error: { code: 'size-mismatch' } });
});

it('fails with the network what is live when the account leaves, and offers it again afterwards', async () => {
  const { ana, transfer } = await offerFrom((_request, response) => void response.write('he'), '<size>5</size>');
  const over = end(transfer);
  transfer.accept(keep().file);
  await next(transfer.onPhase, ({ state }) => state === 'running');
  await ana.provider.stop();
  expect(await over).toMatchObject({ state: 'failed', error: { code: 'network', retryable: true } });
  const again = next(ana.set('fileTransfer').onOffer);
  ana.provider.start();
  const { transfer: second, key } = await again;
  expect([key, second.id, second.phase.state]).toEqual(['f', 'f', 'offered']);
  second.decline();
  expect(second.phase).toEqual({ state: 'declined' });
  expect(ana.storage.content.get('files.offers')).toBe('[]');
});

it('forgets offers that nobody can fetch any more', async () => {
  const offer = {
    key: 'k',
    id: 'k',
    peer: BOB,
    url: 'https://files.test/x',
    file: { name: 'x', type: 'a/b' },
    sentAt: 0,
  };
  const storage = memoryStorage(new Map([['files.offers', JSON.stringify([offer])]]));
  await setUp({}, { storage });
  expect(storage.content.get('files.offers')).toBe('[]');
});

it('never goes back, never falls, and tells of bytes ten times a second at most', () => {
  let now = 0;
  const transfer = new HttpTransfer(
    { id: 'x', direction: 'outgoing', peer: BOB, file: { name: 'x', type: 'a/b', size: 1000 } },
    () => now,
  );
  const told: number[] = [];
  const phases: string[] = [];
  transfer.onBytes((bytes) => void told.push(bytes));
  transfer.onPhase(({ state }) => void phases.push(state));
  transfer.accept(keep().file);
  transfer.decline();
  transfer.move('running');
  transfer.move('connecting');
  for (now = 1000; now < 2000; now += 10) transfer.progress(now - 999);
  transfer.progress(500);
  expect(transfer.bytes).toBe(991);
  transfer.move('finished');
  transfer.progress(1000);
  transfer.cancel();
  transfer.fail(new ProviderError('network'));
  expect(phases).toEqual(['running', 'finished']);
  expect(told).toHaveLength(11);
  expect(told.at(-1)).toBe(991);
  expect(transfer.bytes).toBe(991);
});

it('does not let a transfer hold up texts', async () => {
  const url = await serve((request) => void request.pause());
  const { ana } = await setUp(withUpload(`<put url='${url}'/><get url='${url}'/>`, { limit: '99000000' }));
  const transfer = offerOne(ana.set('fileTransfer'), BOB, outgoing(bytesOf(20_000_000)));
  await next(transfer.onPhase, ({ state }) => state === 'running');
  expect(await ana.set('messaging').send(BOB, draft('meanwhile')).outcome).toEqual({ state: 'sent' });
});
