import { type CoreEvent, type Notice, noticeSchema } from '../../contract/index.ts';
import type { Driver } from '../store/driver.ts';

/** How a detail is kept that comes with counts: messages saved, lost, and the detail itself. */
const COUNTED = /^(\d+)\|(\d+)\|(.*)$/s;

/**
 * Things to know that belong to no account. Each is shown until it is dismissed, also over restarts; `core-restarted`
 * and `disk-full` are of this run only.
 */
export class Notices {
  readonly #driver: Driver;
  readonly #emit: (event: CoreEvent) => void;
  readonly #now: () => number;
  readonly #shown: Map<string, Notice>;

  constructor(driver: Driver, now: () => number, emit: (event: CoreEvent) => void) {
    this.#driver = driver;
    this.#now = now;
    this.#emit = emit;
    const rows = driver.all<Notice>('SELECT id, code, detail FROM notices WHERE dismissed = 0 ORDER BY created_at, id');
    const known = rows.flatMap(({ id, code, detail }) => {
      const counts = COUNTED.exec(detail);
      const notice = counts
        ? { id, code, detail: counts[3] ?? '', saved: Number(counts[1]), lost: Number(counts[2]) }
        : { id, code, detail };
      // one that this version does not know has no sentence
      return noticeSchema.safeParse(notice).success ? [notice] : [];
    });
    this.#shown = new Map(known.map((notice) => [notice.id, notice]));
  }

  get all(): Notice[] {
    return [...this.#shown.values()];
  }

  /** Kept on disk; told once, and never again after it was dismissed. */
  keep(code: Notice['code'], detail = '', counts: Pick<Notice, 'saved' | 'lost'> = {}): void {
    const id = detail === '' ? code : `${code}-${detail}`.slice(-128);
    const { changes } = this.#driver.run(
      'INSERT INTO notices (id, code, detail, created_at) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING',
      id,
      code,
      counts.saved === undefined ? detail : `${counts.saved}|${counts.lost ?? 0}|${detail}`,
      this.#now(),
    );
    if (changes > 0) this.#show({ id, code, detail, ...counts });
  }

  /** For this run only. */
  show(code: Notice['code'], detail = ''): void {
    if (!this.#shown.has(code)) this.#show({ id: code, code, detail });
  }

  /** Takes back what was shown for this run only. */
  hide(code: Notice['code']): void {
    if (this.#shown.delete(code)) this.#tell();
  }

  /** The reason is gone: it may be told anew when it comes again. */
  withdraw(code: Notice['code']): void {
    this.#driver.run('DELETE FROM notices WHERE code = ?', code);
    for (const notice of this.all) if (notice.code === code) this.#shown.delete(notice.id);
    this.#tell();
  }

  /** False when there is no such notice. */
  dismiss(id: string): boolean {
    if (!this.#shown.delete(id)) return false;
    this.#driver.run('UPDATE notices SET dismissed = 1 WHERE id = ?', id);
    this.#tell();
    return true;
  }

  #show(notice: Notice): void {
    this.#shown.set(notice.id, notice);
    this.#tell();
  }

  #tell(): void {
    this.#emit({ type: 'notices', notices: this.all });
  }
}
