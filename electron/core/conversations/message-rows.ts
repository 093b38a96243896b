import { type Fault, type Message, type MessageState, messageSchema, type Route } from '../../contract/index.ts';
import type { Driver, SqlParameter } from '../store/driver.ts';
import { keptJson } from '../store/kept-json.ts';

interface Row {
  sequence: number;
  id: string;
  talk_id: string;
  direction: Message['direction'];
  kind: Message['kind'];
  text: string;
  transfer_id: string | null;
  at: number;
  state: MessageState;
  fault: string | null;
  account_id: string;
  address: string;
  protocol_id: string | null;
  archive_id: string | null;
  outbox: number;
  delivery_owed: number | null;
}

/** A message with what only the core needs to know of it. */
export interface StoredMessage {
  message: Message;
  /** The id on the wire. */
  protocolId: string | null;
  archiveId: string | null;
  /** Still to be handed over to the provider. */
  outbox: boolean;
  /** Its sender is still to be told that it is here; ms since the epoch, as in `deliveryWanted`. */
  deliveryOwed: number | null;
}

export type NewMessage = Omit<Message, 'sequence' | 'fault'> & {
  protocolId?: string;
  archiveId?: string | undefined;
  outbox?: boolean;
  deliveryOwed?: number | undefined;
};

const toStored = (row: Row): StoredMessage => ({
  message: mended({
    id: row.id,
    talkId: row.talk_id,
    sequence: row.sequence,
    direction: row.direction,
    kind: row.kind,
    text: row.text,
    transferId: row.transfer_id,
    at: row.at,
    state: row.state,
    fault: row.fault === null ? null : keptJson<Fault>(row.fault, { code: 'internal', retryable: false }),
    route: { accountId: row.account_id, address: row.address },
  }),
  protocolId: row.protocol_id,
  archiveId: row.archive_id,
  outbox: row.outbox === 1,
  deliveryOwed: row.delivery_owed,
});

/**
 * The same where it is as it was written. What the disk has spoilt unseen is replaced, part by part: one such message must
 * not keep the page it is on from being shown.
 */
function mended(message: Message): Message {
  if (messageSchema.safeParse(message).success) return message;
  const otherwise: Message = {
    id: `spoilt-${message.sequence}`,
    talkId: 'spoilt',
    sequence: message.sequence,
    direction: 'incoming',
    kind: 'text',
    text: '\u{FFFD}',
    transferId: null,
    at: 0,
    // a person decides whether what was on its way is sent once more
    state: message.direction === 'outgoing' ? 'failed' : 'received',
    fault: null,
    route: { accountId: 'spoilt', address: 'spoilt:' },
  };
  const read = Object.entries(messageSchema.shape).map(([name, schema]) => {
    const value = schema.safeParse(message[name as keyof Message]);
    return [name, value.success ? value.data : otherwise[name as keyof Message]];
  });
  return Object.fromEntries(read) as Message;
}

const withParts = (parts: readonly string[]): string =>
  parts.map(() => "AND messages.text LIKE ? ESCAPE '\\'").join(' ');

