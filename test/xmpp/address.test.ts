import { expect, it } from 'vitest';
import { ProviderError } from '../../protocols/contract/index.ts';
import { parseAddress, parseJid } from '../../protocols/xmpp/address.ts';
import { xmpp } from '../../protocols/xmpp/index.ts';

it.each([
  ['ana@campus.test', 'xmpp:ana@campus.test'],
  ['  Ana@Campus.Test ', 'xmpp:ana@campus.test'],
  ['xmpp:ana@campus.test', 'xmpp:ana@campus.test'],
  ['XMPP:ana@campus.test/desk?message;body=hi', 'xmpp:ana@campus.test'],
  ['xmpp://guest@campus.test/ana@campus.test', 'xmpp:ana@campus.test'],
  ['xmpp:jo%C3%A3o@campus.test', 'xmpp:joão@campus.test'],
  ['joa\u0303o@campus.test', 'xmpp:joão@campus.test'],
  ['ana@campus.test.', 'xmpp:ana@campus.test'],
  ['ana@[::1]', 'xmpp:ana@::1'],
  ['ana\\20maria@campus.test', 'xmpp:ana\\20maria@campus.test'],
])('reads %s', (text, address) => {
  expect(parseAddress(text)).toBe(address);
});

it.each([
  '',
  'campus.test',
  '@campus.test',
  'ana@',
  'a b@campus.test',
  'a@b@campus.test',
  'ana@cam pus',
  'xmpp:%zz@campus.test',
  `${'a'.repeat(1024)}@campus.test`,
  'ana@campus.test/',
  'sip:ana@campus.test',
])('refuses %s', (text) => {
  const parsed = xmpp.parseAddress(text);
  expect(parsed).toBeInstanceOf(ProviderError);
  expect(parsed).toMatchObject({ code: 'address-invalid' });
});

it('keeps the resource of a JID as it is', () => {
  expect(parseJid('Ana@Campus.Test/Desk 1@x/y')).toEqual({
    bare: 'ana@campus.test',
    domain: 'campus.test',
    resource: 'Desk 1@x/y',
  });
  expect(parseJid('campus.test')).toEqual({ bare: 'campus.test', domain: 'campus.test', resource: '' });
});
