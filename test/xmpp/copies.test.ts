import { afterEach, expect, it } from 'vitest';
import { NS } from '../../protocols/xmpp/namespaces.ts';
import { BOB, messagesOf, OWN, setUp, workedOff } from './support/ana.ts';
import { stopServers } from './support/hostile-server.ts';
import { everybodyLeaves } from './support/kit.ts';

afterEach(async () => {
  await everybodyLeaves();
  await stopServers();
});

const carbon = (kind: 'sent' | 'received', inner: string, from = OWN): string =>
  `<message from='${from}' to='${OWN}/aims'><${kind} xmlns='${NS.carbons}'><forwarded xmlns='${NS.forward}'>${inner}</forwarded></${kind}></message>`;
const copy = (from: string, to: string, body: string): string =>
  `<message xmlns='jabber:client' type='chat' from='${from}' to='${to}' id='${body}'><body>${body}</body><request xmlns='${NS.receipts}'/></message>`;

it('takes copies from its own account, and confirms none of them', async () => {
  const { ana, line } = await setUp();
  line.write(carbon('sent', copy(`${OWN}/phone`, 'bob@campus.test', 'sent')));
  line.write(carbon('received', copy('bob@campus.test/x', `${OWN}/phone`, 'received')));
  await workedOff(line);
  expect(ana.received.map(({ direction, peer, text }) => [direction, peer, text])).toEqual([
    ['outgoing', BOB, 'sent'],
    ['incoming', BOB, 'received'],
  ]);
  expect(messagesOf(line)).toEqual([]);
});

it('takes no copy from anybody else, nor one that is not about itself', async () => {
  const { ana, line } = await setUp();
  line.write(carbon('received', copy('bob@campus.test/x', OWN, 'forged'), 'mallory@campus.test/x'));
  line.write(carbon('sent', copy('mallory@campus.test', 'bob@campus.test', 'not ours')));
  line.write(carbon('received', copy('bob@campus.test', 'carol@campus.test', 'not to us')));
  line.write(carbon('received', ''));
  await workedOff(line);
  expect(ana.received).toEqual([]);
  expect(ana.logs.some((entry) => entry.includes('carbon-forged'))).toBe(true);
});
