// npm run soak: pairs of programs write to each other and send files over every protocol while they are killed (SIGKILL).
//   --kills N     in all, default 300           --minutes M   no further kill after so many, default 60
//   --seed S      the same choices again        --ways A,B    of local, sip-udp, sip-tls, xmpp; default all
//   --write       puts the table into docs/reliability.md
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runnerImport } from 'vite';
import { root } from '../../../scripts/prepare.mjs';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '300' },
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    ways: { type: 'string', default: '' },
    write: { type: 'boolean', default: false },
  },
});
const { module } = await runnerImport(path.join(root, 'test/servers/soak/by-hand.ts'), {
  configFile: false,
  root,
  logLevel: 'warn',
});
const clean = await module.run({
  kills: Number(values.kills),
  minutes: Number(values.minutes),
  seed: Number(values.seed),
  ways: values.ways,
  write: values.write,
});
process.exitCode = clean ? 0 : 1;
