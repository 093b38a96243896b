import dgram from 'node:dgram';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { splitDatagram } from '../../../../protocols/sip/transport/udp-flow.ts';
import { MessageHead } from '../../../../protocols/sip/transport/wire/message-head.ts';
import { ScriptedServer } from '../../scripted-server.ts';
import { serverAgent } from '../../server-agent.ts';
import { tortureMessages } from './archive.ts';

/** With the line ends and the empty line that some of the archives' messages lack. */
const whole = (message: Buffer): string => {
  const text = message.toString('latin1').replace(/\r?\n/g, '\r\n');
  return text.includes('\r\n\r\n') ? text : `${text}\r\n`;
};
const marker = (id: string): string =>
  [
    'OPTIONS sip:ana@campus.test SIP/2.0',
    `Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK${id}`,
    'From: <sip:bob@campus.test>;tag=1',
    'To: <sip:ana@campus.test>',
    `Call-ID: ${id}`,
    'CSeq: 1 OPTIONS',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
const idOf = (head: MessageHead | undefined) => ({
  callId: head?.get('call-id'),
  cseq: head?.get('cseq')?.replace(/^0*(\d+)\s+/, '$1 '),
});
const statusOf = ({ start }: MessageHead): number => (start.kind === 'response' ? start.status : 0);

/**
 * What each request is answered with; those that are not named are for somebody else (404), and those with nothing are answers of
 * which none of ours is an answer to, or have no Via.
 */
const STATUSES: Readonly<Record<string, readonly number[]>> = {
  'baddn.dat': [404],
  'badinv01.dat': [400],
  'badvers.dat': [505],
  'bcast.dat': [],
  'bext01.dat': [420],
  'bigcode.dat': [],
  'clerr.dat': [400],
  'cparam01.dat': [405],
  'cparam02.dat': [405],
  'dblreq.dat': [405],
  'esc02.dat': [501],
  'escnull.dat': [400],
  'insuf.dat': [400],
  'intmeth.dat': [501],
  'ltgtruri.dat': [416],
  'lwsruri.dat': [400],
  'mcl01.dat': [400],
  'mismatch01.dat': [400],
  'mismatch02.dat': [400],
  'multi01.dat': [400],
  'ncl.dat': [400],
  'noreason.dat': [],
  'novelsc.dat': [416],
  'regaut01.dat': [405],
  'regbadct.dat': [405],
  'regescrt.dat': [405],
  'scalar02.dat': [400],
  'scalarlg.dat': [],
  'test.dat': [],
  'unkscm.dat': [416],
  'unksm2.dat': [400],
  'unreason.dat': [],
};

/** Those of RFC 5118 that are not just for somebody else: REGISTER, a URI that is none, and a body that ends before its length. */
const FOR_IPV6: Readonly<Record<string, number>> = {
  'ipv6-bad': 400,
  'ipv6-bug-abnf-3-colons': 400,
  'ipv6-good': 405,
  'ipv6-in-sdp': 400,
  'port-ambiguous': 405,
  'port-unambiguous': 405,
};

for (const rfc of ['rfc4475', 'rfc5118'] as const) {
  test(`every message of ${rfc} is answered as its text asks, or is an answer itself`, async () => {
    const server = dgram.createSocket('udp4').bind(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { agent, logs } = await serverAgent(server.address().port, 'UDP');
    agent.onMessage = (request) => request.accept();
    const came: MessageHead[] = [];
    let tell: () => void = () => {};
    server.on('message', (datagram) => {
      const head = MessageHead.parse(splitDatagram(datagram)?.head ?? '');
      if (head) came.push(head);
      tell();
    });
    const answers: Record<string, number[]> = {};
    const expected: Record<string, readonly number[]> = {};
    for (const [name, message] of tortureMessages(rfc)) {
      const from = came.length;
      server.send(Buffer.from(whole(message), 'latin1'), agent.local?.port, '127.0.0.1');
      server.send(marker(name), agent.local?.port, '127.0.0.1');
      while (!came.slice(from).some((each) => each.get('call-id') === name))
        await new Promise<void>((resolve) => (tell = resolve));
      // what waits for its ACK comes again, between others
      const { callId, cseq } = idOf(MessageHead.parse(whole(message).split('\r\n\r\n', 1)[0] ?? ''));
      const others = came.slice(from).filter((each) => idOf(each).callId === callId && idOf(each).cseq === cseq);
      answers[name] = [...new Set(others.map(statusOf))];
      expected[name] = STATUSES[name] ?? [rfc === 'rfc4475' ? 404 : (FOR_IPV6[name] ?? 404)];
    }
    expect(Object.keys(answers).length).toBe(rfc === 'rfc4475' ? 50 : 12);
    expect(answers).toEqual(expected);
    expect(logs.filter((line) => !line.startsWith('debug'))).toEqual([]);
  });
}

test('a request with blanks, folds or another version in its first line is answered, and the connection lives on', async () => {
  const server = await ScriptedServer.open();
  const { agent } = await serverAgent(server.port);
  agent.onMessage = (request) => request.accept();
  const [socket] = server.sockets;
  const answers: Record<string, number> = {};
  const first = {
    'as it should be': 'MESSAGE sip:ana@campus.test SIP/2.0',
    'many blanks': 'MESSAGE   sip:ana@campus.test \t SIP/2.0',
    'blanks behind': 'MESSAGE sip:ana@campus.test SIP/2.0  ',
    'blanks before': ' MESSAGE sip:ana@campus.test SIP/2.0',
    'a folded URI': 'MESSAGE sip:ana@campus.test;\r\n lr SIP/2.0',
    'a fold before the version': 'MESSAGE sip:ana@campus.test\r\n SIP/2.0',
    'a blank in the URI': 'MESSAGE sip:ana@campus.test; lr SIP/2.0',
    'a URI in angle brackets': 'MESSAGE <sip:ana@campus.test> SIP/2.0',
    'another version': 'MESSAGE sip:ana@campus.test SIP/7.0',
    'no version': 'MESSAGE sip:ana@campus.test',
  };
  for (const [name, line] of Object.entries(first)) {
    const callId = name.replaceAll(' ', '-');
    const lines = [
      `Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK${callId}`,
      'From: Bell, Alexander <sip:bob@campus.test>;tag=1',
      'To: Watson, Thomas <sip:ana@campus.test>',
      `Call-ID: ${callId}`,
      'CSeq: 1 MESSAGE',
      'Content-Type: text/plain',
      'Content-Length:\r\n 2',
    ];
    server.send([line, ...lines, '', 'hi'].join('\r\n'));
    answers[name] = statusOf(await server.until(() => server.answers.find((each) => each.get('call-id') === callId)));
  }
  expect(answers).toEqual({
    'as it should be': 200,
    'many blanks': 200,
    'blanks behind': 200,
    'blanks before': 200,
    'a folded URI': 400,
    'a fold before the version': 200,
    'a blank in the URI': 400,
    'a URI in angle brackets': 416,
    'another version': 505,
    'no version': 400,
  });
  expect([...server.sockets]).toEqual([socket]);
});

test('a Via of SIP/7.0 is answered 505, and a line that is no header field 400', async () => {
  const server = await ScriptedServer.open();
  await serverAgent(server.port);
  for (const [name, line, status] of [
    ['via', 'Via: SIP/7.0/TCP 127.0.0.1;branch=z9hG4bKvia', 505],
    ['line', 'this is no header field', 400],
  ] as const) {
    server.sendRequest('OPTIONS', 'sip:ana@campus.test', [line, `Call-ID: ${name}`]);
    const answer = await server.until(() => server.answers.find((each) => each.get('call-id') === name));
    expect(statusOf(answer)).toBe(status);
  }
});
