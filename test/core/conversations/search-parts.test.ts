import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageRows } from '../../../electron/core/conversations/message-rows.ts';
import { searchParts } from '../../../electron/core/conversations/search-query.ts';
import { openDriver } from '../../../electron/core/store/driver.ts';
import { migrate } from '../../../electron/core/store/migrations.ts';
import { temporaryFolder } from '../support/folder.ts';

const EVERY = { after: 0, upTo: Number.MAX_SAFE_INTEGER };

function store(file = `${temporaryFolder()}/a.db`) {
  const driver = openDriver(file, 'ab'.repeat(32), () => undefined);
  const add = (text: string): void => {
    driver.run(
      `INSERT INTO messages (id, talk_id, direction, kind, text, at, state, account_id, address)
       VALUES (hex(randomblob(8)), 'talk', 'incoming', 'text', ?, 0, 'received', 'account', 'address')`,
      text,
    );
  };
  const rows = new MessageRows(driver);
  /** What the index finds; undefined where it cannot say. */
  const found = (typed: string): string[] | undefined => {
    const { parts, grams } = searchParts(typed);
    return grams === undefined
      ? undefined
      : rows.withGrams(grams, parts, EVERY, undefined, 100).map(({ text }) => text);
  };
  return { driver, add, found, rows };
}
/** Throws where the index and the texts do not agree. */
const check = ({ driver }: ReturnType<typeof store>): void =>
  driver.exec("INSERT INTO messages_text_parts (messages_text_parts) VALUES ('integrity-check')");

describe('the index of texts without spaces', () => {
  it('finds what looking through all texts finds, and nothing else', () => {
    const letter = fc.constantFrom('喜', '歡', 'の', '한', 'ก', '👍', '🏽', 'a', 'é', ' ', '%', '–');
    const text = fc.array(letter, { maxLength: 12 }).map((letters) => letters.join(''));
    const one = store();
    migrate(one.driver);
    fc.assert(
      fc.property(fc.array(text, { maxLength: 12 }), text, (texts, typed) => {
        one.driver.transaction(() => {
          one.driver.exec('DELETE FROM messages');
          for (const each of texts) one.add(each);
        });
        const { parts, grams } = searchParts(typed);
        const looked = one.rows.containing(parts, EVERY, undefined, 100).map(({ text: each }) => each);
        if (parts.length > 0 && grams !== undefined) expect(one.found(typed)).toEqual(looked);
      }),
      { numRuns: 60 },
    );
    check(one);
    one.driver.close();
  });

  it('knows each pair and each character of what is typed, and asks for nothing that it does not know', () => {
    const hex = (text: string) => Buffer.from(text).toString('hex');
    expect(searchParts('喜歡').grams).toBe(`("${hex('喜歡')}") OR "long"`);
    expect(searchParts('我喜歡 👍').grams).toBe(`("${hex('我喜')}" AND "${hex('喜歡')}" AND "${hex('👍')}") OR "long"`);
    expect(searchParts('©').grams).toBeUndefined();
    expect(searchParts('喜歡 ©').grams).toBeUndefined();
  });

  it('finds what stands far behind in a long text', () => {
    const one = store();
    migrate(one.driver);
    one.add(`${'x'.repeat(5_000)}喜歡`);
    one.add('x'.repeat(5_000));
    expect(one.found('喜歡')).toHaveLength(1);
    check(one);
    one.driver.close();
  });

  it('takes texts of millions of letters with one picture in them, and lets them go', () => {
    const one = store();
    migrate(one.driver);
    // walked through once for each character that is indexed, each of them stopped the core for eleven seconds
    for (let count = 0; count < 6; count += 1) one.add(`😀 ${'a'.repeat(5_000_000)}`);
    expect(one.found('😀')).toHaveLength(6);
    one.driver.exec('DELETE FROM messages');
    check(one);
    one.driver.close();
  });

  it('forgets what is erased and follows what is changed', () => {
    const one = store();
    migrate(one.driver);
    for (const text of ['我喜歡茶', '他喜歡你', 'tea']) one.add(text);
    one.driver.run("UPDATE messages SET text = '我愛茶' WHERE sequence = 1");
    one.driver.run("UPDATE messages SET text = '喜歡' WHERE sequence = 3");
    one.driver.run('DELETE FROM messages WHERE sequence = 2');
    expect(one.found('喜歡')).toEqual(['喜歡']);
    expect(one.found('愛茶')).toEqual(['我愛茶']);
    check(one);
    one.driver.close();
  });

  it('has the texts of a database of before it, and of one whose index was made anew', () => {
    const one = store();
    migrate(one.driver);
    one.driver.exec(`DROP TABLE messages_text_parts; DROP VIEW messages_text_grams;
      DROP TRIGGER messages_text_parts_insert; DROP TRIGGER messages_text_parts_delete;
      DROP TRIGGER messages_text_parts_before_update; DROP TRIGGER messages_text_parts_after_update;
      PRAGMA user_version = 2`);
    one.add('我喜歡茶');
    migrate(one.driver);
    expect(one.found('喜歡')).toEqual(['我喜歡茶']);
    one.add('喜歡');
    one.driver.exec("INSERT INTO messages_text_parts (messages_text_parts) VALUES ('rebuild')");
    expect(one.found('喜歡')).toEqual(['喜歡', '我喜歡茶']);
    check(one);
    one.driver.close();
  });
});
