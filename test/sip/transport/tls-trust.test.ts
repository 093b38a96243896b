import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ProviderError } from '../../../protocols/contract/index.ts';
import type { Resolver } from '../../../protocols/sip/locating/server-locator.ts';
import { createCertificate } from '../../../protocols/sip/media/certificate.ts';
import { connectStream } from '../../../protocols/sip/transport/connect-stream.ts';
import type { TlsTrust } from '../../../protocols/sip/transport/tls-trust.ts';
import { certificateFor } from '../../xmpp/support/certificates.ts';
import { memoryStorage, person } from '../kit.ts';
import { ScriptedServer } from '../scripted-server.ts';

const DOMAIN = 'campus.test';

/** `taken`, or why not. */
const verdict = async (identity: { key: string; cert: string }, trust: Partial<TlsTrust> = {}): Promise<string> => {
  const server = await ScriptedServer.open(identity);
  const all = { certificateAuthorities: [identity.cert], trustedFingerprints: [], names: [], domain: DOMAIN, ...trust };
  const target = { address: '127.0.0.1', port: server.port, trust: all };
  const options = { timeout: 5_000, signal: new AbortController().signal };
  try {
    (await connectStream(target, options)).destroy();
    return 'taken';
  } catch (error) {
    expect(error).toMatchObject({ code: 'tls-untrusted', retryable: false });
    return (error as ProviderError).certificate?.reason ?? '';
  }
};
const WRONG_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID';

describe('the name in the certificate', () => {
  // RFC 5922 §7.1 and §7.2; the common name of all of these is "test"
  test.each([
    ['DNS:campus.test', 'taken'],
    ['DNS:other.test,DNS:CAMPUS.test', 'taken'],
    ['DNS:sip.campus.test', WRONG_NAME],
    ['DNS:test', WRONG_NAME],
    ['URI:sip:campus.test', 'taken'],
    ['URI:SIP:Campus.Test', 'taken'],
    ['URI:sip:ana@campus.test,DNS:other.test', WRONG_NAME],
    ['URI:https://campus.test', WRONG_NAME],
    // with a SIP identity the names for other services say nothing
    ['URI:sip:other.test,DNS:campus.test', WRONG_NAME],
    ['IP:127.0.0.1', WRONG_NAME],
  ])('%s for the domain campus.test: %s', async (names, expected) => {
    expect(await verdict(certificateFor(names))).toBe(expected);
  });

  test('a wildcard stands for no SIP domain, but for a host a person typed', async () => {
    const identity = certificateFor('DNS:*.campus.test');
    expect(await verdict(identity, { domain: 'sip.campus.test' })).toBe(WRONG_NAME);
    expect(await verdict(identity, { names: ['proxy.campus.test'] })).toBe('taken');
    expect(await verdict(identity, { names: ['proxy.other.test'] })).toBe(WRONG_NAME);
  });

  test('the common name counts where there is no other', async () => {
    expect(await verdict(createCertificate(Date.now()), { domain: 'aims' })).toBe('taken');
    expect(await verdict(certificateFor('DNS:campus.test'), { domain: 'test' })).toBe(WRONG_NAME);
  });

  test('an address in place of a domain needs a certificate for the address', async () => {
    expect(await verdict(certificateFor('IP:127.0.0.1'), { domain: '127.0.0.1' })).toBe('taken');
    expect(await verdict(certificateFor('DNS:campus.test'), { domain: '127.0.0.1' })).toBe(WRONG_NAME);
  });
});

describe('its time and its authority', () => {
  const YEAR = 31_536_000_000;
  test.each([
    ['old', -YEAR, 'CERT_HAS_EXPIRED'],
    ['early', YEAR, 'CERT_NOT_YET_VALID'],
  ])('one that is too %s is refused', async (_when, shift, reason) => {
    expect(await verdict(createCertificate(Date.now() + shift), { domain: 'aims' })).toBe(reason);
  });

  test('one nobody stands for is refused, until a person trusts exactly that one', async () => {
    const identity = certificateFor('DNS:other.test');
    const server = await ScriptedServer.open(identity);
    const { port } = server;
    const account = { address: 'sip:ana@campus.test', server: { host: '127.0.0.1', port } };
    const ana = person({ ...account, transport: 'tls' });
    ana.provider.start();
    const { cause } = await ana.reach('stopped');
    expect(cause).toMatchObject({ code: 'tls-untrusted', certificate: { reason: 'DEPTH_ZERO_SELF_SIGNED_CERT' } });
    const trustedFingerprints = [cause.certificate?.fingerprint ?? ''];
    const trusting = person({ ...account, transport: 'tls', trustedFingerprints });
    trusting.provider.start();
    await trusting.reach('online');
    // the server comes back with another certificate
    await trusting.provider.stop();
    await server.close();
    await ScriptedServer.open(certificateFor('DNS:campus.test'), port);
    trusting.provider.start();
    const again = (await trusting.reach('stopped')).cause;
    expect([cause.certificate?.changed, again.code, again.certificate?.changed]).toEqual([
      undefined,
      'tls-untrusted',
      true,
    ]);
    expect(trustedFingerprints).not.toContain(again.certificate?.fingerprint);
  });

  test('a file of authorities that is none of them harms nobody and helps nobody', async () => {
    const identity = certificateFor('DNS:campus.test');
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    expect(await verdict(identity, { certificateAuthorities: ['no PEM at all', broken, identity.cert] })).toBe('taken');
    expect(await verdict(identity, { certificateAuthorities: [broken] })).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
  });
});

