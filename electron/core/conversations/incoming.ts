import { randomUUID } from 'node:crypto';
import type { Address, IncomingMessage, MessageMark, MessageReceiver } from '../../../protocols/contract/index.ts';
import type { Message, Route } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { People } from '../people/people.ts';
import type { Driver } from '../store/driver.ts';
import type { MessageRows, StoredMessage } from './message-rows.ts';
import type { Talks } from './talks.ts';

export interface IncomingParts {
  driver: Driver;
  messages: MessageRows;
  talks: Talks;
  people: Pick<People, 'meet'>;
  /** The account's address. */
  own: Address;
  /** So much of them waits unread that no more is taken. */
  isFull(route: Route): boolean;
  /** A new text is on disk, ours from another device included; `isNews` when nobody can have seen it yet. */
  stored(message: Message, isNews: boolean): void;
  /** The sender of a text is to be told that it is here; `again`: it came before, and they are still not told. */
  owed(route: Route, again: boolean): void;
  /** A text of ours came back: the server has it. */
  proven(accountId: string, mark: MessageMark): void;
  clock: Clock;
}

/**
 * Writes what arrives. A message is known again by the archive's id, else by the id on the wire together with its
 * text: wire ids are the sender's choice, and some clients count from 1 after every start. Throws when the disk takes
 * nothing; the provider then confirms nothing, and it comes again.
 */
export function keepIncoming(
  parts: IncomingParts,
  accountId: string,
  came: IncomingMessage,
): ReturnType<MessageReceiver> {
  const { driver, messages, talks, people, own } = parts;
  // what we write to ourselves is ours, also where it comes back
  const incoming: IncomingMessage = came.peer === own ? { ...came, direction: 'outgoing' } : came;
  const route: Route = { accountId, address: incoming.peer };
  const known = find(messages, route, incoming);
  if (known) {
    if (incoming.archiveId !== undefined && known.archiveId === null) {
      messages.setArchiveId(known.message.id, incoming.archiveId);
    }
    if (known.deliveryOwed !== null) parts.owed(route, true);
    if (known.outbox)
      parts.proven(accountId, { peer: incoming.peer, id: incoming.id, mark: 'delivered', at: incoming.sentAt });
    return 'duplicate';
  }
  if (incoming.direction === 'incoming' && parts.isFull(route)) return 'full';
  const message = driver.transaction(() => {
    const personId = people.meet(route, incoming.direction === 'incoming' ? incoming.peerName : undefined);
    // a clock that is ahead must not keep a talk at the top for a year
    const at = Math.min(incoming.sentAt, parts.clock.now());
    const talkId = talks.open(personId, route, at);
    const mine = incoming.direction === 'outgoing';
    const stored = messages.insert({
      id: randomUUID(),
      talkId,
      direction: incoming.direction,
      ...contentOf(incoming),
      transferId: null,
      at,
      state: mine ? 'sent' : 'received',
      route,
      protocolId: incoming.id,
      archiveId: incoming.archiveId,
      deliveryOwed: incoming.deliveryWanted,
    });
    const past = incoming.isPast === true;
    talks.appended(stored, !mine && !past);
    // who answered from another device has read what was before; the past was read there, but says nothing of what is new
    if (past ? talks.must(talkId).unread === 0 : mine) talks.read(talkId, stored.sequence, 0);
    if (!mine && !past) talks.followRoute(talkId, route);
    return stored;
  });
  parts.stored(message, incoming.isPast !== true);
  if (incoming.deliveryWanted !== undefined) parts.owed(route, false);
  return 'stored';
}

/** A UUID (RFC 9562 §4). */
const UNIQUE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const contentOf = ({ text, unshown }: IncomingMessage): Pick<Message, 'kind' | 'text'> =>
  unshown === undefined ? { kind: 'text', text } : { kind: 'notice', text: unshown };

function find(messages: MessageRows, route: Route, incoming: IncomingMessage): StoredMessage | undefined {
  const { archiveId, direction, id } = incoming;
  const { kind, text } = contentOf(incoming);
  const archived = archiveId === undefined ? undefined : messages.byArchiveId(route.accountId, archiveId);
  if (archived) return archived;
  return messages.byProtocolId(route, direction, id).find(
    (stored) =>
      stored.message.text === text &&
      stored.message.kind === kind &&
      // two places in the archive are two messages, whatever their sender called them; but who gives ids that nobody gives
      // twice has sent the same one again, after a kill in the middle
      (archiveId === undefined || stored.archiveId === null || stored.archiveId === archiveId || UNIQUE.test(id)),
  );
}
