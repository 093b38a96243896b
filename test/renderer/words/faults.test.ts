import { describe, expect, it } from 'vitest';
import type { CoreFaultCode } from '../../../electron/contract/index.ts';
import type { ProviderErrorCode } from '../../../protocols/contract/errors.ts';
import { en } from '../../../renderer/i18n/en/en.ts';
import { faultCode, faultSaid, faultSentence, faultTodo } from '../../../renderer/i18n/faults.ts';
import { createI18n } from '../../../renderer/i18n/i18n.ts';

// The compiler refuses this table when a code is added to either union and not here.
const EVERY: Record<ProviderErrorCode | CoreFaultCode, true> = {
  'host-unknown': true,
  unreachable: true,
  'not-this-protocol': true,
  'server-unavailable': true,
  'tls-required': true,
  'tls-untrusted': true,
  network: true,
  timeout: true,
  'address-invalid': true,
  'credentials-rejected': true,
  'credentials-missing': true,
  'authentication-weaker': true,
  'authentication-changed': true,
  'account-conflict': true,
  policy: true,
  'peer-offline': true,
  'peer-busy': true,
  'peer-declined': true,
  'peer-unknown': true,
  'peer-cannot-keep': true,
  'peer-outdated': true,
  'encryption-refused': true,
  'store-failed': true,
  'empty-refused': true,
  'not-supported': true,
  blocked: true,
  'too-big': true,
  malformed: true,
  unreadable: true,
  'no-space': true,
  'name-refused': true,
  'size-mismatch': true,
  'hash-mismatch': true,
  'source-changed': true,
  'source-missing': true,
  'permission-denied': true,
  cancelled: true,
  internal: true,
  'command-unknown': true,
  'command-invalid': true,
  'not-found': true,
  'wrong-state': true,
  'already-exists': true,
  'authority-invalid': true,
  'not-available-here': true,
  'risky-file': true,
  'file-gone': true,
  'profile-folder': true,
  'profile-in-use': true,
  'profile-sealed': true,
  'secrets-locked': true,
  'passphrase-needed': true,
  'passphrase-wrong': true,
  'key-damaged': true,
  'database-newer': true,
  'database-salvaging': true,
  'database-unavailable': true,
  'core-gone': true,
};

describe.each(['en', 'pt-PT'])('faults in %s', (tag) => {
  const { t } = createI18n(tag);

  it.each(Object.keys(EVERY))('%s has a sentence and one thing to do', (code) => {
    expect(Object.hasOwn(en.faults, code)).toBe(true);
    const [said, todo] = [faultSaid(t, code), faultTodo(t, code)];
    expect(said).toMatch(/^\p{Lu}.+\.$/u);
    expect(todo).toMatch(/^\p{Lu}.+\.$/u);
    expect(said).not.toBe(todo);
    // no codes in the sentence
    expect(`${said} ${todo}`).not.toMatch(/\d|[a-z]+-[a-z]+-|_/);
  });

  it('a code nobody foresaw still gets words', () => {
    expect(faultSentence(t, 'flux-capacitor')).toBe(`${faultSaid(t, 'other')} ${faultTodo(t, 'other')}`);
  });
});

it('the catalogue has no sentence for a code that does not exist', () => {
  expect(Object.keys(en.faults).filter((code) => code !== 'other' && !Object.hasOwn(EVERY, code))).toEqual([]);
});

it('the details name our code and the protocol’s own', () => {
  expect(faultCode({ code: 'server-unavailable', protocolCode: '503', retryable: true })).toBe(
    'server-unavailable · 503',
  );
});
