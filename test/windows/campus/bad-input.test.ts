import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CampusDescription, killServer, startServer, startTemporary } from '../../../campus/campus.mjs';
import { signIn } from '../people.ts';
import { accessibilityFaults, type Program, startProgram, temporaryFolder } from '../program.ts';

// What goes wrong between a person and a campus server, over SIP and over XMPP, in both languages. Nothing that was typed
// is ever typed twice.

let campus: CampusDescription;
let endCampus: () => Promise<void>;
beforeAll(async () => {
  const started = await startTemporary();
  campus = started.description;
  endCampus = started.stop;
});
afterAll(() => endCampus?.());

const SAID = {
  en: {
    wrongPassword: 'The server refused the address or the password. Enter the password again.',
    unknownHost: 'The server’s name was not found. Check the part after the @.',
    away: 'The server does not answer. Check the network, then try again.',
    otherProtocol: 'The server speaks another protocol. Switch between SIP and XMPP, or check the server.',
    lost: /^(Lost .*|Connecting to .* again\.) Messages you write are kept and will be sent\./,
    change: 'Change address or password',
    tryNow: 'Try now',
    certificate: 'Is this really your server?',
    untrusted: 'It was signed by an authority this computer does not know.',
    dont: 'Do not connect',
    trust: 'Trust this server',
    list: 'Talks and people',
    address: 'Campus address',
    password: 'Password',
    server: 'Server',
    online: 'Connected',
  },
  pt: {
    wrongPassword: 'O servidor recusou o endereço ou a palavra-passe. Escreva a palavra-passe de novo.',
    unknownHost: 'O nome do servidor não foi encontrado. Verifique a parte depois do @.',
    away: 'O servidor não responde. Verifique a rede e tente de novo.',
    otherProtocol: 'O servidor fala outro protocolo. Troque entre SIP e XMPP, ou verifique o servidor.',
    lost: /^(Sem ligação a .*|A ligar de novo a .*) As mensagens que escrever ficam guardadas e serão enviadas\./,
    change: 'Mudar endereço ou palavra-passe',
    tryNow: 'Tentar já',
    certificate: 'Este é mesmo o seu servidor?',
    untrusted: 'Foi assinado por uma autoridade que este computador não conhece.',
    dont: 'Não ligar',
    trust: 'Confiar neste servidor',
    list: 'Conversas e pessoas',
    address: 'Endereço do campus',
    password: 'Palavra-passe',
    server: 'Servidor',
    online: 'Ligado',
  },
} as const;

/** Something that is there and speaks neither SIP nor XMPP. */
const webServer = async (): Promise<net.Server> => {
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
};
const portOf = (server: net.Server): number => (server.address() as net.AddressInfo).port;
const freePort = async (): Promise<number> => {
  const server = await webServer();
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
};

const ways = [
  { protocol: 'SIP', port: 'sips', transport: 'TLS', server: 'kamailio' },
  { protocol: 'XMPP', port: 'c2s', transport: undefined, server: 'prosody' },
] as const;
const cases = ways.flatMap((way) => (['en', 'pt'] as const).map((language) => ({ ...way, language })));

describe.each(cases)('over $protocol, in $language', ({ protocol, port, transport, server, language }) => {
  const said = SAID[language];
  const dataFolder = temporaryFolder();
  const address = 'carol@campus.test';
  const how = () => ({
    address,
    password: 'pw-carol',
    protocol,
    server: campus.host,
    port: campus.ports[port],
    ...(transport && { transport }),
  });
  let carol: Program;
  beforeAll(async () => {
    carol = await startProgram({ dataFolder, profile: 'carol', language });
  });
  afterAll(async () => {
    await carol?.close();
    fs.rmSync(dataFolder, { recursive: true, force: true });
  });

  const alert = (sentence: string) => carol.page.getByRole('alert').filter({ hasText: sentence });
  const button = (name: string) => carol.page.getByRole('button', { name, exact: true });
  const shot = (name: string) => carol.screenshot(`bad-${name}-${protocol}-${language}`);
  /** Back to the form by the offered way; what was typed is still there. */
  const goBack = async (): Promise<void> => {
    await button(said.change).click();
    expect(await carol.page.getByRole('textbox', { name: said.address }).inputValue()).toBe(address);
  };
  /** Sees the certificate of the campus, which no authority of this machine has signed, and goes on. */
  const trust = async (): Promise<void> => {
    await carol.page.getByRole('heading', { name: said.certificate }).waitFor();
    await button(said.trust).click();
  };

  it('a server whose name nobody knows', async () => {
    await signIn(carol, { ...how(), server: 'no-such-host.invalid' });
    await alert(said.unknownHost).waitFor();
    await button(said.tryNow).waitFor();
    await shot('unknown-host');
    await goBack();
    expect(await carol.page.getByRole('textbox', { name: said.server }).inputValue()).toBe('no-such-host.invalid');
  });

  it('a server that is away', async () => {
    await signIn(carol, { ...how(), port: await freePort() });
    await alert(said.away).waitFor();
    await button(said.tryNow).waitFor();
    await shot('server-away');
    await goBack();
    expect(await carol.page.getByLabel(said.password, { exact: true }).inputValue()).toBe('pw-carol');
  });

  it('a port with something else on it', async () => {
    const web = await webServer();
    try {
      await signIn(carol, { ...how(), port: portOf(web) });
      await alert(said.otherProtocol).waitFor();
      await shot('other-protocol');
      await goBack();
    } finally {
      web.close();
    }
  });

  it('a certificate nobody vouches for: not gone on with, nothing is kept of it', async () => {
    await signIn(carol, how());
    await carol.page.getByRole('heading', { name: said.certificate }).waitFor();
    await carol.page.getByText(said.untrusted, { exact: true }).waitFor();
    await shot('certificate');
    expect(await accessibilityFaults(carol.page)).toEqual([]);
    await button(said.dont).click();
    expect(await carol.page.getByRole('textbox', { name: said.address }).inputValue()).toBe(address);
  });

  it('a wrong password, and then the right one', async () => {
    await signIn(carol, { ...how(), password: 'guess' });
    await trust();
    await alert(said.wrongPassword).waitFor();
    await shot('wrong-password');
    await goBack();
    // what was trusted a moment ago is not asked about again
    await signIn(carol, how());
    await carol.page.getByRole('region', { name: said.list }).waitFor();
  });

  it('a server that goes away while signed in: said in the list, with a way to try at once', async () => {
    await killServer(campus.dir, server);
    const list = carol.page.getByRole('region', { name: said.list });
    await list.getByText(said.lost).first().waitFor({ timeout: 60_000 });
    await shot('server-lost');
    // while nobody answers it only tries: the line comes back
    await list.getByRole('button', { name: said.tryNow }).click();
    await list.getByText(said.lost).first().waitFor();
    await startServer(campus.dir, server);
    await carol.page
      .getByRole('button', { name: `${address}, ${protocol}: ${said.online}` })
      .waitFor({ timeout: 60_000 });
    expect(await list.getByText(said.lost).count()).toBe(0);
  });

  it('leaves neither password anywhere on disk', () => {
    for (const entry of fs.readdirSync(carol.folder)) {
      const file = path.join(carol.folder, entry);
      if (!fs.statSync(file).isFile()) continue;
      const bytes = fs.readFileSync(file);
      expect([entry, bytes.includes('pw-carol')]).toEqual([entry, false]);
    }
  });
});
