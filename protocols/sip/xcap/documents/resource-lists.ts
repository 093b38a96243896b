import type { Address } from '../../../contract/index.ts';
import { headerText } from '../../header-text.ts';
import type { StoredContact } from '../../presence/stored-contacts.ts';
import { parseSipAddress, uriText } from '../../sip-address.ts';
import { childOf, escapeXml, type XmlElement } from '../../xml-tree.ts';
import { type Splice, sourceOf, spliced, withChildren, withContent, without } from '../xml-edit.ts';
import { parseDocument } from './limits.ts';

/** Resource lists (RFC 4826 §3): the contact list. A named list is a group; an unnamed one holds who is in none. */
export const RESOURCE_LISTS = 'resource-lists';
export const RESOURCE_LISTS_TYPE = 'application/resource-lists+xml';
const NAMESPACE = 'urn:ietf:params:xml:ns:resource-lists';
const EMPTY = `<?xml version="1.0" encoding="UTF-8"?>\n<resource-lists xmlns="${NAMESPACE}"/>`;
const NAME_MAXIMUM = 200;
/** Where SIP SIMPLE SDK 5.5 keeps the names and groups of its own program. */
const ADDRESS_BOOK = 'urn:ag-projects:xml:ns:addressbook';
/**
 * OMA-TS-XDM_Shared_List: these hold the granted and the blocked, and no group that a person made. Those of SIP SIMPLE SDK 5.5 hold whom that
 * program subscribes to, and its address book.
 */
const HIDDEN = /^(?:oma_(?!buddylist$)|sipsimple_|dialog_)/;

interface Entry {
  address: Address;
  element: XmlElement;
  name: string;
}

interface List {
  element: XmlElement;
  /** Undefined: entries directly in it are in no group. */
  group: string | undefined;
  entries: readonly Entry[];
}

const OTHER_SCHEME = /^\s*(?!(?:sips?|im|pres):)[a-z][a-z\d+.-]*:/i;

const isList = ({ name, namespace }: XmlElement): boolean => name === 'list' && namespace === NAMESPACE;
const displayNameOf = (element: XmlElement): string =>
  headerText(childOf(element, 'display-name', NAMESPACE)?.text ?? '', NAME_MAXIMUM);

/**
 * The address an element's `uri` names. `Ana%40home` and `Ana@home` are one: compared decoded. SIP SIMPLE SDK 5.5 writes each URI
 * percent-encoded as a whole, and its scheme is left out where a person left it out.
 */
const entryAddress = ({ attributes: { uri = '' } }: XmlElement): Address | undefined => {
  const text = typeof parseSipAddress(uri) === 'string' ? uri : decoded(uri);
  // without a scheme, `xmpp` would be the user and what follows its password
  const address = OTHER_SCHEME.test(text) ? undefined : parseSipAddress(text);
  return typeof address === 'string' ? address : undefined;
};

const decoded = (uri: string): string => {
  try {
    return decodeURIComponent(uri);
  } catch {
    return uri;
  }
};

/** Names in the address book of SIP SIMPLE SDK 5.5, which leaves the entries of other lists without any. */
const namesIn = (root: XmlElement): Map<Address, string> => {
  const book = root.children.find((child) => isList(child) && child.attributes.name === 'sipsimple_addressbook');
  const names = new Map<Address, string>();
  for (const contact of book?.children ?? []) {
    if (contact.name !== 'contact' || contact.namespace !== ADDRESS_BOOK) continue;
    const name = headerText(childOf(contact, 'name', ADDRESS_BOOK)?.text ?? '', NAME_MAXIMUM);
    for (const uri of childOf(contact, 'uris', ADDRESS_BOOK)?.children ?? []) {
      const address = entryAddress(uri);
      if (address !== undefined && !names.has(address)) names.set(address, name);
    }
  }
  return names;
};

