import { describe, expect, it } from 'vitest';
import {
  type Answer,
  answer,
  type CommandError,
  callCore,
  checkEvents,
  type Handlers,
  refuse,
} from '../../electron/contract/index.ts';

const message = {
  id: 'm1',
  talkId: 't1',
  sequence: 1,
  direction: 'outgoing' as const,
  kind: 'text' as const,
  text: 'olá',
  transferId: null,
  at: 1,
  state: 'queued' as const,
  fault: null,
  route: { accountId: 'a1', address: 'sip:rui@campus.test' },
};

const handlers = {
  'messages.send': () => message,
  'messages.retry': () => {
    throw refuse('not-found');
  },
  'talks.remove': () => {
    throw new Error('a bug');
  },
  'transfers.decline': () => undefined,
} as unknown as Handlers;

const core = (report: (error: unknown) => void = () => {}) => ({
  call: (name: string, input: unknown): Promise<Answer> => answer(handlers, name, input, report),
});

describe('the wire between a window and the core', () => {
  it('carries a command and its answer', async () => {
    await expect(callCore(core(), 'messages.send', { talkId: 't1', text: 'olá' })).resolves.toEqual(message);
  });

  it('refuses a command that is not in the table', async () => {
    expect(await core().call('constructor', {})).toEqual({
      ok: false,
      fault: { code: 'command-unknown', retryable: false },
    });
  });

  it('refuses input that does not fit the schema, before any handler sees it', async () => {
    expect(await core().call('messages.send', { talkId: 7 })).toMatchObject({ fault: { code: 'command-invalid' } });
    expect(await core().call('messages.send', { talkId: 't1', text: 'x', messageId: '../../etc' })).toMatchObject({
      fault: { code: 'command-invalid' },
    });
  });

  it('brings a fault across with its code', async () => {
    const failed = callCore(core(), 'messages.retry', { messageId: 'm1' });
    await expect(failed).rejects.toMatchObject({
      fault: { code: 'not-found', retryable: false },
    } satisfies Partial<CommandError>);
  });

  it('turns a bug into `internal` without its words, and reports it here', async () => {
    const reported: unknown[] = [];
    const reply = await core((error) => reported.push(error)).call('talks.remove', { talkId: 't1' });
    expect(reply).toEqual({ ok: false, fault: { code: 'internal', retryable: false } });
    expect(reported).toHaveLength(1);
  });

  it('does not let a handler answer what its schema does not promise', async () => {
    const reported: unknown[] = [];
    const reply = await core((error) => reported.push(error)).call('transfers.decline', { transferId: 'x' });
    expect(reply).toMatchObject({ fault: { code: 'internal' } });
    expect(reported).toHaveLength(1);
  });

  it('drops an event that does not fit and keeps the others in order', () => {
    const reported: unknown[] = [];
    const good = [
      { type: 'typing', talkId: 't1', composing: true },
      { type: 'messages', changed: [message] },
    ];
    expect(checkEvents([good[0], { type: 'typing' }, 'x', good[1]], (error) => reported.push(error))).toEqual(good);
    expect(reported).toHaveLength(2);
    expect(checkEvents('no batch', () => {})).toEqual([]);
  });
});
