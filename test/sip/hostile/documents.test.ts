import { describe, expect, test } from 'vitest';
import { parseImdn } from '../../../protocols/sip/messaging/imdn.ts';
import { parseIsComposing } from '../../../protocols/sip/messaging/is-composing.ts';
import { parsePidf } from '../../../protocols/sip/presence/pidf.ts';
import { WatcherInfo } from '../../../protocols/sip/presence/watcher-info.ts';
import { parseListNotice } from '../../../protocols/sip/presence/watching/rlmi.ts';
import { readPresenceRules } from '../../../protocols/sip/xcap/documents/presence-rules.ts';
import { readResourceLists } from '../../../protocols/sip/xcap/documents/resource-lists.ts';
import { readServices } from '../../../protocols/sip/xcap/documents/rls-services.ts';
import { readCapabilities } from '../../../protocols/sip/xcap/documents/xcap-caps.ts';
import { readXcapDiff } from '../../../protocols/sip/xcap/documents/xcap-diff.ts';

interface Kind {
  name: string;
  root: string;
  namespace: string;
  /** Attributes and content of the least that is taken. */
  attributes?: string;
  content?: string;
  /** Undefined: it is none. */
  read: (text: string) => unknown;
}
const listNotice = (text: string): unknown => {
  const body = `--x\r\nContent-Type: application/rlmi+xml\r\n\r\n${text}\r\n--x--`;
  return parseListNotice('multipart/related;boundary=x', Buffer.from(body).toString('latin1'), 'en');
};
const watchers = (text: string): unknown => {
  const taken = new WatcherInfo().take(text);
  return taken === 'nothing' ? undefined : taken;
};
const KINDS: readonly Kind[] = [
  { name: 'presence', root: 'presence', namespace: 'urn:ietf:params:xml:ns:pidf', read: (text) => parsePidf(text) },
  {
    name: 'a notification',
    root: 'imdn',
    namespace: 'urn:ietf:params:xml:ns:imdn',
    content: '<message-id>1</message-id><display-notification><status><displayed/></status></display-notification>',
    read: parseImdn,
  },
  {
    name: 'typing',
    root: 'isComposing',
    namespace: 'urn:ietf:params:xml:ns:im-iscomposing',
    content: '<state>active</state>',
    read: parseIsComposing,
  },
  {
    name: 'watchers',
    root: 'watcherinfo',
    namespace: 'urn:ietf:params:xml:ns:watcherinfo',
    attributes: 'version="0" state="full"',
    read: watchers,
  },
  {
    name: 'a list notice',
    root: 'list',
    namespace: 'urn:ietf:params:xml:ns:rlmi',
    attributes: 'version="0" uri="sip:l@a"',
    read: listNotice,
  },
  {
    name: 'contacts',
    root: 'resource-lists',
    namespace: 'urn:ietf:params:xml:ns:resource-lists',
    read: readResourceLists,
  },
  { name: 'rules', root: 'ruleset', namespace: 'urn:ietf:params:xml:ns:common-policy', read: readPresenceRules },
  { name: 'list services', root: 'rls-services', namespace: 'urn:ietf:params:xml:ns:rls-services', read: readServices },
  { name: 'abilities', root: 'xcap-caps', namespace: 'urn:ietf:params:xml:ns:xcap-caps', read: readCapabilities },
  { name: 'changes', root: 'xcap-diff', namespace: 'urn:ietf:params:xml:ns:xcap-diff', read: readXcapDiff },
];
const written = ({ root, namespace, attributes = '', content = '' }: Kind, inside = ''): string =>
  `<${root} xmlns="${namespace}" ${attributes}>${content}${inside}</${root}>`;
const LAUGHS = Array.from({ length: 9 }, (_, nth) => `<!ENTITY l${nth + 1} "${`&l${nth};`.repeat(10)}">`).join('');

describe.each(KINDS)('$name', (kind) => {
  const { root, namespace, attributes = '', content = '' } = kind;
  test('is taken when it is the least of its kind', () => {
    expect(kind.read(`<?xml version="1.0" encoding="UTF-8"?>${written(kind)}`)).toBeDefined();
    // whatever it calls its namespace
    const prefixed = content.replace(/<(\/?)/g, '<$1p:');
    expect(kind.read(`<p:${root} xmlns:p="${namespace}" ${attributes}>${prefixed}</p:${root}>`)).toBeDefined();
  });

  test.each([
    ['entities within entities', `<!DOCTYPE x [<!ENTITY l0 "laugh">${LAUGHS}]>${written(kind, '&l9;')}`],
    ['an entity of another file', `<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>${written(kind, '&f;')}`],
    ['a document type elsewhere', `<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">${written(kind)}`],
    ['a document type without anything', `<!DOCTYPE ${root}>${written(kind)}`],
    ['an entity nobody declared', written(kind, '&nobody;')],
    ['too many levels', written(kind, `${'<a>'.repeat(40)}${'</a>'.repeat(40)}`)],
    ['too many elements', written(kind, '<a/>'.repeat(60_000))],
    ['ten megabytes', written(kind, `<!--${'x'.repeat(10_000_000)}-->`)],
    ['no namespace', written({ ...kind, namespace: '' })],
    ['the namespace of another', written({ ...kind, namespace: 'urn:ietf:params:xml:ns:other' })],
    ['another root', written({ ...kind, root: 'other' })],
    ['the bytes of UTF-16', Buffer.from(written(kind), 'utf16le').toString('utf8')],
    ['the end in the middle', written(kind).slice(0, -3)],
    ['two roots', written(kind) + written(kind)],
    ['a control character', written(kind, '\u0001')],
    ['a prefix nobody bound', written(kind, '<q:a/>')],
    ['an attribute twice', written(kind, '<a b="1" b="2"/>')],
    ['nothing', ''],
    ['no XML', '{"a":1}'],
  ])('with %s is none, and nothing is thrown', (_name, text) => {
    expect(kind.read(text)).toBeUndefined();
  });

  test('with attributes and elements named as something every object has is read as if without', () => {
    const odd = ['__proto__', 'constructor', 'toString'].map((name) => `<${name} ${name}="polluted" id="1"/>`).join('');
    expect(kind.read(written(kind, odd))).toBeDefined();
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

test('a list in which thousands point at one document reads it once', () => {
  const note = 'x'.repeat(100_000);
  const pidf = `<presence xmlns="urn:ietf:params:xml:ns:pidf"><tuple id="t"><status><basic>open</basic></status><note>${note}</note></tuple></presence>`;
  const resources = Array.from(
    { length: 2_000 },
    (_, nth) => `<resource uri="sip:p${nth}@a.test"><instance id="1" state="active" cid="one"/></resource>`,
  );
  const list = `<list xmlns="urn:ietf:params:xml:ns:rlmi" version="0" fullState="true">${resources.join('')}</list>`;
  const parts = [
    `Content-Type: application/rlmi+xml\r\n\r\n${list}`,
    `Content-Type: application/pidf+xml\r\nContent-ID: <one>\r\n\r\n${pidf}`,
  ];
  const body = `${parts.map((part) => `--x\r\n${part}\r\n`).join('')}--x--`;
  const notice = parseListNotice('multipart/related;boundary=x', body, 'en');
  const seen = [...(notice?.resources.values() ?? [])].map(([instance]) => instance?.presence);
  expect(seen.length).toBe(2_000);
  // the very same: nothing was read again
  expect(new Set(seen).size).toBe(1);
});
