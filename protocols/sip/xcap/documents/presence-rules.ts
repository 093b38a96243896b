import { type Address, type ContactPermission, domainOf } from '../../../contract/index.ts';
import { parseSipAddress, uriText } from '../../sip-address.ts';
import { childOf, escapeXml, type XmlElement } from '../../xml-tree.ts';
import { type Splice, spliced, withChildren, without } from '../xml-edit.ts';
import { parseDocument } from './limits.ts';

/** Who may see our presence: rules (RFC 5025) in the common policy form (RFC 4745). */
export const PRESENCE_RULES = 'pres-rules';
export const PRESENCE_RULES_TYPE = 'application/auth-policy+xml';
/** The same kind of document where OMA-TS-Presence_SIMPLE_XDM has it, for the programs that write there. */
export const OMA_PRESENCE_RULES = 'org.openmobilealliance.pres-rules';
const OMA_POLICY = 'urn:oma:xml:xdm:common-policy';
const POLICY = 'urn:ietf:params:xml:ns:common-policy';
const RULES = 'urn:ietf:params:xml:ns:pres-rules';
const EMPTY = `<?xml version="1.0" encoding="UTF-8"?>\n<ruleset xmlns="${POLICY}"/>`;

type Handling = 'block' | 'confirm' | 'polite-block' | 'allow';
/** RFC 5025 §3.2.1: of all rules that match, the highest holds. */
const STRENGTH: readonly Handling[] = ['block', 'confirm', 'polite-block', 'allow'];
const PERMISSIONS: Readonly<Record<Handling, ContactPermission>> = {
  block: 'block',
  confirm: 'ask',
  'polite-block': 'polite-block',
  allow: 'allow',
};

interface Rule {
  element: XmlElement;
  id: string;
  handling: Handling | undefined;
  conditions: XmlElement | undefined;
  /** Undefined: the rule is for everybody. */
  identity: XmlElement | undefined;
  /** OMA-TS-XDM_Core §5.6.7: the rule is for the members of lists of these names. */
  lists: readonly string[];
  /** It depends on the time, on a place, or on something we do not know (RFC 4745 §7): then it may not hold. */
  isUncertain: boolean;
}

const policyChild = (element: XmlElement | undefined, name: string): XmlElement | undefined =>
  childOf(element, name, POLICY);

const rulesIn = (root: XmlElement): Rule[] =>
  root.children
    .filter((child) => child.name === 'rule' && child.namespace === POLICY)
    .map((element) => {
      const conditions = policyChild(element, 'conditions');
      const handling = childOf(policyChild(element, 'actions'), 'sub-handling', RULES)?.text as Handling | undefined;
      return {
        element,
        id: element.attributes.id ?? '',
        handling: handling && STRENGTH.includes(handling) ? handling : undefined,
        conditions,
        identity: policyChild(conditions, 'identity'),
        lists: childOf(conditions, 'external-list', OMA_POLICY)?.children.flatMap(listName) ?? [],
        isUncertain:
          conditions?.children.some((each) => each.name !== 'identity' || each.namespace !== POLICY) ?? false,
      };
    });

/** The list an `anc` points to: `…/resource-lists/list[@name="…"]`, percent-encoded. */
const listName = ({ attributes: { anc = '' } }: XmlElement): string[] => {
  const name = /list(?:\[|%5b)(?:@|%40)name=(?:"|%22)(.+?)(?:"|%22)(?:\]|%5d)/i.exec(anc)?.[1];
  return name === undefined ? [] : [name];
};

const names = (element: XmlElement, address: Address): boolean =>
  parseSipAddress(element.attributes.id ?? '') === address;

const isOne = (element: XmlElement, address: Address): boolean => element.name === 'one' && names(element, address);

/** RFC 4745 §7.1.2: everybody, or everybody of a domain, but for exceptions. */
const isAmongMany = (element: XmlElement, address: Address): boolean => {
  const ofDomain = (domain: string | undefined): boolean => domain?.toLowerCase() === domainOf(address);
  if (element.name !== 'many' || (element.attributes.domain !== undefined && !ofDomain(element.attributes.domain)))
    return false;
  return !element.children.some(
    (each) => each.name === 'except' && (names(each, address) || ofDomain(each.attributes.domain)),
  );
};

const matches = ({ identity, conditions, isUncertain }: Rule, address: Address): boolean => {
  if (isUncertain) return false;
  if (!identity) return conditions === undefined || conditions.children.length === 0;
  return identity.children.some((each) => isOne(each, address) || isAmongMany(each, address));
};

/**
 * Says what a document allows a person; undefined of a person no rule is for. Undefined when it cannot be understood. `inList`: whether
 * the person is in the list of that name, for rules that are for a list.
 */
