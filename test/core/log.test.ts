import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Log, openLog, redact } from '../../electron/core/log.ts';
import { TestProfile, turn } from './support/core.ts';
import { temporaryFolder } from './support/folder.ts';
import { smallDisk } from './support/small-disk.ts';

function fresh(): { log: Log; folder: string; lines: () => Record<string, unknown>[] } {
  const folder = temporaryFolder();
  const log = openLog(folder, () => 0);
  onTestFinished(() => log.close());
  const lines = () =>
    fs
      .readFileSync(path.join(folder, 'aims.log'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { log, folder, lines };
}

describe('the log', () => {
  it('is one JSON object a line, written at once', () => {
    const { log, lines } = fresh();
    log.write('info', 'sip.registered', { account: 'sip:ana@campus.test', expires: 600, tls: true });
    log.write('warn', 'two\nlines');
    expect(lines()).toEqual([
      {
        time: '1970-01-01T00:00:00.000Z',
        level: 'info',
        event: 'sip.registered',
        account: 'sip:ana@campus.test',
        expires: 600,
        tls: true,
      },
      { time: '1970-01-01T00:00:00.000Z', level: 'warn', event: 'two\nlines' },
    ]);
  });

  it('keeps five files of a megabyte, the youngest in front', () => {
    const { log, folder } = fresh();
    const filling = 'lorem ipsum '.repeat(150);
    for (let line = 0; line < 4000; line++) log.write('info', `event-${line}`, { filling });
    const names = fs.readdirSync(folder).sort();
    expect(names).toEqual(['aims.log', 'aims.log.1', 'aims.log.2', 'aims.log.3', 'aims.log.4']);
    for (const name of names) expect(fs.statSync(path.join(folder, name)).size).toBeLessThanOrEqual(1024 * 1024);
    expect(fs.readFileSync(path.join(folder, 'aims.log'), 'utf8')).toContain('event-3999"');
    expect(fs.readFileSync(path.join(folder, 'aims.log.1'), 'utf8')).not.toContain('event-3999"');
  });

  it('goes on in the file of the run before', () => {
    const { log, folder, lines } = fresh();
    log.write('info', 'first');
    log.close();
    const second = openLog(folder, () => 0);
    second.write('info', 'second');
    second.close();
    expect(lines().map(({ event }) => event)).toEqual(['first', 'second']);
  });

  it('never holds the program up when it cannot be written', () => {
    const folder = path.join(temporaryFolder(), 'not', 'there');
    const log = openLog(folder, () => 0);
    log.write('error', 'lost');
    expect(fs.existsSync(folder)).toBe(false);
  });

  it('leaves out whole lines while the disk is full, says so, and counts them afterwards', () => {
    const disk = smallDisk(1);
    if (!disk) return;
    let refused = 0;
    const log = openLog(
      disk.folder,
      () => 0,
      () => {
        refused += 1;
      },
    );
    onTestFinished(() => log.close());
    log.write('info', 'first');
    disk.fill();
    // what is left of the page that the first line began
    while (refused === 0) log.write('info', 'filling', { filling: 'x'.repeat(700) });
    log.write('info', 'lost', { filling: 'x'.repeat(2000) });
    disk.empty();
    log.write('info', 'last');
    const lines = fs.readFileSync(path.join(disk.folder, 'aims.log'), 'utf8').trimEnd().split('\n');
    const events = lines.map((line) => JSON.parse(line) as { event: string; lines?: number });
    const missing = events.map(({ lines: count = 0 }) => count);
    expect(missing.reduce((sum, count) => sum + count)).toBe(2);
    expect([events[0]?.event, events.at(-1)?.event]).toEqual(['first', 'last']);
  });

  it('has no fact whose name says that it is secret', () => {
    const { log, lines } = fresh();
    const secret = 'hunter2';
    for (const name of [
      'password',
      'passwd',
      'userPassword',
      'secret',
      'token',
      'nonce',
      'hash',
      'text',
      'body',
      'note',
    ]) {
      log.write('info', 'x', { [name]: secret });
    }
    expect(JSON.stringify(lines())).not.toContain(secret);
    log.write('info', 'x', { host: 'campus.test', address: 'sip:ana@campus.test', context: 'kept' });
    expect(lines().at(-1)).toMatchObject({ host: 'campus.test', address: 'sip:ana@campus.test', context: 'kept' });
  });

  it.each([
    ['Authorization: Digest username="ana", response="0a1b"', 'Authorization: …'],
    ['Proxy-Authorization: Digest abc\r\nVia: x', 'Proxy-Authorization: …\r\nVia: x'],
    ['wrong password="s3cret", try again', 'wrong password=…, try again'],
    ['password: s3cret', 'password: …'],
    ['nonce="abc" cnonce=def', 'nonce=… cnonce=…'],
    ['https://ana:s3cret@campus.test/x', 'https://ana:…@campus.test/x'],
    ['sip:ana@campus.test:5060', 'sip:ana@campus.test:5060'],
    [`hash ${'0123456789abcdef'.repeat(4)} differs`, 'hash … differs'],
  ])('takes the secret out of %j', (text, clean) => {
    expect(redact(text)).toBe(clean);
  });

  it('shows of an error where it came from and what caused it, but no secret in it', () => {
    const { log, lines } = fresh();
    const cause = new Error('login with password=s3cret refused');
    log.error('core.unforeseen', new TypeError('no such thing', { cause }));
    const told = String(lines()[0]?.error);
    expect(told).toContain('TypeError: no such thing');
    expect(told).toContain('log.test.ts');
    expect(told).toContain('login with password=… refused');
    log.error('core.unforeseen', 'just a text');
    log.error('core.unforeseen', { text: 'an object' });
    expect(
      lines()
        .slice(1)
        .map(({ error }) => error),
    ).toEqual(['just a text', '[object Object]']);
  });

  it('of a whole run with sign-in, talk and failure has no password and no text of anybody', async () => {
    const profile = new TestProfile();
    await profile.start();
    const { talk, provider, account } = await profile.withTalk();
    provider.receive({ text: 'meet me at the fountain', peerName: 'Rui' });
    await profile.call('messages.send', { talkId: talk.id, text: 'i shall be there' });
    await profile.refused('messages.send', { talkId: talk.id, text: 'an overlong sentence'.repeat(1000) });
    await profile.call('messages.search', { query: 'fountain "', limit: 5 });
    await profile.call('talks.setDraft', { talkId: talk.id, draft: 'almost said' });
    await profile.call('accounts.change', { accountId: account.id, password: 'battery staple' });
    provider.lost();
    await turn();
    await profile.stop();
    const text = fs.readFileSync(path.join(profile.folder, 'aims.log'), 'utf8');
    expect(text).toContain('test:ana@campus.test');
    for (const secret of ['correct horse', 'battery staple', 'fountain', 'shall be', 'overlong', 'almost said']) {
      expect(text).not.toContain(secret);
    }
  });
});
