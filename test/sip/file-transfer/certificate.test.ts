import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { expect, test } from 'vitest';
import { createCertificate } from '../../../protocols/sip/file-transfer/certificate.ts';

test('a made certificate is read by OpenSSL as what it says: self-signed, valid now, with the fingerprint told', () => {
  const now = Date.now();
  const own = createCertificate(now);
  const certificate = new X509Certificate(own.certificate);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.subject).toBe('CN=AIMS');
  expect(certificate.fingerprint256).toBe(own.fingerprint);
  expect(createHash('sha256').update(certificate.raw).digest('hex').toUpperCase()).toBe(
    own.fingerprint.replaceAll(':', ''),
  );
  expect(Date.parse(certificate.validFrom)).toBeLessThan(now);
  expect(Date.parse(certificate.validTo)).toBeGreaterThan(now);
  expect(Number.parseInt(certificate.serialNumber.slice(0, 2), 16)).toBeLessThan(128);
});

test('two certificates have nothing in common but the name', () => {
  const [a, b] = [createCertificate(Date.now()), createCertificate(Date.now())];
  expect(a.fingerprint).not.toBe(b.fingerprint);
  expect(new X509Certificate(a.certificate).serialNumber).not.toBe(new X509Certificate(b.certificate).serialNumber);
});

test('two peers with made certificates speak TLS and see each other’s fingerprint', async () => {
  const [server, client] = [createCertificate(Date.now()), createCertificate(Date.now())];
  const listener = tls.createServer({
    cert: server.certificate,
    key: server.privateKey,
    requestCert: true,
    rejectUnauthorized: false,
  });
  const seenByServer = once(listener, 'secureConnection');
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const socket = tls.connect({
    host: '127.0.0.1',
    port: (listener.address() as AddressInfo).port,
    cert: client.certificate,
    key: client.privateKey,
    rejectUnauthorized: false,
  });
  await once(socket, 'secureConnect');
  const [accepted] = (await seenByServer) as [tls.TLSSocket];
  expect(socket.getPeerCertificate().fingerprint256).toBe(server.fingerprint);
  expect(accepted.getPeerCertificate().fingerprint256).toBe(client.fingerprint);
  socket.destroy();
  accepted.destroy();
  listener.close();
});
