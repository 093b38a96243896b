import { TRANSFER_TABLE } from '../transfers/transfer-table.ts';
import type { Driver } from './driver.ts';
import { StoreError } from './store-error.ts';

// Each entry brings the database from its index to its index + 1, for ever as it is: what was released is never edited,
// only followed by another. Times are ms since the epoch, sizes bytes, booleans 0 and 1.

const FIRST = `
CREATE TABLE settings (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL              -- JSON
) WITHOUT ROWID;

CREATE TABLE notices (
  id         TEXT PRIMARY KEY,
  code       TEXT NOT NULL,
  detail     TEXT NOT NULL,
  dismissed  INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE accounts (
  id                  TEXT PRIMARY KEY,
  protocol            TEXT NOT NULL,
  address             TEXT NOT NULL,
  display_name        TEXT NOT NULL,
  enabled             INTEGER NOT NULL,
  server_host         TEXT,
  server_port         INTEGER,
  transport           TEXT,
  authentication_name TEXT,
  trusted             TEXT NOT NULL, -- JSON array of fingerprints
  authorities         TEXT NOT NULL, -- JSON array of PEM texts
  options             TEXT NOT NULL, -- JSON object
  created_at          INTEGER NOT NULL,
  UNIQUE (protocol, address)
) WITHOUT ROWID;

-- what a protocol must remember: instance ids, list versions, local lists
CREATE TABLE account_storage (
  account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  key        TEXT NOT NULL,
  value      TEXT NOT NULL,
  PRIMARY KEY (account_id, key)
) WITHOUT ROWID;

CREATE TABLE people (
  id         TEXT PRIMARY KEY,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;

-- A removed account leaves its addresses here as long as there is a talk: no reference to accounts.
CREATE TABLE person_addresses (
  account_id   TEXT NOT NULL,
  address      TEXT NOT NULL,
  person_id    TEXT NOT NULL REFERENCES people (id),
  listed       INTEGER NOT NULL,
  name         TEXT NOT NULL,        -- from the contact list
  claimed_name TEXT NOT NULL,        -- what the peer says of itself
  groups       TEXT NOT NULL,        -- JSON array
  subscription TEXT NOT NULL,
  PRIMARY KEY (account_id, address)
) WITHOUT ROWID;
CREATE INDEX person_addresses_by_address ON person_addresses (address);
CREATE INDEX person_addresses_by_person ON person_addresses (person_id);

CREATE TABLE talks (
  id            TEXT PRIMARY KEY,
  person_id     TEXT NOT NULL UNIQUE REFERENCES people (id),
  account_id    TEXT NOT NULL,       -- the route
  address       TEXT NOT NULL,
  route_chosen  INTEGER NOT NULL,    -- 1: a person chose it, it stays
  draft         TEXT NOT NULL,
  unread        INTEGER NOT NULL,
  read_up_to    INTEGER NOT NULL,    -- sequence
  last_sequence INTEGER,
  active_at     INTEGER NOT NULL
) WITHOUT ROWID;

-- gone for everybody; their messages are being deleted, a few at a time
CREATE TABLE removed_talks (
  id TEXT PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE messages (
  sequence    INTEGER PRIMARY KEY AUTOINCREMENT,
  id          TEXT NOT NULL UNIQUE,
  talk_id     TEXT NOT NULL,         -- of a talk, or one of removed_talks
  direction   TEXT NOT NULL,
  kind        TEXT NOT NULL,
  text        TEXT NOT NULL,
  transfer_id TEXT,
  at          INTEGER NOT NULL,
  state       TEXT NOT NULL,
  fault       TEXT,                  -- JSON
  account_id  TEXT NOT NULL,         -- the route it came or went by
  address     TEXT NOT NULL,
  protocol_id TEXT,                  -- the id on the wire
  archive_id  TEXT,
  outbox      INTEGER NOT NULL DEFAULT 0, -- 1: still to be handed over
  read_owed   INTEGER NOT NULL DEFAULT 0 -- 1: was read here, the peer is still to be told
);
CREATE INDEX messages_by_talk ON messages (talk_id, sequence);
CREATE INDEX messages_by_protocol_id ON messages (account_id, protocol_id) WHERE protocol_id IS NOT NULL;
CREATE UNIQUE INDEX messages_by_archive_id ON messages (account_id, archive_id) WHERE archive_id IS NOT NULL;
CREATE INDEX messages_outbox ON messages (account_id, address, sequence) WHERE outbox = 1;
CREATE INDEX messages_read_owed ON messages (account_id, sequence) WHERE read_owed = 1;

CREATE VIRTUAL TABLE messages_text USING fts5 (
  text, content = 'messages', content_rowid = 'sequence', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER messages_text_insert AFTER INSERT ON messages BEGIN
  INSERT INTO messages_text (rowid, text) VALUES (new.sequence, new.text);
END;
CREATE TRIGGER messages_text_delete AFTER DELETE ON messages BEGIN
  INSERT INTO messages_text (messages_text, rowid, text) VALUES ('delete', old.sequence, old.text);
END;
CREATE TRIGGER messages_text_update AFTER UPDATE OF text ON messages BEGIN
  INSERT INTO messages_text (messages_text, rowid, text) VALUES ('delete', old.sequence, old.text);
  INSERT INTO messages_text (rowid, text) VALUES (new.sequence, new.text);
END;
`;

