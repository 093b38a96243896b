import { expect, it } from 'vitest';
import { checkSignIn, guessProtocol, noValues, signInCommand } from '../../renderer/first-start/sign-in-values.ts';

it('a campus address is SIP unless it says otherwise', () => {
  expect(guessProtocol('ist1@campus.pt')).toBe('sip');
  expect(guessProtocol('sips:ist1@campus.pt')).toBe('sip');
  expect(guessProtocol('XMPP:ist1@campus.pt')).toBe('xmpp');
  expect(guessProtocol('ist1@jabber.campus.pt')).toBe('xmpp');
});

it('says which field is missing or wrong', () => {
  expect(checkSignIn(noValues)).toEqual({ address: 'missing', password: 'missing' });
  expect(checkSignIn({ ...noValues, address: 'ist1', password: 'x', port: '70000' })).toEqual({
    address: 'bad',
    port: 'bad',
  });
});

it('leaves to the lookup what nobody filled in', () => {
  expect(signInCommand({ ...noValues, address: ' ist1@campus.pt ', password: ' x ' })).toEqual({
    protocol: 'sip',
    address: 'ist1@campus.pt',
    password: ' x ',
    displayName: '',
  });
});

it('sends the server, transport and login that were given', () => {
  expect(
    signInCommand({
      ...noValues,
      address: 'a@b.pt',
      password: 'x',
      host: '127.0.0.1',
      port: '5070',
      transport: 'tcp',
      login: 'aa',
    }),
  ).toMatchObject({
    server: { host: '127.0.0.1', port: 5070 },
    transport: 'tcp',
    authenticationName: 'aa',
  });
});
