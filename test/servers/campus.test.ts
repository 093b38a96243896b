import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import https from 'node:https';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type CertificateName, startTemporary, status } from '../../campus/campus.mjs';
import { campus, campusAuthority, kamailio, logOf, prosody, restoreCampus, slapd, user } from './campus.ts';
import { askUdp, connectTcp, connectTls, digest, type Line, sipRequest } from './raw.ts';

afterEach(restoreCampus);

const run = promisify(execFile);
const ANSWER = /^SIP\/2\.0 (?!100)[\s\S]*\r\n\r\n/;
const statusOf = (answer: string): number => Number(answer.split(' ')[1]);

const options = (transport: 'UDP' | 'TCP' | 'TLS'): string => {
  const { domain } = campus();
  return sipRequest({
    method: 'OPTIONS',
    uri: `sip:${domain}`,
    from: 'sip:probe@elsewhere.test',
    to: `sip:${domain}`,
    transport,
  });
};

interface Registration {
  readonly name: string;
  readonly password?: string;
  readonly contact?: string;
  readonly expires?: number;
}

/** REGISTER on a fresh connection: the challenge, and the answer to the credentials if there was a challenge. */
async function register({
  name,
  password,
  contact,
  expires = 600,
}: Registration): Promise<{ first: string; second: string }> {
  const { domain, ports } = campus();
  const who = user(name);
  const line = await connectTcp(ports.sip);
  const uri = `sip:${domain}`;
  const base = { method: 'REGISTER', uri, from: who.sip, to: who.sip, transport: 'TCP', callId: randomUUID() } as const;
  const headers = contact ? [`Contact: <${contact}>;expires=${expires}`] : [];
  line.send(sipRequest({ ...base, headers }));
  const first = await line.until(ANSWER);
  let second = '';
  if (statusOf(first) === 401) {
    const credentials = digest(first, { name, password: password ?? who.password }, 'REGISTER', uri);
    line.send(sipRequest({ ...base, sequence: 2, headers: [...headers, `Authorization: ${credentials}`] }));
    second = await line.until(ANSWER);
  }
  line.close();
  return { first, second };
}

