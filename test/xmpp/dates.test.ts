import { afterEach, expect, it } from 'vitest';
import { NS } from '../../protocols/xmpp/namespaces.ts';
import { OWN, setUp } from './support/ana.ts';
import { DOMAIN, stopServers } from './support/hostile-server.ts';
import { everybodyLeaves } from './support/kit.ts';

const PEER = `bob@${DOMAIN}`;
const EARLY = '2026-01-02T03:04:05Z';
const LATE = '2026-01-02T09:00:00Z';

afterEach(async () => {
  await everybodyLeaves();
  await stopServers();
});

const delay = (stamp: string, from?: string): string =>
  `<delay xmlns='${NS.delay}'${from === undefined ? '' : ` from='${from}'`} stamp='${stamp}'/>`;

const message = (inside: string, from = `${PEER}/x`, to = `${OWN}/aims`): string =>
  `<message xmlns='jabber:client' type='chat' from='${from}' to='${to}' id='m'><body>text</body>${inside}</message>`;

const carbon = (kind: 'sent' | 'received', inner: string, { around = '', outside = '' } = {}): string =>
  `<message from='${OWN}' to='${OWN}/aims'><${kind} xmlns='${NS.carbons}'><forwarded xmlns='${NS.forward}'>${around}${inner}</forwarded></${kind}>${outside}</message>`;

/** The time that one text is given: as it is written, or `now`. */
const timeOf = async (stanza: string): Promise<string> => {
  const before = Date.now();
  const { ana, line } = await setUp();
  line.write(stanza);
  const [text] = await ana.texts(1);
  const sentAt = text?.sentAt ?? 0;
  expect(text?.delayed).toBe(sentAt < before);
  return sentAt < before ? new Date(sentAt).toISOString().replace('.000Z', 'Z') : 'now';
};

it.each([
  ['a text kept by our server is dated by the server', message(delay(EARLY, DOMAIN)), EARLY],
  ['a contact cannot date a live text', message(delay(EARLY, PEER)), 'now'],
  ['a contact cannot date a live text without saying who delayed it', message(delay(EARLY)), 'now'],
  ["a contact's server cannot date a live text either", message(delay(EARLY, 'elsewhere.test')), 'now'],
  ['of several delays the trusted one counts', message(delay(EARLY, PEER) + delay(LATE, DOMAIN)), LATE],
  ['of two that claim our server the one added last counts', message(delay(EARLY, DOMAIN) + delay(LATE, DOMAIN)), LATE],
  ['a delay that is no time is none', message(delay('yesterday', DOMAIN)), 'now'],
  ['a copy is dated as the account forwarded it', carbon('received', message(''), { around: delay(EARLY) }), EARLY],
  [
    'a copy kept for a resumed stream is dated as it was',
    carbon('received', message(''), { outside: delay(EARLY) }),
    EARLY,
  ],
  ['a contact cannot date the copy of a live text', carbon('received', message(delay(EARLY, PEER))), 'now'],
  [
    'a text of ours that another device sent late has the time it was written at',
    carbon('sent', message(delay(EARLY), `${OWN}/phone`, PEER), { around: delay(LATE) }),
    EARLY,
  ],
])('%s', async (_name, stanza, expected) => {
  expect(await timeOf(stanza)).toBe(expected);
});
