import type { Address } from '../../contract/index.ts';
import { parseSipAddress } from '../sip-address.ts';
import { parseXml } from '../xml-tree.ts';

/** Who watches us (RFC 3857, RFC 3858). */
export const WATCHER_INFO_TYPE = 'application/watcherinfo+xml';
const NAMESPACE = 'urn:ietf:params:xml:ns:watcherinfo';

/** The watchers known so far, after a document. Undefined when it is none, or does not follow the last one. */
export class WatcherInfo {
  /** Address by the server's id of the watcher; only those that see us now. */
  #active = new Map<string, Address>();
  #version = -1;

  /** Takes a document; false when it says nothing new. */
  take(text: string): boolean {
    const root = parseXml(text);
    const version = Number(root?.attributes.version ?? Number.NaN);
    if (root?.name !== 'watcherinfo' || root.namespace !== NAMESPACE || Number.isNaN(version)) return false;
    const full = root.attributes.state !== 'partial';
    // RFC 3858 §4.2: an older one is dropped; a full one may begin anew after a restart of the server
    if (!full && version <= this.#version) return false;
    this.#version = version;
    if (full) this.#active.clear();
    for (const list of root.children.filter((c) => c.name === 'watcher-list' && c.attributes.package === 'presence')) {
      for (const watcher of list.children.filter((c) => c.name === 'watcher')) {
        const id = watcher.attributes.id ?? watcher.text;
        const address = parseSipAddress(watcher.text);
        if (watcher.attributes.status === 'active' && typeof address === 'string') this.#active.set(id, address);
        else this.#active.delete(id);
      }
    }
    return true;
  }

  /** Whether that person sees our presence. */
  sees(address: Address): boolean {
    return [...this.#active.values()].includes(address);
  }

  clear(): void {
    this.#active.clear();
    this.#version = -1;
  }
}
