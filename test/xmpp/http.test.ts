import { X509Certificate } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import type { ByteSink } from '../../protocols/contract/index.ts';
import { ProviderError } from '../../protocols/contract/index.ts';
import { Destinations } from '../../protocols/xmpp/files/destinations.ts';
import { download } from '../../protocols/xmpp/files/download.ts';
import { type HttpRules, permittedUrl } from '../../protocols/xmpp/files/http.ts';
import { upload } from '../../protocols/xmpp/files/upload.ts';
import { certificateFor } from './support/certificates.ts';
import { bytesOf, keep, type Source, sourceOf } from './support/files-kit.ts';

const certificate = certificateFor('IP:127.0.0.1');
const HOME = { domain: 'campus.test', serverHost: 'Server.Campus.Example', serverAddress: () => '127.0.0.1' };
const RULES: HttpRules = {
  trust: { authorities: [certificate.cert], fingerprints: [] },
  destinations: new Destinations(HOME),
  timeout: 3000,
};
const DISTRUSTING: HttpRules = { ...RULES, trust: { authorities: [], fingerprints: [] } };

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(
    servers.splice(0).map((server) => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    }),
  );
});

const serve = async (listener: RequestListener): Promise<URL> => {
  const server = createServer(certificate, listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}/a%20b?c=d`);
};

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces);
};

const never = new AbortController().signal;

const put = async (
  url: URL,
  source: Source,
  {
    rules = RULES,
    signal = never,
    headers = {},
  }: { rules?: HttpRules; signal?: AbortSignal; headers?: Record<string, string[]> } = {},
): Promise<number[]> => {
  const progress: number[] = [];
  const slot = { put: url, headers, get: url.href };
  await upload(
    slot,
    source,
    'text/plain',
    { signal, onStart: () => {}, onBytes: (bytes) => void progress.push(bytes) },
    rules,
  );
  return progress;
};

const get = async (
  url: URL,
  options: {
    from?: Buffer;
    size?: number;
    rules?: HttpRules;
    signal?: AbortSignal;
    sink?: ByteSink;
    onStart?: () => void;
  } = {},
): Promise<{ bytes: Buffer; progress: number[] }> => {
  const kept = keep(options.from);
  const progress: number[] = [];
  await download(
    {
      url,
      from: options.from?.length ?? 0,
      size: options.size,
      sink: options.sink ?? kept.file.sink,
      signal: options.signal ?? never,
      onStart: options.onStart ?? (() => {}),
      onBytes: (bytes) => void progress.push(bytes),
    },
    options.rules ?? RULES,
  );
  return { bytes: kept.bytes, progress };
};

const BYTES = bytesOf(700_000);
/** So many that the service is asked first. */
const MANY = bytesOf(1_200_000);

it('uploads every byte with its length, its type and what the service asked to be said', async () => {
  const seen: unknown[] = [];
  const url = await serve((request, response) => {
    void bodyOf(request).then((body) => {
      const { authorization, cookie, 'content-length': length, 'content-type': type } = request.headers;
      seen.push(request.method, request.url, authorization, cookie, length, type, body.equals(BYTES));
      response.writeHead(201).end();
    });
  });
  const progress = await put(url, sourceOf(BYTES), {
    headers: { authorization: ['Bearer x'], cookie: ['a=b', 'c=d'] },
  });
  expect(seen).toEqual(['PUT', '/a%20b?c=d', 'Bearer x', 'a=b; c=d', '700000', 'text/plain', true]);
  expect(progress.at(-1)).toBe(700_000);
  expect(progress).toEqual([...progress].sort((a, b) => a - b));
});

it('reads no more of the source than the network takes', async () => {
  let release: () => void = () => {};
  const url = await serve((request, response) => {
    request.pause();
    release = () => void bodyOf(request).then(() => response.end());
  });
  const big = bytesOf(40_000_000);
  const source = sourceOf(big);
  let furthest = 0;
  let stalled: () => void = () => {};
  const quiet = new Promise<void>((resolve) => {
    stalled = resolve;
  });
  let timer: NodeJS.Timeout | undefined;
  const read = source.read.bind(source);
  source.read = async (buffer, position) => {
    furthest = position;
    clearTimeout(timer);
    timer = setTimeout(stalled, 200);
    return read(buffer, position);
  };
  const done = put(url, source);
  await quiet;
  expect(furthest).toBeLessThan(30_000_000);
  release();
  await done;
});

it.each([
  [413, 'too-big', false],
  [403, 'store-failed', false],
  [404, 'store-failed', false],
  [500, 'store-failed', true],
  [429, 'store-failed', true],
  [307, 'store-failed', false],
])('says why an upload was answered with %i, without sending all of it', async (status, code, retryable) => {
  let sent = 0;
  const url = await serve((request, response) => {
    response.writeHead(status).end();
    request.on('data', (data: Buffer) => {
      sent += data.length;
    });
  });
  await expect(put(url, sourceOf(bytesOf(20_000_000)))).rejects.toMatchObject({
    code,
    retryable,
    protocolCode: String(status),
  });
  expect(sent).toBeLessThan(20_000_000);
});

/** Answers the question before the body in its own way. */
const whenAsked = async (listener: RequestListener): Promise<URL> => {
  const url = await serve(() => {});
  servers.at(-1)?.on('checkContinue', listener);
  return url;
};

it('asks before it sends: who refuses gets nothing of the file', async () => {
  let sent = 0;
  const url = await whenAsked((request, response) => {
    request.on('data', (data: Buffer) => {
      sent += data.length;
    });
    response.writeHead(413).end();
  });
  const source = sourceOf(MANY);
  let reads = 0;
  source.read = async () => {
    reads += 1;
    return 0;
  };
  await expect(put(url, source)).rejects.toMatchObject({ code: 'too-big' });
  expect([sent, reads]).toEqual([0, 0]);
});

it('sends to a service that does not answer the question', async () => {
  let got: Buffer | undefined;
  const url = await whenAsked(async (request, response) => {
    got = await bodyOf(request);
    response.writeHead(201).end();
  });
  await put(url, sourceOf(MANY));
  expect(got?.equals(MANY)).toBe(true);
});

it('stops an upload whose source has become shorter or longer', async () => {
  const url = await serve(
    (request, response) =>
      void bodyOf(request).then(
        () => response.end(),
        () => {},
      ),
  );
  await expect(put(url, sourceOf(BYTES.subarray(0, 500_000), 700_000))).rejects.toMatchObject({
    code: 'source-changed',
  });
  const growing = sourceOf(BYTES, 100);
  await expect(put(url, growing)).rejects.toMatchObject({ code: 'source-changed' });
});

it('passes on why the source could not be read', async () => {
  const url = await serve(
    (request, response) =>
      void bodyOf(request).then(
        () => response.end(),
        () => {},
      ),
  );
  const source = sourceOf(BYTES);
  source.read = async () => {
    throw new ProviderError('permission-denied');
  };
  await expect(put(url, source)).rejects.toMatchObject({ code: 'permission-denied' });
});

it('stops an upload at once when told to', async () => {
  const stop = new AbortController();
  const gone = new Promise<void>((resolve) => {
    void serve((request) => request.once('data', () => stop.abort()).once('close', resolve)).then(async (url) => {
      await expect(put(url, sourceOf(bytesOf(20_000_000)), { signal: stop.signal })).rejects.toBeInstanceOf(
        ProviderError,
      );
    });
  });
  await gone;
});

it('gives up on a server that takes no bytes and says nothing', async () => {
  const url = await serve((request) => void request.pause());
  await expect(put(url, sourceOf(Buffer.from('x')), { rules: { ...RULES, timeout: 100 } })).rejects.toMatchObject({
    code: 'timeout',
    retryable: true,
  });
});

const sendAll = (response: ServerResponse, bytes = BYTES): void =>
  void response.writeHead(200, { 'Content-Length': bytes.length }).end(bytes);

it('downloads every byte, and asks for them as they are', async () => {
  let encoding: unknown;
  const url = await serve((request, response) => {
    encoding = request.headers['accept-encoding'];
    sendAll(response);
  });
  const { bytes, progress } = await get(url, { size: BYTES.length });
  expect(bytes.equals(BYTES)).toBe(true);
  expect(progress.at(-1)).toBe(BYTES.length);
  expect(encoding).toBe('identity');
  expect((await get(url)).bytes.equals(BYTES)).toBe(true);
});

it('goes on in the middle, also where the server sends all again or a little more', async () => {
  const from = BYTES.subarray(0, 300_001);
  for (const back of [0, 1000, undefined]) {
    const url = await serve((request, response) => {
      const asked = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1]);
      if (back === undefined) sendAll(response);
      else {
        const begin = asked - back;
        response
          .writeHead(206, { 'Content-Range': `bytes ${begin}-${BYTES.length - 1}/${BYTES.length}` })
          .end(BYTES.subarray(begin));
      }
    });
    const { bytes, progress } = await get(url, { from, size: BYTES.length });
    expect(bytes.equals(BYTES)).toBe(true);
    expect(progress[0]).toBeGreaterThan(from.length);
  }
});

it('asks for nothing when everything is there', async () => {
  let asked = false;
  const url = await serve((_request, response) => {
    asked = true;
    response.end();
  });
  let started = false;
  await get(url, {
    from: BYTES,
    size: BYTES.length,
    onStart: () => {
      started = true;
    },
  });
  expect([asked, started]).toEqual([false, true]);
});

it.each([
  ['more than offered, said beforehand', 200, { 'Content-Length': '700001' }, 700_001, 'size-mismatch'],
  ['more than offered, not said', 200, {}, 700_001, 'size-mismatch'],
  ['less than offered', 200, {}, 600_000, 'size-mismatch'],
  ['a range that begins too late', 206, { 'Content-Range': 'bytes 400000-699999/700000' }, 10, 'malformed'],
  ['a range of another file', 206, { 'Content-Range': 'bytes 0-9/10' }, 10, 'size-mismatch'],
  ['a range that says nothing', 206, {}, 10, 'malformed'],
  ['nothing', 404, {}, 0, 'source-missing'],
  ['a closed door', 403, {}, 0, 'permission-denied'],
])('fails when the server sends %s', async (_what, status, headers, count, code) => {
  const url = await serve((_request, response) => void response.writeHead(status, headers).end(bytesOf(count)));
  const kept = keep(BYTES.subarray(0, 100));
  await expect(get(url, { from: BYTES.subarray(0, 100), size: 700_000, sink: kept.file.sink })).rejects.toMatchObject({
    code,
  });
  expect(kept.bytes.length).toBeLessThanOrEqual(700_000);
});

it('fails with the network when the line breaks', async () => {
  const url = await serve((_request, response) => {
    response.writeHead(200, { 'Content-Length': 700_000 });
    response.write(BYTES.subarray(0, 1000), () => response.destroy());
  });
  await expect(get(url, { size: 700_000 })).rejects.toMatchObject({ code: 'network', retryable: true });
});

it('passes on why the sink took no more', async () => {
  const url = await serve((_request, response) => sendAll(response));
  const sink: ByteSink = {
    write: async () => {
      throw new ProviderError('no-space');
    },
    close: async () => {},
    abort: async () => {},
  };
  await expect(get(url, { sink })).rejects.toMatchObject({ code: 'no-space' });
});

it('stops a download at once when told to', async () => {
  const stop = new AbortController();
  const url = await serve(
    (_request, response) => void response.writeHead(200, { 'Content-Length': 700_000 }).write('x'),
  );
  const sink: ByteSink = { write: () => stop.abort(), close: async () => {}, abort: async () => {} };
  await expect(get(url, { size: 700_000, sink, signal: stop.signal })).rejects.toBeInstanceOf(ProviderError);
});

it('follows a few redirects, never out of TLS, never to where it may not go', async () => {
  const end = await serve((_request, response) => sendAll(response));
  const hop = async (to: string): Promise<URL> =>
    serve((_request, response) => void response.writeHead(302, { Location: to }).end());
  expect((await get(await hop((await hop(end.href)).href))).bytes.equals(BYTES)).toBe(true);
  const loop = await serve((_request, response) => void response.writeHead(302, { Location: '/again' }).end());
  await expect(get(loop)).rejects.toMatchObject({ code: 'policy', protocolCode: 'redirect' });
  await expect(get(await hop('http://192.0.2.1/'))).rejects.toMatchObject({ code: 'policy' });
  await expect(get(await hop('file:///etc/passwd'))).rejects.toMatchObject({ code: 'policy' });
  const inTheOpen = end.href.replace('https:', 'http:');
  await expect(get(await hop(inTheOpen))).rejects.toMatchObject({ code: 'policy', protocolCode: 'redirect' });
  await expect(get(await hop('https://127.0.0.2/'))).rejects.toMatchObject({ code: 'policy' });
});

it('judges the certificate before it says anything, and takes one that a person has trusted', async () => {
  let asked = 0;
  const url = await serve((_request, response) => {
    asked += 1;
    sendAll(response);
  });
  const rules = DISTRUSTING;
  await expect(get(url, { rules })).rejects.toMatchObject({
    code: 'tls-untrusted',
    certificate: { host: '127.0.0.1' },
  });
  await expect(put(url, sourceOf(BYTES), { rules })).rejects.toMatchObject({ code: 'tls-untrusted' });
  expect(asked).toBe(0);
  expect((await get(url)).bytes.equals(BYTES)).toBe(true);
  const { fingerprint256 } = new X509Certificate(certificate.cert);
  const pinned = { ...RULES, trust: { authorities: [], fingerprints: [fingerprint256] } };
  expect((await get(url, { rules: pinned })).bytes.equals(BYTES)).toBe(true);
});

it.each([
  ['https://files.test/x', true],
  ['http://files.test/x', false],
  ['http://127.0.0.1:80/x', false],
  ['http://localhost/x', false],
  ['http://server.campus.example/x', false],
  ['https://127.0.0.1/x', true],
  ['https://127.0.0.2/x', false],
  ['https://2130706434/x', false],
  ['https://0x7f.2/x', false],
  ['https://0.0.0.0/x', false],
  ['https://[::1]/x', false],
  ['https://[::ffff:127.0.0.2]/x', false],
  ['https://[::ffff:10.0.0.1]/x', false],
  ['https://[64:ff9b::a00:1]/x', false],
  ['https://[fe80::1]/x', false],
  ['https://[fd00::1]/x', false],
  ['https://10.0.0.1/x', false],
  ['https://172.31.255.255/x', false],
  ['https://192.168.1.1/admin', false],
  ['https://169.254.169.254/latest/meta-data', false],
  ['https://192.0.2.1/x', true],
  ['https://[2001:db8::1]/x', true],
  ['https://a:b@files.test/x', false],
  ['ftp://files.test/x', false],
  ['file:///etc/passwd', false],
  ['javascript:alert(1)', false],
  ['not a url', false],
])('may %s be fetched: %s', (url, allowed) => {
  expect(permittedUrl(url, RULES) !== undefined).toBe(allowed);
});

it.each([
  ['files.evil.test', '10.0.0.6', false],
  ['upload.campus.test', '10.0.0.6', true],
  ['campus.test', 'fd00::6', true],
  ['evilcampus.test', '10.0.0.6', false],
  ['server.campus.example', '10.0.0.6', true],
  ['upload.campus.test', '127.0.0.3', false],
  ['upload.campus.test', '169.254.169.254', false],
  ['files.evil.test', '::ffff:127.0.0.1', true],
  ['files.evil.test', '192.0.2.1', true],
])('may %s be at %s: %s', (host, address, allowed) => {
  expect(RULES.destinations.permits(host, address)).toBe(allowed);
});

it('does not follow a name that leads to this machine', async () => {
  let asked = 0;
  const url = await serve((_request, response) => {
    asked += 1;
    sendAll(response);
  });
  url.hostname = 'localhost';
  const elsewhere = new Destinations({ ...HOME, serverAddress: () => '192.0.2.1' });
  await expect(get(url, { rules: { ...RULES, destinations: elsewhere } })).rejects.toMatchObject({
    code: 'policy',
    protocolCode: 'private-address',
  });
  expect(asked).toBe(0);
});
