import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CampusDescription, startTemporary } from '../../../campus/campus.mjs';
import {
  addPerson,
  bubble,
  chooseSavePathNext,
  downloads,
  head,
  openTalk,
  say,
  sendFiles,
  setField,
  sha256,
  writeFile,
} from '../people.ts';
import { accessibilityFaults, type Program, root, startProgram, temporaryFolder } from '../program.ts';
import { relayOf, signInSip, trustServer } from './sip-account.ts';

// Files between two real windows, each behind the relay of the campus: every answer, and every way to lose one.

const MEBIBYTE = 1024 * 1024;

let campus: CampusDescription;
let endCampus: () => Promise<void>;
let alice: Program;
let bob: Program;
const dataFolder = temporaryFolder();
const sent = path.join(dataFolder, 'sent');

beforeAll(async () => {
  const started = await startTemporary();
  campus = started.description;
  endCampus = started.stop;
  [alice, bob] = await Promise.all([
    startProgram({ dataFolder, profile: 'alice' }),
    startProgram({ dataFolder, profile: 'bob', language: 'pt' }),
  ]);
});
afterAll(async () => {
  await Promise.all([alice, bob].map((program) => program?.close()));
  await endCampus?.();
  fs.rmSync(dataFolder, { recursive: true, force: true });
});

/** The button for one file, in whatever language the window is. */
const button = ({ page, words }: Program, what: keyof Program['words']['file']['named'], name: string) =>
  page.getByRole('button', { name: words.file.named[what].replace('{{name}}', name), exact: true }).first();

/** The open talk says so somewhere. */
const talkSays = ({ page, words }: Program, what: string, person = '') =>
  page
    .getByRole('region', { name: words.talk.with.replace('{{name}}', '') })
    .getByText(what.replace('{{name}}', person), { exact: false })
    .last()
    .waitFor();

const arrived = async (program: Program, name: string): Promise<void> => {
  await button(program, 'open', name).waitFor({ timeout: 100_000 });
};

const enter = async (program: Program, name: string): Promise<void> => {
  await signInSip(program, campus, name);
  await trustServer(program);
  await setField(program, program.words.account.relay, relayOf(campus));
};

/** The program again after it was closed or killed, in the talk with the other one. */
async function reopen(profile: 'alice' | 'bob', language: 'en' | 'pt', other: string): Promise<Program> {
  const program = await startProgram({ dataFolder, profile, language });
  if (!process.env.AIMS_TEST_KEYRING) {
    // no password store here: it is typed
    const { page, words } = program;
    await page.getByRole('button', { name: words.account.enterPassword }).first().click();
    const sheet = page.getByRole('dialog', { name: words.settings.title });
    await sheet.getByLabel(words.account.password, { exact: true }).fill(`pw-${profile}`);
    await sheet.getByRole('button', { name: words.account.usePassword }).click();
    await page.keyboard.press('Escape');
    await sheet.waitFor({ state: 'hidden' });
  }
  await openTalk(program, other);
  return program;
}

