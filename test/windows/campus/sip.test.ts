import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CampusDescription, startTemporary } from '../../../campus/campus.mjs';
import {
  addPerson,
  beSeenAs,
  bubble,
  details,
  downloads,
  head,
  openTalk,
  permit,
  say,
  sendFiles,
  setField,
  sha256,
  writeFile,
} from '../people.ts';
import { accessibilityFaults, type Program, startProgram, temporaryFolder } from '../program.ts';
import { relayOf, signInSip, trustServer } from './sip-account.ts';

// What SIP can beyond texts and one file: two real windows, a Kamailio where presence rules decide.

const MEBIBYTE = 1024 * 1024;
const FILES = ['um.bin', 'dois.bin', 'três.bin'];

let campus: CampusDescription;
let endCampus: () => Promise<void>;
let alice: Program;
let bob: Program;
const dataFolder = temporaryFolder();
const sent = path.join(dataFolder, 'sent');

beforeAll(async () => {
  const started = await startTemporary({ settings: { presenceRules: true } });
  campus = started.description;
  endCampus = started.stop;
  [alice, bob] = await Promise.all([
    startProgram({ dataFolder, profile: 'alice' }),
    startProgram({ dataFolder, profile: 'bob' }),
  ]);
});
afterAll(async () => {
  await Promise.all([alice, bob].map((program) => program?.close()));
  await endCampus?.();
  fs.rmSync(dataFolder, { recursive: true, force: true });
});

describe('two people with SIP accounts at one server', () => {
  it('sign in, one of them with a list and rules at the server', async () => {
    for (const [program, name] of [
      [alice, 'alice'],
      [bob, 'bob'],
    ] as const) {
      await signInSip(program, campus, name);
      await trustServer(program);
    }
    // Alice's list is kept on her computer
    await setField(bob, bob.words.account.listRoot, campus.xcapsRoot);
  });

  it('ask to see each other, and see each other when they are allowed', async () => {
    await addPerson(alice, 'bob@campus.test', 'Bob Example');
    await bob.page
      .getByRole('button', { name: /^Allow / })
      .first()
      .click();
    await openTalk(alice, 'Bob Example');
    await head(alice).getByText(alice.words.presence.available, { exact: false }).waitFor();
    await say(alice, 'Olá!');
    await openTalk(bob, 'alice');
    await bubble(bob, 'Olá!').waitFor();
  });

  it('go on in a session when the talk is lively, and the details say so', async () => {
    for (const text of ['um', 'dois', 'três']) {
      await say(alice, text);
      await bubble(bob, text).waitFor();
      await say(bob, `${text}!`);
      await bubble(alice, `${text}!`).waitFor();
    }
    const { page, words } = alice;
    const sheet = await details(alice);
    await sheet.getByText(words.person.way.direct).waitFor();
    await alice.screenshot('sip-session');
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await sheet.waitFor({ state: 'hidden' });
  });

  it('send three files in one go, of which one is declined', async () => {
    await sendFiles(
      alice,
      FILES.map((name) => writeFile(sent, name, 100_000)),
    );
    for (const name of FILES)
      await bob.page
        .getByRole('button', { name: `Accept ${name}` })
        .first()
        .waitFor();
    await bob.page.getByRole('button', { name: 'Decline dois.bin' }).first().click();
    for (const name of ['um.bin', 'três.bin']) {
      await bob.page
        .getByRole('button', { name: `Accept ${name}` })
        .first()
        .click();
    }
    for (const name of ['um.bin', 'três.bin']) {
      await expect.poll(() => fs.existsSync(downloads(bob, name)), { timeout: 60_000 }).toBe(true);
      expect(sha256(downloads(bob, name))).toBe(sha256(path.join(sent, name)));
    }
    expect(fs.existsSync(downloads(bob, 'dois.bin'))).toBe(false);
  });

  it('send a file by a relay, pause it and resume it', async () => {
    for (const program of [alice, bob]) await setField(program, program.words.account.relay, relayOf(campus));
    await head(alice).getByText(alice.words.presence.available, { exact: false }).waitFor();
    const big = writeFile(sent, 'grande.bin', 30 * MEBIBYTE);
    await sendFiles(alice, [big]);
    await bob.page.getByRole('button', { name: 'Accept grande.bin' }).first().click();
    await bob.page.getByRole('button', { name: 'Pause grande.bin' }).first().click();
    await alice.page.getByText('Paused by', { exact: false }).first().waitFor();
    expect(fs.existsSync(downloads(bob, 'grande.bin'))).toBe(false);
    await bob.page.getByRole('button', { name: 'Resume grande.bin' }).first().click();
    await expect.poll(() => fs.existsSync(downloads(bob, 'grande.bin')), { timeout: 100_000 }).toBe(true);
    expect(sha256(downloads(bob, 'grande.bin'))).toBe(sha256(big));
  });

  it('appear offline to one person, and are seen again', async () => {
    await permit(bob, bob.words.person.permission.politeBlock);
    await head(alice).getByText(alice.words.presence.offline, { exact: false }).waitFor();
    await bob.screenshot('sip-permission');
    await permit(bob, bob.words.person.permission.allow);
    await head(alice).getByText(alice.words.presence.available, { exact: false }).waitFor();
  });

  it('see how the other one is, with a note, and since when nobody is there', async () => {
    const { presence } = bob.words;
    for (const state of ['busy', 'do-not-disturb', 'away', 'offline', 'available'] as const) {
      await beSeenAs(bob, state === 'offline' ? presence.invisible : presence[state], `nota: ${state}`);
      await head(alice).getByText(alice.words.presence[state], { exact: false }).waitFor();
      // who appears offline says nothing
      if (state === 'offline') await head(alice).getByText('nota: ').waitFor({ state: 'hidden' });
      else await head(alice).getByText(`nota: ${state}`).waitFor();
      await alice.screenshot(`sip-presence-${state}`);
    }
    await bob.app.evaluate(({ powerMonitor }) => {
      powerMonitor.getSystemIdleTime = () => 660;
      process.uptime = () => 3600;
    });
    await head(alice).getByText(alice.words.presence.idleFor.replace('{{time}}', '11 min'), { exact: false }).waitFor();
    await alice.screenshot('sip-presence-idle');
    await bob.app.evaluate(({ powerMonitor }) => {
      powerMonitor.getSystemIdleTime = () => 0;
    });
    await head(alice).getByText(alice.words.presence.available, { exact: false }).waitFor();
  });

  it('say when the other one writes, and that a text waits for somebody who has left', async () => {
    await openTalk(alice, 'Bob Example');
    const talk = alice.page.getByRole('region', { name: alice.words.talk.with.replace('{{name}}', '') });
    await bob.page.getByRole('textbox', { name: bob.words.composer.message }).pressSequentially('em breve');
    await talk.getByText('typing', { exact: false }).first().waitFor();
    await bob.app.close();
    await say(alice, 'até amanhã');
    await talk.getByText('Kept until Bob Example is back').waitFor();
    await alice.screenshot('sip-waiting');
  });
});
