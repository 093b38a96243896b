import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { draft, next } from '../../sip/kit.ts';
import { kamailio, restoreCampus, user } from '../campus.ts';
import { online, type Transport } from './kit.ts';

afterEach(restoreCampus);

const LONG = Array.from({ length: 300 }, (_, line) => `Zażółć gęślą jaźń ${line} 🎓`).join('\r\n');
/** What servers and their databases may trip over. */
const ODD = 'a\u0000b\u0007 \u{10ffff} \'quoted\' "twice" %s \\0 \r\n\r\nContent-Length: 0\r\n\r\n\ufeff;';

describe.each<{ transport: Transport }>([{ transport: 'udp' }, { transport: 'tcp' }, { transport: 'tls' }])(
  'over $transport',
  ({ transport }) => {
    test('texts arrive in order, whole, with the name of the sender', async () => {
      const alice = await online('alice', { transport, displayName: 'Ana "ą" \\ X' });
      const bob = await online('bob', { transport });
      const texts = ['one', 'reunião 🎓', LONG, ODD, '\ud800half', '5'];
      const sent = texts.map((text) => alice.set('messaging').send(user('bob').sip, draft(text)));
      expect(await Promise.all(sent.map((each) => each.outcome))).toEqual(texts.map(() => ({ state: 'sent' })));
      const ids = sent.map(({ id }) => id);
      await Promise.all(ids.map((id) => bob.text(id)));
      // a server that was killed may hand out once more what it kept for another test
      const received = bob.received.filter(({ id }) => ids.includes(id));
      expect(received.map(({ id, text }) => [id, text])).toEqual(
        texts.map((text, index) => [ids[index], text.replace('\ud800', '\ufffd')]),
      );
      expect(received[0]).toMatchObject({
        direction: 'incoming',
        peer: user('alice').sip,
        peerName: 'Ana "ą" \\ X',
        delayed: false,
      });
    });

    test('marks come back when the text was stored and when it was read', async () => {
      const alice = await online('alice', { transport });
      const bob = await online('bob', { transport });
      const delivered = next(alice.set('messaging').onMark);
      const { id } = alice.set('messaging').send(user('bob').sip, draft('hello'));
      expect(await delivered).toMatchObject({ peer: user('bob').sip, id, mark: 'delivered' });
      const read = next(alice.set('messaging').onMark);
      bob.set('messaging').sendRead(user('alice').sip, id);
      expect(await read).toMatchObject({ peer: user('bob').sip, id, mark: 'read' });
    });

    test('typing is seen until it pauses', async () => {
      const alice = await online('alice', { transport });
      const bob = await online('bob', { transport });
      const composing = next(bob.set('messaging').onTyping);
      alice.set('messaging').sendTyping(user('bob').sip, 'composing');
      expect(await composing).toEqual({ peer: user('alice').sip, state: 'composing' });
      const paused = next(bob.set('messaging').onTyping);
      alice.set('messaging').sendTyping(user('bob').sip, 'paused');
      expect(await paused).toEqual({ peer: user('alice').sip, state: 'paused' });
    });
  },
);

test('texts for somebody who is not there wait at the server and come in order, with their own time', async () => {
  const alice = await online('alice');
  const written = Date.now();
  const texts = [`for later ${ODD}`, LONG, 'and another'].map((text, nth) => ({
    ...draft(text),
    // a person is not as fast as this test
    composedAt: written + nth,
  }));
  for (const text of texts) {
    let outcome = await alice.set('messaging').send(user('dave').sip, text).outcome;
    // the server's SQLite may be locked by another writer: it answers 503, and a retry is what that asks for
    for (let attempt = 0; attempt < 5 && outcome.state === 'failed' && outcome.error.retryable; attempt++)
      outcome = await alice.set('messaging').send(user('dave').sip, text).outcome;
    expect(outcome).toEqual({ state: 'waiting' });
  }
  const marks = texts.map(({ id }) => next(alice.set('messaging').onMark, (mark) => mark.id === id));
  const dave = await online('dave');
  // others may have written to dave before
  for (const { id } of texts) await dave.text(id);
  const ids = texts.map(({ id }) => id);
  const received = dave.received.filter(({ id }) => ids.includes(id));
  expect(received.map(({ id, text, delayed }) => [id, text, delayed])).toEqual(
    texts.map(({ id, text }) => [id, text, true]),
  );
  for (const { sentAt } of received) expect(Math.abs(sentAt - written)).toBeLessThan(5000);
  for (const mark of marks) expect(await mark).toMatchObject({ mark: 'delivered' });
});

test('a receiver that can’t store refuses, and the text sent again is stored once', async () => {
  const alice = await online('alice');
  const bob = await online('bob');
  const messaging = bob.set('messaging');
  const keep = messaging.receiver;
  messaging.receiver = () => {
    throw new Error('disk full');
  };
  const text = draft('again');
  const first = await alice.set('messaging').send(user('bob').sip, text).outcome;
  expect(first).toMatchObject({ state: 'failed', error: { code: 'server-unavailable', retryable: true } });
  messaging.receiver = keep;
  expect(await alice.set('messaging').send(user('bob').sip, text).outcome).toEqual({ state: 'sent' });
  expect(await alice.set('messaging').send(user('bob').sip, text).outcome).toEqual({ state: 'sent' });
  expect((await bob.texts(1)).map(({ id }) => id)).toEqual([text.id]);
});

test('one can write to oneself', async () => {
  const alice = await online('alice');
  expect(await alice.set('messaging').send(user('alice').sip, draft('note')).outcome).toEqual({ state: 'sent' });
  expect((await alice.texts(1))[0]).toMatchObject({ peer: user('alice').sip, text: 'note' });
});

test('a text while offline fails at once and may be sent again later', async () => {
  const alice = await online('alice');
  await alice.provider.stop();
  const outcome = await alice.set('messaging').send(user('bob').sip, draft('x')).outcome;
  expect(outcome).toMatchObject({ state: 'failed', error: { code: 'network', retryable: true } });
});

test('texts on their way when the server dies fail at once, not after half a minute', async () => {
  const alice = await online('alice');
  await online('bob');
  const { outcome } = alice.set('messaging').send(user('bob').sip, draft('lost'));
  await kamailio.kill();
  const ended = await outcome;
  expect(['sent', 'failed']).toContain(ended.state);
  await alice.reach('waiting');
});

test('a text too big for the route is refused here', async () => {
  const alice = await online('alice');
  const messaging = alice.set('messaging');
  const fits = await messaging.send(user('alice').sip, draft('x'.repeat(60_000))).outcome;
  expect(fits).toEqual({ state: 'sent' });
  const tooBig = await messaging.send(user('alice').sip, draft('ą'.repeat(messaging.maximumBytes / 2 + 1))).outcome;
  expect(tooBig).toMatchObject({ state: 'failed', error: { code: 'too-big', retryable: false } });
});

test('somebody who does not exist', async () => {
  const alice = await online('alice');
  const outcome = await alice.set('messaging').send(`sip:nobody-${randomUUID()}@elsewhere.test`, draft('x')).outcome;
  expect(outcome.state).toBe('failed');
});
