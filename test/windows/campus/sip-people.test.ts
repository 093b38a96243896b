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
  writeFile,
} from '../people.ts';
import { accessibilityFaults, type Program, startProgram, temporaryFolder } from '../program.ts';
import { signInSip } from './sip-account.ts';

// Whom one knows, kept at the server: Carol at her desk and with her laptop, Dave in his own language.

let campus: CampusDescription;
let endCampus: () => Promise<void>;
let desk: Program;
let laptop: Program;
let dave: Program;
const dataFolder = temporaryFolder();
const sent = path.join(dataFolder, 'sent');

beforeAll(async () => {
  const started = await startTemporary({ settings: { presenceRules: true } });
  campus = started.description;
  endCampus = started.stop;
  [desk, laptop, dave] = await Promise.all([
    startProgram({ dataFolder, profile: 'desk' }),
    startProgram({ dataFolder, profile: 'laptop' }),
    startProgram({ dataFolder, profile: 'dave', language: 'pt' }),
  ]);
});
afterAll(async () => {
  await Promise.all([desk, laptop, dave].map((program) => program?.close()));
  await endCampus?.();
  fs.rmSync(dataFolder, { recursive: true, force: true });
});

const list = ({ page, words }: Program) => page.getByRole('region', { name: words.regions.list });
/** Signs in; the authority of the campus comes by file, the address of the list is typed. */
async function enter(program: Program, name: string): Promise<void> {
  const { page, words } = program;
  await signInSip(program, campus, name);
  await page.getByLabel(words.certificate.useAuthority).setInputFiles(campus.ca);
  await list(program).waitFor();
  await page.getByRole('button', { name: words.settings.title }).first().click();
  const sheet = page.getByRole('dialog', { name: words.settings.title });
  const authority = sheet.getByText('Campus test authority', { exact: false });
  await authority.scrollIntoViewIfNeeded();
  await program.screenshot(`sip-authority-${name}`);
  await sheet.getByLabel(words.account.listRoot).fill(campus.xcapsRoot);
  await sheet.getByRole('button', { name: words.common.save }).click();
  await page.getByText(words.account.saved).first().waitFor();
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'hidden' });
}

describe('an account on two devices, with its people at the server', () => {
  it('signs in everywhere', async () => {
    await Promise.all([enter(desk, 'carol'), enter(laptop, 'carol'), enter(dave, 'dave')]);
  });

  it('is asked on both by somebody new, and one answer holds for both', async () => {
    const { page, words } = dave;
    await addPerson(dave, 'carol@campus.test', 'Carol Example');
    const allow = (program: Program) => program.page.getByRole('button', { name: /^Allow / }).first();
    await Promise.all([allow(desk).waitFor(), allow(laptop).waitFor()]);
    await desk.screenshot('sip-request');
    await allow(desk).click();
    await allow(laptop).waitFor({ state: 'hidden' });
    await openTalk(dave, 'Carol Example');
    await head(dave).getByText(words.presence.available, { exact: false }).waitFor();
    // Carol is in a list of his now, and asks in turn
    await page
      .getByRole('button', { name: new RegExp(`^${words.requests.acceptName.split(' {{')[0]} `) })
      .first()
      .click();
  });

  it('names a person and puts them in a group on one, and the other shows it', async () => {
    for (const program of [desk, laptop]) await openTalk(program, 'dave');
    const sheet = await details(desk);
    await sheet.getByLabel(desk.words.person.name).fill('David <Lab 3>');
    await sheet.getByLabel(desk.words.person.groups).fill('Turma B');
    await sheet.getByRole('button', { name: desk.words.common.save }).click();
    await sheet.waitFor({ state: 'hidden' });
    await head(laptop).getByText('David <Lab 3>', { exact: true }).first().waitFor();
    await laptop.page.getByRole('radio', { name: laptop.words.list.groups }).click();
    await laptop.screenshot('sip-groups');
    await list(laptop)
      .getByRole('button', { name: /^Turma B/ })
      .waitFor();
    expect(await accessibilityFaults(laptop.page)).toEqual([]);
  });

  it('shows on both what a person says of themselves', async () => {
    await beSeenAs(dave, dave.words.presence.busy, 'no exame até às 17h');
    for (const program of [desk, laptop]) {
      await head(program).getByText(program.words.presence.busy, { exact: false }).first().waitFor();
      await head(program).getByText('no exame até às 17h', { exact: false }).first().waitFor();
    }
  });

  it('gets texts on both, and either may answer', async () => {
    await say(dave, 'Onde estás?');
    await Promise.all([bubble(desk, 'Onde estás?').waitFor(), bubble(laptop, 'Onde estás?').waitFor()]);
    await say(laptop, 'No laboratório.');
    await bubble(dave, 'No laboratório.').waitFor();
  });

  it('rings on both for a file, which one of them takes and gives up on the way', async () => {
    await sendFiles(dave, [writeFile(sent, 'filme.bin', 80 * 1024 * 1024)]);
    const accept = (program: Program) => program.page.getByRole('button', { name: 'Accept filme.bin' }).first();
    await Promise.all([accept(desk).waitFor(), accept(laptop).waitFor()]);
    await accept(laptop).click();
    await laptop.page.getByRole('button', { name: 'Cancel filme.bin' }).first().click();
    await accept(desk).waitFor({ state: 'hidden' });
    await desk.page.getByText(desk.words.file.answeredElsewhere, { exact: false }).first().waitFor();
    await dave.page
      .getByText(dave.words.file.cancelledByPeer.replace('{{name}}', 'Carol Example'), { exact: false })
      .first()
      .waitFor();
    expect(fs.existsSync(downloads(laptop, 'filme.bin'))).toBe(false);
  });

  it('blocks a person, who sees nothing then, and allows them on the other device', async () => {
    const { said } = desk.words.person.permission;
    await permit(desk, desk.words.person.permission.block);
    await head(dave).getByText(dave.words.presence.unknown, { exact: false }).first().waitFor();
    await dave.screenshot('sip-blocked');
    const sheet = await details(laptop);
    await sheet.getByText(said.block, { exact: false }).waitFor();
    await laptop.page.keyboard.press('Escape');
    await sheet.waitFor({ state: 'hidden' });
    await permit(laptop, laptop.words.person.permission.allow);
    await (await details(desk)).getByText(said.allow, { exact: false }).waitFor();
    await desk.screenshot('sip-allowed-elsewhere');
  });
});
