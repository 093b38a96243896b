import { expect, test } from 'vitest';
import { directAgent, incoming, reached } from './direct-agents.ts';

const OFFER = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=message 9 TCP/MSRP *\r\n';
const ANSWER = OFFER.replace('o=- 1', 'o=- 2');

for (const transport of ['tcp', 'udp'] as const) {
  test(`a session over ${transport} carries the offer and the answer as they were written`, async () => {
    const { agent: ana } = await directAgent('ana');
    const { agent: bob, uri, udpUri } = await directAgent('bob');
    const invited = incoming(bob);
    const outgoing = ana.invite(transport === 'udp' ? udpUri : uri, { sdp: OFFER });
    expect(outgoing.state).toEqual({ state: 'inviting' });
    const theirs = await invited;
    expect(theirs.remote).toEqual({ sdp: OFFER });
    expect(theirs.peer).toBe('sip:ana@127.0.0.1');
    expect(theirs.peerName).toBe('ana "quoted" \\ ąę');
    theirs.accept({ sdp: ANSWER });
    expect((await reached(outgoing, 'established')).remote).toEqual({ sdp: ANSWER });
    await reached(theirs, 'established');
    theirs.end();
    expect(await reached(outgoing, 'ended')).toEqual({ state: 'ended', by: 'peer' });
    expect(theirs.state).toEqual({ state: 'ended', by: 'us' });
  });
}

test('body parts beside the description arrive byte for byte', async () => {
  const { agent: ana } = await directAgent('ana');
  const { agent: bob, uri } = await directAgent('bob');
  const icon = Uint8Array.from({ length: 256 }, (_, i) => i);
  const invited = incoming(bob);
  const outgoing = ana.invite(uri, {
    sdp: OFFER,
    parts: [{ contentType: 'image/png', content: icon, contentId: 'icon1@client', disposition: 'icon' }],
  });
  const theirs = await invited;
  expect(theirs.remote?.sdp).toBe(OFFER);
  expect(theirs.remote?.parts?.map((part) => [part.contentType, part.contentId, part.disposition])).toEqual([
    ['image/png', 'icon1@client', 'icon'],
  ]);
  expect(Buffer.from(theirs.remote?.parts?.[0]?.content ?? [])).toEqual(Buffer.from(icon));
  theirs.accept({ sdp: ANSWER });
  await reached(outgoing, 'established');
});

test('a refusal is told with its status, reason and warning', async () => {
  const { agent: ana } = await directAgent('ana');
  const { agent: bob, uri } = await directAgent('bob');
  const invited = incoming(bob);
  const outgoing = ana.invite(uri, { sdp: OFFER });
  (await invited).reject(488, 'No "such" media\r\nInjected: yes');
  const { rejection } = await reached(outgoing, 'rejected');
  expect(rejection.status).toBe(488);
  expect(rejection.warning).toBe('399 client "No such media Injected: yes"');
});

test('a caller who gives up before the answer cancels', async () => {
  const { agent: ana } = await directAgent('ana');
  const { agent: bob, uri } = await directAgent('bob');
  const invited = incoming(bob);
  const outgoing = ana.invite(uri, { sdp: OFFER });
  const theirs = await invited;
  outgoing.end();
  expect(await reached(theirs, 'ended')).toEqual({ state: 'ended', by: 'peer' });
  expect(outgoing.state).toEqual({ state: 'ended', by: 'us' });
});

test('ringing is told as progress', async () => {
  const { agent: ana } = await directAgent('ana');
  const { agent: bob, uri } = await directAgent('bob');
  const invited = incoming(bob);
  const outgoing = ana.invite(uri, { sdp: OFFER });
  const progress = new Promise((resolve) => outgoing.onProgress(resolve));
  (await invited).ring();
  expect(await progress).toBe(180);
});

test('a new offer within the session is answered, or refused with 488', async () => {
  const { agent: ana } = await directAgent('ana');
  const { agent: bob, uri } = await directAgent('bob');
  const invited = incoming(bob);
  const outgoing = ana.invite(uri, { sdp: OFFER });
  const theirs = await invited;
  theirs.accept({ sdp: ANSWER });
  await Promise.all([reached(outgoing, 'established'), reached(theirs, 'established')]);
  theirs.answerReoffer = (offer) => ({ sdp: offer.sdp.replace('s=second', 's=answered') });
  expect(await outgoing.reoffer({ sdp: OFFER.replace('s=-', 's=second') })).toEqual({
    sdp: OFFER.replace('s=-', 's=answered'),
  });
  theirs.answerReoffer = () => {
    throw new Error('no');
  };
  await expect(outgoing.reoffer({ sdp: OFFER })).rejects.toThrow('488');
});

test('nobody at that port is a refusal with 503 at once', async () => {
  const { agent: ana } = await directAgent('ana');
  const { agent: bob, uri } = await directAgent('bob');
  await bob.stop();
  const { rejection } = await reached(ana.invite(uri, { sdp: OFFER }), 'rejected');
  expect(rejection.status).toBe(503);
});

test('a message is answered by the handler, over either transport', async () => {
  const { agent: ana } = await directAgent('ana');
  const { agent: bob, uri, udpUri } = await directAgent('bob');
  const texts: string[] = [];
  bob.onMessage = (request) => {
    texts.push(request.message.body);
    request.accept();
  };
  const body = { contentType: 'text/plain;charset=UTF-8', content: 'reunião 🎓' };
  expect((await ana.request({ method: 'MESSAGE', to: uri, body })).status).toBe(200);
  expect((await ana.request({ method: 'MESSAGE', to: udpUri, body })).status).toBe(200);
  expect(texts).toEqual(['reunião 🎓', 'reunião 🎓']);
});

test('OPTIONS names what we take', async () => {
  const { agent: ana } = await directAgent('ana');
  const { uri } = await directAgent('bob');
  const answer = await ana.request({ method: 'OPTIONS', to: uri });
  expect(answer.status).toBe(200);
  expect(answer.header('accept')).toBe('application/sdp, text/plain');
  expect(answer.header('allow')).toContain('MESSAGE');
  expect(answer.header('contact')).toContain(uri.split(':').at(-1) ?? '');
});
