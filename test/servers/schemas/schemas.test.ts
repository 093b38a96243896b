import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { ContactPermission, OwnPresence } from '../../../protocols/contract/index.ts';
import { formatImdn } from '../../../protocols/sip/messaging/imdn.ts';
import { formatIsComposing } from '../../../protocols/sip/messaging/is-composing.ts';
import { formatPidf } from '../../../protocols/sip/presence/pidf.ts';
import { parseSipAddress } from '../../../protocols/sip/sip-address.ts';
import { watchedDocuments } from '../../../protocols/sip/xcap/change-watch.ts';
import { changePresenceRules } from '../../../protocols/sip/xcap/documents/presence-rules.ts';
import { changeResourceLists } from '../../../protocols/sip/xcap/documents/resource-lists.ts';
import { changeService, serviceOf } from '../../../protocols/sip/xcap/documents/rls-services.ts';
import { seeded } from '../../seeded.ts';
import { faultsOf } from './schemas.ts';

const COUNT = 300;
const PIECES = [
  'a',
  'José',
  ' ',
  '<',
  '>',
  '&',
  '"',
  "'",
  ']]>',
  '%',
  '%41',
  '😀',
  '\u0000',
  '\u001b',
  '\ud800',
  '\u2028',
  ';',
  '/',
  '+',
  '~',
  '\t',
  '喜',
  '\ufffe',
  'x'.repeat(300),
];

const made = (seed: number) => {
  const random = seeded(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const one = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const text = (): string => Array.from({ length: below(6) }, () => one(PIECES)).join('');
  const address = (): string => {
    const wanted = parseSipAddress(
      `sip:${text().replace(/\s/g, '')}@${one(['campus.test', '192.0.2.1:5070', 'x.test:5062'])}`,
    );
    return typeof wanted === 'string' ? wanted : `sip:p${below(9)}@campus.test`;
  };
  return { below, one, text, address };
};
const many = <T>(make: () => T): T[] => Array.from({ length: COUNT }, make);

test('the schemas refuse what is wrong', () => {
  const alone = formatImdn({ messageId: '1', recipient: 'sip:a@b', dateTime: new Date(0), disposition: 'delivered' });
  expect(faultsOf([alone], 'imdn')).toEqual([]);
  // RFC 5438 §11.1.9: as it was written before
  expect(faultsOf([alone.replace(/<original-recipient-uri>.*<\/original-recipient-uri>/, '')], 'imdn')).not.toEqual([]);
  const typing = formatIsComposing('composing');
  expect(faultsOf([typing.replace('active', 'typing').replace('<state>', '<state/><state>')])).not.toEqual([]);
});

test('every notification is valid (RFC 5438)', () => {
  const { one, text, address, below } = made(1);
  const documents = many(() =>
    formatImdn({
      messageId: text() || '1',
      recipient: address(),
      dateTime: new Date(below(2 ** 31) * 1000),
      disposition: one(['delivered', 'displayed']),
    }),
  );
  expect(faultsOf(documents, 'imdn')).toEqual([]);
});

test('every typing notice is valid (RFC 3994)', () => {
  expect(faultsOf([formatIsComposing('composing'), formatIsComposing('paused')])).toEqual([]);
});

test('every presence document is valid (RFC 3863, 4479, 4480)', () => {
  const { one, text, address, below } = made(2);
  const documents = many(() => {
    const presence: OwnPresence = {
      state: one(['available', 'away', 'busy', 'do-not-disturb', 'offline']),
      ...(below(2) ? { note: text() } : {}),
      ...(below(2) ? { idleSince: below(2 ** 31) * 1000 } : {}),
    };
    return formatPidf(presence, { entity: address(), tupleId: 'a1', now: below(2 ** 31) * 1000 });
  });
  expect(faultsOf(documents)).toEqual([]);
});

test('every contact list is valid, whatever was done to it (RFC 4826 §3)', () => {
  const { one, text, address, below } = made(3);
  const people = [...new Set(Array.from({ length: 12 }, address))];
  const groups = [...Array.from({ length: 4 }, text), 'Lab', 'oma_x', 'dialog_y'];
  let document: string | undefined;
  const documents = many(() => {
    const [gone, ...rest] = [...people].sort(() => below(3) - 1);
    const put = rest.slice(0, below(4)).map((address) => ({
      address,
      name: text(),
      groups: Array.from({ length: below(3) }, () => one(groups)),
    }));
    document = changeResourceLists(document, { put, remove: below(3) || !gone ? [] : [gone] });
    expect(document).toBeDefined();
    return document ?? '';
  });
  expect(faultsOf(documents)).toEqual([]);
});

test('every list of what is watched by a list server, and of documents, is valid (RFC 4826 §4, 5875 §4.4)', () => {
  const { address, below } = made(4);
  let document: string | undefined;
  const service = serviceOf('sip:josé+x@campus.test');
  const documents = many(() => {
    const people = [...new Set(Array.from({ length: below(6) }, address))];
    document = changeService(document, service, people);
    return document ?? '';
  });
  const watched = many(() => watchedDocuments(['resource-lists', 'pres-rules'], address()));
  expect(faultsOf([...documents, ...watched])).toEqual([]);
});

test('every document with rules is valid, whatever was done to it (RFC 4745, 5025)', () => {
  const { one, address } = made(5);
  const people = Array.from({ length: 8 }, address);
  let document: string | undefined =
    `<cr:ruleset xmlns:cr="urn:ietf:params:xml:ns:common-policy" xmlns:pr="urn:ietf:params:xml:ns:pres-rules"><cr:rule id="all"><cr:conditions><cr:identity><cr:many/></cr:identity></cr:conditions><cr:actions><pr:sub-handling>confirm</pr:sub-handling></cr:actions></cr:rule><cr:rule id="everybody"><cr:actions><pr:sub-handling>polite-block</pr:sub-handling></cr:actions></cr:rule></cr:ruleset>`;
  const permissions: readonly ContactPermission[] = ['allow', 'block', 'polite-block', 'ask'];
  const documents = many(() => {
    document = changePresenceRules(document, one(people), one(permissions));
    return document ?? '';
  });
  expect(faultsOf(documents)).toEqual([]);
});

test('the notice of a changed document that the campus sends is valid (RFC 5874)', () => {
  const configuration = readFileSync(new URL('../../../campus/config/kamailio.cfg', import.meta.url), 'utf8');
  const written = /\$uac_req\(body\) = (".*xcap-diff.*");/.exec(configuration)?.[1] ?? '';
  const document = written.replace(/" \+ \$[^+]*\+ "/g, 'pres-rules').replace(/^"|"$/g, '');
  expect(document).toContain('<document ');
  expect(faultsOf([document])).toEqual([]);
});

test('what our tests have other programs say is valid, too', () => {
  const watchers =
    '<watcherinfo xmlns="urn:ietf:params:xml:ns:watcherinfo" version="0" state="full"><watcher-list resource="sip:a@x" package="presence"><watcher id="1" event="subscribe" status="pending" display-name="Bob">sip:bob@campus.test</watcher></watcher-list></watcherinfo>';
  expect(faultsOf([watchers])).toEqual([]);
});
