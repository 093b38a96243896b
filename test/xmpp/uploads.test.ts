import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { NS } from '../../protocols/xmpp/namespaces.ts';
import { offerOne } from '../protocols/offer-one.ts';
import { BOB } from './support/ana.ts';
import { bytesOf, outgoing, sourceOf } from './support/files-kit.ts';
import { stopServers } from './support/hostile-server.ts';
import { everybodyLeaves } from './support/kit.ts';
import { end, serve, setUp, withUpload } from './support/upload-kit.ts';

afterEach(async () => {
  await everybodyLeaves();
  await stopServers();
});

const NO = `xmlns='${NS.stanzaErrors}'`;
it.each([
  ['a slot without TLS', "<put url='http://192.0.2.1/'/><get url='https://files.test/'/>", {}, 'store-failed'],
  ['a link without TLS', "<put url='https://127.0.0.1:1/'/><get url='http://files.test/'/>", {}, 'store-failed'],
  ['a slot to a file', "<put url='file:///etc/passwd'/><get url='file:///etc/passwd'/>", {}, 'store-failed'],
  ['nothing', '', {}, 'store-failed'],
  ['too large', `<not-acceptable ${NO}/><file-too-large xmlns='${NS.httpUpload}'/>`, { isError: true }, 'too-big'],
  ['a quota', `<resource-constraint ${NO}/>`, { isError: true }, 'store-failed'],
  [
    'a slot where nobody listens',
    "<put url='https://127.0.0.1:1/'/><get url='https://files.test/'/>",
    {},
    'store-failed',
  ],
  ['a small limit', '', { limit: '10' }, 'too-big'],
])('fails when the service answers %s', async (_what, slot, options, code) => {
  const { ana, line } = await setUp(withUpload(slot, options));
  const source = sourceOf(bytesOf(100));
  const transfer = offerOne(ana.set('fileTransfer'), BOB, outgoing(bytesOf(100), 'x', source));
  expect(await end(transfer)).toMatchObject({ state: 'failed', error: { code } });
  expect(line.saw('message')).toBe(false);
});

/** A listener that never takes a file, and what is counted of it. */
const offerTo = async (
  listener: (response: ServerResponse, request: IncomingMessage) => void,
): Promise<{ phase: unknown; tries: number }> => {
  let tries = 0;
  const url = await serve((request, response) => {
    tries += 1;
    request.on('error', () => {});
    listener(response, request);
  });
  const { ana } = await setUp(withUpload(`<put url='${url}'/><get url='${url}'/>`, { limit: '' }));
  const bytes = bytesOf(20_000_000);
  const transfer = offerOne(ana.set('fileTransfer'), BOB, outgoing(bytes, 'x', sourceOf(bytes)));
  return { phase: await end(transfer), tries };
};

it.each([
  ['always fails', 500, 3],
  ['sends us elsewhere', 307, 1],
  ['does not let us', 403, 1],
  ['says it is done before the end', 201, 1],
])('says that the file service %s, and does not wait for the person', async (_what, status, tries) => {
  const outcome = await offerTo((response) => response.writeHead(status, { location: 'https://files.test/' }).end());
  expect(outcome).toMatchObject({
    phase: { state: 'failed', error: { code: 'store-failed', protocolCode: String(status) } },
    tries,
  });
});

it('says so as well when the file service breaks off each time', async () => {
  const outcome = await offerTo((_response, request) => void request.socket.destroy());
  expect(outcome).toMatchObject({ phase: { state: 'failed', error: { code: 'store-failed' } }, tries: 3 });
});

it('uploads all the same when the file service fails once', async () => {
  let tries = 0;
  const { phase } = await offerTo((response, request) => {
    tries += 1;
    if (tries === 1) response.writeHead(503).end();
    else request.resume().on('end', () => response.writeHead(201).end());
  });
  expect(phase).toEqual({ state: 'finished' });
});

it('says how large a file may be, as the service told', async () => {
  const refused = `<not-acceptable ${NO}/><file-too-large xmlns='${NS.httpUpload}'><max-file-size>20000</max-file-size></file-too-large>`;
  const { ana } = await setUp(withUpload(refused, { isError: true }));
  const transfer = offerOne(ana.set('fileTransfer'), BOB, outgoing(bytesOf(100)));
  expect(await end(transfer)).toMatchObject({ state: 'failed', error: { code: 'too-big', limit: 20_000 } });
});

it('says that the server takes no empty files', async () => {
  const { ana } = await setUp(withUpload(`<not-acceptable ${NO}/>`, { isError: true }));
  const transfer = offerOne(ana.set('fileTransfer'), BOB, outgoing(bytesOf(0)));
  expect(await end(transfer)).toMatchObject({ state: 'failed', error: { code: 'empty-refused' } });
});

it.each([
  ['../../etc/passwd', 'passwd'],
  [`${'é'.repeat(300)}.tar`, `${'é'.repeat(40)}.tar`],
  ['..', 'file'],
  ['a\r\nb', 'ab'],
])('asks for a place under a short name that is no path: %s', async (name, asked) => {
  const { ana, line } = await setUp(withUpload(''));
  await end(offerOne(ana.set('fileTransfer'), BOB, outgoing(bytesOf(1), name)));
  const requests = line.elements.flatMap((element) => element.getChild('request', NS.httpUpload) ?? []);
  expect(requests.map(({ attrs }) => attrs.filename)).toEqual([asked]);
});

it('takes a service without a limit for one without a limit', async () => {
  const { ana } = await setUp(withUpload('', { limit: '' }));
  expect(ana.set('fileTransfer').maximumBytes).toBe(Number.MAX_SAFE_INTEGER);
});

it('says that the server has no place for files', async () => {
  const { ana } = await setUp();
  expect(ana.provider.capabilitiesOf(BOB)).toMatchObject({
    messaging: { on: true },
    fileTransfer: { on: false, off: { code: 'not-supported' } },
  });
  expect(await end(offerOne(ana.set('fileTransfer'), BOB, outgoing(bytesOf(1))))).toMatchObject({
    state: 'failed',
    error: { code: 'not-supported' },
  });
  await ana.provider.stop();
  expect(await end(offerOne(ana.set('fileTransfer'), BOB, outgoing(bytesOf(1))))).toMatchObject({
    state: 'failed',
    error: { code: 'network', retryable: true },
  });
});
