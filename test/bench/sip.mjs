// npm run bench:sip: texts and presence through a Kamailio of its own, beside bare Node sockets; about three minutes.
//   --count N   texts for each way      --write   puts the table into docs/benchmarks.md
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runnerImport } from 'vite';
import { root } from '../../scripts/prepare.mjs';

const { values } = parseArgs({
  options: { count: { type: 'string', default: '10000' }, write: { type: 'boolean', default: false } },
});
const { module } = await runnerImport(path.join(root, 'test/bench/sip/sip.ts'), {
  configFile: false,
  root,
  logLevel: 'warn',
});
await module.run(Number(values.count), values.write);
