import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { ProtocolTransfer } from '../../../protocols/contract/index.ts';
import { NS } from '../../../protocols/xmpp/namespaces.ts';
import { setUp as meet } from './ana.ts';
import { certificateFor } from './certificates.ts';
import { phasesOf } from './files-kit.ts';
import { type Behaviour, DOMAIN } from './hostile-server.ts';
import type { person } from './kit.ts';

const web = certificateFor('IP:127.0.0.1');

/** A web server of this listener, closed when the test ends; resolves to the address of a file there. */
export const serve = async (listener: RequestListener): Promise<string> => {
  const server: Server = createServer(web, listener);
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}/file.bin`;
};

/** A server with a place for files. `slot`: the inside of the answer, or of the error. */
export const withUpload = (
  slot: string,
  { limit = '1000000', isError = false, more }: { limit?: string; isError?: boolean; more?: Behaviour['on'] } = {},
): Behaviour => ({
  on: (line, element) => {
    if (more?.(line, element)) return true;
    if (!element.is('iq')) return false;
    if (element.getChild('query', NS.discoItems)) {
      line.result(element, `<query xmlns='${NS.discoItems}'><item jid='upload.campus.test'/></query>`);
    } else if (element.attrs.to === 'upload.campus.test' && element.getChild('query', NS.discoInfo)) {
      const form = limit
        ? `<x xmlns='jabber:x:data'><field var='max-file-size'><value>${limit}</value></field></x>`
        : '';
      line.result(element, `<query xmlns='${NS.discoInfo}'><feature var='${NS.httpUpload}'/>${form}</query>`);
    } else if (element.getChild('request', NS.httpUpload)) {
      if (isError)
        line.write(
          `<iq type='error' id='${element.attrs.id}' from='upload.campus.test'><error type='modify'>${slot}</error></iq>`,
        );
      else line.result(element, `<slot xmlns='${NS.httpUpload}'>${slot}</slot>`);
    } else return false;
    return true;
  },
});

/** Ana, who trusts the web servers of `serve` as well. */
export const setUp = (behaviour: Behaviour = {}, options: Parameters<typeof person>[1] = {}): ReturnType<typeof meet> =>
  meet(behaviour, options, { certificateAuthorities: [certificateFor(`DNS:${DOMAIN}`).cert, web.cert] });

/** The last phase of a transfer. */
export const end = async (transfer: ProtocolTransfer): Promise<unknown> => (await phasesOf(transfer)).at(-1);
