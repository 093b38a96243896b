/**
 * The table of transfers, for the first migration. What is searched or written often has a column of its own; the rest
 * is JSON in `facts`.
 */
export const TRANSFER_TABLE = `
CREATE TABLE transfers (
  id TEXT PRIMARY KEY NOT NULL,
  talk_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  address TEXT NOT NULL,
  -- the protocol's key of an incoming offer: the same offer seen twice is one row
  offer_key TEXT,
  created_at INTEGER NOT NULL,
  -- 1 when it was taken out of the panel; the row stays, so that an offer out of an archive is not shown again
  cleared INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL,
  bytes INTEGER NOT NULL DEFAULT 0,
  -- JSON [[from, to], ...] of what is in the part file
  ranges TEXT NOT NULL DEFAULT '[]',
  -- data: URL
  icon TEXT,
  facts TEXT NOT NULL
);
CREATE UNIQUE INDEX transfers_by_offer ON transfers (account_id, offer_key) WHERE offer_key IS NOT NULL;
CREATE INDEX transfers_by_talk ON transfers (talk_id);
CREATE INDEX transfers_shown ON transfers (created_at) WHERE cleared = 0;
`;
