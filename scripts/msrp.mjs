// npm run -s msrp -- receive|send ...: files and messages over MSRP, JSON lines in and out. See msrp/README.md.
import { createRequire } from 'node:module';
import { bundleMsrp } from './msrp-bundle.mjs';
import { ensureDependencies } from './prepare.mjs';

ensureDependencies();
createRequire(import.meta.url)(await bundleMsrp('cli'));
