import { describe, expect, it } from 'vitest';
import {
  bareOf,
  domainOf,
  Emitter,
  ProviderError,
  registrationMayMove,
  schemeOf,
  userOf,
} from '../../protocols/contract/index.ts';

describe('Emitter', () => {
  it('tells every listener in order, and none after it undid its subscription', () => {
    const emitter = new Emitter<number>();
    const heard: string[] = [];
    const stop = emitter.on((n) => heard.push(`a${n}`));
    emitter.on((n) => heard.push(`b${n}`));
    emitter.emit(1);
    stop();
    stop();
    emitter.emit(2);
    expect(heard).toEqual(['a1', 'b1', 'b2']);
    expect(emitter.size).toBe(1);
  });

  it('counts the same function twice as two subscriptions', () => {
    const emitter = new Emitter<number>();
    let calls = 0;
    const listener = (): void => {
      calls += 1;
    };
    const first = emitter.on(listener);
    emitter.on(listener);
    first();
    emitter.emit(0);
    expect(calls).toBe(1);
  });

  it('goes on after a listener that throws, whose error is seen as a bug', async () => {
    const emitter = new Emitter<number>();
    let reached = false;
    const before = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    const seen = new Promise<Error>((resolve) =>
      process.once('unhandledRejection', (error) => resolve(error as Error)),
    );
    emitter.on(() => {
      throw new Error('bug');
    });
    emitter.on(() => {
      reached = true;
    });
    emitter.emit(1);
    expect(reached).toBe(true);
    expect((await seen).message).toBe('bug');
    for (const listener of before) process.on('unhandledRejection', listener);
  });
});

describe('ProviderError', () => {
  it('keeps an expected error as it is and wraps a bug as internal', () => {
    const expected = new ProviderError('server-unavailable', { protocolCode: 503, retryAfter: 30, retryable: true });
    expect(ProviderError.from(expected)).toBe(expected);
    expect(expected.protocolCode).toBe('503');
    const bug = new TypeError('x');
    expect(ProviderError.from(bug)).toMatchObject({ code: 'internal', cause: bug, retryable: false });
  });
});

describe('addresses', () => {
  it('come apart into scheme, user and domain', () => {
    const address = 'sip:ana.sousa@campus.test';
    expect([schemeOf(address), bareOf(address), userOf(address), domainOf(address)]).toEqual([
      'sip',
      'ana.sousa@campus.test',
      'ana.sousa',
      'campus.test',
    ]);
  });
});

describe('registration', () => {
  it('only moves as drawn', () => {
    expect(registrationMayMove('offline', 'connecting')).toBe(true);
    expect(registrationMayMove('waiting', 'online')).toBe(false);
    expect(registrationMayMove('stopped', 'waiting')).toBe(false);
    expect(registrationMayMove('stopped', 'connecting')).toBe(true);
    expect(registrationMayMove('offline', 'online')).toBe(false);
  });
});
