import fc from 'fast-check';
import { Grammar } from 'sip.js';
import { expect, test } from 'vitest';
import { addressOfUri, parseSipAddress, toSipUri } from '../../protocols/sip/sip-address.ts';
import { sample } from '../extent.ts';

test.each([
  ['Ana@Campus.Test', 'sip:Ana@campus.test'],
  ['sip:gateway.campus.test', 'sip:gateway.campus.test'],
  ['<sip:gateway>', 'address-invalid'],
  ['SIP:Gateway.Campus.Test:5070;transport=tcp', 'sip:gateway.campus.test:5070'],
  ['sip:[2001:db8::1]', 'sip:[2001:db8::1]'],
  ['sip:bob:secret@campus.test:5060', 'sip:bob@campus.test'],
  ['campus.test', 'address-invalid'],
  ['ana', 'address-invalid'],
  ['sip:', 'address-invalid'],
  ['sip:@campus.test', 'address-invalid'],
])('%s is read as %s', (text, address) => {
  const read = parseSipAddress(text);
  expect(typeof read === 'string' ? read : read.code).toBe(address);
});

test('a password and the usual port in a received URI are no part of the address', () => {
  const uri = Grammar.URIParse('sip:bob:secret@campus.test:5060');
  expect(uri && addressOfUri(uri)).toBe('sip:bob@campus.test');
});

test('every address that can be received can be written to, and is read again as the same', () => {
  const user = fc.option(fc.stringMatching(/^(?:[\w.!~*'()&=+$,;?/-]|%[2-7][0-9A-F]|%C3%A[0-9A-F]){1,12}$/));
  const host = fc.constantFrom('gateway.example.test', 'Campus.Test', '127.0.0.1', '[2001:db8::1]');
  const port = fc.option(fc.integer({ min: 1, max: 65_535 }));
  fc.assert(
    fc.property(user, host, port, (name, place, number) => {
      const uri = Grammar.URIParse(
        `sip:${name === null ? '' : `${name}@`}${place}${number === null ? '' : `:${number}`}`,
      );
      fc.pre(uri !== undefined);
      const address = addressOfUri(uri);
      const written = toSipUri(address);
      expect(addressOfUri(written)).toBe(address);
    }),
    sample(100),
  );
});
