import fs from 'node:fs';
import path from 'node:path';
import { bubble, downloads, openTalk, say, sendFiles, sha256, writeFile } from './people.ts';
import { joinThisNetwork, type Program, root, startProgram } from './program.ts';

// `npm run demo`: two people on this machine, without a server. Each has a profile of their own, made new every time.

const output = path.join(root, 'out/demo');
const step = (words: string): void => console.log(`  ${words}`);

async function start(profile: string, x: number): Promise<Program> {
  const folder = path.join(output, 'data/profiles', profile);
  fs.mkdirSync(folder, { recursive: true });
  const bounds = { x, y: 40, width: 820, height: 760 };
  fs.writeFileSync(path.join(folder, 'window.json'), JSON.stringify({ bounds, maximised: false }));
  return startProgram({ dataFolder: path.join(output, 'data'), profile });
}

async function meet(): Promise<{ ana: Program; rui: Program }> {
  fs.rmSync(output, { recursive: true, force: true });
  const [ana, rui] = await Promise.all([start('ana', 20), start('rui', 860)]);
  step('Two windows are open, each with a profile of its own.');
  await Promise.all([joinThisNetwork(ana, 'Ana Sousa'), joinThisNetwork(rui, 'Rui Costa')]);
  await Promise.all([openTalk(ana, 'Rui Costa'), openTalk(rui, 'Ana Sousa')]);
  step('Ana and Rui use this network without a server, and have found each other.');
  return { ana, rui };
}

/** Opens the two windows and leaves them to the person; ends when both are closed. */
export async function open(): Promise<void> {
  const people = Object.values(await meet());
  step('They are yours: write, send files by drop, paste or button. Close both windows to end.');
  await Promise.all(people.map(({ app }) => new Promise<void>((resolve) => app.once('close', () => resolve()))));
}

/** Plays the demo in the real windows, tells each step, and leaves screenshots and the received files. */
export async function play(): Promise<void> {
  const { ana, rui } = await meet();
  let reopened: Program | undefined;
  const picture = async (name: string, program: Program): Promise<void> => {
    await program.page.screenshot({ path: path.join(output, `${name}.png`) });
  };
  try {
    const lines: [Program, Program, string][] = [
      [ana, rui, 'Olá Rui! The report for Redes is ready.'],
      [rui, ana, 'Great – send it here, I am in lab 3 until 6.'],
      [ana, rui, 'On its way 🙂'],
    ];
    for (const [from, to, text] of lines) {
      await say(from, text);
      await bubble(to, text).waitFor();
    }
    step('They have written to each other; every message is marked as delivered.');

    const report = writeFile(path.join(output, 'to-send'), 'relatório de redes.pdf', 5 * 1024 * 1024);
    await sendFiles(ana, [report]);
    await rui.page
      .getByRole('button', { name: /^Accept/ })
      .first()
      .waitFor();
    await picture('1-rui-is-offered-a-file', rui);
    await rui.page
      .getByRole('button', { name: /^Accept/ })
      .first()
      .click();
    await rui.page.getByText('Received', { exact: false }).first().waitFor();
    const received = downloads(rui, path.basename(report));
    if (sha256(received) !== sha256(report)) throw new Error('the received file is not the one that was sent');
    fs.copyFileSync(received, path.join(output, path.basename(report)));
    step(`Rui has received "${path.basename(report)}": 5 MB, the same SHA-256.`);
    await say(rui, 'Got it, thank you!');
    await bubble(ana, 'Got it, thank you!').waitFor();
    await ana.page.keyboard.press('Control+j');
    await picture('2-ana', ana);
    await picture('3-rui', rui);

    await rui.close();
    reopened = await start('rui', 860);
    await openTalk(reopened, 'Ana Sousa');
    await bubble(reopened, 'On its way 🙂').waitFor();
    await picture('4-rui-after-reopening', reopened);
    step('Rui has closed and reopened the program: the talk and the file are still there.');
    console.log(`Screenshots and the received file: ${path.relative(process.cwd(), output) || '.'}`);
  } finally {
    await ana.close();
    await (reopened ?? rui).close().catch(() => undefined); // already closed when the script broke between the two
  }
}
