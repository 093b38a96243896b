import { describe, expect, test } from 'vitest';
import type { ContactPermission } from '../../../protocols/contract/index.ts';
import { changePresenceRules, readPresenceRules } from '../../../protocols/sip/xcap/documents/presence-rules.ts';
import {
  changeResourceLists,
  countUnreadable,
  readResourceLists,
} from '../../../protocols/sip/xcap/documents/resource-lists.ts';
import { changeService, readService, serviceOf } from '../../../protocols/sip/xcap/documents/rls-services.ts';
import { readCapabilities } from '../../../protocols/sip/xcap/documents/xcap-caps.ts';
import { readXcapDiff } from '../../../protocols/sip/xcap/documents/xcap-diff.ts';

const BOB = { address: 'sip:bob@campus.test', name: 'Bob', groups: [] };

/** As another client would leave it: prefixes, comments, elements of its own, an entry in two lists. */
const OTHERS = `<?xml version="1.0" encoding="UTF-8"?>\r
<!-- made <elsewhere> -->
<rl:resource-lists xmlns:rl="urn:ietf:params:xml:ns:resource-lists" xmlns:x="urn:other">
  <rl:list name="g1" x:icon="star"><rl:display-name xml:lang="pt">Laboratório</rl:display-name>
    <rl:entry uri="sip:bob@campus.test"><rl:display-name>Bob</rl:display-name><x:phone>123</x:phone></rl:entry>
    <rl:entry uri="sip:jos%C3%A9@Campus.Test" x:a="1"/>
    <rl:entry uri="tel:+351218417000"/><rl:entry-ref ref="foo/bar"/>
    <rl:list name="inner"><rl:entry uri="sip:bob@campus.test;user=phone"/></rl:list>
  </rl:list>
  <rl:list name="oma_blockedcontacts"><rl:entry uri="sip:eve@campus.test"/></rl:list>
  <x:settings>&amp;</x:settings>
</rl:resource-lists>`;