async function http(
  path: string,
  init: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Response> {
  return fetch(`${campus().xcapRoot}${path}`, init);
}

/** An XCAP request with the credentials of `name`. */
async function xcap(
  name: string,
  path: string,
  init: { method?: string; headers?: Record<string, string>; body?: string } = {},
) {
  const challenge = (await http(path, init)).headers.get('www-authenticate') ?? '';
  const authorization = digest(challenge, user(name), init.method ?? 'GET', `/xcap-root${path}`);
  return http(path, { ...init, headers: { ...init.headers, authorization } });
}

const openStream = (line: Line): void => {
  const { domain } = campus();
  line.send(
    `<stream:stream to='${domain}' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`,
  );
};

/** A logged-in XMPP session over direct TLS. */
async function login(name: string): Promise<Line> {
  const who = user(name);
  const line = await connectTls(campus().ports.c2sDirect);
  openStream(line);
  await line.until(/<\/stream:features>/);
  const plain = Buffer.from(`\0${name}\0${who.password}`).toString('base64');
  line.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`);
  await line.until(/<success/);
  openStream(line);
  await line.until(/<\/stream:features>/);
  line.send(`<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`);
  await line.until(/<jid>/);
  return line;
}

describe('Kamailio', () => {
  test('answers OPTIONS over UDP, TCP and TLS', async () => {
    const { ports } = campus();
    expect(statusOf(await askUdp(ports.sip, options('UDP')))).toBe(200);
    const tcp = await connectTcp(ports.sip);
    tcp.send(options('TCP'));
    expect(statusOf(await tcp.until(ANSWER))).toBe(200);
    tcp.close();
    const secure = await connectTls(ports.sips);
    secure.send(options('TLS'));
    expect(statusOf(await secure.until(ANSWER))).toBe(200);
    secure.close();
  });

  test('registers with MD5 digest, the hash read once from the directory', async () => {
    await kamailio.restart();
    const before = logOf('kamailio').split('LDAPREAD alice').length;
    for (let round = 0; round < 2; round++) {
      const { first, second } = await register({ name: 'alice' });
      expect(statusOf(first)).toBe(401);
      expect(first).toContain('WWW-Authenticate: Digest realm="campus.test"');
      expect(first).not.toContain('algorithm='); // RFC 2617 §3.2.1: absent means MD5
      expect(statusOf(second)).toBe(200);
    }
    expect(logOf('kamailio').split('LDAPREAD alice').length).toBe(before + 1);
  });

  test('refuses a wrong password', async () => {
    const { second } = await register({ name: 'alice', password: 'wrong' });
    expect(statusOf(second)).toBe(401);
  });

  test.each(['ldap', 'database'] as const)('registers with SHA-256, credentials from %s', async (credentials) => {
    await kamailio.restart({ algorithm: 'SHA-256', credentials });
    const { first, second } = await register({ name: 'bob' });
    expect(first).toContain('algorithm=SHA-256');
    expect(statusOf(second)).toBe(200);
    expect(statusOf((await register({ name: 'bob', password: 'wrong' })).second)).toBe(401);
  });

  test('takes MD5 credentials from its own table without the directory', async () => {
    await slapd.stop();
    await kamailio.restart({ credentials: 'database' });
    expect(statusOf((await register({ name: 'carol' })).second)).toBe(200);
  });

  test('goes on for known users while the directory is away, and tells others to come back', async () => {
    await kamailio.restart();
    expect(statusOf((await register({ name: 'alice' })).second)).toBe(200);
    await slapd.kill();
    expect(statusOf((await register({ name: 'alice' })).second)).toBe(200);
    // an unanswered challenge asks nobody; the credentials of an unknown user need the directory
    // and each of the workers says so again and again: a challenge would read as a wrong password
    for (let time = 0; time < 6; time++) {
      const { second } = await register({ name: 'dave' });
      expect(statusOf(second)).toBe(503);
      expect(second).toMatch(/^Retry-After: \d+/m);
    }
    await slapd.start();
    expect(statusOf((await register({ name: 'dave' })).second)).toBe(200);
  });

  test('remembers bindings over a crash', async () => {
    const contact = 'sip:erin@127.0.0.1:9';
    expect((await register({ name: 'erin', contact })).second).toContain(contact);
    await kamailio.kill();
    await kamailio.start();
    // a REGISTER without Contact asks for the bindings (RFC 3261 §10.2.3)
    expect((await register({ name: 'erin' })).second).toContain(contact);
  });

  test.each([
    ['is away', false],
    ['is bound to a connection that is gone', true],
  ])('keeps a message for somebody who %s', async (_, bound) => {
    const { ports } = campus();
    const [bob, dave] = [user('bob'), user('dave')];
    if (bound) await register({ name: 'dave', contact: 'sip:dave@127.0.0.1:9;transport=tcp' });
    const line = await connectTcp(ports.sip);
    const base = {
      method: 'MESSAGE',
      uri: dave.sip,
      from: bob.sip,
      to: dave.sip,
      transport: 'TCP',
      body: 'reunião',
    } as const;
    line.send(sipRequest({ ...base, headers: ['Content-Type: text/plain'] }));
    const challenge = await line.until(ANSWER);
    expect(statusOf(challenge)).toBe(407);
    const credentials = digest(challenge, bob, 'MESSAGE', dave.sip);
    line.send(
      sipRequest({
        ...base,
        sequence: 2,
        headers: ['Content-Type: text/plain', `Proxy-Authorization: ${credentials}`],
      }),
    );
    expect(statusOf(await line.until(ANSWER))).toBe(202);
    line.close();
    if (bound) await register({ name: 'dave', contact: 'sip:dave@127.0.0.1:9;transport=tcp', expires: 0 });
  });
});

describe('presence', () => {
  /** The first NOTIFY to `watcher` after it subscribed to `presentity`. */
  async function subscribe(watcher: string, presentity: string): Promise<string> {
    const [from, to] = [user(watcher), user(presentity)];
    const line = await connectTcp(campus().ports.sip);
    const headers = ['Event: presence', 'Expires: 60', `Contact: <sip:${watcher}@127.0.0.1:9;transport=tcp>`];
    const base = { method: 'SUBSCRIBE', uri: to.sip, from: from.sip, to: to.sip, transport: 'TCP' } as const;
    line.send(sipRequest({ ...base, headers }));
    const credentials = digest(await line.until(ANSWER), from, 'SUBSCRIBE', to.sip);
    line.send(sipRequest({ ...base, sequence: 2, headers: [...headers, `Proxy-Authorization: ${credentials}`] }));
    const notify = await line.until(/NOTIFY sip:[\s\S]*^Subscription-State: .*\r\n/m);
    line.close();
    return notify;
  }

  test('is shown to everybody as it comes', async () => {
    expect(await subscribe('alice', 'bob')).toMatch(/^Subscription-State: active/m);
  });

  test('waits for permission when rules decide', async () => {
    await kamailio.restart({ presenceRules: true });
    expect(await subscribe('carol', 'bob')).toMatch(/^Subscription-State: pending/m);
  });
});

describe('XCAP', () => {
  test('tells its capabilities over HTTP to a user only', async () => {
    const path = '/xcap-caps/global/index';
    expect((await http(path)).status).toBe(401);
    const answer = await xcap('alice', path);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/xcap-caps+xml');
    const text = await answer.text();
    for (const auid of ['resource-lists', 'rls-services', 'pres-rules']) expect(text).toContain(`<auid>${auid}</auid>`);
  });

  test('takes credentials for the document they were made for, once', async () => {
    const [path, other] = ['/xcap-caps/global/index', `/resource-lists/users/${user('alice').sip}/index`];
    const challenge = (await http(path)).headers.get('www-authenticate') ?? '';
    const headers = { authorization: digest(challenge, user('alice'), 'GET', `/xcap-root${path}`) };
    expect((await http(other, { headers })).status).toBe(400);
    const again = { authorization: digest(challenge, user('alice'), 'GET', `/xcap-root${path}`, 'without qop') };
    expect((await http(path, { headers: again })).status).toBe(401);
    const fresh = (await http(path)).headers.get('www-authenticate') ?? '';
    const once = { authorization: digest(fresh, user('alice'), 'GET', `/xcap-root${path}`) };
    expect((await http(path, { headers: once })).status).toBe(200);
    const refused = await http(path, { headers: once });
    expect([refused.status, /stale=true/i.test(refused.headers.get('www-authenticate') ?? '')]).toEqual([401, true]);
  });

  test('answers over HTTPS with the certificate of the campus', async () => {
    const answer = await new Promise<number | undefined>((resolve, reject) => {
      const request = https.get(
        `${campus().xcapsRoot}/xcap-caps/global/index`,
        { ca: campusAuthority(), agent: false },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      );
      request.once('error', reject);
    });
    expect(answer).toBe(401);
  });

  test('keeps a document over a crash and a restart, for its owner only', async () => {
    const path = `/resource-lists/users/${user('alice').sip}/index`;
    const list = `<list name="${'friends'.repeat(1500)}"/>`; // longer than one line of a text table used to be
    const body = `<?xml version="1.0" encoding="UTF-8"?>\n<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">${list}</resource-lists>`;
    const put = await xcap('alice', path, {
      method: 'PUT',
      headers: { 'content-type': 'application/resource-lists+xml' },
      body,
    });
    expect(put.status).toBe(200);
    await kamailio.kill();
    await kamailio.start();
    await kamailio.restart();
    expect(await (await xcap('alice', path)).text()).toBe(body);
    expect((await xcap('bob', path)).status).toBe(403);
    expect((await xcap('alice', path, { method: 'DELETE' })).status).toBe(200);
  });
});

