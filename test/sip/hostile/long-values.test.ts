import { expect, test } from 'vitest';
import { readContent } from '../../../protocols/sip/messaging/message-content.ts';
import { parseMultipart } from '../../../protocols/sip/multipart.ts';
import { repairRequest } from '../../../protocols/sip/transport/wire/inbound-repair.ts';
import { MessageHead } from '../../../protocols/sip/transport/wire/message-head.ts';
import { ScriptedServer } from '../scripted-server.ts';
import { serverAgent } from '../server-agent.ts';

const requestWith = (lines: readonly string[]): MessageHead => {
  const usual = ['Via: SIP/2.0/TCP a', 'From: <sip:a@b>;tag=1', 'To: <sip:a@b>', 'CSeq: 1 MESSAGE'];
  const given = lines.map((line) => line.split(':', 1)[0]);
  const kept = usual.filter((line) => !given.includes(line.split(':', 1)[0]));
  const head = MessageHead.parse(['MESSAGE sip:a@b SIP/2.0', ...kept, ...lines].join('\r\n'));
  if (!head) expect.unreachable();
  return head;
};
/** What costs the square of its length with patterns that are not careful. */
const PIECES = [
  'x',
  ' ',
  '\t',
  '"',
  '",',
  '"\\"',
  '\\',
  '<',
  '<"',
  '>',
  '@',
  ';',
  '; ',
  ',',
  ':',
  '=',
  'a=b;',
  'sip:',
  '-',
  '.',
  '1.',
  '%41',
  '\r\n ',
];
const long = (piece: string, length: number): string => `x${piece.repeat(length / piece.length)}x`;

// with careless patterns longer than any test may take: one such request costs seconds
test.each(PIECES)('header values of nothing but %j cost no more than their length', (piece) => {
  const value = long(piece, 8_000);
  const said = Array.from({ length: 8 }, () => [
    repairRequest(requestWith([`From: ${value}`]), 'campus.test'),
    repairRequest(requestWith([`From: é ${value}<sip:a@b>;${value}`]), 'campus.test'),
    repairRequest(requestWith([`Contact: <tel:1>,${value}`]), 'campus.test'),
    requestWith([`Via: ${value}`])
      .get('via')
      ?.slice(0, 1),
  ]);
  expect(new Set(said.map((each) => JSON.stringify(each))).size).toBe(1);
});

test.each([...PIECES, '--x\r\n', '=\r\n'])('bodies of nothing but %j cost no more than their length', (piece) => {
  const body = long(piece, 400_000);
  const wrapped = readContent(
    'message/cpim',
    Buffer.from(`From: ${long(piece, 16_000)}<sip:a@b>\r\n\r\nContent-Type: text/plain\r\n\r\nx`),
  );
  expect(['text', 'unsupported']).toContain(wrapped.kind);
  const inParts = (head: string, content: string) =>
    parseMultipart('multipart/mixed;boundary=part', Buffer.from(`--part\r\n${head}\r\n\r\n${content}\r\n--part--`));
  expect(inParts('Content-Transfer-Encoding: quoted-printable', body)?.length).toBe(1);
  expect(inParts(`Content-Type: ${body}`, '')?.length).toBe(1);
});

test('a request with a header value above 8,192 characters is refused with 513, an answer like that passed over', async () => {
  const server = await ScriptedServer.open();
  const { agent, logs } = await serverAgent(server.port);
  agent.onMessage = (request) => request.accept();
  for (const [length, status] of [
    [8_192, 200],
    [8_193, 513],
  ] as const) {
    server.sendRequest('MESSAGE', 'sip:ana@campus.test', [`Call-ID: ${length}`, `Subject: ${'x'.repeat(length)}`], 'x');
    const answer = await server.until(() => server.answers.find((each) => each.get('call-id') === `${length}`));
    expect(answer.start).toMatchObject({ status });
  }
  server.handler = (request) => {
    request.answer(200, [`Subject: ${'x'.repeat(8_193)}`]);
    request.answer(404);
  };
  expect((await agent.request({ method: 'MESSAGE', to: 'sip:bob@campus.test' })).status).toBe(404);
  expect(logs).toEqual(['debug sip.unreadable {"status":200}']);
});
