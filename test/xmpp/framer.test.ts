import { expect, it } from 'vitest';
import { StanzaFramer } from '../../protocols/xmpp/stream/framer.ts';

const HEADER = "<?xml version='1.0'?><stream:stream to='a>b' xmlns='jabber:client'>";
const STANZAS = [
  '<message id="1"><body>reunião 😀 &lt;a&gt;</body></message>',
  '<presence/>',
  "<iq a='/'><x y='<'/><![CDATA[ ]> ]] <b> ]]]></iq>",
  '<a:b xmlns:a="c" d="it\'s"></a:b>',
  '<r xmlns="urn:xmpp:sm:3" />',
];
const STREAM = `${HEADER}\r\n ${STANZAS.join('\n')} </stream:stream>`;
const FRAMES = [HEADER.replace(/<\?.*\?>/, ''), ...STANZAS, '</stream:stream>'];

it('cuts a stream into the same frames at every split in two', () => {
  for (let at = 0; at <= STREAM.length; at++) {
    const framer = new StanzaFramer(10_000);
    expect([...framer.push(STREAM.slice(0, at)), ...framer.push(STREAM.slice(at))]).toEqual(FRAMES);
  }
});

it('cuts a stream into the same frames one character at a time', () => {
  const framer = new StanzaFramer(10_000);
  expect(STREAM.split('').flatMap((character) => [...framer.push(character)])).toEqual(FRAMES);
});

it('gives a frame out with its last character and not later', () => {
  const framer = new StanzaFramer(10_000);
  expect([...framer.push('<s><a')]).toEqual(['<s>']);
  expect([...framer.push('>x</a')]).toEqual([]);
  expect([...framer.push('>')]).toEqual(['<a>x</a>']);
});

it.each([
  ['a comment', '<s><!-- -->', 'restricted-xml'],
  ['a document type before the root', '<!DOCTYPE s>', 'restricted-xml'],
  ['a document type inside', '<s><a><!DOCTYPE', 'restricted-xml'],
  ['CDATA between stanzas', '<s><![CDATA[x]]>', 'restricted-xml'],
  ['an instruction', '<s><?x ?>', 'restricted-xml'],
  ['text between stanzas', '<s>x', 'not-well-formed'],
  ['text before the root', 'x<s>', 'not-well-formed'],
  ['a root without an inside', '<s/>', 'not-well-formed'],
  ['an end before the beginning', '</s>', 'not-well-formed'],
  ['a tag in a tag', '<s><a <b', 'not-well-formed'],
  ['an element without a name', '<s><>', 'not-well-formed'],
  ['data after the end', '<s></s><a/>', 'not-well-formed'],
  ['too many bytes', `<s><a>${'é'.repeat(60)}`, 'policy-violation'],
  ['too many bytes in one name', `<s><${'a'.repeat(200)}`, 'policy-violation'],
  ['too many bytes in one value', `<s><a b='${'a'.repeat(200)}`, 'policy-violation'],
  ['too deep a nest', `<s>${'<a>'.repeat(70)}`, 'policy-violation'],
])('refuses %s at every split', (_what, text, condition) => {
  for (let at = 0; at <= text.length; at++) {
    const framer = new StanzaFramer(condition === 'policy-violation' && text.includes('<a><a>') ? 10_000 : 100);
    const push = (): unknown => [
      ...framer.push(text.slice(0, at)),
      ...framer.push(text.slice(at)),
      ...framer.push(' '),
    ];
    expect(push).toThrow(expect.objectContaining({ condition }));
  }
});

it('counts the limit for each frame anew', () => {
  const framer = new StanzaFramer(20);
  expect([...framer.push(`<s>${'<a>0123456789</a>'.repeat(5)}`)]).toHaveLength(6);
});