export const readPresenceRules = (
  text: string,
  inList: (name: string, address: Address) => boolean = () => false,
): ((address: Address) => ContactPermission | undefined) | undefined => {
  const root = parseDocument(text, 'ruleset', POLICY);
  if (!root) return undefined;
  const rules = rulesIn(root);
  // each name is read once: everybody on a long list is looked up at every change
  const named = new Map<Address, Handling[]>();
  for (const { identity, handling, isUncertain } of rules) {
    if (isUncertain || !handling) continue;
    for (const each of identity?.children ?? []) {
      const address = each.name === 'one' ? parseSipAddress(each.attributes.id ?? '') : undefined;
      if (typeof address === 'string') named.set(address, [...(named.get(address) ?? []), handling]);
    }
  }
  const wide = rules.filter(({ identity }) => !identity || identity.children.some(({ name }) => name === 'many'));
  const forLists = rules.filter(({ lists, conditions }) => lists.length > 0 && conditions?.children.length === 1);
  return (address) => {
    const found = wide.filter((rule) => matches(rule, address)).map(({ handling }) => handling);
    found.push(...(named.get(address) ?? []));
    for (const { lists, handling } of forLists) if (lists.some((name) => inList(name, address))) found.push(handling);
    const strongest = STRENGTH.findLast((handling) => found.includes(handling));
    return strongest && PERMISSIONS[strongest];
  };
};

/**
 * The document after giving one person a permission. Rules of other clients go on holding for everybody else: the person
 * is taken out of them, or made an exception. Undefined when the document cannot be understood. `always`: `ask` is written down, too.
 */
export const changePresenceRules = (
  text: string | undefined,
  address: Address,
  permission: ContactPermission,
  always = false,
): string | undefined => {
  const source = text ?? EMPTY;
  const root = parseDocument(source, 'ruleset', POLICY);
  if (!root) return undefined;
  const rules = rulesIn(root);
  const uri = escapeXml(uriText(address));
  const one = `<one xmlns="${POLICY}" id="${uri}"/>`;
  const handling = permission === 'ask' ? 'confirm' : permission;
  const splices: Splice[] = [];
  let isThere = false;
  for (const rule of rules) {
    // servers differ in how they put several rules together: a person is in no more than one that says something else
    if (rule.handling && PERMISSIONS[rule.handling] === permission && matches(rule, address)) isThere = true;
    else splices.push(...excluding(source, rule, address, uri));
  }
  // RFC 5025 §3.2.1: who is in no rule at all is blocked; servers ask about strangers, but Kamailio 5.6 ends the subscription of
  // somebody whose rule has gone and refuses every one after it, where `confirm` lets them ask again
  if (!isThere && (always || permission !== 'ask' || splices.length > 0)) {
    const own = rules.find(
      (rule) =>
        rule.id.startsWith('aims-') &&
        !rule.isUncertain &&
        rule.handling === handling &&
        rule.identity?.children.every(({ name }) => name === 'one'),
    );
    if (own?.identity) splices.push(withChildren(source, own.identity, one));
    else splices.push(withChildren(source, root, ruleText(handling, one, new Set(rules.map(({ id }) => id)))));
  }
  return spliced(source, splices);
};

/** What keeps a rule from holding for one person. */
const excluding = (source: string, rule: Rule, address: Address, uri: string): Splice[] => {
  const { identity, element, conditions } = rule;
  const except = `<except xmlns="${POLICY}" id="${uri}"/>`;
  if (!identity) {
    if (!matches(rule, address)) return [];
    const everybodyElse = `<identity xmlns="${POLICY}"><many>${except}</many></identity>`;
    return [
      conditions
        ? withChildren(source, conditions, everybodyElse)
        : withChildren(source, element, `<conditions xmlns="${POLICY}">${everybodyElse}</conditions>`, 'first'),
    ];
  }
  const named = identity.children.filter((each) => isOne(each, address));
  // an identity with nobody in it is not valid, and a rule without one would hold for everybody
  if (named.length > 0 && named.length === identity.children.length) return [without(source, element)];
  return identity.children.flatMap((each) => {
    if (named.includes(each)) return [without(source, each)];
    return isAmongMany(each, address) ? [withChildren(source, each, except)] : [];
  });
};

/** RFC 5025 §3.3: without these transformations an allowed watcher would get an empty document. */
const EVERYTHING = [
  `<transformations xmlns="${POLICY}" xmlns:pr="${RULES}">`,
  '<pr:provide-services><pr:all-services/></pr:provide-services>',
  '<pr:provide-persons><pr:all-persons/></pr:provide-persons>',
  '<pr:provide-devices><pr:all-devices/></pr:provide-devices>',
  '<pr:provide-all-attributes/></transformations>',
].join('');

const ruleText = (handling: Handling, one: string, taken: ReadonlySet<string>): string => {
  let id = `aims-${handling}`;
  for (let number = 2; taken.has(id); number++) id = `aims-${handling}-${number}`;
  return [
    `<rule xmlns="${POLICY}" id="${id}"><conditions><identity>${one}</identity></conditions>`,
    `<actions><sub-handling xmlns="${RULES}">${handling}</sub-handling></actions>`,
    handling === 'allow' ? EVERYTHING : '',
    '</rule>',
  ].join('');
};
