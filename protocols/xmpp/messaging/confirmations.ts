import type { ProviderStorage } from '../../contract/index.ts';
import type { Session } from '../session/session.ts';
import { displayedMessage, receiptMessage } from './message-codec.ts';

const KEY = 'messaging.unconfirmed';
/** More than these are not owed at once by a person who is back after a day. */
const LIMIT = 2000;
const STANZAS = { received: receiptMessage, displayed: displayedMessage };

type Kind = keyof typeof STANZAS;
/** When a peer may learn that we are here. */
export type Disclosure = 'now' | 'later' | 'never';
interface Owed {
  kind: Kind;
  /** Bare JID. */
  to: string;
  id: string;
}

const isOwed = (value: unknown): value is Owed =>
  typeof value === 'object' && value !== null && 'kind' in value && 'to' in value && 'id' in value;

/** Those of an earlier session, as they were written. */
const read = (stored: string | undefined): Owed[] => {
  try {
    const values: unknown = JSON.parse(stored ?? '[]');
    return Array.isArray(values) ? values.filter(isOwed) : [];
  } catch {
    return [];
  }
};

const keyOf = ({ kind, to, id }: Owed): string => `${kind} ${to} ${id}`;

/**
 * Receipts and markers on their way (XEP-0184, XEP-0333). The sender of a text is not told twice by itself, so what a
 * session took with it is sent again by the next one, also by that of another start of the program.
 */
export class Confirmations {
  readonly #session: Session;
  readonly #storage: ProviderStorage;
  /** The server has it, or never takes it: nothing is owed any more. */
  readonly #done: (kind: Kind, to: string, id: string) => void;
  readonly #mayKnow: (peer: string) => Disclosure;
  readonly #underWay = new Set<string>();
  /** Lost with a session, or held back, and not acknowledged since. */
  readonly #lost: Map<string, Owed>;
  #saving = false;

  constructor(
    session: Session,
    storage: ProviderStorage,
    { done, mayKnow }: { done: (kind: Kind, to: string, id: string) => void; mayKnow: (peer: string) => Disclosure },
  ) {
    this.#mayKnow = mayKnow;
    this.#session = session;
    this.#storage = storage;
    this.#done = done;
    this.#lost = new Map(read(storage.get(KEY)).map((owed) => [keyOf(owed), owed]));
  }

  /** One that is on its way already is not sent twice. */
  send(kind: Kind, to: string, id: string): void {
    this.#send({ kind, to, id });
  }

  /** After a login, or after we were there unseen: what was lost or held back before it. */
  sendAgain(): void {
    for (const owed of this.#lost.values()) this.#send(owed);
  }

  #send(owed: Owed): void {
    const key = keyOf(owed);
    if (this.#underWay.has(key)) return;
    const disclosure = this.#mayKnow(owed.to);
    if (disclosure === 'later') {
      this.#keep(owed);
      return;
    }
    const done = (): void => {
      this.#underWay.delete(key);
      if (this.#lost.delete(key)) this.#save();
      this.#done(owed.kind, owed.to, owed.id);
    };
    // XEP-0184 §8, XEP-0333 §7: a peer that may not see us does not learn in this way that we are here
    if (disclosure === 'never') {
      done();
      return;
    }
    this.#underWay.add(key);
    this.#session.send(STANZAS[owed.kind](owed.to, owed.id), {
      key,
      isPatient: true,
      acked: done,
      refused: done,
      lost: () => {
        this.#underWay.delete(key);
        this.#keep(owed);
      },
    });
  }

  #keep(owed: Owed): void {
    if (this.#lost.size >= LIMIT) return;
    this.#lost.set(keyOf(owed), owed);
    this.#save();
  }

  /** Once for all that one session lost. */
  #save(): void {
    if (this.#saving) return;
    this.#saving = true;
    queueMicrotask(() => {
      this.#saving = false;
      if (this.#lost.size > 0) this.#storage.put(KEY, JSON.stringify([...this.#lost.values()]));
      else this.#storage.delete(KEY);
    });
  }
}
