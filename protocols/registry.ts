import type { ProtocolDescription } from './contract/index.ts';
import { sip } from './sip/index.ts';
import { local } from './sip/local/index.ts';
import { xmpp } from './xmpp/index.ts';

/** Every protocol there is. A new one is a folder beside these and a line here. */
export const protocols: readonly ProtocolDescription[] = [sip, local, xmpp];
