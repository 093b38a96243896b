import type { Message, Person, Talk } from '../../electron/contract/index.ts';
import { bare } from '../store/selectors.ts';

/** One line of the list. */
export type Row =
  | { kind: 'heading'; key: string; text: string; group?: string; open?: boolean; count?: number }
  | { kind: 'talk'; key: string; talkId: string }
  | { kind: 'person'; key: string; personId: string }
  | { kind: 'message'; key: string; message: Message }
  | { kind: 'write'; key: string; address: string };

export interface RowInput {
  talks: Readonly<Record<string, Talk>>;
  talkOrder: readonly string[];
  people: Readonly<Record<string, Person>>;
  leaving: Readonly<Record<string, true>>;
}

export interface Headings {
  talks: string;
  people: string;
  messages: string;
  noGroup: string;
}

const plain = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/\p{Diacritic}/gu, '')
    .toLocaleLowerCase();

const byName = (a: Person, b: Person): number => a.name.localeCompare(b.name);

function withoutTalk({ talks, people, leaving }: RowInput): Person[] {
  const talking = new Set(Object.values(talks).map((talk) => talk.personId));
  return Object.values(people)
    .filter((person) => !talking.has(person.id) && !leaving[person.id] && person.addresses.some((one) => one.listed))
    .sort(byName);
}

const talkRow = (talkId: string): Row => ({ kind: 'talk', key: `t:${talkId}`, talkId });
const personRow = (personId: string): Row => ({ kind: 'person', key: `p:${personId}`, personId });

/** Talks, the newest first, then the people nobody has written to yet. */
export function recentRows(input: RowInput, headings: Headings): Row[] {
  const rows: Row[] = input.talkOrder.filter((id) => !input.leaving[id]).map(talkRow);
  const others = withoutTalk(input);
  if (others.length > 0 && rows.length > 0) rows.push({ kind: 'heading', key: 'h:people', text: headings.people });
  for (const person of others) rows.push(personRow(person.id));
  return rows;
}

/** People under the groups they are in; one may stand in several. */
export function groupRows(input: RowInput, headings: Headings, closed: ReadonlySet<string>): Row[] {
  const groups = new Map<string, Person[]>();
  for (const person of Object.values(input.people).sort(byName)) {
    if (input.leaving[person.id] || !person.addresses.some((one) => one.listed)) continue;
    for (const group of person.groups.length > 0 ? person.groups : [''])
      groups.set(group, [...(groups.get(group) ?? []), person]);
  }
  const names = [...groups.keys()].sort((a, b) => (a === '' ? 1 : b === '' ? -1 : a.localeCompare(b)));
  return names.flatMap((group) => {
    const members = groups.get(group) ?? [];
    const open = !closed.has(group);
    const heading: Row = {
      kind: 'heading',
      key: `g:${group}`,
      text: group || headings.noGroup,
      group,
      open,
      count: members.length,
    };
    return [
      heading,
      ...(open ? members.map((one): Row => ({ ...personRow(one.id), key: `p:${group}:${one.id}` })) : []),
    ];
  });
}

/** A typed text that could be an address of somebody new. */
export const addressIn = (query: string): string | undefined =>
  /^(sips?:|xmpp:)?[^\s@<>"]+@[^\s@<>"]+$/i.test(query.trim()) ? query.trim() : undefined;

/** Whoever and whatever fits what was typed; accents and case do not matter. */
export function searchRows(input: RowInput, headings: Headings, query: string, messages: readonly Message[]): Row[] {
  const words = plain(query).split(/\s+/).filter(Boolean);
  const fits = (person: Person | undefined) => {
    if (!person) return false;
    const text = plain([person.name, ...person.addresses.map((one) => bare(one.address))].join(' '));
    return words.every((word) => text.includes(word));
  };
  const talks = input.talkOrder.filter(
    (id) => !input.leaving[id] && fits(input.people[input.talks[id]?.personId ?? '']),
  );
  const people = withoutTalk(input).filter(fits);
  const rows: Row[] = [];
  if (talks.length > 0) rows.push({ kind: 'heading', key: 'h:talks', text: headings.talks }, ...talks.map(talkRow));
  if (people.length > 0)
    rows.push({ kind: 'heading', key: 'h:people', text: headings.people }, ...people.map((one) => personRow(one.id)));
  const address = addressIn(query);
  const known = Object.values(input.people).some((one) =>
    one.addresses.some((place) => bare(place.address) === bare(address ?? '') || place.address === address),
  );
  if (address && !known) rows.push({ kind: 'write', key: 'w', address });
  if (messages.length > 0)
    rows.push(
      { kind: 'heading', key: 'h:messages', text: headings.messages },
      ...messages.map((message): Row => ({ kind: 'message', key: `m:${message.id}`, message })),
    );
  return rows;
}
