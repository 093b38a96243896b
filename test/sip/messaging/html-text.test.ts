import { expect, test } from 'vitest';
import { textOfHtml } from '../../../protocols/sip/messaging/html-text.ts';

test.each([
  [
    'as another engine writes it',
    '<html><head><style>p{}</style></head><body>Hello <b>Bob</b></body></html>',
    'Hello Bob',
  ],
  ['a head whose end is left out', '<head><title>t</title><body>x', 'x'],
  ['blocks and line breaks', '<p>one\n two</p><div>three<br>four</div>five', 'one two\nthree\nfour\nfive'],
  ['lists', '<ul><li> a <li><p>b</p><ol start=3><li>c<li>d</ol></ul>e', '• a\n• b\n  3. c\n  4. d\ne'],
  ['a link with its address', '<p>See <a href="https://a.test/x">this</a>, ok', 'See this (https://a.test/x), ok'],
  ['a link that is its address', '<a href="https://a.test/">https://a.test</a>', 'https://a.test'],
  ['a link that is a script', '<a href="javascript:alert(1)">x</a>', 'x'],
  ['scripts, styles and hidden parts', 'a<script>"</p>"</script><style>b</style><i style="display: none">c</i>d', 'ad'],
  ['a hidden paragraph without an end', '<p hidden>a<p>b', 'b'],
  ['character references', 'a &lt;b&gt; &amp; c&eacute; &#x1F393;&nbsp;x', 'a <b> & cé 🎓\u00a0x'],
  ['preformatted text', '<pre>a\n  b</pre>c', 'a\n  b\nc'],
  ['a picture by its words', '<img src="http://a.test/p.png" alt="smile"> x', 'smile x'],
  ['what is no HTML', 'a < b <', 'a < b <'],
  ['markup that ends in the middle', 'x<a href="', 'x'],
  ['table cells', '<table><tr><td>a<td>b<tr><td>c</table>', 'a b\nc'],
  ['nothing', '<!-- x --><br>', ''],
])('somebody reads %s as text', (_what, html, text) => expect(textOfHtml(html)).toBe(text));

test.each(['<div>', '<a href=x:>', '</p>', '<p hidden>', '<ul><li>', '<pre>', '&', '<!--', '\n', '<svg>', '<b a>x'])(
  'a megabyte of %j ends',
  (piece) => {
    expect(textOfHtml(piece.repeat(1_000_000 / piece.length)).length).toBeLessThan(3_000_000);
  },
);

test('a tag with hundreds of thousands of attributes ends', () => {
  const attributes = Array.from({ length: 200_000 }, (_, index) => `a${index}`).join(' ');
  expect(textOfHtml(`<b ${attributes}>x`)).toBe('x');
});

test.each(['svg', 'math', 'object', 'noscript', 'select', 'template'])(
  'an unclosed <%s> takes nothing that follows with it',
  (name) => {
    expect(textOfHtml(`before <${name}><p>after</p>`)).toBe('before\nafter');
    expect(textOfHtml(`<${name}>left out</${name}>before <${name}><p>after</p>`)).toContain('before\nafter');
    expect(textOfHtml(`before <${name}>left out</${name}><p>after</p>`)).toBe('before\nafter');
  },
);
