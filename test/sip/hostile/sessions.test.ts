// What comes within a session that stands: MSRP frames with texts, envelopes and notices in them, and descriptions, all spoilt.
import { once } from 'node:events';
import net from 'node:net';
import { expect, test } from 'vitest';
import type { MessageHead } from '../../../protocols/sip/transport/wire/message-head.ts';
import { count, patience, seeds } from '../../extent.ts';
import { seeded } from '../../seeded.ts';
import { anaAt, draft, type Person } from '../kit.ts';
import { type Received, ScriptedServer } from '../scripted-server.ts';
import { spoilt } from './mutations.ts';

/** Fewer than stand at once: those that broke are opened again together, two seconds after the first. */
const SESSIONS = 60;
const FRAMES = count(50);

const online = async (): Promise<{ server: ScriptedServer; ana: Person }> => {
  const server = await ScriptedServer.open();
  server.handler = ({ method, head, ...request }) =>
    request.answer(
      method === 'SUBSCRIBE' ? 489 : 200,
      method === 'REGISTER' ? [`Contact: ${head.get('contact')}`] : [],
    );
  const ana = anaAt(server.port);
  ana.set('fileTransfer').onOffer(({ transfer }) => transfer.decline());
  ana.provider.start();
  await ana.reach('online');
  return { server, ana };
};
const unwanted = ({ logs }: Person): string[] =>
  logs.filter((line) => line.startsWith('error') || line.includes('handler-threw'));

const statusOf = ({ start }: MessageHead): string => (start.kind === 'response' ? String(start.status) : '');

const PEER = 'msrp://127.0.0.1:9/peer0000;tcp';
const description = (path = PEER, setup = 'active'): string =>
  [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    'm=message 9 TCP/MSRP *',
    `a=path:${path}`,
    'a=accept-types:message/cpim text/plain text/html application/im-iscomposing+xml',
    'a=accept-wrapped-types:message/imdn+xml text/plain',
    'a=max-size:100000',
    `a=setup:${setup}`,
    '',
  ].join('\r\n');

const XML = '<?xml version="1.0"?>\r\n';
const BODIES: readonly (readonly [type: string, body: string])[] = [
  ['text/plain', 'hi'],
  ['text/html', '<p>hi <b>there</b><br/><ul><li>one</ul><svg><style>p{}</style></svg>'],
  [
    'message/cpim',
    'From: Bob <sip:bob@campus.test>\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: 1\r\nimdn.Disposition-Notification: positive-delivery, display\r\n\r\nContent-Type: text/plain\r\n\r\nhi',
  ],
  [
    'message/cpim',
    `From: <sip:bob@campus.test>\r\n\r\nContent-Type: message/imdn+xml\r\n\r\n${XML}<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>1</message-id><datetime>2026-11-23T00:00:00Z</datetime><display-notification><status><displayed/></status></display-notification></imdn>`,
  ],
  [
    'application/im-iscomposing+xml',
    `${XML}<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"><state>active</state><refresh>60</refresh></isComposing>`,
  ],
];
const frame = (to: string, id: string, method: string, lines: readonly string[], body?: string): string =>
  [
    `MSRP ${id} ${method}`,
    `To-Path: ${to}`,
    `From-Path: ${PEER}`,
    ...lines,
    ...(body === undefined ? [] : ['', body]),
    `-------${id}$`,
    '',
  ].join('\r\n');
const send = (to: string, id: string, [type, body]: readonly [string, string]): string => {
  const size = Buffer.byteLength(body);
  return frame(to, id, 'SEND', [`Message-ID: m${id}`, `Byte-Range: 1-${size}/${size}`, `Content-Type: ${type}`], body);
};

