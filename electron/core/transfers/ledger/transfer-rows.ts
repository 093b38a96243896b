import type { Driver } from '../../store/driver.ts';
import { keptJson } from '../../store/kept-json.ts';
import type { ByteRange } from '../files/byte-ranges.ts';
import { iconOf, iconUrl } from '../files/icon-url.ts';
import { isReceiving, type ReceivingSide, type TransferRow } from './transfer-row.ts';

interface StoredRow {
  id: string;
  talk_id: string;
  bytes: number;
  ranges: string;
  icon: string | null;
  facts: string;
  created_at: number;
  cleared: number;
}

/** Values of the column `cleared`. */
const SHOWN = 0;
/** Out of the panel, in its talk. */
const TIDIED = 1;
/** Its talk is gone; kept so that the same offer is known again. */
const FORGOTTEN = 2;

/** The transfers on disk. Every call is on disk when it returns. */
export class TransferRows {
  readonly #driver: Driver;

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  /** All that were not forgotten, oldest first. */
  shown(): TransferRow[] {
    return this.#driver
      .all<StoredRow>('SELECT * FROM transfers WHERE cleared < ? ORDER BY created_at, rowid', FORGOTTEN)
      .flatMap((stored) => fromStored(stored) ?? []);
  }

  byOffer(accountId: string, key: string): TransferRow | undefined {
    const stored = this.#driver.get<StoredRow>(
      'SELECT * FROM transfers WHERE account_id = ? AND offer_key = ?',
      accountId,
      key,
    );
    return stored && fromStored(stored);
  }

  byId(id: string): TransferRow | undefined {
    const stored = this.#driver.get<StoredRow>('SELECT * FROM transfers WHERE id = ?', id);
    return stored && fromStored(stored);
  }

  /** Writes the whole row, new or changed. */
  save(row: TransferRow): void {
    const { id, talkId, route, icon, bytes, createdAt, side, tidied, ...rest } = row;
    const { runs = [], ...kept } = side as Partial<ReceivingSide>;
    const facts = { ...rest, route, side: kept };
    this.#driver.run(
      `INSERT INTO transfers (id, talk_id, account_id, address, offer_key, created_at, state, bytes, ranges, icon, facts, cleared)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET cleared = excluded.cleared, offer_key = excluded.offer_key, state = excluded.state, bytes = excluded.bytes,
         ranges = excluded.ranges, facts = excluded.facts`,
      id,
      talkId,
      route.accountId,
      route.address,
      isReceiving(row) ? row.side.key : null,
      createdAt,
      row.stage.state,
      bytes,
      JSON.stringify(runs),
      icon,
      JSON.stringify(facts),
      tidied ? TIDIED : SHOWN,
    );
  }

  /** All of one talk, shown or not, become those of another. */
  moveTalk(talkId: string, into: string): void {
    this.#driver.run('UPDATE transfers SET talk_id = ? WHERE talk_id = ?', into, talkId);
  }

  saveProgress(id: string, bytes: number, runs: readonly ByteRange[]): void {
    this.#driver.run('UPDATE transfers SET bytes = ?, ranges = ? WHERE id = ?', bytes, JSON.stringify(runs), id);
  }

  /** Those of forgotten talks that still have a part. */
  forgottenParts(): { id: string; part: string }[] {
    return this.#driver
      .all<StoredRow>(`SELECT * FROM transfers WHERE cleared = ? AND facts LIKE '%"part":"%'`, FORGOTTEN)
      .flatMap((stored) => {
        const row = fromStored(stored);
        return row && isReceiving(row) && row.side.part !== null ? [{ id: row.id, part: row.side.part }] : [];
      });
  }

  /** The part of a forgotten transfer is gone. */
  forgetPart(id: string): void {
    const stored = this.#driver.get<StoredRow>('SELECT * FROM transfers WHERE id = ?', id);
    const row = stored && fromStored(stored);
    if (!stored || !row || !isReceiving(row)) return;
    const facts = keptJson<{ side?: object }>(stored.facts, {});
    const without = JSON.stringify({ ...facts, side: { ...facts.side, part: null } });
    this.#driver.run(`UPDATE transfers SET facts = ?, ranges = '[]' WHERE id = ?`, without, id);
  }

  /** They are not shown any more, neither in the panel nor in a talk. */
  forget(ids: readonly string[]): void {
    this.#driver.transaction(() => {
      for (const id of ids) this.#driver.run('UPDATE transfers SET cleared = ? WHERE id = ?', FORGOTTEN, id);
    });
  }
}

/** Nothing when its facts were spoilt on the disk: what is to be done with the file cannot be known then. */
function fromStored(stored: StoredRow): TransferRow | undefined {
  type Facts = Omit<TransferRow, 'id' | 'talkId' | 'icon' | 'bytes' | 'createdAt'>;
  const facts = keptJson<Partial<Facts>>(stored.facts, {});
  if (!isWhole(facts)) return undefined;
  const runs = keptJson<ByteRange[]>(stored.ranges, []);
  return {
    ...facts,
    side: facts.side.direction === 'incoming' ? { ...facts.side, runs } : facts.side,
    id: stored.id,
    talkId: stored.talk_id,
    // what was taken in before the rule for pictures was as it is now
    icon: iconUrl(iconOf(stored.icon)),
    bytes: stored.bytes,
    createdAt: stored.created_at,
    ...(stored.cleared === TIDIED && { tidied: true }),
  };
}

function isWhole<Facts extends { side: unknown; stage: unknown }>(facts: Partial<Facts>): facts is Facts {
  return facts.side !== undefined && facts.stage !== undefined;
}
