import { expect, it } from 'vitest';
import { destinationOf, isOnlyEmoji, linkify } from '../../../renderer/talk/log/linkify.ts';

const links = (text: string) => linkify(text).flatMap((piece) => (piece.kind === 'link' ? [piece.uri] : []));
const whole = (text: string) =>
  linkify(text)
    .map((piece) => piece.text)
    .join('');

it('finds the addresses that may be opened', () => {
  expect(links('see https://tecnico.pt/a?b=1#c and mailto:ana@campus.pt')).toEqual([
    'https://tecnico.pt/a?b=1#c',
    'mailto:ana@campus.pt',
  ]);
  expect(links('sip:ana@campus.pt or xmpp:rui@campus.pt')).toEqual(['sip:ana@campus.pt', 'xmpp:rui@campus.pt']);
});

it('leaves out whatever else could run or read something', () => {
  for (const text of [
    'javascript:alert(1)',
    'file:///etc/passwd',
    'data:text/html,x',
    'vbscript:x',
    'smb://host/share',
    'https://',
    'ms-settings:x',
  ])
    expect(links(text)).toEqual([]);
});

it('a full stop, a bracket or a quote after a link belongs to the sentence', () => {
  expect(links('(https://tecnico.pt).')).toEqual(['https://tecnico.pt/']);
  expect(links('https://pt.wikipedia.org/wiki/Rio_(Lisboa)')).toEqual(['https://pt.wikipedia.org/wiki/Rio_(Lisboa)']);
  expect(links('“https://tecnico.pt/x”?')[0]).toContain('https://tecnico.pt/x');
});

it('no letter of the message is lost', () => {
  const text = 'olá https://a.pt, depois\nhttps://b.pt/ç! fim 🎉';
  expect(whole(text)).toBe(text);
});

it('the destination is the machine’s reading of the host, not what it looks like', () => {
  const [uri] = links('https://tecnico.pt@evil.example/login');
  expect(destinationOf(uri ?? '')).toBe('evil.example');
  const [other] = links('https://аpple.com/');
  expect(destinationOf(other ?? '')).toBe('xn--pple-43d.com');
});

it('a link cannot be bent by characters that turn the reading direction', () => {
  expect(links('https://a.pt/\u202egpj.exe')).toEqual(['https://a.pt/']);
});

it('one to three emoji alone are shown large; words are not', () => {
  expect(isOnlyEmoji('👍')).toBe(true);
  expect(isOnlyEmoji('👍🏽 ❤️')).toBe(true);
  expect(isOnlyEmoji('👩‍💻')).toBe(true);
  expect(isOnlyEmoji('ok 👍')).toBe(false);
  expect(isOnlyEmoji('12')).toBe(false);
});
