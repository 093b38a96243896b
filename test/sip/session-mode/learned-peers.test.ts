import { describe, expect, test } from 'vitest';
import { LearnedPeers } from '../../../protocols/sip/messaging/session-mode/learned-peers.ts';
import type { SipAnswer } from '../../../protocols/sip/request.ts';

const BOB = 'sip:bob@campus.test';
const HOUR = 3_600_000;

const learning = () => {
  const time = { now: 0 };
  return { time, peers: new LearnedPeers(() => time.now) };
};

const answer = (status: number, headers: Record<string, string> = {}, body = '', local = false): SipAnswer => ({
  status,
  reason: '',
  local,
  header: (name) => headers[name],
  headers: (name) => (headers[name] === undefined ? [] : [headers[name]]),
  body,
  retryAfter: undefined,
  cseq: 1,
});
const contact = (parameters: string) => ({ contact: `"a;message" <sip:bob@192.0.2.1;transport=tcp>${parameters}` });

test('of a stranger nothing is known', () => {
  expect(learning().peers.verdict(BOB)).toBe('ask');
});

describe('an answer to OPTIONS', () => {
  test.each([
    ['names message sessions', answer(200, contact(';message')), 'try'],
    ['names them as 3GPP does', answer(200, contact(';+sip.message;audio')), 'try'],
    ['says nothing of media', answer(200, contact(';expires=60')), 'try'],
    ['names other media', answer(200, contact(';audio;video')), 'cannot'],
    ['only looks like naming them', answer(200, contact(';messages;audio')), 'cannot'],
    ['takes no INVITE', answer(200, { ...contact(''), allow: 'MESSAGE, OPTIONS' }), 'cannot'],
    ['takes INVITE', answer(200, { ...contact(''), allow: 'INVITE, ACK,BYE' }), 'try'],
    ['describes MSRP', answer(200, contact(''), 'v=0\r\nm=message 0 TCP/TLS/MSRP *\r\n'), 'try'],
    ['describes audio', answer(200, contact(''), 'v=0\r\nm=audio 0 RTP/AVP 0\r\n'), 'cannot'],
    ['is 405', answer(405), 'try'],
    ['is 480', answer(480), 'not-now'],
    ['is 404', answer(404), 'not-now'],
    ['did not come', answer(408, {}, '', true), 'not-now'],
  ])('that %s', (_, given, verdict) => {
    const { peers } = learning();
    peers.told(BOB, given);
    expect(peers.verdict(BOB)).toBe(verdict);
    expect(peers.verdict('sip:carol@campus.test')).toBe('ask');
  });
});

describe('a refused INVITE', () => {
  const rejection = (status: number, local = false, retryAfter?: number) => ({
    status,
    local,
    reason: '',
    retryAfter,
    warning: undefined,
  });
  test.each([
    [488, 'cannot', 6 * HOUR],
    [415, 'cannot', 6 * HOUR],
    [606, 'cannot', 6 * HOUR],
    [603, 'cannot', 6 * HOUR],
    [486, 'not-now', HOUR / 6],
    [480, 'not-now', HOUR / 6],
    [408, 'not-now', HOUR / 6],
    [503, 'not-now', HOUR / 6],
  ])('%i is remembered as %s for a while, and no longer', (status, verdict, until) => {
    const { peers, time } = learning();
    peers.refused(BOB, rejection(status));
    time.now = until - 1;
    expect(peers.verdict(BOB)).toBe(verdict);
    time.now = until;
    expect(peers.verdict(BOB)).toBe('ask');
  });

  test('with a time to wait counts that long, but not for days', () => {
    const { peers, time } = learning();
    peers.refused(BOB, rejection(480, false, 30));
    time.now = 30_000;
    expect(peers.verdict(BOB)).toBe('ask');
    peers.refused(BOB, rejection(480, false, 864_000));
    time.now += HOUR;
    expect(peers.verdict(BOB)).toBe('ask');
  });

  test('by our own side says nothing lasting', () => {
    const { peers } = learning();
    peers.refused(BOB, rejection(488, true));
    expect(peers.verdict(BOB)).toBe('not-now');
  });
});

test('a session that stood is worth another for twelve hours', () => {
  const { peers, time } = learning();
  peers.can(BOB);
  time.now = 12 * HOUR - 1;
  expect(peers.verdict(BOB)).toBe('try');
  time.now++;
  expect(peers.verdict(BOB)).toBe('ask');
});

test('of a thousand peers the one heard of longest ago is forgotten', () => {
  const { peers } = learning();
  peers.can(BOB);
  for (let i = 0; i < 1_000; i++) peers.cannot(`sip:${i}@campus.test`);
  expect(peers.verdict(BOB)).toBe('ask');
  expect(peers.verdict('sip:0@campus.test')).toBe('cannot');
});
