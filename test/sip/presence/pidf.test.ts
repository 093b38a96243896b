import { describe, expect, test } from 'vitest';
import type { OwnPresence } from '../../../protocols/contract/index.ts';
import { formatPidf, parsePidf } from '../../../protocols/sip/presence/pidf.ts';

const facts = { entity: 'sip:ana@campus.test', tupleId: 'a1', now: Date.UTC(2026, 0, 2, 3, 4, 5) };
const HEAD = `<?xml version="1.0" encoding="UTF-8"?>\r\n<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:ana@campus.test">`;
const tuple = (basic: string, note = ''): string =>
  `<tuple id="ta1"><status><basic>${basic}</basic></status><contact>sip:ana@campus.test</contact>${note}<timestamp>2026-01-02T03:04:05.000Z</timestamp></tuple>`;

const PAIRS: [OwnPresence, string][] = [
  [{ state: 'available' }, `${HEAD}${tuple('open')}<dm:person id="pa1"></dm:person></presence>`],
  [
    { state: 'away', note: 'a < b & "c"', idleSince: Date.UTC(2026, 0, 2, 3, 0, 0) },
    `${HEAD}${tuple('open', '<note>a &#60; b &#38; &#34;c&#34;</note>')}<dm:person id="pa1"><rpid:activities><rpid:away/></rpid:activities><rpid:user-input last-input="2026-01-02T03:00:00.000Z">idle</rpid:user-input><dm:note>a &#60; b &#38; &#34;c&#34;</dm:note></dm:person></presence>`,
  ],
  [
    { state: 'busy' },
    `${HEAD}${tuple('open')}<dm:person id="pa1"><rpid:activities><rpid:busy/></rpid:activities></dm:person></presence>`,
  ],
  [
    { state: 'do-not-disturb' },
    `${HEAD}${tuple('open')}<dm:person id="pa1"><rpid:activities><rpid:busy/><rpid:other>do-not-disturb</rpid:other></rpid:activities></dm:person></presence>`,
  ],
  [{ state: 'offline' }, `${HEAD}${tuple('closed')}<dm:person id="pa1"></dm:person></presence>`],
];

describe.each(PAIRS)('%o', (presence, text) => {
  test('is written so', () => expect(formatPidf(presence, facts)).toBe(text));
  test('is read so', () => expect(parsePidf(text)).toEqual(presence));
});

const document = (content: string): string =>
  `<p:presence xmlns:p="urn:ietf:params:xml:ns:pidf" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" xmlns:d="urn:ietf:params:xml:ns:pidf:data-model" entity="sip%3Aana%40x">${content}</p:presence>`;
const device = (id: string, basic: string, stamp = ''): string =>
  `<p:tuple id="t${id}"><p:status><p:basic>${basic}</p:basic></p:status>${stamp}</p:tuple>`;
const person = (id: string, activity: string): string =>
  `<d:person id="p${id}"><r:activities><r:${activity}/></r:activities></d:person>`;

test.each([
  [
    'the most reachable of several devices',
    device('1', 'open') + device('2', 'open') + person('1', 'away') + person('2', 'on-the-phone'),
    'busy',
  ],
  ['one device closed, one away', device('1', 'closed') + device('2', 'open') + person('2', 'away'), 'away'],
  [
    'persons out of order',
    device('1', 'closed') + device('2', 'open') + person('2', 'meeting') + person('1', 'away'),
    'busy',
  ],
  ['no device at all', '', 'offline'],
  [
    'a device twice: the newer counts',
    device('1', 'open', '<p:timestamp>2026-01-01T00:00:00Z</p:timestamp>') +
      device('1', 'closed', '<p:timestamp>2026-01-02T00:00:00Z</p:timestamp>'),
    'offline',
  ],
  [
    'activities inside the tuple, as before the data model',
    '<p:tuple id="x"><p:status><p:basic>open</p:basic><r:activities><r:vacation/></r:activities></p:status></p:tuple>',
    'away',
  ],
  ['a person with nothing to say', `${device('1', 'open')}<d:person id="p1"/>`, 'available'],
])('%s', (_name, content, state) => expect(parsePidf(document(content))?.state).toBe(state));

test.each([
  ['no XML', 'hello'],
  ['another document', '<x xmlns="urn:y"/>'],
  ['cut short', PAIRS[0]?.[1].slice(0, -5) ?? ''],
  ['declared entities', `<!DOCTYPE p [<!ENTITY a "aaaa">]>${document('<p:note>&a;</p:note>')}`],
  ['endless depth', document('<p:a>'.repeat(100) + '</p:a>'.repeat(100))],
  ['too long', document(' '.repeat(300_000))],
])('%s is refused', (_name, text) => expect(parsePidf(text)).toBeUndefined());

