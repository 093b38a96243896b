import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { png } from '../contract/pictures/made-pictures.ts';
import { bubble, openTalk, say, sendFiles } from './people.ts';
import { joinThisNetwork, type Program, startProgram, temporaryFolder } from './program.ts';

// What only a real window with real fonts shows.

describe('the window of a talk', () => {
  const dataFolder = temporaryFolder();
  let ana: Program;
  let rui: Program;
  beforeAll(async () => {
    [ana, rui] = await Promise.all([
      startProgram({ dataFolder, profile: 'ana' }),
      startProgram({ dataFolder, profile: 'rui' }),
    ]);
    await Promise.all([joinThisNetwork(ana, 'Ana Sousa'), joinThisNetwork(rui, 'Rui Costa')]);
    await Promise.all([openTalk(ana, 'Rui Costa'), openTalk(rui, 'Ana Sousa')]);
  });
  afterAll(async () => {
    await Promise.all([ana, rui].map((program) => program?.close()));
    fs.rmSync(dataFolder, { recursive: true, force: true });
  });

  /** Whether any pixel of a text, in the font of the page, is a colour and no shade of grey. */
  const isColoured = (text: string): Promise<boolean> =>
    ana.page.evaluate(async (drawn) => {
      const canvas = document.createElement('canvas');
      const context = canvas.getContext('2d');
      if (!context) throw new Error('no canvas');
      const font = `32px ${getComputedStyle(document.body).fontFamily}`;
      await document.fonts.load(font, drawn);
      context.font = font;
      context.fillText(drawn, 4, 40);
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      return data.some(
        (_, at) => at % 4 === 0 && Math.max(...data.slice(at, at + 3)) - Math.min(...data.slice(at, at + 3)) > 40,
      );
    }, text);

  it.each(['😀', '👩🏽‍💻', '🇵🇹', '❤️', '☺️', '🫠'])('shows %s in colours', async (emoji) => {
    expect(await isColoured(emoji)).toBe(true);
  });

  it.each(['1', '#', '→', '©', 'a'])('shows %s as text', async (character) => {
    expect(await isColoured(character)).toBe(false);
  });

  it('leaves air beside the name of each protocol on its tile', async () => {
    const tile = ana.page
      .getByRole('navigation')
      .getByRole('button', { name: /Ana Sousa/ })
      .last();
    const air = await tile.evaluate((element) => {
      const copy = element.cloneNode() as HTMLElement;
      const word = document.createElement('span');
      word.textContent = 'XMPP';
      copy.append(word);
      element.parentElement?.append(copy);
      const outer = copy.getBoundingClientRect();
      const inner = word.getBoundingClientRect();
      copy.remove();
      return Math.min(inner.left - outer.left, outer.right - inner.right);
    });
    expect(air).toBeGreaterThan(3);
  });

  it('checks spelling only where the system has dictionaries', async () => {
    const enabled = await ana.app.evaluate(({ session }) => session.defaultSession.isSpellCheckerEnabled());
    expect(enabled).toBe(process.platform !== 'linux');
  });

  it('has a picture of a small picture that is sent, and none of one that takes a gigabyte to decode', async () => {
    const sent = path.join(dataFolder, 'sent');
    fs.mkdirSync(sent);
    const files = { 'small.png': png(64, 64), 'bomb.png': png(20_000, 20_000), 'wide.png': png(16_385, 1) };
    for (const [name, data] of Object.entries(files)) fs.writeFileSync(path.join(sent, name), data);
    await sendFiles(
      ana,
      Object.keys(files).map((name) => path.join(sent, name)),
    );
    // the sender's own line has what the offer carries
    for (const [name, pictures] of [
      ['small.png', 1],
      ['bomb.png', 0],
      ['wide.png', 0],
    ] as const) {
      await rui.page
        .getByRole('button', { name: `Accept ${name}` })
        .first()
        .waitFor();
      for (const { page } of [ana, rui])
        expect(
          await page
            .getByRole('article', { name: new RegExp(name) })
            .locator('img')
            .count(),
        ).toBe(pictures);
    }
  });

  it('has room for more than twelve short messages', async () => {
    const texts = Array.from({ length: 16 }, (_, at) => `message ${at}`);
    for (const [at, text] of texts.entries()) {
      const [from, to] = at % 2 === 0 ? [ana, rui] : [rui, ana];
      await say(from, text);
      await bubble(to, text).waitFor();
    }
    const inSight = await ana.page.evaluate(() => {
      const log = document.querySelector('[role="log"]')?.getBoundingClientRect();
      return [...document.querySelectorAll('[data-bubble]')].filter((element) => {
        const { top, bottom } = element.getBoundingClientRect();
        return log !== undefined && top >= log.top && bottom <= log.bottom;
      }).length;
    });
    expect(inSight).toBeGreaterThan(12);
    await ana.screenshot('look-short-messages');
  });
});
