import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { en } from '../../../renderer/i18n/en/en.ts';
import { pt } from '../../../renderer/i18n/pt/pt.ts';

type Tree = { readonly [key: string]: string | Tree };
const flat = (tree: Tree, prefix = ''): [string, string][] =>
  Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string' ? [[`${prefix}${key}`, value] as [string, string]] : flat(value, `${prefix}${key}.`),
  );
const placeholders = (text: string) =>
  [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1] ?? '').sort((a, b) => a.localeCompare(b));

const english = flat(en);
const portuguese = new Map(flat(pt));

it('both languages have the same keys', () => {
  expect([...portuguese.keys()].sort()).toEqual(english.map(([key]) => key).sort());
});

it('both languages use the same placeholders in each sentence', () => {
  const different = english.filter(
    ([key, text]) => placeholders(text).join() !== placeholders(portuguese.get(key) ?? '').join(),
  );
  expect(different).toEqual([]);
});

it('no sentence is empty', () => {
  const empty = [...english, ...portuguese].filter(([, text]) => text.trim() === '');
  expect(empty).toEqual([]);
});

it('every plural has its forms for one and for more', () => {
  const keys = new Set(english.map(([key]) => key));
  const lonely = [...keys].filter(
    (key) =>
      (key.endsWith('_one') && !keys.has(key.replace(/_one$/, '_other'))) ||
      (key.endsWith('_other') && !keys.has(key.replace(/_other$/, '_one'))),
  );
  expect(lonely).toEqual([]);
});

it('the Portuguese sentences were translated', () => {
  const alike = new Set([
    'app.',
    'start.addressExample',
    'protocols.',
    'shortcuts.keys.',
    'composer.emoji',
    'connection.stopped',
    'talk.routeVia',
    'talk.incoming',
    'file.progress',
    'file.label',
    'account.label',
  ]);
  const same = english.filter(
    ([key, text]) =>
      text.length > 6 && portuguese.get(key) === text && ![...alike].some((prefix) => key.startsWith(prefix)),
  );
  expect(same).toEqual([]);
});

it('every sentence is said somewhere', () => {
  const root = path.resolve(import.meta.dirname, '../../../renderer');
  const sources = fs
    .readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !/(en|pt)\.ts$/.test(name))
    .map((name) => fs.readFileSync(path.join(root, name), 'utf8'))
    .join('\n');
  const silent = english
    .map(([key]) => key.replace(/_(one|other)$/, ''))
    .filter((key) => {
      const parent = key.slice(0, key.lastIndexOf('.'));
      return !key.startsWith('faults.') && !sources.includes(`'${key}'`) && !sources.includes(`\`${parent}.\${`);
    });
  expect(silent).toEqual([]);
});
