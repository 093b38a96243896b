import { afterEach, expect, it } from 'vitest';
import { NS } from '../../protocols/xmpp/namespaces.ts';
import { BOB, message, messagesOf, OWN, setUp, workedOff } from './support/ana.ts';
import { stopServers } from './support/hostile-server.ts';
import { everybodyLeaves } from './support/kit.ts';

afterEach(async () => {
  await everybodyLeaves();
  await stopServers();
});

const OMEMO = 'eu.siacs.conversations.axolotl';
const KEY = "<header sid='1'><key rid='2'>AAAA</key></header>";
const MUC_USER = 'http://jabber.org/protocol/muc#user';
const REACTIONS = 'urn:xmpp:reactions:0';
const STORE = `<store xmlns='${NS.hints}'/>`;

it.each([
  ['omemo', `<encrypted xmlns='${OMEMO}'>${KEY}<payload>AAAA</payload></encrypted>${STORE}`],
  ['omemo', `<encrypted xmlns='urn:xmpp:omemo:2'>${KEY}<payload>AAAA</payload></encrypted>`],
  ['openpgp', "<openpgp xmlns='urn:xmpp:openpgp:0'>AAAA</openpgp>"],
  ['openpgp', "<x xmlns='jabber:x:encrypted'>AAAA</x>"],
  ['encrypted', "<encryption xmlns='urn:xmpp:eme:0' namespace='urn:x' name='X'/><x xmlns='urn:x'/>"],
  ['invitation', "<x xmlns='jabber:x:conference' jid='room@rooms.campus.test'/>"],
  ['invitation', `<x xmlns='${MUC_USER}'><invite from='eve@campus.test'/></x>`],
  ['call', "<propose xmlns='urn:xmpp:jingle-message:0' id='c'><description xmlns='urn:x' media='audio'/></propose>"],
  ['attention', "<attention xmlns='urn:xmpp:attention:0'/>"],
  ['reaction', `<reactions id='1' xmlns='${REACTIONS}'><reaction>👍</reaction></reactions>${STORE}`],
  ['retraction', "<retract id='1' xmlns='urn:xmpp:message-retract:1'/>"],
  ['file', `<x xmlns='${NS.outOfBand}'><url>http://127.0.0.1/a.pdf</url></x>`],
  ['other', "<x xmlns='urn:example:something-new'/>"],
])('says that a message came which it cannot show: %s', async (unshown, inside) => {
  const { ana, line } = await setUp();
  const asked = `<request xmlns='${NS.receipts}'/><markable xmlns='${NS.markers}'/>`;
  line.write(message(inside + asked, { id: '1' }));
  await workedOff(line);
  expect(ana.received).toMatchObject([{ id: '1', peer: BOB, text: '', unshown, direction: 'incoming' }]);
  // a receipt would say that it was understood
  expect(messagesOf(line)).toEqual([]);
});

it.each([
  ['typing', `<composing xmlns='${NS.chatStates}'/><thread>1</thread>`],
  ['a receipt', `<received xmlns='${NS.receipts}' id='1'/>${STORE}`],
  ['a key of OMEMO', `<encrypted xmlns='${OMEMO}'>${KEY}</encrypted>${STORE}`],
  ['the end of a call', "<retract xmlns='urn:xmpp:jingle-message:0' id='c'/>"],
  ['a reaction taken back', `<reactions id='1' xmlns='${REACTIONS}'/>`],
  ['news of a node', "<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='x'/></event>"],
  ['what nobody is to keep', `<x xmlns='urn:x'/><no-store xmlns='${NS.hints}'/>`],
  ['nothing', ''],
])('leaves no line for what is not meant for a person: %s', async (_what, inside) => {
  const { ana, line } = await setUp();
  line.write(message(inside));
  await workedOff(line);
  expect(ana.received).toEqual([]);
});

it('says so too of what another device of ours sent, or got', async () => {
  const { ana, line } = await setUp();
  const encrypted = `<encrypted xmlns='${OMEMO}'>${KEY}<payload>AAAA</payload></encrypted>`;
  const copy = `<message xmlns='jabber:client' type='chat' id='1' from='${OWN}/phone' to='bob@campus.test'>${encrypted}</message>`;
  line.write(
    `<message from='${OWN}' to='${OWN}/aims'><sent xmlns='${NS.carbons}'><forwarded xmlns='${NS.forward}'>${copy}</forwarded></sent></message>`,
  );
  await workedOff(line);
  expect(ana.received).toMatchObject([{ id: '1', peer: BOB, unshown: 'omemo', direction: 'outgoing' }]);
});

it('shows a subject, alone and above its text', async () => {
  const { ana, line } = await setUp();
  line.write(message('<subject>Exam moved</subject>', { id: '1', type: 'normal' }));
  line.write(message('<subject>Exam</subject><body>moved to room 2</body>', { id: '2', type: 'normal' }));
  line.write(message("<subject xml:lang='pt'>Exame</subject><subject>Exam</subject><body>soon</body>", { id: '3' }));
  await workedOff(line);
  expect(ana.received.map(({ text }) => text)).toEqual(['Exam moved', 'Exam\nmoved to room 2', 'Exam\nsoon']);
});
