import dgram from 'node:dgram';
import { once } from 'node:events';

/**
 * What happens to a datagram: its text and how many like it (same first line and CSeq) have passed, from 1. False: it is
 * lost. `twice`: it comes two times. `late`: it comes after the next one of its direction.
 */
export type Fate = (text: string, nth: number, direction: 'out' | 'back') => boolean | 'twice' | 'late';

/** A UDP relay towards one port that loses, repeats and swaps datagrams as `fate` says. */
export async function openLossyRelay(target: number, fate: Fate): Promise<{ port: number; close: () => void }> {
  const inner = dgram.createSocket('udp4');
  const outer = dgram.createSocket('udp4');
  const counts = new Map<string, number>();
  const held: Record<'out' | 'back', Buffer[]> = { out: [], back: [] };
  let client: dgram.RemoteInfo | undefined;
  const passes = (datagram: Buffer, direction: 'out' | 'back', send: (passed: Buffer) => void): void => {
    const text = datagram.toString();
    const key = `${direction} ${text.split('\r\n', 1)[0]} ${/^cseq: (.*)$/im.exec(text)?.[1]}`;
    const nth = (counts.get(key) ?? 0) + 1;
    counts.set(key, nth);
    const what = fate(text, nth, direction);
    if (what === 'late') {
      held[direction].push(datagram);
      return;
    }
    if (what !== false) send(datagram);
    if (what === 'twice') send(datagram);
    for (const late of held[direction].splice(0)) send(late);
  };
  outer.on('message', (datagram, from) => {
    client = from;
    passes(datagram, 'out', (passed) => inner.send(passed, target, '127.0.0.1'));
  });
  inner.on('message', (datagram) => {
    const to = client;
    if (to) passes(datagram, 'back', (passed) => outer.send(passed, to.port, to.address));
  });
  for (const socket of [inner, outer]) {
    // a program that was killed leaves its port closed: the error of the datagram sent there is no fault of the relay
    socket.on('error', () => undefined);
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
  }
  return {
    port: outer.address().port,
    close: () => {
      inner.close();
      outer.close();
    },
  };
}
