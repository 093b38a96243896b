import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startTemporary } from '../../../campus/campus.mjs';
import { type Cost, throughAccounts, throughSockets } from './messages.ts';
import { type LoginCost, login } from './presence.ts';

const LOGINS = [
  { contacts: 500, list: false },
  { contacts: 500, list: true },
  { contacts: 100, list: false },
  { contacts: 100, list: true },
];
const DOCUMENT = path.join(import.meta.dirname, '../../../docs/benchmarks.md');

const WAYS = [
  { transport: 'tcp', way: 'message', words: 'by MESSAGE over TCP' },
  { transport: 'udp', way: 'message', words: 'by MESSAGE over UDP' },
  { transport: 'tcp', way: 'session', words: 'in an MSRP session' },
] as const;
const TURNS = 4;
/** Odd: the one in the middle counts. */
const LOGIN_TURNS = 5;
const add = (sum: Cost, cost: Cost): void => {
  sum.seconds += cost.seconds;
  sum.processor += cost.processor;
};
const perSecond = (count: number, { seconds }: Cost): number => Math.round(count / seconds);
const share = ({ seconds, processor }: Cost): string => `${Math.round((processor / seconds) * 100)} %`;

/** Measures everything, prints the table, and keeps it when told to. */
export const run = async (count: number, write: boolean): Promise<void> => {
  const { description: campus, stop } = await startTemporary();
  const rows: string[] = [];
  const row = (...cells: (string | number)[]): void => {
    rows.push(`| ${cells.join(' | ')} |`);
    console.log(rows.at(-1));
  };
  try {
    row('what', 'AIMS', 'bare sockets', 'ratio');
    row('---', '---', '---', '---');
    for (const { transport, way, words } of WAYS) {
      const bare: Cost = { seconds: 0, processor: 0 };
      const ours: Cost = { seconds: 0, processor: 0 };
      // in turns, so that whatever else the machine does meets both
      for (let turn = 0; turn < TURNS; turn++) {
        add(bare, await throughSockets(campus, transport, count / TURNS));
        add(ours, await throughAccounts(campus, transport, count / TURNS, way));
      }
      const [fast, slow] = [perSecond(count, bare), perSecond(count, ours)];
      row(`texts a second ${words}, each with its mark`, slow, fast, (slow / fast).toFixed(2));
      const each = [ours, bare].map(({ processor }) => `${((processor / count) * 1000).toFixed(2)} ms`);
      const shares = [ours, bare].map(share);
      const ratio = (ours.processor / bare.processor).toFixed(1);
      row(
        `processor for one text ${words}, both clients (share of one core)`,
        `${each[0]} (${shares[0]})`,
        `${each[1]} (${shares[1]})`,
        ratio,
      );
    }
    for (const { contacts, list } of LOGINS) {
      const costs: LoginCost[] = [];
      for (let turn = 0; turn < LOGIN_TURNS; turn++) costs.push(await login(campus, contacts, list));
      costs.sort((one, other) => one.milliseconds - other.milliseconds);
      const { milliseconds, sent, got } = costs[(LOGIN_TURNS - 1) / 2] as LoginCost;
      const way = list ? 'one subscription to the list' : 'one subscription each';
      row(
        `presence of ${contacts} contacts at login, ${way} (median of ${LOGIN_TURNS})`,
        `${Math.round(milliseconds)} ms, ${sent} requests sent, ${got} received`,
        '–',
        '–',
      );
    }
  } finally {
    await stop();
  }
  if (!write) return;
  const machine = `${os.cpus().length} cores of ${os.cpus()[0]?.model.trim()}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.release()}, Node ${process.version}`;
  const [begin, end] = ['<!-- bench:sip -->', '<!-- /bench:sip -->'];
  const facts = `Measured ${new Date().toISOString().slice(0, 10)} on ${machine}; ${count.toLocaleString('en')} texts for each line, Kamailio on the same cores.`;
  const table = `${begin}\n${facts}\n\n${rows.join('\n')}\n${end}`;
  fs.writeFileSync(
    DOCUMENT,
    fs.readFileSync(DOCUMENT, 'utf8').replace(new RegExp(`${begin}[^]*${end}`), () => table),
  );
};
