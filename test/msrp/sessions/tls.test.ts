import type { AddressInfo } from 'node:net';
import tls, { type TlsOptions } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { fingerprintOf, type MsrpEndpoint, type StartOptions, type TlsIdentity } from '../../../msrp/index.ts';
import { makeIdentity } from '../support/identity.ts';
import { deferred, endpoint, Mailbox } from '../support/support.ts';

describe('TLS', () => {
  async function secured(
    own: TlsIdentity,
    start: { active: Partial<StartOptions>; passive?: Partial<StartOptions> },
    peerIdentity?: TlsIdentity,
  ): Promise<{ results: PromiseSettledResult<void>[]; near: MsrpEndpoint; exchange: () => Promise<string> }> {
    const far = endpoint();
    const near = endpoint(peerIdentity === undefined ? {} : { identity: peerIdentity });
    const listener = await far.listen({ host: '127.0.0.1', tls: own });
    const mailbox = new Mailbox();
    const passive = far.createSession({ listener, accept: mailbox.accept });
    const active = near.createSession({ host: '127.0.0.1', secure: true, accept: new Mailbox().accept });
    expect(passive.localPath).toMatch(/^msrps:/);
    const controller = new AbortController();
    const waiting = passive.start({
      remotePath: active.localPath,
      role: 'passive',
      signal: controller.signal,
      ...start.passive,
    });
    const starting = active.start({ remotePath: passive.localPath, role: 'active', ...start.active });
    starting.catch(() => controller.abort());
    const results = await Promise.allSettled([starting, waiting]);
    return {
      results,
      near,
      async exchange() {
        active.send({ contentType: 'text/plain', body: 'secret' });
        return (await mailbox.next()).bytes.toString();
      },
    };
  }

  it('joins peers that know the fingerprint of each other', async () => {
    const [a, b] = [await makeIdentity(), await makeIdentity()];
    const { results, exchange } = await secured(
      a,
      {
        active: { fingerprints: [fingerprintOf(a.cert)] },
        passive: { fingerprints: [`SHA-256 ${fingerprintOf(b.cert).slice(8).toLowerCase()}`] },
      },
      b,
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    expect(await exchange()).toBe('secret');
  });

  it('is refused by the one who connects when the fingerprint is another', async () => {
    const [a, b] = [await makeIdentity(), await makeIdentity()];
    const { results } = await secured(a, { active: { fingerprints: [fingerprintOf(b.cert)] } });
    expect(results[0]).toMatchObject({ status: 'rejected', reason: { code: 'fingerprint-mismatch' } });
  });

  it('is refused by the one who listens when the fingerprint is another, or there is no certificate', async () => {
    const [a, b] = [await makeIdentity(), await makeIdentity()];
    for (const identity of [a, undefined]) {
      const { results } = await secured(
        a,
        { active: { fingerprints: [fingerprintOf(a.cert)] }, passive: { fingerprints: [fingerprintOf(b.cert)] } },
        identity,
      );
      expect(results[0]).toMatchObject({ status: 'rejected', reason: { code: 'bind-refused', status: 403 } });
      expect(results[1]).toMatchObject({ status: 'rejected', reason: { code: 'fingerprint-mismatch' } });
    }
  });

  it('does not trust a certificate without fingerprint and authority, nor a fingerprint by MD5', async () => {
    const a = await makeIdentity();
    const { results } = await secured(a, { active: {} });
    expect(results[0]).toMatchObject({ status: 'rejected', reason: { code: 'tls-untrusted' } });
    const weak = await secured(a, {
      active: { fingerprints: ['md5 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF'] },
    });
    expect(weak.results[0]).toMatchObject({ status: 'rejected', reason: { code: 'fingerprint-mismatch' } });
  });

  it.each(['sha-1', 'sha-224', 'sha-256', 'sha-384', 'sha-512'] as const)('takes fingerprints by %s', async (hash) => {
    const a = await makeIdentity();
    const { results, exchange } = await secured(a, { active: { fingerprints: [fingerprintOf(a.cert, hash)] } });
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    expect(await exchange()).toBe('secret');
  });

  it('believes the best of several hash functions alone, whichever of several certificates it is', async () => {
    const [a, b] = [await makeIdentity(), await makeIdentity()];
    const good = await secured(a, {
      active: {
        fingerprints: [fingerprintOf(b.cert), fingerprintOf(a.cert), fingerprintOf(b.cert, 'sha-1'), 'sha-999 00:11'],
      },
    });
    expect(good.results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    const bad = await secured(a, { active: { fingerprints: [fingerprintOf(a.cert, 'sha-1'), fingerprintOf(b.cert)] } });
    expect(bad.results[0]).toMatchObject({ status: 'rejected', reason: { code: 'fingerprint-mismatch' } });
  });

  it('is spoken from version 1.2 on, by the one who listens and the one who connects', async () => {
    const identity = await makeIdentity();
    const own = endpoint();
    const listener = await own.listen({ host: '127.0.0.1', tls: identity });
    // as weak as the platform lets one be
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const refused = await new Promise<Error>((resolve, reject) => {
      const socket = tls.connect({ host: '127.0.0.1', port: listener.port, rejectUnauthorized: false, ...old });
      socket.once('secureConnect', () => reject(new Error('let in'))).once('error', resolve);
    });
    expect(refused.message).toMatch(/protocol version|alert/);
    const server = await tlsServer({ ...identity, ...old });
    const session = own.createSession({ host: '127.0.0.1', secure: true, accept: new Mailbox().accept });
    const starting = session.start({
      remotePath: `msrps://127.0.0.1:${server.port}/x;tcp`,
      role: 'active',
      fingerprints: [fingerprintOf(identity.cert)],
    });
    await expect(starting).rejects.toMatchObject({ name: 'MsrpError' });
  });

  it('joins a relay whose name an authority vouches for, and no other', async () => {
    const identity = await makeIdentity('localhost');
    const server = await tlsServer(identity);
    const asking = (serverName: string | undefined, ca: string[]) => {
      const session = endpoint().createSession({ host: '127.0.0.1', secure: true, accept: new Mailbox().accept });
      const relay = { uri: `msrps://127.0.0.1:${server.port};tcp`, username: 'a', password: 'b' };
      return session.connectRelays([relay], { ca, ...(serverName !== undefined && { serverName }) });
    };
    for (const [name, ca] of [
      ['relay.example.org', [identity.cert]],
      [undefined, [identity.cert]],
      ['localhost', []],
    ] as const) {
      await expect(asking(name, [...ca])).rejects.toMatchObject({ code: 'tls-untrusted' });
    }
    expect(server.heard).toEqual([]);
    const trusted = asking('localhost', [identity.cert]);
    trusted.catch(() => undefined);
    await server.first;
    // RFC 4976 §9.2: the name is told, so that the relay can choose its certificate
    expect(server.heard).toEqual(['localhost']);
  });
});

/** A TLS server that tells which names it was asked for by whoever wrote something. */
async function tlsServer(options: TlsOptions): Promise<{ port: number; heard: unknown[]; first: Promise<void> }> {
  const heard: unknown[] = [];
  const first = deferred<void>();
  const server = tls.createServer(options, (socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      heard.push(socket.servername);
      first.resolve();
    });
    onTestFinished(() => {
      socket.destroy();
    });
  });
  server.on('tlsClientError', () => undefined);
  onTestFinished(() => {
    server.close();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return { port: (server.address() as AddressInfo).port, heard, first: first.promise };
}