/** All lists, nested ones after the list they are in. */
const listsIn = (parent: XmlElement, outer: string | undefined): List[] =>
  parent.children.filter(isList).flatMap((element): List[] => {
    const { name } = element.attributes;
    if (name !== undefined && HIDDEN.test(name)) return [];
    const group = name === undefined || name === 'oma_buddylist' ? outer : displayNameOf(element) || headerText(name);
    const entries = element.children.flatMap((child): Entry[] => {
      if (child.name !== 'entry' || child.namespace !== NAMESPACE) return [];
      const address = entryAddress(child);
      return address === undefined ? [] : [{ address, element: child, name: displayNameOf(child) }];
    });
    return [{ element, group, entries }, ...listsIn(element, group)];
  });

/** Everybody in the document, each once. Undefined when it cannot be understood. */
export const readResourceLists = (text: string): StoredContact[] | undefined => {
  const root = parseDocument(text, 'resource-lists', NAMESPACE);
  if (!root) return undefined;
  const contacts = new Map<Address, { name: string; groups: Set<string> }>();
  const names = namesIn(root);
  for (const { group, entries } of listsIn(root, undefined)) {
    for (const { address, name } of entries) {
      const known = contacts.get(address) ?? { name: '', groups: new Set<string>() };
      if (group !== undefined) known.groups.add(group);
      contacts.set(address, { name: known.name || name, groups: known.groups });
    }
  }
  return [...contacts].map(([address, { name, groups }]) => ({
    address,
    name: name || (names.get(address) ?? ''),
    groups: [...groups].sort((a, b) => a.localeCompare(b)),
  }));
};

/**
 * How many entries of the shown lists name nobody we could write to or watch: other schemes, lists kept elsewhere, and what is
 * no address at all.
 */
export const countUnreadable = (text: string): number => {
  const root = parseDocument(text, 'resource-lists', NAMESPACE);
  const elsewhere = /^(?:entry-ref|external)$/;
  return (root ? listsIn(root, undefined) : []).reduce((count, { element, entries }) => {
    const ours = element.children.filter(({ namespace }) => namespace === NAMESPACE);
    const written = ours.filter(({ name }) => name === 'entry' || elsewhere.test(name)).length;
    return count + written - entries.length;
  }, 0);
};

/** The addresses in one list of its own name, such as `oma_grantedcontacts`. */
export const readNamedList = (text: string, name: string): ReadonlySet<Address> => {
  const root = parseDocument(text, 'resource-lists', NAMESPACE);
  const list = root?.children.find((child) => isList(child) && child.attributes.name === name);
  return new Set(list?.children.flatMap((child) => (child.name === 'entry' ? (entryAddress(child) ?? []) : [])));
};

/** Who is added or changed, and who is taken out. */
export interface ListChange {
  put?: readonly StoredContact[];
  remove?: readonly Address[];
}

/**
 * The document after a change; all that is not about these people stays as others wrote it. Undefined when the document
 * cannot be understood. Without one a new one is begun.
 */
