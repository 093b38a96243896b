import dgram from 'node:dgram';
import { once } from 'node:events';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { EventSubscription } from '../../../protocols/sip/presence/watching/event-subscription.ts';
import { MessageHead } from '../../../protocols/sip/transport/wire/message-head.ts';
import { serverAgent } from '../server-agent.ts';

/** One address of a cluster: what it got, and a way to answer from it. */
class Node {
  readonly heads: MessageHead[] = [];
  readonly socket = dgram.createSocket('udp4');
  client = { address: '', port: 0 };
  /** Every head that comes. */
  taken: (head: MessageHead) => void = () => {};

  static async open(address = '127.0.0.1'): Promise<Node> {
    const node = new Node();
    node.socket.bind(0, address);
    await once(node.socket, 'listening');
    onTestFinished(() => void node.socket.close());
    node.socket.on('message', (datagram, from) => {
      const head = MessageHead.parse(datagram.toString().split('\r\n\r\n', 1)[0] ?? '');
      if (!head) return;
      node.client = from;
      node.heads.push(head);
      node.taken(head);
    });
    return node;
  }
  get port(): number {
    return this.socket.address().port;
  }
  send(lines: readonly string[], to: { address: string; port: number }): void {
    this.socket.send(`${lines.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`, to.port, to.address);
  }
  answer(request: MessageHead, status: number, to: { address: string; port: number }, lines: string[] = []): void {
    const copied = ['Via', 'From', 'Call-ID', 'CSeq'].map((name) => `${name}: ${request.get(name)}`);
    const tag = request.get('to')?.includes(';tag=') ? '' : ';tag=cluster';
    this.send([`SIP/2.0 ${status} x`, ...copied, `To: ${request.get('to')}${tag}`, ...lines], to);
  }
  next(): Promise<MessageHead> {
    return new Promise((resolve) => {
      this.taken = resolve;
    });
  }
}

// another port, and another address: all of 127/8 is the loopback on Linux
const places = process.platform === 'linux' ? (['127.0.0.1', '127.0.0.2'] as const) : (['127.0.0.1'] as const);

describe.skipIf(process.platform === 'win32').each(places)(
  'a server that answers from another port of %s',
  (address) => {
    let asked: Node;
    let other: Node;
    beforeEach(async () => {
      asked = await Node.open();
      other = await Node.open(address);
    });
    const request = (from: Node, method: string, lines: readonly string[]): void =>
      from.send(
        [
          `${method} sip:ana@campus.test SIP/2.0`,
          `Via: SIP/2.0/UDP ${address}:${from.port};branch=z9hG4bK${Math.random()};rport`,
          ...lines,
        ],
        asked.client,
      );

    test('is understood', async () => {
      const { agent } = await serverAgent(asked.port, 'UDP');
      asked.taken = (head) => other.answer(head, 200, asked.client);
      expect((await agent.request({ method: 'OPTIONS', to: 'sip:bob@campus.test' })).status).toBe(200);
    });

    test('cannot answer what was not asked, nor twice, nor reach us out of the blue', async () => {
      const { agent, logs } = await serverAgent(asked.port, 'UDP');
      let strangers = 0;
      agent.onMessage = (message) => {
        strangers += 1;
        message.accept();
      };
      asked.taken = (head) => {
        request(other, 'MESSAGE', [
          'From: <sip:x@y>;tag=1',
          'To: <sip:ana@campus.test>',
          'Call-ID: blue',
          'CSeq: 1 MESSAGE',
        ]);
        request(other, 'MESSAGE', [
          'From: <sip:x@y>;tag=1',
          'To: <sip:ana@campus.test>;tag=2',
          'Call-ID: blue',
          'CSeq: 1 MESSAGE',
        ]);
        const guessed = MessageHead.parse(head.toString().trimEnd());
        guessed?.map('Via', (via) => via.replace(/branch=[^;]+/, 'branch=z9hG4bKguessed'));
        if (guessed) other.answer(guessed, 603, asked.client);
        other.answer(head, 200, asked.client);
        other.answer(head, 404, asked.client);
      };
      expect((await agent.request({ method: 'OPTIONS', to: 'sip:bob@campus.test' })).status).toBe(200);
      asked.taken = (head) => asked.answer(head, 200, asked.client);
      expect((await agent.request({ method: 'OPTIONS', to: 'sip:bob@campus.test' })).status).toBe(200);
      expect(strangers).toBe(0);
      expect(other.heads).toEqual([]);
      expect(logs.filter((line) => line.includes('sip.stranger')).length).toBe(4);
    });

    test('reaches us from there within a dialog, and is answered there', async () => {
      const { agent } = await serverAgent(asked.port, 'UDP');
      const bodies: unknown[] = [];
      const subscription = new EventSubscription({
        agent,
        to: 'sip:bob@campus.test',
        event: 'presence',
        accept: ['application/pidf+xml'],
        random: () => 0,
        onState: () => {},
        onBody: (body) => void bodies.push(body),
      });
      const subscribed = asked.next();
      void subscription.start();
      const subscribe = await subscribed;
      const notify = (cseq: number): Promise<MessageHead> => {
        const answered = other.next();
        request(other, 'NOTIFY', [
          `From: ${subscribe.get('to')};tag=cluster`,
          `To: ${subscribe.get('from')}`,
          `Call-ID: ${subscribe.get('call-id')}`,
          `CSeq: ${cseq} NOTIFY`,
          `Contact: <sip:bob@${address}:${other.port}>`,
          'Event: presence',
          'Subscription-State: active;expires=600',
        ]);
        return answered;
      };
      // the first comes before the 200, when there is no dialog yet
      expect((await notify(1)).start).toMatchObject({ status: 200 });
      other.answer(subscribe, 200, asked.client, ['Expires: 600', `Contact: <sip:bob@${address}:${other.port}>`]);
      expect((await notify(2)).start).toMatchObject({ status: 200 });
      expect(bodies.length).toBe(2);
      asked.taken = (head) => asked.answer(head, 200, asked.client, ['Expires: 0']);
      await subscription.stop();
    });
  },
);
