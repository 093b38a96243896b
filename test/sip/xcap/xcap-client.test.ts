import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { AccountBinding } from '../../../protocols/sip/authentication/account-binding.ts';
import { documentPath, parseRoot, sameDocument } from '../../../protocols/sip/xcap/xcap-uri.ts';
import { client, httpServer, LISTS_PATH, rawServer } from './hostile-server.ts';

describe('where documents are', () => {
  test.each([
    ['sip:ana@campus.test', 'pres-rules/users/sip:ana@campus.test/index'],
    ['sip:a b/c?d#e%f@campus.test', 'pres-rules/users/sip:a%2520b%2Fc%3Fd%2523e%2525f@campus.test/index'],
    ['sip:joão@campus.test', 'pres-rules/users/sip:jo%25C3%25A3o@campus.test/index'],
  ])('%s has %s', (owner, path) => {
    expect(documentPath({ auid: 'pres-rules', owner })).toBe(path);
  });

  test('one document is the same however it is percent-encoded', () => {
    const path = documentPath({ auid: 'resource-lists', owner: 'sip:joão@campus.test' });
    expect(sameDocument(path, 'resource-lists/users/sip%3Ajo%c3%a3o%40campus.test/index')).toBe(true);
    expect(sameDocument(path, `/${path}`)).toBe(true);
    expect(sameDocument(path, 'resource-lists/users/sip:joao@campus.test/index')).toBe(false);
    expect(sameDocument('%zz', '%zz')).toBe(true);
  });

  test('a root is http or https, and nothing hidden in it', () => {
    expect(parseRoot(' https://xcap.campus.test/root ')?.href).toBe('https://xcap.campus.test/root/');
    for (const text of ['ftp://x/', 'https://u:p@x/', 'https://x/?a', 'https://x/#a', 'xcap', ''])
      expect(parseRoot(text)).toBeUndefined();
  });
});

