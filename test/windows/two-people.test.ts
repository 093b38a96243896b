import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bubble, downloads, openTalk, say, sendFiles, sha256, writeFile } from './people.ts';
import { accessibilityFaults, joinThisNetwork, type Program, root, startProgram, temporaryFolder } from './program.ts';

// The main job on real input: two windows, no server, chat and files both ways, in one story.

const MEBIBYTE = 1024 * 1024;

describe('two people on one network, without a server', () => {
  const dataFolder = temporaryFolder();
  const sent = path.join(dataFolder, 'sent');
  let ana: Program;
  let rui: Program;

  beforeAll(async () => {
    [ana, rui] = await Promise.all([
      startProgram({ dataFolder, profile: 'ana' }),
      startProgram({ dataFolder, profile: 'rui' }),
    ]);
  });
  afterAll(async () => {
    await Promise.all([ana, rui].map((program) => program?.close()));
    fs.rmSync(dataFolder, { recursive: true, force: true });
  });

  it('are greeted by one page with two ways in, which a screen reader can read', async () => {
    await ana.page.getByRole('textbox', { name: 'Campus address' }).waitFor();
    await ana.screenshot('first-start');
    expect(await accessibilityFaults(ana.page)).toEqual([]);
  });

  it('see each other as soon as both are there', async () => {
    await Promise.all([joinThisNetwork(ana, 'Ana Sousa'), joinThisNetwork(rui, 'Rui Costa')]);
    await Promise.all([openTalk(ana, 'Rui Costa'), openTalk(rui, 'Ana Sousa')]);
  });

  it('write to each other in both directions, in order, and see that it was delivered and read', async () => {
    for (const text of ['Olá Rui! 👋', 'reunião às 10?', '<b>not bold</b>']) await say(ana, text);
    await bubble(rui, '<b>not bold</b>').waitFor();
    await say(rui, 'Sim, às 10.');
    await bubble(ana, 'Sim, às 10.').waitFor();
    const log = rui.page.getByRole('region', { name: /^Talk with / });
    const texts = await log.innerText();
    expect(texts.indexOf('Olá Rui!')).toBeLessThan(texts.indexOf('reunião às 10?'));
    expect(texts.indexOf('reunião às 10?')).toBeLessThan(texts.indexOf('<b>not bold</b>'));
    await ana.page
      .getByLabel(/^(Delivered|Read)$/)
      .first()
      .waitFor();
    await ana.screenshot('talk-ana');
    await rui.screenshot('talk-rui');
    expect(await accessibilityFaults(ana.page)).toEqual([]);
  });

  it('send a 20 MB file each way, whole to the last byte', async () => {
    const report = writeFile(sent, 'relatório.pdf', 20 * MEBIBYTE);
    const data = writeFile(sent, 'dados.bin', 20 * MEBIBYTE);
    await sendFiles(ana, [report]);
    await sendFiles(rui, [data]);
    await rui.page.getByRole('button', { name: 'Accept relatório.pdf' }).first().click();
    await ana.page.getByRole('button', { name: 'Accept dados.bin' }).first().click();
    await expect.poll(() => fs.existsSync(downloads(rui, 'relatório.pdf')), { timeout: 60_000 }).toBe(true);
    await expect.poll(() => fs.existsSync(downloads(ana, 'dados.bin')), { timeout: 60_000 }).toBe(true);
    expect(sha256(downloads(rui, 'relatório.pdf'))).toBe(sha256(report));
    expect(sha256(downloads(ana, 'dados.bin'))).toBe(sha256(data));
    await ana.page.keyboard.press('Control+j');
    const panel = ana.page.getByRole('region', { name: 'Transfers' });
    await panel.getByText('relatório.pdf').waitFor();
    await ana.screenshot('transfers');
    expect(await accessibilityFaults(ana.page)).toEqual([]);
    await ana.page.keyboard.press('Control+j');
  });

  it('see the end of the talk, however long the text is that they write', async () => {
    await say(rui, 'the last word');
    const last = bubble(ana, 'the last word');
    await last.waitFor();
    const box = ana.page.getByRole('textbox', { name: 'Message' });
    await box.fill(Array.from({ length: 40 }, (_, line) => `line ${line}`).join('\n'));
    const seen = () =>
      last.evaluate((element) => {
        const { x, y, width, height } = element.getBoundingClientRect();
        return element.contains(document.elementFromPoint(x + width / 2, y + height / 2));
      });
    await expect.poll(seen).toBe(true);
    await ana.screenshot('long-text');
    await box.fill('');
  });

  it('compare the codes of their keys once, by keyboard, and are verified from then on', async () => {
    const codeOf = async (program: Program): Promise<string> => {
      await program.page.getByRole('button', { name: /Show details/ }).click();
      const details = program.page.getByRole('dialog', { name: 'Details' });
      await details.getByRole('button', { name: 'Compare codes' }).press('Enter');
      const code = await details.getByRole('list', { name: 'Code of both keys' }).innerText();
      return code.replace(/\s/g, '');
    };
    const [seen, shown] = [await codeOf(ana), await codeOf(rui)];
    expect(seen).toMatch(/^\d{60}$/);
    expect(shown).toBe(seen);
    await ana.screenshot('codes');
    expect(await accessibilityFaults(ana.page)).toEqual([]);
    await ana.page.getByRole('button', { name: 'They match' }).press('Enter');
    await ana.page.getByText('Verified: you have compared the codes.').waitFor();
    for (const { page } of [ana, rui]) await page.keyboard.press('Escape');
    await expect.poll(() => ana.page.getByText('name not confirmed').count()).toBe(0);
  });

  it('decline and cancel, and both sides know', async () => {
    await sendFiles(ana, [writeFile(sent, 'unwanted.bin', 1000)]);
    await rui.page.getByRole('button', { name: 'Decline unwanted.bin' }).first().click();
    await ana.page.getByText('Rui Costa declined').first().waitFor();
    await sendFiles(ana, [writeFile(sent, 'mistake.bin', 1000)]);
    await rui.page.getByRole('button', { name: 'Accept mistake.bin' }).first().waitFor();
    await ana.page.getByRole('button', { name: 'Cancel mistake.bin' }).first().click();
    await rui.page.getByText('Ana Sousa cancelled').first().waitFor();
    await rui.screenshot('declined-and-cancelled');
    expect(fs.existsSync(downloads(rui, 'mistake.bin'))).toBe(false);
  });

  it('send three files in one go, a picture shown before it comes, and decline one of them', async () => {
    const picture = path.join(sent, 'retrato.png');
    fs.copyFileSync(path.join(root, 'assets/icon.png'), picture);
    const notes = writeFile(sent, 'notas.txt', 3000);
    await sendFiles(ana, [picture, writeFile(sent, 'não.bin', 2000), notes]);
    // all three are offered before any is answered, and the picture is made by whoever sends it
    for (const name of ['retrato.png', 'não.bin', 'notas.txt']) {
      await rui.page
        .getByRole('button', { name: `Accept ${name}` })
        .first()
        .waitFor();
    }
    await rui.page.locator('img[src^="data:image/jpeg"]').first().waitFor();
    await rui.screenshot('three-files-offered');
    await rui.page.getByRole('button', { name: 'Accept retrato.png' }).first().click();
    // it does not wait for the others to be decided
    await expect.poll(() => fs.existsSync(downloads(rui, 'retrato.png')), { timeout: 30_000 }).toBe(true);
    await rui.page.getByRole('button', { name: 'Decline não.bin' }).first().click();
    await rui.page.getByRole('button', { name: 'Accept notas.txt' }).first().click();
    await expect.poll(() => fs.existsSync(downloads(rui, 'notas.txt')), { timeout: 30_000 }).toBe(true);
    expect(sha256(downloads(rui, 'retrato.png'))).toBe(sha256(picture));
    expect(sha256(downloads(rui, 'notas.txt'))).toBe(sha256(notes));
    expect(fs.existsSync(downloads(rui, 'não.bin'))).toBe(false);
  });

  it('take an empty file, and keep a program from being opened', async () => {
    await sendFiles(ana, [writeFile(sent, 'empty.txt', 0), writeFile(sent, 'setup.exe', 5000)]);
    await rui.page.getByRole('button', { name: 'Accept empty.txt' }).first().click();
    await rui.page.getByText('This is a program.', { exact: false }).first().waitFor();
    await rui.page.getByRole('button', { name: 'Accept setup.exe' }).first().click();
    await expect.poll(() => fs.existsSync(downloads(rui, 'setup.exe')), { timeout: 30_000 }).toBe(true);
    expect(fs.statSync(downloads(rui, 'empty.txt')).size).toBe(0);
    await rui.screenshot('a-program');
  });

  it('lose nothing when the core is killed in the middle of a talk', async () => {
    process.kill(await rui.corePid(), 'SIGKILL');
    await say(ana, 'are you still there?');
    await bubble(rui, 'are you still there?').waitFor({ timeout: 60_000 });
    await say(rui, 'I never left');
    await bubble(ana, 'I never left').waitFor();
    expect(await bubble(ana, 'I never left').count()).toBe(1);
  });

  it('pause a file by a button, and see it go on by itself when the program that receives it was killed', async () => {
    const big = writeFile(sent, 'big.bin', 400 * MEBIBYTE);
    await sendFiles(ana, [big]);
    await rui.page.getByRole('button', { name: 'Accept big.bin' }).first().click();
    await ana.page.getByRole('button', { name: 'Pause big.bin' }).first().click();
    await rui.page.getByText('Paused by Ana Sousa', { exact: false }).first().waitFor();
    await ana.page.getByText('Paused', { exact: false }).first().waitFor();
    await ana.screenshot('paused');
    expect(await accessibilityFaults(ana.page)).toEqual([]);
    expect(fs.existsSync(downloads(rui, 'big.bin'))).toBe(false);
    await ana.page.getByRole('button', { name: 'Resume big.bin' }).first().click();
    await rui.page.getByRole('button', { name: 'Pause big.bin' }).first().waitFor();
    await rui.kill();
    expect(fs.existsSync(downloads(rui, 'big.bin'))).toBe(false);
    await ana.page.getByText('Waits until Rui Costa is back', { exact: false }).first().waitFor();
    rui = await startProgram({ dataFolder, profile: 'rui' });
    await openTalk(rui, 'Ana Sousa');
    // nobody accepts anything: it was accepted before
    await rui.page.getByRole('button', { name: 'Open big.bin' }).first().waitFor({ timeout: 100_000 });
    await rui.screenshot('after-a-kill');
    expect(sha256(downloads(rui, 'big.bin'))).toBe(sha256(big));
    expect(fs.existsSync(`${downloads(rui, 'big.bin')}.part`)).toBe(false);
  });

  it('have their talk and their transfers after closing and opening again', async () => {
    await ana.close();
    ana = await startProgram({ dataFolder, profile: 'ana' });
    await openTalk(ana, 'Rui Costa');
    await bubble(ana, 'I never left').waitFor();
    await ana.page.keyboard.press('Control+j');
    await ana.page.getByRole('region', { name: 'Transfers' }).getByText('dados.bin').waitFor();
    await say(ana, 'back again');
    await bubble(rui, 'back again').waitFor();
  });

  it('keep what they wrote out of the files on disk and the log', () => {
    for (const program of [ana, rui]) {
      for (const name of fs.readdirSync(program.folder)) {
        const file = path.join(program.folder, name);
        if (!fs.statSync(file).isFile()) continue;
        const bytes = fs.readFileSync(file);
        expect([name, bytes.includes('I never left')]).toEqual([name, false]);
        expect([name, bytes.includes('reunião às 10')]).toEqual([name, false]);
      }
    }
  });
});