/** The messages on disk. */
export class MessageRows {
  readonly #driver: Driver;

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  insert(given: NewMessage): Message {
    const { protocolId, archiveId, outbox, deliveryOwed, ...message } = given;
    const { lastId } = this.#driver.run(
      `INSERT INTO messages (id, talk_id, direction, kind, text, transfer_id, at, state, account_id, address,
         protocol_id, archive_id, outbox, delivery_owed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      message.id,
      message.talkId,
      message.direction,
      message.kind,
      message.text,
      message.transferId,
      message.at,
      message.state,
      message.route.accountId,
      message.route.address,
      protocolId,
      archiveId,
      outbox ?? false,
      deliveryOwed,
    );
    return { ...message, sequence: lastId, fault: null };
  }

  byId(id: string): StoredMessage | undefined {
    return this.#one('WHERE id = ?', id);
  }

  bySequence(sequence: number): Message | undefined {
    return this.#one('WHERE sequence = ?', sequence)?.message;
  }

  byArchiveId(accountId: string, archiveId: string): StoredMessage | undefined {
    return this.#one('WHERE account_id = ? AND archive_id = ?', accountId, archiveId);
  }

  /** Ids are chosen by the other side too: there may be several. */
  byProtocolId(route: Route, direction: Message['direction'], protocolId: string): StoredMessage[] {
    return this.#all(
      'WHERE account_id = ? AND protocol_id = ? AND address = ? AND direction = ?',
      route.accountId,
      protocolId,
      route.address,
      direction,
    );
  }

  setArchiveId(id: string, archiveId: string): void {
    this.#driver.run('UPDATE messages SET archive_id = ? WHERE id = ?', archiveId, id);
  }

  setState(id: string, state: MessageState, fault: Fault | null, outbox: boolean): Message | undefined {
    this.#driver.run(
      'UPDATE messages SET state = ?, fault = ?, outbox = ? WHERE id = ?',
      state,
      fault && JSON.stringify(fault),
      outbox,
      id,
    );
    return this.byId(id)?.message;
  }

  /** The next text for this peer, oldest first. */
  nextInOutbox({ accountId, address }: Route): StoredMessage | undefined {
    return this.#one(
      'WHERE outbox = 1 AND account_id = ? AND address = ? ORDER BY sequence LIMIT 1',
      accountId,
      address,
    );
  }

  peersInOutbox(accountId: string): string[] {
    return this.#driver
      .all<{ address: string }>(
        'SELECT address, min(sequence) FROM messages WHERE outbox = 1 AND account_id = ? GROUP BY address ORDER BY 2',
        accountId,
      )
      .map(({ address }) => address);
  }

  inOutbox(accountId: string): Message[] {
    return this.#all('WHERE outbox = 1 AND account_id = ? ORDER BY sequence', accountId).map(({ message }) => message);
  }

  /** Texts of ours before this one that the peer has but was not said to have read. Looks back over 200 messages. */
  deliveredBefore({ talkId, sequence, route }: Message): Message[] {
    return this.#all(
      `WHERE state = 'delivered' AND account_id = ? AND address = ? AND sequence IN
         (SELECT sequence FROM messages WHERE talk_id = ? AND sequence < ? ORDER BY sequence DESC LIMIT 200)`,
      route.accountId,
      route.address,
      talkId,
      sequence,
    ).map(({ message }) => message);
  }

  page(talkId: string, range: { before?: number | undefined; after?: number | undefined; limit: number }): Message[] {
    const { before = Number.MAX_SAFE_INTEGER, after, limit } = range;
    const order = after === undefined ? 'DESC' : 'ASC';
    const found = this.#all(
      `WHERE talk_id = ? AND sequence < ? AND sequence > ? ORDER BY sequence ${order} LIMIT ?`,
      talkId,
      before,
      after ?? 0,
      limit,
    ).map(({ message }) => message);
    return after === undefined ? found.reverse() : found;
  }

  /** The highest number given so far, or 0. */
  lastSequence(): number {
    return this.#driver.get<{ last: number | null }>('SELECT max(sequence) AS last FROM messages')?.last ?? 0;
  }

  /** Those in a range of sequence numbers whose text has every one of `parts` (patterns of LIKE); newest first. */
  containing(
    parts: readonly string[],
    range: { after: number; upTo: number },
    talkId: string | undefined,
    limit: number,
  ): Message[] {
    const inTalk = talkId === undefined ? '' : 'AND talk_id = ?';
    return this.#driver
      .all<Row>(
        `SELECT * FROM messages WHERE sequence > ? AND sequence <= ? ${withParts(parts)} ${inTalk}
         AND kind <> 'notice' AND talk_id NOT IN (SELECT id FROM removed_talks) ORDER BY sequence DESC LIMIT ?`,
        range.after,
        range.upTo,
        ...parts,
        ...(talkId === undefined ? [] : [talkId]),
        limit,
      )
      .map((row) => toStored(row).message);
  }

  /** The oldest of the newest `limit` messages up to `upTo` that have the `grams` of the second index; 0 when there are fewer. */
  gramsReach(grams: string, upTo: number, limit: number): number {
    return (
      this.#driver.get<{ at: number }>(
        `SELECT rowid AS at FROM messages_text_parts WHERE messages_text_parts MATCH ? AND rowid <= ?
         ORDER BY rowid DESC LIMIT 1 OFFSET ?`,
        grams,
        upTo,
        limit - 1,
      )?.at ?? 0
    );
  }

  /** As `containing`, of those that have the `grams` of the second index. */
  withGrams(
    grams: string,
    parts: readonly string[],
    range: { after: number; upTo: number },
    talkId: string | undefined,
    limit: number,
  ): Message[] {
    const inTalk = talkId === undefined ? '' : 'AND messages.talk_id = ?';
    return this.#driver
      .all<Row>(
        `SELECT messages.* FROM messages_text_parts JOIN messages ON messages.sequence = messages_text_parts.rowid
         WHERE messages_text_parts MATCH ? AND messages_text_parts.rowid > ? AND messages_text_parts.rowid <= ?
         ${withParts(parts)} ${inTalk} AND messages.talk_id NOT IN (SELECT id FROM removed_talks)
         ORDER BY messages_text_parts.rowid DESC LIMIT ?`,
        grams,
        range.after,
        range.upTo,
        ...parts,
        ...(talkId === undefined ? [] : [talkId]),
        limit,
      )
      .map((row) => toStored(row).message);
  }

  /** `match` in the words of FTS5, and every one of `parts` (patterns of LIKE); newest first. */
  search(match: string, parts: readonly string[], talkId: string | undefined, limit: number): Message[] {
    const inTalk = talkId === undefined ? '' : 'AND messages.talk_id = ?';
    return this.#driver
      .all<Row>(
        `SELECT messages.* FROM messages_text JOIN messages ON messages.sequence = messages_text.rowid
         WHERE messages_text MATCH ? ${withParts(parts)} ${inTalk} AND kind <> 'notice' AND messages.talk_id NOT IN (SELECT id FROM removed_talks)
         ORDER BY messages_text.rowid DESC LIMIT ?`,
        match,
        ...parts,
        ...(talkId === undefined ? [] : [talkId]),
        limit,
      )
      .map((row) => toStored(row).message);
  }

  /** Texts and files of others after `after` up to `upTo`, the newest `limit` of them, oldest first. */
  incoming(talkId: string, after: number, upTo: number, limit: number): StoredMessage[] {
    return this.#all(
      `WHERE talk_id = ? AND direction = 'incoming' AND sequence > ? AND sequence <= ? ORDER BY sequence DESC LIMIT ?`,
      talkId,
      after,
      upTo,
      limit,
    ).reverse();
  }

  countIncoming(talkId: string, after: number): number {
    return (
      this.#driver.get<{ count: number }>(
        `SELECT count(*) AS count FROM messages WHERE talk_id = ? AND direction = 'incoming' AND sequence > ?`,
        talkId,
        after,
      )?.count ?? 0
    );
  }

  oweRead(id: string): void {
    this.#driver.run('UPDATE messages SET read_owed = 1 WHERE id = ?', id);
  }

  readOwed(accountId: string): StoredMessage[] {
    return this.#all('WHERE read_owed = 1 AND account_id = ? ORDER BY sequence', accountId);
  }

  /** Texts whose senders are still to be told that they are here. */
  deliveryOwed(accountId: string): StoredMessage[] {
    return this.#all('WHERE delivery_owed IS NOT NULL AND account_id = ? ORDER BY sequence', accountId);
  }

  /** A text of this peer is reported: nothing is owed for it any more. */
  reported({ accountId, address }: Route, protocolId: string, report: 'delivered' | 'read'): void {
    const paid = report === 'read' ? 'read_owed = 0' : 'delivery_owed = NULL';
    const owed = report === 'read' ? 'read_owed = 1' : 'delivery_owed IS NOT NULL';
    this.#driver.run(
      `UPDATE messages SET ${paid} WHERE ${owed} AND account_id = ? AND protocol_id = ? AND address = ?`,
      accountId,
      protocolId,
      address,
    );
  }

  /** The person wants no peer to know any more what was read. */
  forgiveRead(accountId: string): void {
    this.#driver.run('UPDATE messages SET read_owed = 0 WHERE read_owed = 1 AND account_id = ?', accountId);
  }

  /** All messages of one talk become those of another. */
  moveTalk(talkId: string, into: string): void {
    this.#driver.run('UPDATE messages SET talk_id = ? WHERE talk_id = ?', into, talkId);
  }

  /** From now on nobody sees the messages of this talk; `deleteSome` takes them off the disk. */
  giveUpTalk(talkId: string): void {
    this.#driver.run('INSERT INTO removed_talks (id) VALUES (?)', talkId);
    this.#driver.run(
      `UPDATE messages SET outbox = 0, read_owed = 0, delivery_owed = NULL
       WHERE talk_id = ? AND (outbox = 1 OR read_owed = 1 OR delivery_owed IS NOT NULL)`,
      talkId,
    );
  }

  /** Deletes up to `limit` messages of removed talks. False when there are no more. */
  deleteSome(limit: number): boolean {
    return this.#driver.transaction(() => {
      const talk = this.#driver.get<{ id: string }>('SELECT id FROM removed_talks LIMIT 1');
      if (!talk) return false;
      const { changes } = this.#driver.run(
        'DELETE FROM messages WHERE sequence IN (SELECT sequence FROM messages WHERE talk_id = ? LIMIT ?)',
        talk.id,
        limit,
      );
      if (changes < limit) this.#driver.run('DELETE FROM removed_talks WHERE id = ?', talk.id);
      return true;
    });
  }

  #one(where: string, ...values: SqlParameter[]): StoredMessage | undefined {
    const row = this.#driver.get<Row>(`SELECT * FROM messages ${where}`, ...values);
    return row && toStored(row);
  }

  #all(where: string, ...values: SqlParameter[]): StoredMessage[] {
    return this.#driver.all<Row>(`SELECT * FROM messages ${where}`, ...values).map(toStored);
  }
}