const open = (inside = ''): string => `<p:tuple id="x"><p:status><p:basic>open</p:basic></p:status>${inside}</p:tuple>`;
const doing = (inside: string): string => `<d:person id="p">${inside}</d:person>`;
const activities = (inside: string): string => `<r:activities>${inside}</r:activities>`;
const unsaid = '<p:tuple id="x"><p:status><e:location xmlns:e="urn:e">home</e:location></p:status></p:tuple>';
const IDLE = '<r:user-input idle-threshold="600" last-input="2026-01-02T03:00:00Z">idle</r:user-input>';
const idleSince = Date.UTC(2026, 0, 2, 3, 0, 0);

describe('what other programs leave out or put elsewhere', () => {
  test.each([
    ['no word of open or closed, and nothing else', unsaid, { state: 'unknown' }],
    ['no word of open or closed, but what is done', unsaid + doing(activities('<r:meeting/>')), { state: 'busy' }],
    [
      'a note of who cannot be reached',
      `<p:tuple id="x"><p:status><p:basic>closed</p:basic></p:status><p:note>Back on Monday</p:note></p:tuple>`,
      { state: 'offline', note: 'Back on Monday' },
    ],
    [
      'a person without a way to reach them',
      doing(`${activities('<r:vacation/>')}<d:note>Sun</d:note>`),
      { state: 'offline', note: 'Sun' },
    ],
    [
      'an activity of a later list',
      open() + doing(activities('<e:juggling xmlns:e="urn:e"/>')),
      { state: 'available' },
    ],
    ['an activity nobody knows', open() + doing(activities('<r:unknown/>')), { state: 'available' }],
    [
      'several activities, with a note among them',
      open() + doing(activities('<r:note>Toast</r:note><r:breakfast/><r:on-the-phone/><r:other>reading</r:other>')),
      { state: 'busy' },
    ],
    ['the middle of the day', open() + doing(activities('<r:lunch/>')), { state: 'away' }],
    ['idle as a person', open() + doing(IDLE), { state: 'away', idleSince }],
    ['idle as a service', open(IDLE), { state: 'away', idleSince }],
    [
      'idle as the device of the service',
      `${open('<d:deviceID>urn:x:1</d:deviceID>')}<d:device id="m">${IDLE}<d:deviceID>urn:x:1</d:deviceID></d:device>`,
      { state: 'away', idleSince },
    ],
    [
      'idle as a device of no service',
      `${open('<d:deviceID>urn:x:1</d:deviceID>')}<d:device id="m">${IDLE}<d:deviceID>urn:x:2</d:deviceID></d:device>`,
      { state: 'available' },
    ],
    ['not idle any more', open() + doing(IDLE.replace('>idle<', '>active<')), { state: 'available' }],
    ['idle since nobody knows when', open() + doing('<r:user-input>idle</r:user-input>'), { state: 'away' }],
    [
      'idle since no time at all',
      open() + doing('<r:user-input last-input="yesterday">idle</r:user-input>'),
      { state: 'away' },
    ],
  ])('%s', (_name, content, presence) => expect(parsePidf(document(content))).toEqual(presence));
});

describe('of a note in several languages', () => {
  const NOTES =
    '<p:note xml:lang="en">Lunch</p:note><p:note xml:lang="pt-PT">Almoço</p:note><p:note xml:lang="pt-BR">Rango</p:note>';
  test.each([
    ['en', NOTES, 'Lunch'],
    ['en-GB', NOTES, 'Lunch'],
    ['pt-PT', NOTES, 'Almoço'],
    ['PT-br', NOTES, 'Rango'],
    ['pt', NOTES, 'Almoço'],
    ['de', NOTES, 'Lunch'],
    ['', NOTES, 'Lunch'],
    ['de', `${NOTES}<p:note>12-13</p:note>`, '12-13'],
    ['pt', '<p:note xml:lang="en">Lunch</p:note><p:note xml:lang="pt"/>', 'Lunch'],
  ])('a reader of "%s" sees theirs', (language, notes, note) => {
    expect(parsePidf(document(open(notes)), language)?.note).toBe(note);
    expect(parsePidf(document(`${open()}${notes}`), language)?.note).toBe(note);
  });
});
