import { randomUUID } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { parseChallenges } from '../../../protocols/sip/authentication/challenges.ts';
import { DigestClient } from '../../../protocols/sip/authentication/digest-client.ts';

/** Where the server is, and who we are there. */
export interface BareAccount {
  server: { host: string; port: number };
  transport: 'udp' | 'tcp';
  sip: string;
  password: string;
}

/**
 * The least that can exchange MESSAGE and 200 through a proxy: one socket, text put together and looked at with regular
 * expressions, no transactions, no repetitions, no checks. Only the digest is the program's own.
 */
export class BareClient {
  readonly #account: BareAccount;
  readonly #digest: DigestClient;
  readonly #waiting = new Map<string, (answer: string) => void>();
  #write: (text: string) => void = () => {};
  #close: () => void = () => {};
  #local = '';
  #challenges = new Map<string, string>();
  /** The text of each message that came, already answered with 200. */
  received: (body: string, callId: string) => void = () => {};

  constructor(account: BareAccount) {
    this.#account = account;
    this.#digest = new DigestClient(/sip:(.*)@/.exec(account.sip)?.[1] ?? '', account.password);
  }

  async open(): Promise<void> {
    const { host, port } = this.#account.server;
    if (this.#account.transport === 'udp') {
      const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 1_048_576 });
      socket.connect(port, host);
      await once(socket, 'connect');
      socket.on('message', (datagram) => this.#take(datagram.toString()));
      this.#write = (text) => socket.send(text);
      this.#close = () => socket.close();
      this.#local = `127.0.0.1:${socket.address().port}`;
    } else {
      const socket = net.connect(port, host).setNoDelay(true);
      await once(socket, 'connect');
      let rest = '';
      socket.on('data', (chunk) => {
        rest += chunk.toString('latin1');
        for (;;) {
          const end = rest.indexOf('\r\n\r\n');
          const length = Number(/\r\nContent-Length: *(\d+)/i.exec(rest)?.[1] ?? 0);
          if (end === -1 || rest.length < end + 4 + length) return;
          this.#take(rest.slice(0, end + 4 + length));
          rest = rest.slice(end + 4 + length);
        }
      });
      this.#write = (text) => void socket.write(text);
      this.#close = () => void socket.destroy();
      this.#local = `127.0.0.1:${socket.localPort}`;
    }
    await this.#bind(600);
  }

  /** Takes the binding back, which a later account of the same person would share. */
  async close(): Promise<void> {
    await this.#bind(0);
    this.#close();
  }

  #bind(seconds: number): Promise<void> {
    const contact = `Contact: <sip:bare@${this.#local};transport=${this.#account.transport}>;expires=${seconds}`;
    return this.#request('REGISTER', 'sip:campus.test', this.#account.sip, [contact], '');
  }

  message(to: string, body: string): Promise<void> {
    return this.#request('MESSAGE', to, to, ['Content-Type: text/plain'], body);
  }

  async #request(method: string, uri: string, to: string, lines: readonly string[], body: string): Promise<void> {
    for (let cseq = 1; cseq < 4; cseq++) {
      const known = this.#challenges.get(method);
      const [answer] = known ? this.#digest.answer(parseChallenges(known), { method, uri, body }) : [];
      const header = method === 'REGISTER' ? 'Authorization' : 'Proxy-Authorization';
      const credentials = answer ? [`${header}: ${answer.value}`] : [];
      const response = await this.#ask(method, uri, to, cseq, [...lines, ...credentials], body);
      const status = response.slice(8, 11);
      if (status.startsWith('2')) return;
      const challenge = /-Authenticate: *(.*)\r\n/i.exec(response)?.[1];
      if (!challenge) throw new Error(`${method}: ${response.split('\r\n', 1)[0]}`);
      this.#challenges.set(method, challenge);
    }
    throw new Error(`${method} is challenged again and again`);
  }

  #ask(method: string, uri: string, to: string, cseq: number, lines: readonly string[], body: string): Promise<string> {
    const branch = `z9hG4bK${randomUUID()}`;
    return new Promise((resolve) => {
      this.#waiting.set(branch, resolve);
      this.#write(
        [
          `${method} ${uri} SIP/2.0`,
          `Via: SIP/2.0/${this.#account.transport.toUpperCase()} ${this.#local};branch=${branch};rport`,
          'Max-Forwards: 70',
          `From: <${this.#account.sip}>;tag=bare`,
          `To: <${to}>`,
          `Call-ID: ${randomUUID()}`,
          `CSeq: ${cseq} ${method}`,
          ...lines,
          `Content-Length: ${Buffer.byteLength(body)}`,
          '',
          body,
        ].join('\r\n'),
      );
    });
  }

  #take(text: string): void {
    if (text.startsWith('SIP/2.0 ')) {
      const branch = /branch=([^;\r]+)/.exec(text)?.[1] ?? '';
      if (text.startsWith('SIP/2.0 1')) return;
      this.#waiting.get(branch)?.(text);
      this.#waiting.delete(branch);
      return;
    }
    const head = text.slice(0, text.indexOf('\r\n\r\n'));
    const kept = head.split('\r\n').filter((line) => /^(?:Via|From|To|Call-ID|CSeq):/i.test(line));
    const tagged = kept.map((line) => (/^To:/i.test(line) && !line.includes(';tag=') ? `${line};tag=bare` : line));
    this.#write(`SIP/2.0 200 OK\r\n${tagged.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`);
    if (text.startsWith('MESSAGE '))
      this.received(text.slice(head.length + 4), /\r\nCall-ID: *(.*)/i.exec(head)?.[1] ?? '');
  }
}
