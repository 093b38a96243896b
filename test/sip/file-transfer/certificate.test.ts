import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { expect, test } from 'vitest';
import { fingerprintOf } from '../../../msrp/index.ts';
import { createCertificate } from '../../../protocols/sip/media/certificate.ts';

test('a made certificate is read by OpenSSL as what it says: self-signed, valid now', () => {
  const now = Date.now();
  const own = createCertificate(now);
  const certificate = new X509Certificate(own.cert);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.subject).toBe('CN=AIMS');
  expect(Date.parse(certificate.validFrom)).toBeLessThan(now);
  expect(Date.parse(certificate.validTo)).toBeGreaterThan(now);
  expect(Number.parseInt(certificate.serialNumber.slice(0, 2), 16)).toBeLessThan(128);
});

test('two certificates have nothing in common but the name', () => {
  const [a, b] = [createCertificate(Date.now()), createCertificate(Date.now())];
  expect(fingerprintOf(a.cert)).not.toBe(fingerprintOf(b.cert));
  expect(new X509Certificate(a.cert).serialNumber).not.toBe(new X509Certificate(b.cert).serialNumber);
});

test('two peers with made certificates speak TLS and see each other’s fingerprint', async () => {
  const [server, client] = [createCertificate(Date.now()), createCertificate(Date.now())];
  const listener = tls.createServer({
    cert: server.cert,
    key: server.key,
    requestCert: true,
    rejectUnauthorized: false,
  });
  const seenByServer = once(listener, 'secureConnection');
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const socket = tls.connect({
    host: '127.0.0.1',
    port: (listener.address() as AddressInfo).port,
    cert: client.cert,
    key: client.key,
    rejectUnauthorized: false,
  });
  await once(socket, 'secureConnect');
  const [accepted] = (await seenByServer) as [tls.TLSSocket];
  expect(`sha-256 ${socket.getPeerCertificate().fingerprint256}`).toBe(fingerprintOf(server.cert));
  expect(`sha-256 ${accepted.getPeerCertificate().fingerprint256}`).toBe(fingerprintOf(client.cert));
  socket.destroy();
  accepted.destroy();
  listener.close();
});

test('every length is written in as few octets as hold it, as Electron’s BoringSSL demands', () => {
  const der = new X509Certificate(createCertificate(Date.now()).cert).raw;
  const lengths: number[] = [];
  const visit = (from: number, end: number): void => {
    for (let at = from; at < end; ) {
      const tag = der[at] as number;
      const short = der[at + 1] as number;
      const octets = short < 128 ? 0 : short & 0x7f;
      const length = octets ? der.readUIntBE(at + 2, octets) : short;
      const start = at + 2 + octets;
      if (octets) {
        lengths.push(length);
        expect(length).toBeGreaterThanOrEqual(octets === 1 ? 128 : 2 ** (8 * (octets - 1)));
      }
      if (tag & 0x20) visit(start, start + length); // constructed: SEQUENCE, SET, EXPLICIT
      at = start + length;
    }
  };
  visit(0, der.length);
  expect(lengths.some((length) => length < 256)).toBe(true);
  expect(lengths.some((length) => length > 255)).toBe(true);
});