const SECOND = `
-- the sender of a text is still to be told that it is here; when they wrote it, which the report repeats
ALTER TABLE messages ADD COLUMN delivery_owed INTEGER;
CREATE INDEX messages_delivery_owed ON messages (account_id, sequence) WHERE delivery_owed IS NOT NULL;
`;

const THIRD = `
-- Scripts that put no space between words, and pictures: a second index of the search has each of their characters and each
-- pair of them as words of hex digits, up to 2000 characters of a text; \`long\` marks what has more. 3584 is U+0E00.
CREATE VIEW messages_text_grams (sequence, grams) AS
  SELECT sequence, (
    -- cut once: each character that is looked for in the whole text would cost a walk through it
    WITH RECURSIVE head (t) AS MATERIALIZED (SELECT substr(text, 1, 2001)),
      place (n, t) AS (SELECT 1, t FROM head UNION ALL SELECT n + 1, t FROM place WHERE n < min(length(t), 2000))
    SELECT coalesce(group_concat(
      hex(substr(t, n, 1)) || iif(unicode(substr(t, n + 1, 1)) >= 3584, ' ' || hex(substr(t, n, 2)), ''), ' '
    ), '') || (SELECT iif(length(t) > 2000, ' long', '') FROM head)
    FROM place WHERE unicode(substr(t, n, 1)) >= 3584
  )
  FROM messages WHERE text GLOB '*[' || char(3584) || '-' || char(1114111) || ']*';
CREATE VIRTUAL TABLE messages_text_parts USING fts5 (
  grams, content = 'messages_text_grams', content_rowid = 'sequence', detail = none, columnsize = 0
);
INSERT INTO messages_text_parts (messages_text_parts) VALUES ('rebuild');
CREATE TRIGGER messages_text_parts_insert AFTER INSERT ON messages BEGIN
  INSERT INTO messages_text_parts (rowid, grams)
    SELECT sequence, grams FROM messages_text_grams WHERE sequence = new.sequence;
END;
CREATE TRIGGER messages_text_parts_delete BEFORE DELETE ON messages BEGIN
  INSERT INTO messages_text_parts (messages_text_parts, rowid, grams)
    SELECT 'delete', sequence, grams FROM messages_text_grams WHERE sequence = old.sequence;
END;
CREATE TRIGGER messages_text_parts_before_update BEFORE UPDATE OF text ON messages BEGIN
  INSERT INTO messages_text_parts (messages_text_parts, rowid, grams)
    SELECT 'delete', sequence, grams FROM messages_text_grams WHERE sequence = old.sequence;
END;
CREATE TRIGGER messages_text_parts_after_update AFTER UPDATE OF text ON messages BEGIN
  INSERT INTO messages_text_parts (rowid, grams)
    SELECT sequence, grams FROM messages_text_grams WHERE sequence = new.sequence;
END;
`;

export const MIGRATIONS: readonly string[] = [FIRST + TRANSFER_TABLE, SECOND, THIRD];

/** What `PRAGMA user_version` says in a database of this program. */
export const STORE_VERSION = MIGRATIONS.length;

/**
 * Brings the database to this program's version, each step in a transaction of its own. Refuses one from a later
 * version with `newer` before anything is written.
 */
export function migrate(driver: Driver, migrations: readonly string[] = MIGRATIONS): void {
  const found = driver.get<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0;
  if (found > migrations.length) throw new StoreError('newer', { detail: `version ${found}` });
  for (let version = found; version < migrations.length; version++) {
    driver.transaction(() => {
      driver.exec(migrations[version] as string);
      driver.exec(`PRAGMA user_version = ${version + 1}`);
    });
  }
}