describe('the MSRP relay', () => {
  const auth = (uri: string, headers: readonly string[]): string => {
    const id = randomUUID().slice(0, 8);
    return [
      `MSRP ${id} AUTH`,
      `To-Path: ${uri}`,
      `From-Path: msrps://127.0.0.1:9/${randomUUID()};tcp`,
      ...headers,
      `-------${id}$\r\n`,
    ].join('\r\n');
  };
  const END = /-------\w+\$\r\n$/;

  async function authorize(headers: readonly string[] = []): Promise<{ first: string; second: string }> {
    const uri = campus().msrpRelay;
    const line = await connectTls(campus().ports.msrps);
    line.send(auth(uri, []));
    const first = await line.until(END);
    line.send(auth(uri, [...headers, `Authorization: ${digest(first, user('carol'), 'AUTH', uri)}`]));
    const second = await line.until(END);
    line.close();
    return { first, second };
  }

  test('challenges AUTH with 401 and then gives a path to use', async () => {
    const { first, second } = await authorize();
    expect(first).toMatch(/^MSRP \w+ 401 /);
    expect(first).toContain('WWW-Authenticate: Digest realm="campus.test"');
    expect(second).toMatch(/^MSRP \w+ 200 /);
    expect(second).toMatch(new RegExp(`^Use-Path: msrps://127\\.0\\.0\\.1:${campus().ports.msrps}/\\S+;tcp\r$`, 'm'));
  });

  test('refuses intervals out of bounds with the bound, and takes the others', async () => {
    const short = (await authorize(['Expires: 10'])).second;
    expect(short).toMatch(/^MSRP \w+ 423 /);
    expect(short).toContain('Min-Expires: 60\r\n');
    const long = (await authorize(['Expires: 7200'])).second;
    expect(long).toMatch(/^MSRP \w+ 423 /);
    expect(long).toContain('Max-Expires: 3600\r\n');
    const good = (await authorize(['Expires: 900'])).second;
    expect(good).toMatch(/^MSRP \w+ 200 /);
    expect(good).toContain('Expires: 900\r\n');
  });
});

