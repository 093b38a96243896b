import type { Address } from '../../contract/index.ts';
import { unawaited } from '../../contract/unawaited.ts';
import { EventSubscription } from '../presence/watching/event-subscription.ts';
import type { SipUserAgent } from '../user-agent.ts';
import { escapeXml } from '../xml-tree.ts';
import { RESOURCE_LISTS_TYPE } from './documents/resource-lists.ts';
import { readXcapDiff, XCAP_DIFF, XCAP_DIFF_TYPE } from './documents/xcap-diff.ts';
import type { XcapDocument } from './xcap-document.ts';
import { documentPath, sameDocument } from './xcap-uri.ts';

export interface ChangeWatchOptions {
  agent: SipUserAgent;
  documents: readonly XcapDocument[];
  random: () => number;
  /** Another device changed one of them. */
  onChanged: () => void;
}

/** Changes by other devices as they happen (RFC 5875), where the server tells them. */
export class ChangeWatch {
  readonly #subscription: EventSubscription;
  /** RFC 5875 §4.6: the first notice tells all documents; Kamailio 5.6 takes the subscription and never tells any. */
  #hasTold = false;
  /** What changed between our reading and the subscription is read, where its first notice did not tell. */
  #hasCaughtUp = false;

  constructor({ agent, documents, random, onChanged }: ChangeWatchOptions) {
    const selectors = documents.map(({ auid }) => documentPath({ auid, owner: agent.address }));
    this.#subscription = new EventSubscription({
      agent,
      to: agent.address,
      event: XCAP_DIFF,
      accept: [XCAP_DIFF_TYPE],
      // RFC 5875 §4.4: what is to be watched is a resource list of selectors
      body: {
        contentType: RESOURCE_LISTS_TYPE,
        content: watchedDocuments(
          documents.map(({ auid }) => auid),
          agent.address,
        ),
      },
      random,
      onState: () => {},
      onBody: (body) => {
        const told = (body === undefined ? undefined : readXcapDiff(body)) ?? [];
        if (told.length > 0) this.#hasTold = true;
        const isNew = told.some(({ selector, etag }) =>
          documents.some((document, index) => {
            // without a tag it may have been made just now
            const isKnown = etag !== undefined && document.etag === etag;
            return sameDocument(selectors[index] ?? '', selector) && !isKnown;
          }),
        );
        if (isNew || (told.length === 0 && !this.#hasCaughtUp)) onChanged();
        this.#hasCaughtUp = true;
      },
    });
  }

  /** The server tells changes. */
  get isActive(): boolean {
    return this.#hasTold && this.#subscription.state === 'active';
  }

  /** Unless the server has said that it knows no such event. */
  start(): void {
    if (this.#subscription.state !== 'refused') unawaited(this.#subscription.start());
  }

  suspend(): void {
    this.#hasCaughtUp = false;
    this.#subscription.suspend();
  }

  /** Never rejects. */
  stop(): Promise<void> {
    return this.#subscription.stop();
  }
}

/** The selectors of a user's documents as a resource list (RFC 5875 §4.4). */
export const watchedDocuments = (auids: readonly string[], owner: Address): string => {
  const entries = auids.map((auid) => `<entry uri="${escapeXml(documentPath({ auid, owner }))}"/>`);
  return `<?xml version="1.0" encoding="UTF-8"?><resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>${entries.join('')}</list></resource-lists>`;
};
