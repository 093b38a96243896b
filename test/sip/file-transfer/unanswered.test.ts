// Offers that no person answers in the time that SIP gives them.
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ProtocolTransfer } from '../../../protocols/contract/index.ts';
import type { SipSession } from '../../../protocols/sip/sip-session.ts';
import { directAgent, incoming } from '../direct-agents.ts';
import { ScriptedServer } from '../scripted-server.ts';
import { Content, fileOf, filePeer, nextOffer, outcome, twoAcquaintances } from './file-peers.ts';
import { endpointOf, head, lines, media } from './raw-peers.ts';

const SIZE = 10;

/** Ana's offer at a device that rings. */
const ringing = async (): Promise<{ sending: ProtocolTransfer; sip: SipSession }> => {
  const ana = await filePeer('ana');
  const { agent, uri } = await directAgent('bob');
  const invite = ana.agent.invite.bind(ana.agent);
  const rung = new Promise<void>((resolve) => {
    ana.agent.invite = (to, offer) => {
      const session = invite(to, offer);
      session.onProgress(() => resolve());
      return session;
    };
  });
  const [sending] = ana.files.offer(uri, [fileOf(new Content(randomBytes(SIZE)))]) as [ProtocolTransfer];
  const sip = await incoming(agent);
  sip.ring();
  await rung;
  return { sending, sip };
};

/** Bob's side of an offer, and the INVITE it came by. */
const offered = async (): Promise<{ transfer: ProtocolTransfer; sip: SipSession }> => {
  const bob = await filePeer('bob');
  const { agent } = await directAgent('ana');
  const { endpoint, listener } = await endpointOf();
  const session = endpoint.createSession({ listener, accept: () => ({ refuse: 403 }) });
  const next = nextOffer(bob);
  const line = media(session.localPath, listener.port, 'a=sendonly', 'a=setup:active', `a=file-selector:size:${SIZE}`);
  const sip = agent.invite(bob.uri, { sdp: lines(...head, ...line, 'a=file-transfer-id:one') });
  const { transfer } = await next;
  return { transfer, sip };
};

describe('an offer that has rung', () => {
  test.each([408, 480, 487])(
    'and ends by %i is not answered yet: it stays open, and its receiver asks for it',
    async (status) => {
      const { sending, sip } = await ringing();
      sip.reject(status);
      expect(await outcome(sending)).toBe('unanswered, asked');
    },
  );

  test('and is refused because it cannot be kept is over', async () => {
    const { sending, sip } = await ringing();
    sip.reject(480, 'cannot be kept');
    expect(await outcome(sending)).toBe('failed peer-cannot-keep');
  });

  test('and is declined is over', async () => {
    const { sending, sip } = await ringing();
    sip.reject(603);
    expect(await outcome(sending)).toBe('declined');
  });
});

test('an offer that has not rung finds nobody there', async () => {
  const ana = await filePeer('ana');
  const { agent, uri } = await directAgent('bob');
  const [sending] = ana.files.offer(uri, [fileOf(new Content(randomBytes(SIZE)))]) as [ProtocolTransfer];
  const sip = await incoming(agent);
  sip.reject(480);
  expect(await outcome(sending)).toBe('failed peer-offline');
});

describe('a CANCEL of an offer', () => {
  test.each([
    ['without a Reason is an end of the waiting', undefined, 'unanswered, asked'],
    ['by a server that waits no longer is the same', 'SIP;cause=408;text="Request Timeout"', 'unanswered, asked'],
    ['by a program that goes away is the same', 'SIP;cause=500;text="network"', 'unanswered, asked'],
    ['by a person is a cancel', 'SIP ;cause=487 ;text="cancelled"', 'cancelled peer'],
    ['because another device has taken it says so', 'SIP;cause=200', 'cancelled elsewhere'],
    ['because the file has changed is a failure', 'SIP;cause=500;text="source-changed"', 'failed source-changed'],
  ])('%s', async (_, reason, end) => {
    const { transfer, sip } = await offered();
    sip.end(reason);
    expect(await outcome(transfer)).toBe(end);
  });

  test('by its sender carries the Reason of a person (RFC 3326)', async () => {
    const { ana, bob } = await twoAcquaintances();
    const next = nextOffer(bob);
    const [sending] = ana.files.offer(bob.address, [fileOf(new Content(randomBytes(SIZE)))]) as [ProtocolTransfer];
    const { transfer } = await next;
    sending.cancel();
    expect([await outcome(sending), await outcome(transfer)]).toEqual(['cancelled us', 'cancelled peer']);
  });
});

test('the log says by which status and which Reason an offer ended, on both sides, and no name', async () => {
  const { ana, bob } = await twoAcquaintances();
  const offerTo = async (): Promise<{ sending: ProtocolTransfer; transfer: ProtocolTransfer }> => {
    const next = nextOffer(bob);
    const file = fileOf(new Content(randomBytes(SIZE)), { name: 'secret.txt' });
    const [sending] = ana.files.offer(bob.address, [file]) as [ProtocolTransfer];
    const { transfer } = await next;
    return { sending, transfer };
  };
  const declined = await offerTo();
  declined.transfer.decline();
  await outcome(declined.sending);
  const cancelled = await offerTo();
  cancelled.sending.cancel();
  await outcome(cancelled.transfer);
  expect(ana.logged).toMatchObject([
    { event: 'sip.files-ended', facts: { direction: 'outgoing', by: 'peer', status: 603 } },
    { event: 'sip.files-ended', facts: { direction: 'outgoing', by: 'us' } },
  ]);
  expect(bob.logged).toMatchObject([
    { event: 'sip.files-ended', facts: { direction: 'incoming', by: 'us', status: 603 } },
    { event: 'sip.files-ended', facts: { direction: 'incoming', by: 'peer', cause: 487 } },
  ]);
  expect(JSON.stringify([ana.logged, bob.logged])).not.toContain('secret');
});

test('an acceptance that describes no session is a fault of the other program, and no cancel of its person', async () => {
  const ana = await filePeer('ana');
  const server = await ScriptedServer.open();
  server.handler = (request) => request.answer(200, [`Contact: <sip:bob@127.0.0.1:${server.port}>`]);
  const to = `sip:bob@127.0.0.1:${server.port}`;
  const [sending] = ana.files.offer(to, [fileOf(new Content(randomBytes(SIZE)))]) as [ProtocolTransfer];
  expect(await outcome(sending)).toBe('failed malformed');
  await server.until(() => server.requests.find(({ method }) => method === 'BYE'));
});
