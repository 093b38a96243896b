import type { Page } from 'playwright-core';
import { ACCOUNTS, pause, type Row } from './figures.ts';
import { processorTime } from './processes.ts';
import { emptyWindow, program, start } from './start.ts';

const SECONDS = 60;
/** In the first minute Chromium and V8 tidy up once after the start: that is part of starting. */
const REST = 60;

/** Enters the password of each account that asks for one. */
async function bringOnline(page: Page): Promise<void> {
  for (const _ of ACCOUNTS) {
    await page.getByRole('button', { name: 'Enter password' }).first().click();
    const sheet = page.getByRole('dialog');
    await sheet.getByLabel('Password', { exact: true }).first().fill('pw-alice');
    await sheet.getByRole('button', { name: 'Use this password' }).first().click();
    await sheet.getByText('Connected', { exact: false }).first().waitFor();
    await page.keyboard.press('Escape');
    await sheet.waitFor({ state: 'hidden' });
  }
}

/** The processor that a program nobody touches uses, and what an empty window uses in the same minute. */
export async function idle(dataFolder: string, rows: Row[]): Promise<void> {
  const own = await start(program(dataFolder), true);
  await bringOnline(own.page);
  const empty = await start(emptyWindow, false);
  await pause(REST);
  const pids = [own, empty].map(({ app }) => app.process().pid as number);
  const before = pids.map(processorTime);
  await pause(SECONDS);
  const [aims, beside] = pids.map((pid, at) => ((processorTime(pid) - (before[at] as number)) / SECONDS) * 100);
  await Promise.all([own.app.close(), empty.app.close()]);
  rows.push({
    what: `processor while idle for ${SECONDS} s after ${REST} s of rest, a SIP and an XMPP account online`,
    aims: `${aims?.toFixed(2)} % of one core`,
    beside: `${beside?.toFixed(2)} %, empty window`,
    ratio: '–',
    target: 'at most 0.5 %',
  });
}
