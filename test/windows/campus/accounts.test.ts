import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type CampusDescription,
  killServer,
  restartServer,
  startServer,
  startTemporary,
} from '../../../campus/campus.mjs';
import { addPerson, bubble, downloads, openTalk, say, sendFiles, sha256, signIn, writeFile } from '../people.ts';
import { accessibilityFaults, type Program, startProgram, temporaryFolder } from '../program.ts';

// A student's first day: real windows, the campus's real servers.

let campus: CampusDescription;
let endCampus: () => Promise<void>;
beforeAll(async () => {
  const started = await startTemporary();
  campus = started.description;
  endCampus = started.stop;
});
afterAll(() => endCampus?.());

const MEBIBYTE = 1024 * 1024;
const carryOn = async (program: Program): Promise<void> => {
  await program.page.getByRole('region', { name: 'Talks and people' }).waitFor();
};

const ways = [
  { protocol: 'SIP', port: 'sips', transport: 'TLS', server: 'kamailio' },
  { protocol: 'XMPP', port: 'c2s', transport: undefined, server: 'prosody' },
] as const;

describe.each(ways)('an account over $protocol', ({ protocol, port, transport, server }) => {
  const dataFolder = temporaryFolder();
  const how = () => ({ protocol, server: campus.host, port: campus.ports[port], ...(transport && { transport }) });
  let alice: Program;
  let bob: Program;

  beforeAll(async () => {
    [alice, bob] = await Promise.all([
      startProgram({ dataFolder, profile: 'alice' }),
      startProgram({ dataFolder, profile: 'bob' }),
    ]);
  });
  afterAll(async () => {
    await Promise.all([alice, bob].map((program) => program?.close()));
    fs.rmSync(dataFolder, { recursive: true, force: true });
  });

  it('shows a certificate nobody vouches for, and connects when the person trusts it', async () => {
    await signIn(bob, { ...how(), address: 'bob@campus.test', password: 'pw-bob' });
    await bob.page.getByRole('heading', { name: 'Is this really your server?' }).waitFor();
    await bob.screenshot(`certificate-${protocol}`);
    expect(await accessibilityFaults(bob.page)).toEqual([]);
    await bob.page.getByRole('button', { name: 'Trust this server' }).click();
    await carryOn(bob);
  });

  it('believes the authority of a file, says a wrong password in a plain sentence, keeps what was typed, and takes the right one', async () => {
    await signIn(alice, { ...how(), address: 'alice@campus.test', password: 'guess' });
    // she has the file of the campus's authority
    await alice.page.getByLabel('Choose the authority’s file…').setInputFiles(campus.ca);
    await alice.page.getByText('The server refused the address or the password.', { exact: false }).first().waitFor();
    await alice.screenshot(`wrong-password-${protocol}`);
    const change = alice.page.getByRole('button', { name: 'Change address or password' });
    if (await change.isVisible()) await change.click();
    expect(await alice.page.getByRole('textbox', { name: 'Campus address' }).inputValue()).toBe('alice@campus.test');
    await alice.page.getByLabel('Password', { exact: true }).fill('pw-alice');
    await alice.page.getByRole('button', { name: 'Sign in', exact: true }).click();
    const trust = alice.page.getByRole('button', { name: 'Trust this server' });
    await trust
      .or(alice.page.getByRole('region', { name: 'Talks and people' }))
      .first()
      .waitFor();
    if (await trust.isVisible()) await trust.click();
    await carryOn(alice);
  });

  it('shows who is there, after both agreed where the protocol asks', async () => {
    await addPerson(alice, 'bob@campus.test', 'Bob Example');
    if (protocol === 'XMPP')
      await bob.page
        .getByRole('button', { name: /^Allow/ })
        .first()
        .click();
    await addPerson(bob, 'alice@campus.test', 'Alice Example');
    if (protocol === 'XMPP') {
      const allow = alice.page.getByRole('button', { name: /^Allow/ }).first();
      await allow.waitFor({ timeout: 5_000 }).then(
        () => allow.click(),
        () => undefined, // the server may take the answer for her: she asked first
      );
    }
    await openTalk(alice, 'Bob Example');
    await openTalk(bob, 'Alice Example');
    const head = alice.page.getByRole('region', { name: /^Talk with / });
    await head.getByText('Available', { exact: false }).first().waitFor();
  });

  it('carries texts both ways', async () => {
    await say(alice, 'Olá Bob, reunião às 10? 👋');
    await bubble(bob, 'Olá Bob, reunião às 10? 👋').waitFor();
    await say(bob, 'Sim.');
    await bubble(alice, 'Sim.').waitFor();
    await alice.page
      .getByLabel(/^(Delivered|Read)$/)
      .first()
      .waitFor();
  });

  it('carries a file', async () => {
    const file = writeFile(path.join(dataFolder, 'sent'), 'relatório final.pdf', 10 * MEBIBYTE);
    await sendFiles(alice, [file]);
    await bob.page.getByRole('button', { name: 'Accept relatório final.pdf' }).first().click();
    const received = downloads(bob, 'relatório final.pdf');
    await expect.poll(() => fs.existsSync(received), { timeout: 60_000 }).toBe(true);
    expect(sha256(received)).toBe(sha256(file));
    await bob.screenshot(`talk-${protocol}`);
  });

  it('says when the server is lost, keeps what is written, and sends it when the server is back', async () => {
    await killServer(campus.dir, server);
    await alice.page.getByText('Messages you write are kept', { exact: false }).first().waitFor({ timeout: 60_000 });
    await say(alice, 'written without a server');
    await alice.screenshot(`server-lost-${protocol}`);
    await startServer(campus.dir, server);
    await bubble(bob, 'written without a server').waitFor({ timeout: 90_000 });
    expect(await bubble(bob, 'written without a server').count()).toBe(1);
  });

  it('asks again when the server shows another certificate, and says so', async () => {
    await restartServer(campus.dir, server, { certificate: 'untrusted' });
    for (const { page } of [bob, alice])
      await page.getByRole('button', { name: 'See certificate' }).first().click({ timeout: 60_000 });
    // Bob had trusted one certificate, Alice an authority
    await bob.page.getByText('It is not the certificate you trusted before', { exact: false }).waitFor();
    await bob.screenshot(`certificate-changed-${protocol}`);
    expect(await accessibilityFaults(bob.page)).toEqual([]);
    for (const { page } of [bob, alice]) await page.getByRole('button', { name: 'Trust this server' }).click();
    await say(alice, 'with another certificate');
    await bubble(bob, 'with another certificate').waitFor({ timeout: 60_000 });
    // one they know already is not asked about
    await restartServer(campus.dir, server, { certificate: 'campus' });
    await say(alice, 'with the one of before');
    await bubble(bob, 'with the one of before').waitFor({ timeout: 90_000 });
  });

  it('is still signed in after closing and opening again', async () => {
    await bob.close();
    bob = await startProgram({ dataFolder, profile: 'bob' });
    if (!process.env.AIMS_TEST_KEYRING) {
      // no password store here: the password is asked for again, and nothing else is
      await bob.page.getByRole('button', { name: 'Enter password' }).first().waitFor();
      return;
    }
    await openTalk(bob, 'Alice Example');
    await say(alice, 'welcome back');
    await bubble(bob, 'welcome back').waitFor({ timeout: 60_000 });
  });

  it('leaves no password on disk', () => {
    const look = (folder: string): void => {
      for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
        const name = path.join(folder, entry.name);
        if (entry.isDirectory()) look(name);
        else if (entry.isFile()) {
          const bytes = fs.readFileSync(name);
          expect([name, bytes.includes('pw-alice'), bytes.includes('pw-bob')]).toEqual([name, false, false]);
        }
      }
    };
    look(path.join(dataFolder, 'profiles'));
  });
});