describe('resource lists', () => {
  test('groups are the lists, names decoded, policy lists left out', () => {
    expect(readResourceLists(OTHERS)).toEqual([
      { address: 'sip:bob@campus.test', name: 'Bob', groups: ['inner', 'Laboratório'] },
      { address: 'sip:josé@campus.test', name: '', groups: ['Laboratório'] },
    ]);
  });

  test('what others wrote survives a change, to the letter', () => {
    const changed = changeResourceLists(OTHERS, {
      put: [{ address: 'sip:josé@campus.test', name: 'José <&> "J" 😀', groups: ['Laboratório', 'Novo/grupo & "x"'] }],
      remove: ['sip:nobody@campus.test'],
    });
    expect(readResourceLists(changed ?? '')).toEqual([
      { address: 'sip:bob@campus.test', name: 'Bob', groups: ['inner', 'Laboratório'] },
      { address: 'sip:josé@campus.test', name: 'José <&> "J" 😀', groups: ['Laboratório', 'Novo/grupo & "x"'] },
    ]);
    for (const line of OTHERS.split('\n').filter(
      (each) => !each.includes('jos%C3%A9') && each !== '</rl:resource-lists>',
    ))
      expect(changed).toContain(line);
  });

  test('an entry goes to another group with what others wrote into it', () => {
    const changed = changeResourceLists(OTHERS, { put: [{ ...BOB, name: 'Robert', groups: ['Turma'] }] }) ?? '';
    expect(readResourceLists(changed)?.find(({ address }) => address === BOB.address)).toEqual({
      ...BOB,
      name: 'Robert',
      groups: ['Turma'],
    });
    expect(changed).toContain('<rl:display-name>Robert</rl:display-name><x:phone>123</x:phone>');
    // nobody is left in it, and nothing of others
    expect(changed).not.toContain('"inner"');
  });

  test('a change and its opposite leave nothing behind', () => {
    const begun = changeResourceLists(undefined, { put: [BOB, { ...BOB, address: 'sip:ana@x.test', groups: ['A'] }] });
    expect(readResourceLists(begun ?? '')?.map(({ groups }) => groups)).toEqual([[], ['A']]);
    const ended = changeResourceLists(begun, { remove: ['sip:ana@x.test', BOB.address] });
    expect(readResourceLists(ended ?? '')).toEqual([]);
    expect(ended).not.toContain('<list');
    expect(changeResourceLists(begun, { put: [BOB] })).toBe(begun);
  });

  /** As SIP SIMPLE SDK 5.5 writes it, an entry of ours in it. */
  const REWRITTEN = `<?xml version='1.0' encoding='UTF-8'?>
<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists" xmlns:addressbook="urn:ag-projects:xml:ns:addressbook">
  <list name="oma_grantedcontacts"><entry uri="sip%3Abob%40campus.test"/></list>
  <list name="dialog_grantedcontacts"><entry uri="sip%3Abob%40campus.test"/></list>
  <list name="sipsimple_presence_rls"><entry uri="bob%40campus.test"/><entry uri="eve%40campus.test"/></list>
  <list name="sipsimple_addressbook">
    <addressbook:contact id="1"><addressbook:name>Bob Book</addressbook:name><addressbook:uris>
      <addressbook:uri id="2" uri="bob%40campus.test" type="SIP"/><addressbook:uri id="3" uri="sip%3Ajos%25C3%25A9%40campus.test"/>
    </addressbook:uris></addressbook:contact>
  </list>
  <list name="Lab"><entry uri="sip%3Abob%40campus.test"/><entry uri="sip%3Ajos%25C3%25A9%40campus.test"/></list>
</resource-lists>`;

  test('a list another program wrote percent-encoded is read, with the names of its address book, and its own lists hidden', () => {
    expect(readResourceLists(REWRITTEN)).toEqual([
      { address: BOB.address, name: 'Bob Book', groups: ['Lab'] },
      { address: 'sip:josé@campus.test', name: 'Bob Book', groups: ['Lab'] },
    ]);
    const bare = REWRITTEN.replaceAll('sip%3Abob%40', 'bob%40');
    expect(readResourceLists(bare)?.[0]).toEqual({ address: BOB.address, name: 'Bob Book', groups: ['Lab'] });
    expect(countUnreadable(REWRITTEN)).toBe(0);
  });

  test('an entry written percent-encoded is the one that is changed or taken out, and nothing is doubled', () => {
    const changed = changeResourceLists(REWRITTEN, { put: [{ ...BOB, name: 'Robert', groups: ['Lab'] }] }) ?? '';
    expect(readResourceLists(changed)?.[0]).toEqual({ address: BOB.address, name: 'Robert', groups: ['Lab'] });
    expect(changed.match(/<entry /g)?.length).toBe(REWRITTEN.match(/<entry /g)?.length);
    const ended = changeResourceLists(changed, { remove: [BOB.address] }) ?? '';
    expect(readResourceLists(ended)?.map(({ address }) => address)).toEqual(['sip:josé@campus.test']);
    expect(ended).toContain('<list name="oma_grantedcontacts"><entry uri="sip%3Abob%40campus.test"/></list>');
  });

  test('a group whose name begins as those of another program do is not lost', () => {
    const changed = changeResourceLists(undefined, { put: [{ ...BOB, groups: ['dialog_partners'] }] }) ?? '';
    expect(readResourceLists(changed)).toEqual([{ ...BOB, groups: ['dialog_partners'] }]);
  });

  test('what is no address of ours is counted', () => {
    expect(countUnreadable(OTHERS)).toBe(2);
    expect(countUnreadable('<x/>')).toBe(0);
    const odd = '<entry uri="%zz"/><entry/><external anchor="http://x/"/><entry uri="xmpp:a@b.test"/>';
    expect(
      countUnreadable(
        `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>${odd}</list></resource-lists>`,
      ),
    ).toBe(4);
  });

  test('a group of the name another group has by its other name is told apart', () => {
    const before =
      '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list name="A"><display-name>B</display-name></list></resource-lists>';
    const changed = changeResourceLists(before, { put: [{ ...BOB, groups: ['A', 'B'] }] }) ?? '';
    expect(readResourceLists(changed)).toEqual([{ ...BOB, groups: ['A', 'B'] }]);
    expect(changed).toContain('name="A_"');
  });

  test('an entry whose prefixes mean nothing outside its list is written anew', () => {
    const before =
      '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list name="A" xmlns:q="urn:q"><entry uri="sip:bob@campus.test"><q:x/></entry></list></resource-lists>';
    const changed = changeResourceLists(before, { put: [{ ...BOB, groups: ['C'] }] }) ?? '';
    expect(readResourceLists(changed)).toEqual([{ ...BOB, groups: ['C'] }]);
  });

  test.each([
    [
      'entities',
      '<!DOCTYPE r [<!ENTITY a "aaaa">]><resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">&a;</resource-lists>',
    ],
    ['an unfinished document', '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>'],
    ['another document', '<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>'],
    [
      'too many elements',
      `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">${'<a/>'.repeat(50_000)}</resource-lists>`,
    ],
    ['depth', '<a>'.repeat(100)],
    [
      'more than a megabyte',
      `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">${' '.repeat(1_048_576)}</resource-lists>`,
    ],
  ])('%s are refused, read or changed', (_what, text) => {
    expect(readResourceLists(text)).toBeUndefined();
    expect(changeResourceLists(text, { put: [BOB] })).toBeUndefined();
  });

  test('five hundred people go up at once', () => {
    const people = Array.from({ length: 500 }, (_, index) => ({
      address: `sip:person${index}@campus.test`,
      name: `Person ${index}`,
      groups: index % 2 ? ['Odd'] : [],
    }));
    const all = readResourceLists(changeResourceLists(OTHERS, { put: people }) ?? '');
    expect(all?.length).toBe(502);
    expect(all?.find(({ address }) => address === 'sip:person7@campus.test')).toEqual(people[7]);
  });
});