describe('Prosody', () => {
  test('demands STARTTLS before it offers any login', async () => {
    const plain = await connectTcp(campus().ports.c2s);
    openStream(plain);
    const features = await plain.until(/<\/stream:features>/);
    expect(features).toMatch(/<starttls[^>]*><required\/><\/starttls>/);
    expect(features).not.toContain('<mechanism>');
    plain.send(`<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`);
    await plain.until(/<proceed/);
    const secure = await plain.upgrade();
    openStream(secure);
    const after = await secure.until(/<\/stream:features>/);
    expect(after).toContain('<mechanism>SCRAM-SHA-1</mechanism>');
    expect(after).toContain('<mechanism>PLAIN</mechanism>');
    secure.close();
  });

  test('lists rooms, upload and the SOCKS5 proxy, and offers history and resumption', async () => {
    const { domain, xmpp } = campus();
    const line = await login('alice');
    line.send(`<iq type='get' id='items' to='${domain}'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>`);
    const items = await line.until(/<\/iq>/);
    for (const name of [xmpp.rooms, xmpp.upload, xmpp.proxy]) expect(items).toMatch(new RegExp(`jid='${name}'`));
    line.send(`<iq type='get' id='info'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`);
    expect(await line.until(/<\/iq>/)).toContain('urn:xmpp:mam:2');
    line.send(`<enable xmlns='urn:xmpp:sm:3' resume='true'/>`);
    expect(await line.until(/<enabled/)).toMatch(/resume='(true|1)'/);
    line.close();
  });

  test('takes an uploaded file and gives it back over HTTPS', async () => {
    const { xmpp } = campus();
    const line = await login('bob');
    const content = Buffer.from('sprawozdanie żółte');
    const slot = (size: number): void =>
      line.send(
        `<iq type='get' id='slot' to='${xmpp.upload}'><request xmlns='urn:xmpp:http:upload:0' filename='report.txt' size='${size}'/></iq>`,
      );
    slot(xmpp.uploadLimit + 1);
    expect(await line.until(/<\/iq>/)).toContain('<file-too-large');
    slot(content.length);
    const answer = await line.until(/<\/iq>/);
    line.close();
    const url = (kind: string): string => new RegExp(`<${kind} url='([^']+)'`).exec(answer)?.[1] ?? '';
    const authorization = /<header name='Authorization'>([^<]+)/.exec(answer)?.[1] ?? '';

    const ask = (
      method: string,
      address: string,
      body?: Buffer,
    ): Promise<{ status: number | undefined; body: string }> =>
      new Promise((resolve, reject) => {
        const headers = body ? { authorization, 'content-length': body.length } : {};
        const request = https.request(address, { method, ca: campusAuthority(), agent: false, headers }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          response.once('end', () => resolve({ status: response.statusCode, body: text }));
        });
        request.once('error', reject);
        request.end(body);
      });
    expect((await ask('PUT', url('put'), content)).status).toBe(201);
    expect(await ask('GET', url('get'))).toEqual({ status: 200, body: content.toString() });
  });

  test('is gone for everybody when it is killed, and knows its users when it is back', async () => {
    const line = await login('carol');
    await prosody.kill();
    await line.closed;
    await expect(connectTcp(campus().ports.c2s)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await prosody.start();
    (await login('carol')).close();
  });
});