describe('a server', () => {
  test('that challenges is answered with a digest of the path as it is sent, and not asked in vain again', async () => {
    const { root, asked } = await httpServer(({ headers }, response) => {
      if (headers.authorization) response.writeHead(200, { ETag: '"1"' }).end('<x/>');
      else response.writeHead(401, { 'WWW-Authenticate': 'Digest realm="campus", nonce="n", qop="auth"' }).end();
    });
    const one = client(root, { owner: 'sip:joão@campus.test' });
    expect(await one.get('resource-lists')).toEqual({ text: '<x/>', etag: '"1"' });
    const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
    const path = '/xcap-root/resource-lists/users/sip:jo%25C3%25A3o@campus.test/index';
    expect(asked.at(-1)?.path).toBe(path);
    const response = md5(`${md5('ana:campus:secret')}:n:00000001:cnonce:auth:${md5(`GET:${path}`)}`);
    expect(asked.at(-1)?.headers.authorization).toContain(`response="${response}"`);
    await one.get('resource-lists');
    expect(asked.length).toBe(3);
  });

  test('without TLS gets no credentials over a network, unless the account allows it', async () => {
    const { root, asked } = await httpServer(({ headers }, response) => {
      if (headers.authorization) response.writeHead(200).end('<x/>');
      else response.writeHead(401, { 'WWW-Authenticate': 'Digest realm="campus", nonce="n", qop="auth"' }).end();
    });
    // a name may lead anywhere
    const named = new URL(root.href.replace('127.0.0.1', 'localhost'));
    await expect(client(named).get('resource-lists')).rejects.toMatchObject({ code: 'tls-required' });
    expect(asked.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    expect(await client(named, { plain: true }).get('resource-lists')).toMatchObject({ text: '<x/>' });
  });

  test.each([
    ['in a weaker way', 'Digest realm="campus", nonce="n", qop="auth"', 'authentication-weaker', 'MD5:campus'],
    [
      'without qop',
      'Digest realm="campus", nonce="n", algorithm=SHA-256',
      'authentication-weaker',
      'SHA-256-without-qop:campus',
    ],
    [
      'in another name',
      'Digest realm="other", nonce="n", qop="auth", algorithm=SHA-256',
      'authentication-changed',
      'SHA-256:other',
    ],
  ])(
    'that asks %s than when it took the password gets no credentials until that is allowed',
    async (_, later, code, name) => {
      let challenge = 'Digest realm="campus", nonce="n", qop="auth", algorithm=SHA-256';
      const { root, asked } = await httpServer(({ headers }, response) => {
        if (headers.authorization) response.writeHead(200).end('<x/>');
        else response.writeHead(401, { 'WWW-Authenticate': challenge }).end();
      });
      const binding = new AccountBinding();
      await client(root, { binding }).get('resource-lists');
      challenge = later;
      const before = asked.length;
      const askAgain = (allowed?: string) =>
        client(root, { binding: new AccountBinding({ stored: binding.text, ...(allowed && { allowed }) }) });
      await expect(askAgain().get('resource-lists')).rejects.toMatchObject({ code, protocolCode: name });
      expect(asked.slice(before).map(({ headers }) => headers.authorization)).toEqual([undefined]);
      expect(await askAgain(name).get('resource-lists')).toMatchObject({ text: '<x/>' });
    },
  );

  test.each([
    [401, 'credentials-rejected', false],
    [403, 'policy', false],
    [302, 'not-supported', false],
    [307, 'not-supported', false],
    [405, 'not-supported', false],
    [409, 'malformed', false],
    [413, 'too-big', false],
    [500, 'server-unavailable', true],
    [503, 'server-unavailable', true],
  ])('that says %i is %s', async (status, code, retryable) => {
    const { root, asked } = await httpServer((_asked, response) =>
      response
        .writeHead(status, {
          Location: 'http://127.0.0.1:1/',
          'Retry-After': '7',
          'WWW-Authenticate': 'Digest realm="campus", nonce="n", qop="auth"',
        })
        .end(),
    );
    await expect(client(root).get('resource-lists')).rejects.toMatchObject({ code, retryable, retryAfter: 7 });
    // RFC 4825 has no redirects: nothing of ours goes to a place nobody chose
    expect(asked.length).toBe(status === 401 ? 2 : 1);
  });

  test('that sends ten megabytes is left after the first', async () => {
    let sent = 0;
    const root = await rawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n');
      const more = (): void => {
        while (sent < 10_485_760 && !socket.destroyed) {
          sent += 65_536;
          if (!socket.write(Buffer.alloc(65_536, 'a'))) return;
        }
      };
      socket.on('drain', more);
      socket.once('data', more);
    });
    await expect(client(root).get('resource-lists')).rejects.toMatchObject({ code: 'too-big', retryable: false });
  });

  test('that drips for ever is left when the time is up', async () => {
    const root = await rawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n');
      const drip = setInterval(() => socket.write('a'), 20);
      socket.on('close', () => clearInterval(drip));
    });
    await expect(client(root, { timeout: 200 }).get('resource-lists')).rejects.toMatchObject({ code: 'timeout' });
  });

  test.each([
    ['breaks off', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc', 'network'],
    ['speaks something else', 'SSH-2.0-OpenSSH_9.2\r\n', 'malformed'],
    ['is not UTF-8', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\xff', 'malformed'],
    [
      'packs what nobody asked to be packed',
      'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\na',
      'malformed',
    ],
  ])('that %s is a fault with a name', async (_what, answer, code) => {
    const root = await rawServer((socket) => socket.once('data', () => socket.end(answer, 'latin1')));
    await expect(client(root).get('resource-lists')).rejects.toMatchObject({ code });
  });

  test('that is not there is unreachable', async () => {
    await expect(client(new URL('http://127.0.0.1:1/')).get('x')).rejects.toMatchObject({ code: 'unreachable' });
  });

  test('stopping gives up what is under way', async () => {
    let came = (): void => {};
    const arrived = new Promise<void>((resolve) => {
      came = resolve;
    });
    const root = await rawServer((socket) => socket.once('data', () => came()));
    const one = client(root);
    const asked = one.get('resource-lists');
    await arrived;
    one.stop();
    await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('with a tag too long to be sent back is taken without one', async () => {
    const { root } = await httpServer((_asked, response) =>
      response.writeHead(200, { ETag: `"${'a'.repeat(2000)}"` }).end('<x/>'),
    );
    expect(await client(root).get('resource-lists')).toEqual({ text: '<x/>', etag: undefined });
  });
});

test('a document over the limit is not sent at all', async () => {
  const { root, asked } = await httpServer((_asked, response) => response.end());
  const put = client(root).put('resource-lists', 'text/xml', 'é'.repeat(600_000), 'any');
  await expect(put).rejects.toMatchObject({ code: 'too-big' });
  expect(asked).toEqual([]);
  await client(root).put('resource-lists', 'text/xml', '<x/>', { ifMatch: '"1"' });
  expect(asked[0]).toMatchObject({ method: 'PUT', path: LISTS_PATH, body: '<x/>', headers: { 'if-match': '"1"' } });
});
