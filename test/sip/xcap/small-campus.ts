import { memoryStorage, person } from '../kit.ts';
import { type Received, ScriptedServer } from '../scripted-server.ts';
import { httpServer, Shelf } from './hostile-server.ts';

export const CAPS_PATH = '/xcap-root/xcap-caps/global/index';
export const caps = (...auids: string[]): string =>
  `<xcap-caps xmlns="urn:ietf:params:xml:ns:xcap-caps"><auids>${auids.map((each) => `<auid>${each}</auid>`).join('')}</auids></xcap-caps>`;
export const lists = (inside: string): string =>
  `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">${inside}</resource-lists>`;

/** A registrar, and a shelf of documents beside it. */
export const campus = async () => {
  const sip = await ScriptedServer.open();
  const contact = `Contact: <sip:127.0.0.1:${sip.port};transport=tcp>`;
  sip.handler = (request) =>
    request.answer(200, [
      'Expires: 3600',
      request.method === 'REGISTER' ? `Contact: ${request.head.get('contact')};expires=3600` : contact,
    ]);
  const shelf = new Shelf();
  const { root, asked, stop, start } = await httpServer(shelf.answer);
  const login = (xcapRoot: string | undefined, storage = memoryStorage()) => {
    const ana = person(
      {
        address: 'sip:ana@campus.test',
        server: { host: '127.0.0.1', port: sip.port },
        transport: 'tcp',
        options: xcapRoot === undefined ? {} : { xcapRoot },
      },
      { storage },
    );
    ana.provider.start();
    return ana;
  };
  let cseq = 0;
  const notify = (to: Received, contentType: string, body: string): void =>
    sip.sendRequest(
      'NOTIFY',
      to.head.get('contact')?.slice(1, -1) ?? '',
      [
        `Call-ID: ${to.head.get('call-id')}`,
        'From: <sip:ana@campus.test>;tag=server',
        `To: ${to.head.get('from')}`,
        `CSeq: ${++cseq} NOTIFY`,
        `Event: ${to.head.get('event')}`,
        'Subscription-State: active;expires=3600',
        contact,
        `Content-Type: ${contentType}`,
      ],
      body,
    );
  const subscription = (event: string): Promise<Received> =>
    sip.until(() => sip.requests.find(({ head }) => head.get('event') === event));
  return { sip, shelf, asked, root, stop, start, login, notify, subscription };
};