describe('files between two people with SIP accounts, each behind a relay', () => {
  it('show a picture before it is taken, in one offer with others', async () => {
    await Promise.all([enter(alice, 'alice'), enter(bob, 'bob')]);
    await Promise.all([
      addPerson(alice, 'bob@campus.test', 'Bob Example'),
      addPerson(bob, 'alice@campus.test', 'Alice Example'),
    ]);
    await Promise.all([openTalk(alice, 'Bob Example'), openTalk(bob, 'Alice Example')]);
    await head(alice).getByText(alice.words.presence.available, { exact: false }).waitFor();
    fs.mkdirSync(sent, { recursive: true });
    fs.copyFileSync(path.join(root, 'assets/icon.png'), path.join(sent, 'retrato.png'));
    await sendFiles(alice, [
      path.join(sent, 'retrato.png'),
      writeFile(sent, 'notas.txt', 3000),
      writeFile(sent, 'talvez.bin', 5000),
    ]);
    for (const name of ['retrato.png', 'notas.txt', 'talvez.bin']) await button(bob, 'accept', name).waitFor();
    await bob.page.locator('img[src^="data:image/jpeg"]').first().waitFor();
    await bob.screenshot('sip-picture-offered');
    await alice.screenshot('sip-picture-offered-by');
    expect(fs.existsSync(downloads(bob, 'retrato.png'))).toBe(false);
  });

  it('start when they are accepted, and the others can still be answered', async () => {
    await button(bob, 'accept', 'retrato.png').click();
    await arrived(bob, 'retrato.png');
    await talkSays(bob, bob.words.file.unansweredIn);
    await talkSays(alice, alice.words.file.unansweredOut, 'Bob Example');
    await bob.screenshot('sip-not-answered-yet');
    await button(bob, 'decline', 'talvez.bin').click();
    await button(bob, 'accept', 'notas.txt').click();
    for (const name of ['retrato.png', 'notas.txt']) {
      await arrived(bob, name);
      expect(sha256(downloads(bob, name))).toBe(sha256(path.join(sent, name)));
    }
    await talkSays(alice, alice.words.file.out.declined, 'Bob Example');
  });

  it('are asked for after all when they were declined', async () => {
    await button(bob, 'ask', 'talvez.bin').waitFor();
    await bob.screenshot('sip-declined');
    await button(bob, 'ask', 'talvez.bin').press('Enter');
    await arrived(bob, 'talvez.bin');
    expect(sha256(downloads(bob, 'talvez.bin'))).toBe(sha256(path.join(sent, 'talvez.bin')));
    await alice.page
      .getByText(alice.words.file.out.declined.replace('{{name}}', 'Bob Example'))
      .waitFor({ state: 'hidden' });
    await bob.screenshot('sip-asked-for');
    await alice.screenshot('sip-asked-for-by');
  });

  it('are asked for again when they are no longer where they were saved', async () => {
    fs.rmSync(downloads(bob, 'talvez.bin'));
    await button(bob, 'open', 'talvez.bin').click();
    await talkSays(bob, bob.words.file.moved);
    await bob.screenshot('sip-file-gone');
    await button(bob, 'ask', 'talvez.bin').click();
    await arrived(bob, 'talvez.bin');
    expect(sha256(downloads(bob, 'talvez.bin'))).toBe(sha256(path.join(sent, 'talvez.bin')));
  });

  it('are taken under another name, and taken back', async () => {
    await sendFiles(alice, [writeFile(sent, 'acta.pdf', 5000)]);
    const elsewhere = path.join(dataFolder, 'acta de julho.pdf');
    await chooseSavePathNext(bob, elsewhere);
    await button(bob, 'saveAs', 'acta.pdf').click();
    await arrived(bob, 'acta.pdf');
    expect(sha256(elsewhere)).toBe(sha256(path.join(sent, 'acta.pdf')));
    await sendFiles(alice, [writeFile(sent, 'engano.bin', 5000)]);
    await button(bob, 'accept', 'engano.bin').waitFor();
    await button(alice, 'cancel', 'engano.bin').click();
    await talkSays(bob, bob.words.file.cancelledByPeer, 'Alice Example');
    // what was taken back is not to be had
    expect(await button(bob, 'ask', 'engano.bin').count()).toBe(0);
  });

  it('run while the talk goes on, and are cancelled on the way', async () => {
    await sendFiles(alice, [writeFile(sent, 'filme.bin', 100 * MEBIBYTE)]);
    await button(bob, 'accept', 'filme.bin').click();
    await button(bob, 'pause', 'filme.bin').waitFor();
    for (const text of ['um', 'dois', 'três']) {
      await say(alice, text);
      await bubble(bob, text).waitFor();
      await say(bob, `${text}!`);
      await bubble(alice, `${text}!`).waitFor();
    }
    await alice.page.getByLabel(alice.words.marks.read, { exact: true }).last().waitFor();
    await alice.screenshot('sip-running-of');
    await bob.screenshot('sip-running');
    await button(alice, 'cancel', 'filme.bin').click();
    await button(bob, 'pause', 'filme.bin').waitFor({ state: 'hidden' });
    expect(fs.readdirSync(path.join(bob.folder, 'Downloads')).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('go on by themselves when either program was killed', async () => {
    const big = writeFile(sent, 'tese.bin', 40 * MEBIBYTE);
    await sendFiles(alice, [big]);
    await button(bob, 'accept', 'tese.bin').click();
    await button(bob, 'pause', 'tese.bin').waitFor();
    await bob.kill();
    await alice.screenshot('sip-receiver-killed');
    bob = await reopen('bob', 'pt', 'Alice Example');
    await bob.screenshot('sip-receiver-back');
    await button(bob, 'pause', 'tese.bin').waitFor({ timeout: 60_000 });
    await alice.kill();
    await bob.screenshot('sip-sender-killed');
    alice = await reopen('alice', 'en', 'Bob Example');
    await arrived(bob, 'tese.bin');
    expect(sha256(downloads(bob, 'tese.bin'))).toBe(sha256(big));
    await bob.screenshot('sip-after-both-killed');
    await alice.screenshot('sip-after-both-killed-of');
    expect(await accessibilityFaults(bob.page)).toEqual([]);
  });

  it('wait for somebody who is away, and are offered when they are back', async () => {
    await bob.close();
    await head(alice).getByText(alice.words.presence.offline, { exact: false }).waitFor();
    await sendFiles(alice, [writeFile(sent, 'para amanhã.txt', 700)]);
    await talkSays(alice, alice.words.file.out['waiting-for-peer'], 'Bob Example');
    await alice.screenshot('sip-waits-for-peer');
    bob = await reopen('bob', 'pt', 'Alice Example');
    await button(bob, 'accept', 'para amanhã.txt').click();
    await arrived(bob, 'para amanhã.txt');
    expect(sha256(downloads(bob, 'para amanhã.txt'))).toBe(sha256(path.join(sent, 'para amanhã.txt')));
  });
});