describe('the list service', () => {
  const service = serviceOf('sip:ana@campus.test');
  const theirs =
    '<rls-services xmlns="urn:ietf:params:xml:ns:rls-services"><service uri="sip:friends@campus.test"><resource-list>http://x/</resource-list></service></rls-services>';

  test('holds everybody, beside services of others', () => {
    const text = changeService(theirs, service, ['sip:bob@campus.test', 'sip:josé@campus.test']) ?? '';
    expect(readService(text, service)).toEqual(['sip:bob@campus.test', 'sip:josé@campus.test']);
    expect(text).toContain('<service uri="sip:friends@campus.test"><resource-list>http://x/</resource-list></service>');
    expect(changeService(text, service, ['sip:josé@campus.test', 'sip:bob@campus.test'])).toBe(text);
    expect(readService(changeService(text, service, ['sip:bob@campus.test']) ?? '', service)).toEqual([BOB.address]);
    expect(changeService('<x/>', service, [])).toBeUndefined();
  });
});

describe('presence rules', () => {
  const handled = (text: string | undefined, address: string): ContactPermission | undefined =>
    text === undefined ? undefined : (readPresenceRules(text)?.(address) ?? 'ask');
  const POLICY = 'urn:ietf:params:xml:ns:common-policy';
  const rule = (id: string, identity: string, handling: string, more = ''): string =>
    `<cr:rule id="${id}"><cr:conditions>${identity}${more}</cr:conditions><cr:actions><pr:sub-handling>${handling}</pr:sub-handling></cr:actions><cr:transformations/></cr:rule>`;
  const ruleset = (...rules: string[]): string =>
    `<cr:ruleset xmlns:cr="${POLICY}" xmlns:pr="urn:ietf:params:xml:ns:pres-rules">${rules.join('')}</cr:ruleset>`;
  const one = (address: string): string => `<cr:identity><cr:one id="${address}"/></cr:identity>`;

  test('rules of another program for a list of the contact list hold for who is in it', () => {
    const external = (name: string): string =>
      `<ocp:external-list xmlns:ocp="urn:oma:xml:xdm:common-policy"><ocp:entry anc="http://x/resource-lists/users/sip:ana@campus.test/index/~~/resource-lists/list%5B%40name%3D%22${name}%22%5D"/></ocp:external-list>`;
    const text = ruleset(
      rule('wp_prs_granted', external('oma_grantedcontacts'), 'allow'),
      rule('wp_prs_blocked', external('oma_blockedcontacts'), 'polite-block'),
    ).replaceAll('%3D', '=');
    const lists: Record<string, string> = {
      oma_grantedcontacts: BOB.address,
      oma_blockedcontacts: 'sip:eve@campus.test',
    };
    const read = readPresenceRules(text, (name, address) => lists[name] === address);
    expect([BOB.address, 'sip:eve@campus.test', 'sip:carol@campus.test'].map((each) => read?.(each))).toEqual([
      'allow',
      'polite-block',
      undefined,
    ]);
  });

  test('every permission is written, read, and taken back', () => {
    let text: string | undefined;
    for (const permission of ['allow', 'block', 'polite-block', 'ask', 'polite-block', 'allow'] as const) {
      text = changePresenceRules(text, 'sip:josé@campus.test', permission);
      text = changePresenceRules(text, BOB.address, 'allow');
      expect([handled(text, 'sip:josé@campus.test'), handled(text, BOB.address)]).toEqual([permission, 'allow']);
    }
    expect(text?.match(/<rule /g)?.length).toBe(1);
    expect(handled(text, 'sip:nobody@campus.test')).toBe('ask');
    text = changePresenceRules(changePresenceRules(text, BOB.address, 'ask'), 'sip:josé@campus.test', 'ask');
    expect([handled(text, 'sip:josé@campus.test'), handled(text, BOB.address)]).toEqual(['ask', 'ask']);
    expect(text?.match(/<rule [^>]*>/g)).toEqual([expect.stringContaining('id="aims-confirm"')]);
  });

  test('the highest of all rules that match holds, and rules that may not hold are not counted on', () => {
    const text = ruleset(
      rule(
        'a',
        '<cr:identity><cr:many domain="Campus.Test"><cr:except id="sip:eve@campus.test"/></cr:many></cr:identity>',
        'polite-block',
      ),
      rule('b', one('sip:bob%40@campus.test'), 'block'),
      rule('c', one('sips:BOB@x.test'), 'allow'),
      rule(
        'd',
        one('sip:carol@campus.test'),
        'allow',
        '<cr:validity><cr:from>2020-01-01T00:00:00Z</cr:from></cr:validity>',
      ),
      rule('e', one('sip:dan@campus.test'), 'allow'),
      rule('f', one('sip:fay@x.test'), 'confirm'),
      rule('g', one('sip:gus@x.test'), 'shrug'),
    );
    const all = [
      'sip:bob@@campus.test',
      'sip:carol@campus.test',
      'sip:dan@campus.test',
      'sip:eve@campus.test',
      'sip:BOB@x.test',
      'sip:fay@x.test',
      'sip:gus@x.test',
    ];
    expect(all.map((address) => handled(text, address))).toEqual([
      'polite-block',
      'polite-block',
      'allow',
      'ask',
      'allow',
      'ask',
      'ask',
    ]);
  });

  test('who is blocked is taken out of the rules of others, which hold for everybody else as before', () => {
    const text = ruleset(
      rule('all', '<cr:identity><cr:many/></cr:identity>', 'allow'),
      rule(
        'two',
        '<cr:identity><cr:one id="sip:bob@campus.test"/><cr:one id="sip:ann@campus.test"/></cr:identity>',
        'polite-block',
      ),
      '<cr:rule id="none"><cr:actions><pr:sub-handling>allow</pr:sub-handling></cr:actions></cr:rule>',
      '<cr:rule id="empty"><cr:conditions/><cr:actions><pr:sub-handling>allow</pr:sub-handling></cr:actions></cr:rule>',
    );
    const blocked = changePresenceRules(text, BOB.address, 'block');
    expect([handled(blocked, BOB.address), handled(blocked, 'sip:ann@campus.test')]).toEqual(['block', 'allow']);
    for (const kept of ['id="all"', 'id="two"', 'sip:ann@campus.test', 'id="none"', 'id="empty"'])
      expect(blocked).toContain(kept);
    expect(handled(changePresenceRules(blocked, BOB.address, 'ask'), BOB.address)).toBe('ask');
  });

  test('a rule that named nobody else goes', () => {
    const text = ruleset(rule('x', one('sip:bob@campus.test'), 'allow'));
    expect(changePresenceRules(text, BOB.address, 'block')).not.toContain('id="x"');
  });

  test('who had a permission is asked about in so many words; of who had none nothing is written', () => {
    const text = ruleset(rule('x', one('sip:bob@campus.test'), 'allow'));
    expect(changePresenceRules(text, BOB.address, 'ask')).toContain('>confirm</sub-handling>');
    expect(changePresenceRules(text, 'sip:eve@campus.test', 'ask')).toBe(text);
    const confirmed = ruleset(rule('x', one('sip:bob@campus.test'), 'confirm'));
    expect(changePresenceRules(confirmed, BOB.address, 'ask')).toBe(confirmed);
  });

  test('what is no set of rules is not touched', () => {
    expect(readPresenceRules('<x/>')).toBeUndefined();
    expect(changePresenceRules('<!DOCTYPE x><ruleset/>', BOB.address, 'allow')).toBeUndefined();
  });
});

test('what a server can do is read from its capabilities', () => {
  const text = `<?xml version='1.0'?><xcap-caps xmlns='urn:ietf:params:xml:ns:xcap-caps'><auids><auid> pres-rules</auid><auid>rls-services</auid></auids><extensions/></xcap-caps>`;
  expect([...(readCapabilities(text) ?? [])]).toEqual(['pres-rules', 'rls-services']);
  expect(readCapabilities('<html/>')).toBeUndefined();
});

test('a notice of changes names documents and their tags', () => {
  const text =
    '<xcap-diff xmlns="urn:ietf:params:xml:ns:xcap-diff" xcap-root="http://x/"><document sel="a/b" new-etag="7"/><document sel="c"/></xcap-diff>';
  expect(readXcapDiff(text)).toEqual([
    { selector: 'a/b', etag: '7' },
    { selector: 'c', etag: undefined },
  ]);
  expect(readXcapDiff('<x/>')).toBeUndefined();
});