export const changeResourceLists = (text: string | undefined, change: ListChange): string | undefined => {
  const source = text ?? EMPTY;
  const root = parseDocument(source, 'resource-lists', NAMESPACE);
  if (!root) return undefined;
  const lists = listsIn(root, undefined);
  const splices: Splice[] = [];
  /** Written entries by the list they go to. */
  const added = new Map<XmlElement, string>();
  const created = new Map<string | undefined, string>();
  const removed = new Map<XmlElement, number>();
  const occurrences = new Map<Address, { list: List; entry: Entry }[]>();
  for (const list of lists)
    for (const entry of list.entries)
      occurrences.set(entry.address, [...(occurrences.get(entry.address) ?? []), { list, entry }]);
  const drop = ({ list, entry }: { list: List; entry: Entry }): void => {
    splices.push(without(source, entry.element));
    removed.set(list.element, (removed.get(list.element) ?? 0) + 1);
  };

  for (const address of change.remove ?? []) for (const each of occurrences.get(address) ?? []) drop(each);
  for (const contact of change.put ?? []) {
    const wanted = new Set<string | undefined>(contact.groups.map((group) => headerText(group, NAME_MAXIMUM)));
    wanted.delete('');
    if (wanted.size === 0) wanted.add(undefined);
    const found = occurrences.get(contact.address) ?? [];
    // what other clients wrote into their entry goes along to another group
    const written = found[0] ? renamedSource(source, root, found[0].entry, contact) : entryText(contact);
    for (const each of found) {
      if (!wanted.delete(each.list.group)) drop(each);
      else splices.push(...renamed(source, each.entry, contact.name));
    }
    for (const group of wanted) {
      const list = lists.find((candidate) => candidate.group === group)?.element;
      if (list) added.set(list, (added.get(list) ?? '') + written);
      else created.set(group, (created.get(group) ?? '') + written);
    }
  }

  // a group nobody is in any more goes, if nothing of others is in it
  for (const { element } of lists) {
    const isOnlyEntries = element.children.every((child) => /^(?:entry|display-name)$/.test(child.name));
    const entries = element.children.filter((child) => child.name === 'entry').length;
    if (removed.get(element) !== entries || added.has(element) || !isOnlyEntries) continue;
    for (let index = splices.length - 1; index >= 0; index--) {
      const { start, end } = splices[index] ?? { start: 0, end: 0 };
      if (start >= element.place.start && end <= element.place.end) splices.splice(index, 1);
    }
    splices.push(without(source, element));
  }
  for (const [element, written] of added) splices.push(withChildren(source, element, written));
  const names = new Set(root.children.map((child) => child.attributes.name));
  const newLists = [...created].map(([group, written]) => listText(group, written, names)).join('');
  if (newLists) splices.push(withChildren(source, root, newLists));
  const result = spliced(source, splices);
  // an entry carried elsewhere may have leant on a namespace of its old list
  return parseDocument(result, 'resource-lists', NAMESPACE) ? result : undefined;
};

const nameText = (name: string): string => {
  const written = escapeXml(headerText(name, NAME_MAXIMUM));
  return written ? `<display-name xmlns="${NAMESPACE}">${written}</display-name>` : '';
};

const entryText = ({ address, name }: Pick<StoredContact, 'address' | 'name'>): string =>
  `<entry xmlns="${NAMESPACE}" uri="${escapeXml(uriText(address))}">${nameText(name)}</entry>`;

const listText = (group: string | undefined, entries: string, names: Set<string | undefined>): string => {
  if (group === undefined) return `<list xmlns="${NAMESPACE}">${entries}</list>`;
  // RFC 4826 §3.1: `name` is unique among its siblings; what is shown need not be
  let name = HIDDEN.test(group) ? `_${group}` : group;
  while (names.has(name)) name += '_';
  names.add(name);
  return `<list xmlns="${NAMESPACE}" name="${escapeXml(name)}">${nameText(group)}${entries}</list>`;
};

const renamed = (text: string, entry: Entry, name: string): Splice[] => {
  if (entry.name === headerText(name, NAME_MAXIMUM)) return [];
  const element = childOf(entry.element, 'display-name', NAMESPACE);
  if (!element) return [withChildren(text, entry.element, nameText(name), 'first')];
  return [withContent(text, element, escapeXml(headerText(name, NAME_MAXIMUM)))];
};

/** An entry as it stands, with another name; a new one where its prefixes mean nothing outside its list. */
const renamedSource = (text: string, root: XmlElement, entry: Entry, contact: StoredContact): string => {
  const { start } = entry.element.place;
  const changes = renamed(text, entry, contact.name).map((splice) => ({
    ...splice,
    start: splice.start - start,
    end: splice.end - start,
  }));
  const source = spliced(sourceOf(text, entry.element), changes);
  const { openEnd, closeStart, end } = root.place;
  const probe = text.slice(0, openEnd) + source + text.slice(closeStart, end);
  const [moved] = parseDocument(probe, 'resource-lists', NAMESPACE)?.children ?? [];
  return moved?.name === 'entry' && moved.namespace === NAMESPACE ? source : entryText(contact);
};
