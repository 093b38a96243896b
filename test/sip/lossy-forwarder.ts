import dgram from 'node:dgram';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';

/** What happens to a datagram: its text and how many like it (same first line) have passed, from 1. False: it is lost. */
export type Fate = (text: string, nth: number, direction: 'out' | 'back') => boolean;

/** A UDP relay towards one port that loses what a test says. Answers its own port. */
export const lossyForwarder = async (target: number, fate: Fate): Promise<number> => {
  const inner = dgram.createSocket('udp4');
  const outer = dgram.createSocket('udp4');
  const counts = new Map<string, number>();
  let client: dgram.RemoteInfo | undefined;
  const passes = (datagram: Buffer, direction: 'out' | 'back'): boolean => {
    const text = datagram.toString();
    const key = `${direction} ${text.split('\r\n', 1)[0]} ${/^cseq: (.*)$/im.exec(text)?.[1]}`;
    const nth = (counts.get(key) ?? 0) + 1;
    counts.set(key, nth);
    return fate(text, nth, direction);
  };
  outer.on('message', (datagram, from) => {
    client = from;
    if (passes(datagram, 'out')) inner.send(datagram, target, '127.0.0.1');
  });
  inner.on('message', (datagram) => {
    if (client && passes(datagram, 'back')) outer.send(datagram, client.port, client.address);
  });
  for (const socket of [inner, outer]) {
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
  }
  onTestFinished(() => {
    inner.close();
    outer.close();
  });
  return outer.address().port;
};
