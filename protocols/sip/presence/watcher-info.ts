import type { Address } from '../../contract/index.ts';
import { headerText } from '../header-text.ts';
import { parseSipAddress } from '../sip-address.ts';
import { parseXml, type XmlElement } from '../xml-tree.ts';

/** Who watches us (RFC 3857, RFC 3858). */
export const WATCHER_INFO_TYPE = 'application/watcherinfo+xml';
const NAMESPACE = 'urn:ietf:params:xml:ns:watcherinfo';

/** Somebody who asks to see us and has no answer yet. */
export interface AskingWatcher {
  /** Of this subscription of theirs (RFC 3858 §4.1.3); the next one has another. */
  id: string;
  address: Address;
  name: string;
  /** They asked, and went before there was an answer. */
  hasGivenUp: boolean;
}

interface Watcher extends AskingWatcher {
  status: 'active' | 'asking';
}

/** The watchers known so far. */
export class WatcherInfo {
  readonly #watchers = new Map<string, Watcher>();
  #seeing: ReadonlySet<Address> = new Set();
  #watching: ReadonlySet<Address> = new Set();
  #version = -1;
  /** Everything was asked for and has not come yet. */
  #isAsked = false;

  /**
   * Takes a document. `nothing`: it is none, or does not follow the last one; `incomplete`: one before it is missing, and
   * everything has to be asked for.
   */
  take(text: string): 'nothing' | 'taken' | 'incomplete' {
    const root = parseXml(text);
    const version = Number(root?.attributes.version ?? Number.NaN);
    if (root?.name !== 'watcherinfo' || root.namespace !== NAMESPACE || Number.isNaN(version)) return 'nothing';
    const full = root.attributes.state !== 'partial';
    // RFC 3858 §5: an older one is dropped; a full one may begin anew after a restart of the server
    if (!full && version <= this.#version) return 'nothing';
    const isMissingOne = !full && version > this.#version + 1;
    const isIncomplete = isMissingOne && !this.#isAsked;
    this.#isAsked = isMissingOne;
    this.#version = version;
    if (full) this.#watchers.clear();
    for (const list of root.children.filter((c) => c.name === 'watcher-list' && c.attributes.package === 'presence')) {
      for (const element of list.children.filter((c) => c.name === 'watcher')) {
        const id = element.attributes.id ?? element.text;
        const watcher = watcherOf(id, element);
        if (watcher) this.#watchers.set(id, watcher);
        else this.#watchers.delete(id);
      }
    }
    this.#index();
    return isIncomplete ? 'incomplete' : 'taken';
  }

  /** Whether that person sees our presence. */
  sees(address: Address): boolean {
    return this.#seeing.has(address);
  }

  /** Whether that person wants to. */
  watches(address: Address): boolean {
    return this.#watching.has(address);
  }

  /** Who asks; with several devices several times. */
  get asking(): readonly AskingWatcher[] {
    return [...this.#watchers.values()].filter(({ status }) => status === 'asking');
  }

  /** The subscriptions of one person. Undefined while the server has not told. */
  idsOf(address: Address): ReadonlySet<string> | undefined {
    if (this.#version < 0) return undefined;
    return new Set([...this.#watchers.values()].filter((each) => each.address === address).map(({ id }) => id));
  }

  clear(): void {
    this.#watchers.clear();
    this.#index();
    this.#version = -1;
    this.#isAsked = false;
  }

  /** The whole contact list is looked up at every change. */
  #index(): void {
    const all = [...this.#watchers.values()];
    this.#watching = new Set(all.map(({ address }) => address));
    this.#seeing = new Set(all.filter(({ status }) => status === 'active').map(({ address }) => address));
  }
}

const watcherOf = (id: string, { attributes, text }: XmlElement): Watcher | undefined => {
  const address = parseSipAddress(text);
  if (typeof address !== 'string') return undefined;
  const name = headerText(attributes['display-name'] ?? '');
  // RFC 3857 §4.7.1: `waiting` asked, and gave up before there was an answer
  const hasGivenUp = attributes.status === 'waiting';
  if (hasGivenUp || attributes.status === 'pending') return { id, address, name, hasGivenUp, status: 'asking' };
  return attributes.status === 'active' ? { id, address, name, hasGivenUp, status: 'active' } : undefined;
};