for (const seed of seeds(1)) {
  test(`spoilt frames in ${SESSIONS} sessions (seed ${seed}) end no more than their session`, {
    timeout: patience(120_000),
  }, async () => {
    const { server, ana } = await online();
    const random = seeded(seed);
    const expected: string[] = [];
    for (let nth = 0; nth < SESSIONS; nth++) {
      const callId = `session-${nth}`;
      server.sendRequest(
        'INVITE',
        'sip:ana@campus.test',
        [
          `Call-ID: ${callId}`,
          `From: <sip:bob${nth}@campus.test>;tag=1`,
          'Contact: <sip:bob@127.0.0.1>',
          'Content-Type: application/sdp',
        ],
        description(),
      );
      const answer = await server.until(() =>
        server.answers.find((each) => each.get('call-id') === callId && /^[2-6]/.test(statusOf(each))),
      );
      expect([nth, statusOf(answer)]).toEqual([nth, '200']);
      const path = /^a=path:(\S+)/m.exec(server.bodyOf(answer))?.[1] ?? '';
      const socket = net.connect(Number(/:(\d+)\//.exec(path)?.[1]), '127.0.0.1').on('error', () => {});
      await once(socket, 'connect');
      let heard = '';
      const changed = new Set<() => void>();
      socket.on('data', (data: Buffer) => {
        heard += data.toString('latin1');
        for (const tell of changed) tell();
      });
      const closed = new Promise<'closed'>((resolve) => socket.once('close', () => resolve('closed')));
      const text = `good ${nth}`;
      socket.write(send(path, 'bind0000', ['text/plain', text]));
      const came = (id: string): Promise<'answered'> =>
        new Promise((resolve) => {
          const look = (): void => {
            if (!heard.includes(`MSRP ${id} `)) return;
            changed.delete(look);
            resolve('answered');
          };
          changed.add(look);
          look();
        });
      expect(await Promise.race([came('bind0000'), closed])).toBe('answered');
      expected.push(text);
      const samples = [
        ...BODIES.map((body, index) => send(path, `good${index}000`, body)),
        frame(path, 'rep00000', 'REPORT', ['Message-ID: m1', 'Byte-Range: 1-2/2', 'Status: 000 200 OK']),
        frame(path, 'odd00000', 'ODD', []),
        frame(path, 'bind0000', '200 OK', []),
      ];
      for (let left = FRAMES; left > 0 && !socket.destroyed; left--)
        socket.write(
          Buffer.from(spoilt(samples[Math.floor(random() * samples.length)] ?? '', random, samples), 'utf8'),
        );
      socket.write(send(path, 'last0000', ['text/plain', 'last']));
      socket.end();
      await closed;
      server.sendRequest('BYE', ana.provider.address, [
        `Call-ID: ${callId}`,
        `From: <sip:bob${nth}@campus.test>;tag=1`,
        `To: ${answer.get('to')}`,
        'CSeq: 2 BYE',
      ]);
      await server.until(() =>
        server.answers.find((each) => each.get('call-id') === callId && each.get('cseq') === '2 BYE'),
      );
    }
    expect(ana.received.map(({ text }) => text)).toEqual(expect.arrayContaining(expected));
    const text = draft('after all that');
    expect(await ana.set('messaging').send('sip:carol@campus.test', text).outcome).toEqual({ state: 'sent' });
    expect(unwanted(ana)).toEqual([]);
    expect(ana.provider.registration.state).toBe('online');
  });

  test(`spoilt descriptions (seed ${seed}), offered, answered and offered anew, are answered each and harm no other`, {
    timeout: patience(120_000),
  }, async () => {
    const { server, ana } = await online();
    const random = seeded(seed + 1);
    const sdp = (): string => spoilt(description('msrp://127.0.0.1:1/x;tcp', 'passive'), random, [description()]);
    const asIs = server.handler;
    let invited = 0;
    server.handler = (request: Received) => {
      if (request.method !== 'INVITE') return asIs(request);
      invited += 1;
      request.answer(200, ['Contact: <sip:bob@127.0.0.1>', 'Content-Type: application/sdp'], sdp());
    };
    for (let nth = 0; nth < SESSIONS; nth++) {
      const callId = `offer-${nth}`;
      const lines = [
        `Call-ID: ${callId}`,
        `From: <sip:bob${nth}@campus.test>;tag=1`,
        'Contact: <sip:bob@127.0.0.1>',
        'Content-Type: application/sdp',
      ];
      server.sendRequest('INVITE', 'sip:ana@campus.test', lines, sdp());
      const answer = await server.until(() =>
        server.answers.find((each) => each.get('call-id') === callId && /^[2-6]/.test(statusOf(each))),
      );
      if (statusOf(answer) === '200') {
        const within = [...lines, `To: ${answer.get('to')}`];
        server.sendRequest('ACK', 'sip:ana@campus.test', [...within, 'CSeq: 1 ACK']);
        server.sendRequest('INVITE', 'sip:ana@campus.test', [...within, 'CSeq: 2 INVITE'], sdp());
        await server.until(() =>
          server.answers.find((each) => each.get('cseq') === '2 INVITE' && each.get('call-id') === callId),
        );
      }
      // the second text of a talk invites
      for (const text of ['one', 'two'])
        await ana.set('messaging').send(`sip:carol${nth}@campus.test`, draft(`${text} ${nth}`)).outcome;
    }
    await server.until(() => (invited >= SESSIONS ? true : undefined));
    const text = draft('after all that');
    expect(await ana.set('messaging').send('sip:dora@campus.test', text).outcome).toEqual({ state: 'sent' });
    expect(unwanted(ana)).toEqual([]);
    expect(ana.provider.registration.state).toBe('online');
  });
}
