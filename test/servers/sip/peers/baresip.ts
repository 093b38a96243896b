import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { campus, user } from '../../campus.ts';

/** An answer to a command, or an event. */
interface News {
  /** Of the command this answers. */
  token?: string;
  type?: string;
}

const freePort = async (): Promise<number> => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

/** Cuts netstrings (`5:hello,`) out of a stream. */
const netstrings = (take: (text: string) => void): ((chunk: Buffer) => void) => {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const colon = rest.indexOf(':');
      const length = Number(rest.toString('latin1', 0, Math.max(0, colon)));
      if (colon === -1 || rest.length < colon + length + 2) return;
      take(rest.toString('utf8', colon + 1, colon + 1 + length));
      rest = rest.subarray(colon + length + 2);
    }
  };
};

export interface Baresip {
  /** Sends a text to its contact. Resolves when the command was taken, not when the text was. */
  say(text: string): Promise<void>;
  /** Resolves when as many of these texts from `peer` have been shown, to them in the order they came. */
  shown(texts: readonly string[]): Promise<readonly string[]>;
}

/** The program baresip with `owner`'s account registered at Kamailio and `peer` as its only contact. Ends with the test. */
export const baresip = async (owner: string, peer: string, transport: 'udp' | 'tcp'): Promise<Baresip> => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aims-baresip-'));
  const port = await freePort();
  const { host, ports } = campus();
  const { sip, password } = user(owner);
  const config = [
    'sip_listen 127.0.0.1:0',
    'net_interface 127.0.0.1',
    'module_path /usr/lib/baresip/modules',
    // it shows texts, and reads our standard input, which must stay open for it
    'module stdio.so',
    'module g711.so',
    ...['account', 'menu', 'contact', 'ctrl_tcp'].map((module) => `module_app ${module}.so`),
    `ctrl_tcp_listen 127.0.0.1:${port}`,
  ];
  const account = `<${sip}>;auth_pass=${password};outbound="sip:${host}:${ports.sip};transport=${transport}";regint=600`;
  writeFileSync(path.join(folder, 'config'), `${config.join('\n')}\n`);
  writeFileSync(path.join(folder, 'accounts'), '');
  writeFileSync(path.join(folder, 'contacts'), `"${peer}" <${user(peer).sip}>\n`);

  // its output is how we know that it listens; into a pipe it would come in blocks
  const child = spawn('stdbuf', ['-oL', 'baresip', '-f', folder], { stdio: ['pipe', 'pipe', 'pipe'] });
  const gone = once(child, 'exit');
  onTestFinished(async () => {
    // unregisters, so that nobody later waits for who is not there any more
    child.kill('SIGTERM');
    await gone;
    rmSync(folder, { recursive: true, force: true });
  });
  let screen = '';
  const watchers = new Set<() => void>();
  const tell = (): void => {
    for (const watcher of watchers) watcher();
  };
  const until = <T>(found: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const value = found();
        if (value !== undefined) resolve(value);
        else if (child.exitCode !== null) reject(new Error(`baresip ended with ${child.exitCode}: ${screen}`));
        else return;
        watchers.delete(look);
      };
      watchers.add(look);
      look();
    });
  for (const output of [child.stdout, child.stderr])
    output.setEncoding('utf8').on('data', (text: string) => {
      screen += text;
      tell();
    });
  child.once('exit', tell);

  await until(() => (screen.includes('baresip is ready') ? true : undefined));
  const news: News[] = [];
  const control = net.connect(port, '127.0.0.1');
  onTestFinished(() => void control.destroy());
  control
    .on('error', () => {})
    .on(
      'data',
      netstrings((text) => {
        news.push(JSON.parse(text));
        tell();
      }),
    );
  await once(control, 'connect');
  let commands = 0;
  const command = async (name: string, params: string): Promise<void> => {
    const token = String(++commands);
    const text = JSON.stringify({ command: name, params, token });
    control.write(`${Buffer.byteLength(text)}:${text},`);
    await until(() => news.find((each) => each.token === token));
  };
  // only now, so that what becomes of its registration is told to us
  await command('uanew', account);
  await until(() => news.find(({ type }) => type === 'REGISTER_OK'));

  const line = new RegExp(`${user(peer).sip}: "(.*)"`, 'g');
  return {
    say: (text) => command('message', text),
    shown: (texts) =>
      until(() => {
        const shown = [...screen.matchAll(line)].map(([, text = '']) => text).filter((text) => texts.includes(text));
        return shown.length < texts.length ? undefined : shown;
      }),
  };
};
