import fs from 'node:fs';

/** SQLite's file format §4.1: the head of the log; §4.2: the head of each page in it. */
const LOG_HEAD = 32;
const PAGE_HEAD = 24;
/** The wal-index (WAL-mode file format §2.1): two copies of one header. */
const INDEX_HEAD = 48;
const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

const bytesOf = (file: string, at: number, length: number): Buffer | undefined => {
  let handle: number;
  try {
    handle = fs.openSync(file, 'r');
  } catch {
    return undefined;
  }
  try {
    const bytes = Buffer.alloc(length);
    return fs.readSync(handle, bytes, 0, length, at) === length ? bytes : undefined;
  } finally {
    fs.closeSync(handle);
  }
};

/**
 * Whether the log (WAL) beside a database lacks pages that were in it when the process died: empty, ended within a page, or
 * shorter than SQLite's index of it (`-shm`) tells. That index is written after a commit is on the disk: it never tells of
 * more than there was. After a loss of power it may be older than the log, or gone; then it tells nothing.
 */
export function isLogShort(database: string): boolean {
  const index = indexOf(database);
  if (index?.pages === 0) return false;
  const log = `${database}-wal`;
  const size = fs.existsSync(log) ? fs.statSync(log).size : 0;
  const head = bytesOf(log, 0, LOG_HEAD);
  if (!head) return true;
  const isLog = (head.readUInt32BE(0) & ~1) === 0x377f0682;
  const pageBytes = head.readUInt32BE(8) + PAGE_HEAD;
  if (!isLog || (size - LOG_HEAD) % pageBytes !== 0) return true;
  return index !== undefined && lacksPages(log, head, pageBytes, index);
}

/** What SQLite's index says of the log: pages that are committed, the log's salts, the checksum after the last page. */
interface LogIndex {
  pages: number;
  salts: Buffer;
  checksum: readonly [number, number];
}

function indexOf(database: string): LogIndex | undefined {
  const bytes = bytesOf(`${database}-shm`, 0, 2 * INDEX_HEAD);
  const isWhole = bytes?.subarray(0, INDEX_HEAD).equals(bytes.subarray(INDEX_HEAD)) && bytes[12] === 1;
  if (!bytes || !isWhole) return undefined;
  const number = (at: number): number => (IS_LITTLE_ENDIAN ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  return { pages: number(16), salts: bytes.subarray(32, 40), checksum: [number(24), number(28)] };
}

function lacksPages(log: string, head: Buffer, pageBytes: number, { pages, salts, checksum }: LogIndex): boolean {
  // the first salt counts how often the log began anew: an index of before knows nothing of this log
  const later = (salts.readUInt32BE(0) - head.readUInt32BE(16)) | 0;
  if (later !== 0) return later > 0;
  if (!salts.equals(head.subarray(16, 24))) return false;
  // the checksum of the last page goes over all before it
  const last = bytesOf(log, LOG_HEAD + (pages - 1) * pageBytes, PAGE_HEAD);
  return !last || last.readUInt32BE(16) !== checksum[0] || last.readUInt32BE(20) !== checksum[1];
}
