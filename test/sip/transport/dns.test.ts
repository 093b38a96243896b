import dgram from 'node:dgram';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { dnsResolver, locateServer } from '../../../protocols/sip/locating/server-locator.ts';

const text = (value: string): Buffer => Buffer.concat([Buffer.from([Buffer.byteLength(value)]), Buffer.from(value)]);
const name = (value: string): Buffer =>
  Buffer.concat([...value.split('.').filter(Boolean).map(text), Buffer.from([0])]);
const numbers = (...values: number[]): Buffer => {
  const buffer = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) buffer.writeUInt16BE(value, index * 2);
  return buffer;
};
const NAPTR = 35;
const SRV = 33;
const naptr = (order: number, preference: number, service: string, replacement: string): Buffer =>
  Buffer.concat([numbers(order, preference), text('s'), text(service), text(''), name(replacement)]);
const srv = (priority: number, weight: number, port: number, target: string): Buffer =>
  Buffer.concat([numbers(priority, weight, port), name(target)]);

/** The data of the records for a question; a number is the RCODE, undefined no answer at all. */
type Zone = (question: string, type: number) => readonly Buffer[] | number | undefined;

/** A real DNS server (RFC 1035) on the loopback, as far as these questions go. */
const nameServer = async (zone: Zone): Promise<string> => {
  const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  onTestFinished(() => void socket.close());
  socket.on('message', (query, from) => {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString('ascii', at + 1, at + 1 + length));
      at += length + 1;
    }
    const type = query.readUInt16BE(at + 1);
    const found = zone(labels.join('.').toLowerCase(), type);
    if (found === undefined) return;
    const records = typeof found === 'number' ? [] : found;
    const head = numbers(
      query.readUInt16BE(0),
      0x8580 | (typeof found === 'number' ? found : 0),
      1,
      records.length,
      0,
      0,
    );
    const answers = records.map((data) => Buffer.concat([numbers(0xc00c, type, 1, 0, 60, data.length), data]));
    socket.send(Buffer.concat([head, query.subarray(12, at + 5), ...answers]), from.port, from.address);
  });
  return `127.0.0.1:${socket.address().port}`;
};
const REFUSED = 5;
const NXDOMAIN = 3;

const located = async (zone: Zone): Promise<string[]> =>
  (await locateServer({ domain: 'campus.test' }, dnsResolver([await nameServer(zone)]), () => 0))
    .filter(({ address }) => address === '127.0.0.1')
    .map(({ protocol, port }) => `${protocol} ${port}`);

// localhost is the one name with an address that needs no DNS
test('NAPTR, then SRV, then addresses, with real DNS messages', async () => {
  const zone: Zone = (question, type) => {
    if (type === NAPTR && question === 'campus.test')
      return [naptr(1, 1, 'SIP+D2U', '_sip._udp.x.test'), naptr(2, 1, 'SIPS+D2T', '_sips._tcp.x.test')];
    if (type === SRV && question === '_sips._tcp.x.test')
      return [srv(2, 0, 5063, 'localhost'), srv(1, 0, 5061, 'localhost')];
    return NXDOMAIN;
  };
  expect(await located(zone)).toEqual(['TLS 5061', 'TLS 5063']);
});

test('a server that refuses NAPTR, as those of home routers do, is asked for SRV', async () => {
  const zone: Zone = (question, type) => {
    if (type === NAPTR) return REFUSED;
    return question === '_sip._tcp.campus.test' ? [srv(1, 0, 5070, 'localhost')] : NXDOMAIN;
  };
  expect(await located(zone)).toEqual(['TCP 5070']);
});

// the system's own patience is above a minute
test('a server that answers nothing is given up in time, and it is not the name that is doubted', {
  timeout: 20_000,
}, async () => {
  const silent = located((_question, type) => (type === NAPTR ? NXDOMAIN : undefined));
  const failure = await silent.catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'unreachable', retryable: true });
});

test('a server that refuses everything is as one that is away', async () => {
  const failure = await located(() => REFUSED).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'unreachable', protocolCode: 'EREFUSED', retryable: true });
});