describe('OpenLDAP', () => {
  const search = (url: string, ...args: string[]) => {
    const env = { ...process.env, LDAPTLS_CACERT: campus().ca };
    return run('ldapsearch', ['-LLL', '-x', '-o', 'ldif-wrap=no', '-H', url, '-b', campus().ldap.base, ...args], {
      env,
    });
  };

  test('shows people with their addresses over TLS, but no hash', async () => {
    const { stdout } = await search(campus().ldap.tlsUrl, '(uid=alice)');
    expect(stdout).toContain('cn: Alice Adams\n');
    expect(stdout).toContain('labeledURI: sip:alice@campus.test SIP\n');
    expect(stdout).toContain('labeledURI: xmpp:alice@campus.test XMPP\n');
    expect(stdout).not.toMatch(/sipHA1|userPassword/);
  });

  test('binds users with their password', async () => {
    const dn = `uid=erin,ou=people,${campus().ldap.base}`;
    expect((await search(campus().ldap.url, '-D', dn, '-w', 'pw-erin', '(uid=erin)')).stdout).toContain(
      'cn: Erin Evans\n',
    );
    await expect(search(campus().ldap.url, '-D', dn, '-w', 'wrong', '(uid=erin)')).rejects.toMatchObject({ code: 49 });
  });

  test('cuts a search that finds too many people', async () => {
    await expect(search(campus().ldap.url, '(mail=student*)', 'mail')).rejects.toMatchObject({ code: 4 });
  });
});

describe('certificates', () => {
  const CASES: readonly [CertificateName, string][] = [
    ['wrong-name', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['untrusted', 'SELF_SIGNED_CERT_IN_CHAIN'],
    ['expired', 'CERT_HAS_EXPIRED'],
  ];

  test.each(CASES)('a client refuses servers that show the %s one', async (certificate, code) => {
    await kamailio.restart({ certificate });
    await prosody.restart({ certificate });
    for (const port of ['sips', 'msrps', 'xcaps', 'c2sDirect'] as const) {
      await expect(connectTls(campus().ports[port])).rejects.toMatchObject({ code });
    }
  });
});

describe('a temporary campus', () => {
  const LIMIT = { timeout: 20_000, interval: 50 };

  test('runs beside another one and leaves nothing behind', async () => {
    const second = await startTemporary();
    const { dir, ports } = second.description;
    const shared = Object.values(ports).filter((port) => Object.values(campus().ports).includes(port));
    expect(shared).toEqual([]);
    expect(statusOf(await askUdp(ports.sip, options('UDP')))).toBe(200);
    expect(status(dir).running).toEqual({ slapd: true, kamailio: true, prosody: true });
    await second.stop();
    expect(existsSync(dir)).toBe(false);
    await expect(connectTcp(ports.sip)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(connectTcp(ports.c2s)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('ends when the process that started it is killed', async () => {
    const module = new URL('../../campus/campus.mjs', import.meta.url).href;
    const program = `import { startTemporary } from '${module}';
      const { description } = await startTemporary();
      console.log(JSON.stringify(description));
      setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [data] = (await once(owner.stdout, 'data')) as [Buffer];
    const { dir, ports } = JSON.parse(data.toString()) as { dir: string; ports: { sip: number } };
    expect(statusOf(await askUdp(ports.sip, options('UDP')))).toBe(200);
    owner.kill('SIGKILL');
    await vi.waitUntil(() => !existsSync(dir), LIMIT);
    await expect(connectTcp(ports.sip)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});
