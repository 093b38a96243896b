import { expect, it } from 'vitest';
import type { Account } from '../../../electron/contract/index.ts';
import { accountWords } from '../../../renderer/app/account-words.ts';
import { roundDuration } from '../../../renderer/i18n/format.ts';
import { createI18n } from '../../../renderer/i18n/i18n.ts';

const NOW = 1_800_000_000_000;
const waiting = (seconds: number, code = 'unreachable'): Account['registration'] => ({
  state: 'waiting',
  retryAt: NOW + seconds * 1000,
  cause: { code, retryable: true },
});
const step = (name: 'locating' | 'securing' | 'authenticating' | 'registering' | 'restoring') =>
  ({ state: 'connecting', step: name }) as const;

const SAID: [Account['registration'], string, string][] = [
  [{ state: 'offline' }, 'Signed out', 'Sessão terminada'],
  [step('locating'), 'Finding the server', 'A procurar o servidor'],
  [step('securing'), 'Making the line private', 'A proteger a ligação'],
  [step('authenticating'), 'Checking your password', 'A verificar a palavra-passe'],
  [step('registering'), 'Announcing you', 'A anunciar a sua presença'],
  [step('restoring'), 'Fetching your contacts', 'A obter os seus contactos'],
  [{ state: 'online', since: NOW }, 'Connected', 'Ligado'],
  [
    waiting(12),
    'The server does not answer. Not connected. Trying again in 12 s.',
    'O servidor não responde. Sem ligação. Nova tentativa em 12 s.',
  ],
  [
    waiting(1800, 'server-unavailable'),
    'The server is not available just now. Not connected. Trying again in 30 min.',
    'O servidor não está disponível neste momento. Sem ligação. Nova tentativa em 30 min.',
  ],
  [
    waiting(-1),
    'The server does not answer. Not connected. Trying again now.',
    'O servidor não responde. Sem ligação. A tentar de novo agora.',
  ],
  [
    { state: 'stopped', cause: { code: 'credentials-rejected', retryable: false } },
    'The server refused the address or the password.',
    'O servidor recusou o endereço ou a palavra-passe.',
  ],
];

it.each(SAID)('an account that is %o says so in words, with the time until the next try', (registration, en, pt) => {
  const account = { enabled: true, registration } as Account;
  const said = (tag: string): string =>
    accountWords(createI18n(tag).t, account, NOW, (seconds) => roundDuration(tag, seconds)).replaceAll('\u00a0', ' ');
  expect([said('en-GB'), said('pt-PT')]).toEqual([en, pt]);
});
