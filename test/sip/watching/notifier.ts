import { type Received, ScriptedServer } from '../scripted-server.ts';
import { serverAgent } from '../server-agent.ts';

/** A server that takes subscriptions, and sends the notices a test says. */
export const notifier = async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port, 'TCP', { interval: 1e8, pongWithin: 1e8 });
  let cseq = 0;
  const contact = `Contact: <sip:127.0.0.1:${server.port};transport=tcp>`;
  /** A NOTIFY within the dialog a SUBSCRIBE made. */
  const notify = (to: Received, state: string, contentType = '', body = ''): void =>
    server.sendRequest(
      'NOTIFY',
      agent.contact.slice(1, -1),
      [
        `Call-ID: ${to.head.get('call-id')}`,
        `From: ${to.head.get('to')?.replace(/;tag=.*/, '')};tag=server`,
        `To: ${to.head.get('from')}`,
        `CSeq: ${++cseq} NOTIFY`,
        `Event: ${to.head.get('event')}`,
        `Subscription-State: ${state}`,
        contact,
        ...(body ? [`Content-Type: ${contentType}`] : []),
      ],
      body,
    );
  const accept = (request: Received): void => request.answer(200, ['Expires: 3600', contact]);
  server.handler = accept;
  return { server, agent, notify, accept };
};

/** For what is told without an event of its own: `until` resolves when it holds, looked at now and at every `tell`. */
export const happenings = (): { tell(this: void): void; until(this: void, fits: () => boolean): Promise<void> } => {
  const watchers = new Set<() => void>();
  return {
    tell: () => {
      for (const watcher of watchers) watcher();
    },
    until: (fits) =>
      new Promise((resolve) => {
        const watcher = (): void => {
          if (!fits()) return;
          watchers.delete(watcher);
          resolve();
        };
        watchers.add(watcher);
        watcher();
      }),
  };
};

export const pidf = (address: string, basic: 'open' | 'closed'): string =>
  `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${address}"><tuple id="t"><status><basic>${basic}</basic></status><note xml:lang="en">e</note><note xml:lang="pt">é</note></tuple></presence>`;

export interface Instance {
  id?: string;
  state: string;
  reason?: string;
  body?: string;
}

/** A notice of a list (RFC 4662 §5.5). */
export const listNotice = (
  version: number,
  isFull: boolean,
  resources: Readonly<Record<string, readonly Instance[]>>,
): { contentType: string; body: string } => {
  const parts: string[] = [];
  const written = Object.entries(resources).map(([address, instances], at) => {
    const inside = instances.map(({ id = 'i', state, reason, body }) => {
      const cid = body ? `c${at}${id}@x` : undefined;
      if (body) parts.push(`Content-ID: <${cid}>\r\nContent-Type: application/pidf+xml;charset="UTF-8"\r\n\r\n${body}`);
      return `<instance id="${id}" state="${state}"${reason ? ` reason="${reason}"` : ''}${cid ? ` cid="${cid}"` : ''}/>`;
    });
    return `<resource uri="${address}">${inside.join('')}</resource>`;
  });
  const list = `<list xmlns="urn:ietf:params:xml:ns:rlmi" uri="sip:ana+contacts@campus.test" version="${version}" fullState="${isFull}">${written.join('')}</list>`;
  const all = [`Content-ID: <meta@x>\r\nContent-Type: application/rlmi+xml\r\n\r\n${list}`, ...parts];
  return {
    contentType: 'multipart/related;type="application/rlmi+xml";start="<meta@x>";boundary="b"',
    body: `${all.map((part) => `--b\r\n${part}\r\n`).join('')}--b--\r\n`,
  };
};
