import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { Locator } from 'playwright-core';
import type { Program } from './program.ts';

// What a person does in the window, by the names a screen reader would say.

/** Opens the talk with somebody who is in the list or on the network. */
export async function openTalk({ page, words }: Program, name: string): Promise<void> {
  await page.getByRole('region', { name: words.regions.list }).getByText(name, { exact: true }).first().click();
  await page.getByRole('textbox', { name: words.composer.message }).waitFor();
}

export async function say({ page, words }: Program, text: string): Promise<void> {
  const box = page.getByRole('textbox', { name: words.composer.message });
  await box.fill(text);
  await box.press('Enter');
}

/** The bubble with this text in the open talk. */
export const bubble = ({ page, words }: Program, text: string): Locator =>
  page.getByRole('region', { name: words.talk.with.replace('{{name}}', '') }).getByText(text, { exact: true });

/** The line above the open talk: who it is, and how they are. */
export const head = ({ page, words }: Program): Locator =>
  page.getByRole('region', { name: words.talk.with.replace('{{name}}', '') }).locator('header');

/** Chooses what the other one may see, in the menu of the open talk. */
export async function permit({ page, words }: Program, what: string): Promise<void> {
  await page.getByRole('button', { name: words.talk.more }).click();
  await page.getByRole('menuitemradio', { name: what }).click();
}

/** The details of whom the open talk is with. */
export async function details({ page, words }: Program): Promise<Locator> {
  await page.getByRole('button', { name: words.talk.more }).click();
  await page.getByRole('menuitem', { name: words.talk.details }).click();
  return page.getByRole('dialog', { name: words.common.details });
}

/** Puts the answer of the next file dialogs in place: the dialog itself belongs to the system, not to us. */
export async function chooseFilesNext({ app }: Program, files: string[]): Promise<void> {
  await app.evaluate(({ dialog }, filePaths) => {
    dialog.showOpenDialog = (async () => ({ canceled: false, filePaths })) as typeof dialog.showOpenDialog;
  }, files);
}

/** The same for the next *Save as*. */
export async function chooseSavePathNext({ app }: Program, filePath: string): Promise<void> {
  await app.evaluate(({ dialog }, chosen) => {
    dialog.showSaveDialog = (async () => ({ canceled: false, filePath: chosen })) as typeof dialog.showSaveDialog;
  }, filePath);
}

/** Sends files by the button of the composer. */
export async function sendFiles(program: Program, files: string[]): Promise<void> {
  await chooseFilesNext(program, files);
  await program.page.getByRole('button', { name: program.words.composer.attach }).click();
  const sheet = program.page.getByRole('dialog');
  await sheet.getByRole('button', { name: program.words.offer.send, exact: true }).click();
}

/** A file of random bytes, so that nothing on the way can guess it. */
export function writeFile(folder: string, name: string, bytes: number): string {
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, name);
  const handle = fs.openSync(file, 'w');
  for (let left = bytes; left > 0; left -= 1 << 20) fs.writeSync(handle, randomBytes(Math.min(left, 1 << 20)));
  fs.closeSync(handle);
  return file;
}

export const sha256 = (file: string): string => createHash('sha256').update(fs.readFileSync(file)).digest('hex');

/** Where a profile's received files go in tests and in the demo. */
export const downloads = ({ folder }: Program, name: string): string => path.join(folder, 'Downloads', name);

export interface SignIn {
  address: string;
  password: string;
  protocol: 'SIP' | 'XMPP';
  server: string;
  port: number;
  transport?: 'TLS' | 'TCP' | 'UDP';
}

/** Fills the first page, the folded part too: no DNS knows the campus of the tests. */
export async function signIn({ page, words }: Program, options: SignIn): Promise<void> {
  await page.getByRole('textbox', { name: words.start.address }).fill(options.address);
  await page.getByText(options.protocol, { exact: true }).click();
  await page.getByLabel(words.start.password, { exact: true }).fill(options.password);
  const server = page.getByRole('textbox', { name: words.account.server });
  // unfolded already after a first try
  if (!(await server.isVisible())) await page.getByRole('button', { name: words.start.advanced }).click();
  await server.fill(options.server);
  await page.getByRole('textbox', { name: words.account.port, exact: true }).fill(String(options.port));
  if (options.transport) await page.getByLabel(words.account.transport).selectOption({ label: options.transport });
  await page.getByRole('button', { name: words.start.signIn, exact: true }).click();
}

/** Adds somebody by address, as the empty list teaches. */
export async function addPerson({ page, words }: Program, address: string, name: string): Promise<void> {
  await page.getByRole('button', { name: words.person.add }).first().click();
  const sheet = page.getByRole('dialog');
  await sheet.getByRole('textbox', { name: words.person.address }).fill(address);
  await sheet.getByRole('textbox', { name: words.person.name }).fill(name);
  await sheet.getByRole('button', { name: words.person.addYes }).click();
  await sheet.waitFor({ state: 'hidden' });
}

/** Opens the settings of the one account, fills a field, saves. */
export async function setField({ page, words }: Program, label: string, value: string): Promise<void> {
  await page.getByRole('button', { name: words.settings.title }).first().click();
  const sheet = page.getByRole('dialog', { name: words.settings.title });
  await sheet.getByLabel(label).fill(value);
  await sheet.getByRole('button', { name: words.common.save }).click();
  await page.getByText(words.account.saved).first().waitFor();
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'hidden' });
}

/** Sets what others see, by the button of oneself. */
export async function beSeenAs({ page, words }: Program, presence: string, note: string): Promise<void> {
  const [before] = words.me.label.split('{{');
  await page.getByRole('button', { name: new RegExp(`^${before}`) }).click();
  await page.getByRole('textbox', { name: words.me.note }).fill(note);
  await page.getByRole('radio', { name: presence }).click();
}
