import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import type { CampusDescription } from '../../../campus/campus.mjs';
import type { CommandInput, CommandName, CommandOutput } from '../../../electron/contract/index.ts';
import { openStore } from '../../../electron/core/store/open-store.ts';
import { root } from '../../windows/program.ts';
import { ACCOUNTS, CONTACTS, MESSAGES, pause } from './figures.ts';

/** The core without a window, spoken to by JSON lines. */
function headless(folder: string) {
  const child = spawn(
    process.execPath,
    [path.join(root, 'out/headless/index.cjs'), '--profile=bench', '--folder', folder, '--loopback-only'],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const waiting = new Map<number, (line: { ok: boolean; output: unknown; fault: unknown }) => void>();
  readline.createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text);
    waiting.get(line.id)?.(line);
  });
  let last = 0;
  return {
    call: <Name extends CommandName>(command: Name, input: CommandInput<Name>): Promise<CommandOutput<Name>> => {
      const id = ++last;
      child.stdin.write(`${JSON.stringify({ id, command, input })}\n`);
      return new Promise((resolve, reject) => {
        waiting.set(id, (line) =>
          line.ok
            ? resolve(line.output as CommandOutput<Name>)
            : reject(new Error(`${command}: ${JSON.stringify(line.fault)}`)),
        );
      });
    },
    end: async (): Promise<void> => {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}

/** A profile with two accounts, 200 contacts with a talk each, and a million messages. */
export async function fillProfile(folder: string, campus: CampusDescription): Promise<void> {
  const core = headless(folder);
  for (const { protocol, port, transport } of ACCOUNTS) {
    const { id } = await core.call('accounts.signIn', {
      protocol,
      address: 'alice@campus.test',
      password: 'pw-alice',
      displayName: 'Alice',
      server: { host: campus.host, port: campus.ports[port] },
      ...(transport && { transport }),
    });
    for (let state = ''; state !== 'online'; await pause(0.1)) {
      const { accounts } = await core.call('app.snapshot', {});
      const registration = accounts.find((account) => account.id === id)?.registration;
      state = registration?.state ?? '';
      const certificate = registration?.state === 'stopped' ? registration.cause.certificate : undefined;
      if (certificate) {
        await core.call('accounts.trustCertificate', { accountId: id, fingerprint: certificate.fingerprint });
      }
    }
  }
  const { accounts } = await core.call('app.snapshot', {});
  const accountId = accounts.find((account) => account.protocol === 'sip')?.id ?? '';
  for (let n = 0; n < CONTACTS; n++) {
    const address = `student${n}@campus.test`;
    const { personId } = await core.call('people.add', { accountId, address, name: `Student Number ${n}`, groups: [] });
    await core.call('talks.open', { personId });
  }
  await core.end();

  const key = fs.readFileSync(path.join(folder, 'database.key'), 'utf8').trim();
  const store = openStore(folder, key, Date.now, () => undefined);
  const { driver } = store;
  const talks = driver.all<{ id: string; account_id: string; address: string }>(
    'SELECT id, account_id, address FROM talks',
  );
  const words = 'o relatório de redes está pronto amanhã às dez no laboratório com todos os colegas do grupo'.split(
    ' ',
  );
  const start = Date.now() - 365 * 86_400_000;
  for (let n = 0; n < MESSAGES; ) {
    driver.transaction(() => {
      for (const end = Math.min(MESSAGES, n + 20_000); n < end; n++) {
        const talk = talks[n % talks.length] as (typeof talks)[number];
        const text = Array.from({ length: 8 }, (_, at) => words[(n * 7 + at * 3) % words.length]).join(' ');
        driver.run(
          `INSERT INTO messages (id, talk_id, direction, kind, text, at, state, account_id, address)
           VALUES (?, ?, ?, 'text', ?, ?, ?, ?, ?)`,
          `bench-${n}`,
          talk.id,
          n % 2 ? 'incoming' : 'outgoing',
          text,
          start + n * 30_000,
          n % 2 ? 'received' : 'read',
          talk.account_id,
          talk.address,
        );
      }
    });
  }
  driver.run('UPDATE talks SET last_sequence = (SELECT max(sequence) FROM messages WHERE talk_id = talks.id)');
  store.close();
}
