import { describe, expect, test } from 'vitest';
import { ProviderError } from '../../../protocols/contract/index.ts';
import type { Desk } from './support/desk.ts';
import { call, pair } from './support/pair.ts';

/** The last line of a log, with its facts. */
const last = ({ logged, loggedFacts }: Desk): [string | undefined, unknown] => [logged.at(-1), loggedFacts.at(-1)];

describe('a help desk can say why a file did not come: the log has a line', () => {
  test('for a failure, with its code and the number of the protocol, and no name', async () => {
    const { ana, anaProvider, write, offer } = await pair();
    const { sent } = await offer(write('divorce papers.txt', 'hello'));
    const error = new ProviderError('blocked', { protocolCode: 403 });
    anaProvider.sent[0]?.transfer.to({ state: 'failed', error });
    expect(last(ana)).toMatchObject([
      'warn transfer-ended',
      {
        id: sent,
        direction: 'outgoing',
        state: 'failed',
        was: 'offered',
        code: 'blocked',
        protocolCode: '403',
        bytes: 0,
      },
    ]);
    expect(JSON.stringify(ana.loggedFacts)).not.toMatch(/divorce|rui/);
  });

  test('for a refusal and for a cancel, on both sides', async () => {
    const { ana, rui, write, offer } = await pair();
    const { received } = await offer(write('a.txt', 'hello'));
    await call(rui, 'transfers.decline', { transferId: received });
    for (const desk of [ana, rui]) expect(last(desk)).toMatchObject(['info transfer-ended', { state: 'declined' }]);
    const { sent } = await offer(write('b.txt', 'hello'));
    await call(ana, 'transfers.cancel', { transferId: sent });
    expect(last(ana)).toMatchObject(['info transfer-ended', { state: 'cancelled', by: 'us' }]);
    expect(last(rui)).toMatchObject(['info transfer-ended', { state: 'cancelled', by: 'peer' }]);
  });

  test('for the end of one that arrived', async () => {
    const { ana, rui, write, offer } = await pair();
    const { sent, received } = await offer(write('a.txt', 'hello'));
    await call(rui, 'transfers.accept', { transferId: received });
    await Promise.all([ana.untilState(sent, 'completed'), rui.untilState(received, 'completed')]);
    expect(last(ana)).toMatchObject(['info transfer-ended', { state: 'completed', bytes: 5 }]);
    expect(last(rui)).toMatchObject(['info transfer-ended', { state: 'completed', bytes: 5 }]);
  });

  test('for an attempt that was lost, and for an offer that nobody answered', async () => {
    const { ana, anaProvider, write, offer } = await pair();
    await offer(write('a.txt', 'hello'));
    const error = new ProviderError('peer-offline', { protocolCode: 480 });
    anaProvider.sent[0]?.transfer.to({ state: 'failed', error });
    expect(last(ana)).toMatchObject(['info transfer-interrupted', { code: 'peer-offline', protocolCode: '480' }]);
    await offer(write('b.txt', 'hello'));
    anaProvider.sent[1]?.transfer.to({ state: 'unanswered', asked: true });
    expect(last(ana)).toMatchObject(['info transfer-unanswered', { direction: 'outgoing' }]);
  });
});
