import './kit/emitters.ts';
import { randomInt } from 'node:crypto';
import { local } from '../../../protocols/sip/local/index.ts';
import { conformance } from './suite.ts';

/** Of this run alone: other programs on this machine do not see us, nor we them. */
const multicastPort = randomInt(20_000, 30_000);

conformance('SIP without a server', {
  protocol: local,
  abilities: { keepsTexts: false, contacts: 'discovered', asksToSee: false, files: 'asked' },
  server: undefined,
  settings: () => ({ options: { loopbackOnly: true, multicastPort } }),
  password: () => undefined,
  nobody: 'sip:nobodynobodynobody22@local',
});