describe('never less than TLS', () => {
  const identity = certificateFor('DNS:campus.test');
  const account = (port: number) =>
    person({
      address: 'sip:ana@campus.test',
      server: { host: '127.0.0.1', port },
      transport: 'tls',
      certificateAuthorities: [identity.cert],
      options: { xcapRoot: '' },
    });

  test('a domain that was reached over TLS is not taken without, whatever DNS says, unless the account says so', async () => {
    const plain = await ScriptedServer.open();
    const secure = await ScriptedServer.open(identity);
    const storage = memoryStorage();
    let offered = { '_sips._tcp.campus.test': secure.port } as Record<string, number>;
    const resolver: Resolver = {
      naptr: async () => [],
      srv: async (name) => {
        const port = offered[name];
        return port === undefined ? [] : [{ name: 'localhost', port, priority: 0, weight: 0 }];
      },
      addresses: async (host) => (host === 'localhost' ? ['127.0.0.1'] : []),
    };
    const found = (transport?: 'tcp') =>
      person(
        {
          address: 'sip:ana@campus.test',
          certificateAuthorities: [identity.cert],
          options: { xcapRoot: '' },
          ...(transport ? { transport } : {}),
        },
        { storage, resolver },
      );
    const first = found();
    first.provider.start();
    await first.reach('online');
    await first.provider.stop();
    offered = { '_sip._tcp.campus.test': plain.port };
    const again = found();
    again.provider.start();
    expect((await again.reach('waiting')).cause).toMatchObject({ code: 'tls-required', retryable: true });
    expect(plain.sockets.size).toBe(0);
    await again.provider.stop();
    const willing = found('tcp');
    willing.provider.start();
    await willing.reach('online');
  });

  test('of several servers one without TLS is passed over, and one that is not believed is for a person to judge', async () => {
    const plain = net.createServer((socket) => void socket.on('error', () => {}).end('220 mail.campus.test\r\n'));
    plain.listen(0, '127.0.0.1');
    await once(plain, 'listening');
    onTestFinished(() => void plain.close());
    const plainPort = (plain.address() as net.AddressInfo).port;
    const [stranger, good] = [
      await ScriptedServer.open(certificateFor('DNS:other.test')),
      await ScriptedServer.open(identity),
    ];
    const at = (...ports: number[]) =>
      person(
        { address: 'sip:ana@campus.test', certificateAuthorities: [identity.cert], options: { xcapRoot: '' } },
        {
          resolver: {
            naptr: async () => [],
            srv: async (name) =>
              name.startsWith('_sips')
                ? ports.map((port, priority) => ({ name: 'localhost', port, priority, weight: 0 }))
                : [],
            addresses: async () => ['127.0.0.1'],
          },
        },
      );
    const first = at(plainPort, good.port);
    first.provider.start();
    await first.reach('online');
    const second = at(stranger.port, good.port);
    second.provider.start();
    expect((await second.reach('stopped')).cause.code).toBe('tls-untrusted');
  });

  test('a server that speaks no TLS is not spoken to without', async () => {
    const heard: Buffer[] = [];
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => {
        heard.push(chunk);
        socket.end('SIP/2.0 400 Bad Request\r\n\r\n');
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const ana = account((server.address() as net.AddressInfo).port);
    ana.provider.start();
    expect((await ana.reach('waiting')).cause.code).toBe('not-this-protocol');
    await ana.provider.stop();
    // 22: a TLS handshake, and never anything else
    expect(heard.map((each) => each[0])).toEqual(heard.map(() => 22));
    expect(Buffer.concat(heard).toString('latin1')).not.toContain('REGISTER');
  });

  test.each([301, 302, 305])(
    'a %i that leads elsewhere is not followed: not for a login, not for a text',
    async (status) => {
      // TCP has far more ports in use, so it chooses
      const stranger = await ScriptedServer.open();
      const elsewhere = dgram.createSocket('udp4').bind(stranger.port, '127.0.0.1');
      await once(elsewhere, 'listening');
      let datagrams = 0;
      elsewhere.on('message', () => {
        datagrams += 1;
      });
      onTestFinished(() => void elsewhere.close());
      const server = await ScriptedServer.open(identity);
      const redirect = ['', ';transport=udp', ';transport=tcp'].map(
        (transport) => `Contact: <sip:ana@127.0.0.1:${stranger.port}${transport}>`,
      );
      let isRedirecting = true;
      server.handler = (request) => {
        if (isRedirecting && request.method !== 'SUBSCRIBE') request.answer(status, redirect);
        else request.answer(request.method === 'SUBSCRIBE' ? 489 : 200);
      };
      const ana = account(server.port);
      ana.provider.start();
      expect((await ana.reach('waiting')).cause).toMatchObject({ protocolCode: String(status) });
      isRedirecting = false;
      ana.provider.machineEvent('wake');
      await ana.reach('online');
      isRedirecting = true;
      const sent = ana.set('messaging').send('sip:bob@campus.test', { id: 'x', text: 'secret', composedAt: 0 });
      expect(await sent.outcome).toMatchObject({ state: 'failed' });
      expect([datagrams, stranger.requests.length, stranger.sockets.size]).toEqual([0, 0, 0]);
    },
  );
});
