import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bubble, openTalk, say, sendFiles, writeFile } from './people.ts';
import { accessibilityFaults, joinThisNetwork, type Program, startProgram, temporaryFolder } from './program.ts';

// Every page in light and dark, in both languages, at 320 and 1600 pixels: nothing sticks out, nothing a screen reader
// cannot read, and a picture of each for people to look at (test/artefacts/pages).

const WIDTHS = [320, 1600] as const;
const THEMES = ['light', 'dark'] as const;

const resize = ({ app }: Program, width: number): Promise<void> =>
  app.evaluate(({ BrowserWindow }, wide) => BrowserWindow.getAllWindows()[0]?.setContentSize(wide, 760), width);

/** Only what is inside the page scrolls: a shift of the page by one pixel stays, for nothing shows how to take it back. */
const pageScrolls = ({ page }: Program): Promise<boolean> =>
  page.evaluate(() =>
    [document.documentElement, document.body, document.getElementById('root')].some((element) => {
      element?.scrollTo(9, 9);
      const moved = (element?.scrollTop ?? 0) + (element?.scrollLeft ?? 0);
      element?.scrollTo(0, 0);
      return moved > 0;
    }),
  );

/** What must hold of any page, and its picture in all four forms. */
async function look(program: Program, name: string): Promise<void> {
  const faults: string[] = [];
  for (const width of WIDTHS) {
    await resize(program, width);
    await expect.poll(() => program.page.evaluate(() => innerWidth)).toBe(width);
    for (const source of THEMES) {
      await program.page.emulateMedia({ colorScheme: source });
      // what fades in has arrived
      await program.page.evaluate(() =>
        Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => undefined))),
      );
      await program.screenshot(`pages/${name}-${width}-${source}`);
      const wide = await program.page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > width) faults.push(`${name} at ${width}: ${wide} px wide`);
      if (await pageScrolls(program)) faults.push(`${name} at ${width}: the page itself can be scrolled`);
      for (const fault of await accessibilityFaults(program.page)) faults.push(`${name} ${width} ${source}: ${fault}`);
    }
  }
  await resize(program, 1120);
  expect([...new Set(faults)]).toEqual([]);
}

describe.each(['en', 'pt'] as const)('every page in %s', (language) => {
  const dataFolder = temporaryFolder();
  let ana: Program;
  let rui: Program;
  beforeAll(async () => {
    [ana, rui] = await Promise.all([
      startProgram({ dataFolder, profile: 'ana', language }),
      startProgram({ dataFolder, profile: 'rui' }),
    ]);
  });
  afterAll(async () => {
    await Promise.all([ana, rui].map((program) => program?.close()));
    fs.rmSync(dataFolder, { recursive: true, force: true });
  });

  it('first start', async () => {
    await ana.page.locator('input').first().waitFor();
    await look(ana, `${language}-first-start`);
  });

  it('a talk with texts, a file that waits and one that was sent', async () => {
    await joinThisNetwork(rui, 'Rui Costa');
    await joinThisNetwork(ana, 'Ana Sousa');
    await openTalk(rui, 'Ana Sousa');
    await say(rui, 'Olá Ana! Viste o relatório? https://example.org/redes 📎');
    await openTalk(ana, 'Rui Costa');
    await ana.page.getByText('Viste o relatório?', { exact: false }).last().waitFor();
    await say(ana, 'Estou a ler. Digo-te qualquer coisa às 10.');
    await bubble(rui, 'Estou a ler. Digo-te qualquer coisa às 10.').waitFor();
    await sendFiles(rui, [
      writeFile(
        path.join(dataFolder, 'sent'),
        'um nome de ficheiro bastante comprido para uma janela estreita.pdf',
        3000,
      ),
    ]);
    await ana.page.getByText('um nome de ficheiro', { exact: false }).first().waitFor();
    await look(ana, `${language}-talk`);
  });

  it('the transfers', async () => {
    await ana.page.keyboard.press('Control+j');
    await look(ana, `${language}-transfers`);
    await ana.page.keyboard.press('Control+j');
  });

  it('the settings', async () => {
    const { settings } = ana.words;
    await ana.page.keyboard.press('Control+,');
    await ana.page.getByRole('dialog').waitFor();
    for (const section of [settings.accounts, settings.appearance]) {
      await ana.page.getByRole('dialog').getByText(section, { exact: true }).first().click();
      await look(ana, `${language}-settings-${section}`);
    }
    await ana.page.keyboard.press('Escape');
  });

  it('the keyboard shortcuts', async () => {
    await ana.page.keyboard.press('Control+/');
    await ana.page.getByRole('dialog').waitFor();
    await look(ana, `${language}-shortcuts`);
    await ana.page.keyboard.press('Escape');
  });
});
