import fs from 'node:fs/promises';
import path from 'node:path';
import { fingerprintOf } from '../connection/tls.ts';
import { MsrpEndpoint } from '../endpoint.ts';
import { MsrpError } from '../errors.ts';
import type { Acceptance, IncomingOffer, ReceiveOutcome } from '../receiving/incoming-message.ts';
import { FileSink, MemorySink } from '../receiving/sink.ts';
import type { MsrpSession } from '../session/session.ts';
import type { Command } from './arguments.ts';
import { finish, onInput, peakMemory, print, sha256Of } from './lines.ts';
import { commandOfBoth } from './send.ts';

/** Texts up to this size are printed, not stored. */
const LONGEST_TEXT = 65_536;

/** Listens on one path and takes files and texts of whoever knows it. */
export async function receive(command: Extract<Command, { name: 'receive' }>): Promise<void> {
  const { certFile, keyFile } = command;
  const tls =
    certFile === undefined || keyFile === undefined
      ? undefined
      : { cert: await fs.readFile(certFile, 'utf8'), key: await fs.readFile(keyFile, 'utf8') };
  const endpoint = new MsrpEndpoint();
  const { host, port } = command;
  const listener = await endpoint.listen({ host, port, ...(tls === undefined ? {} : { tls }) });
  const counter = { left: command.count };
  const accept = (offer: IncomingOffer) => take(offer, command.out, counter);
  const newSession = (sessionId?: string) =>
    endpoint.createSession({ listener, accept, ...(sessionId && { sessionId }) });
  let session: MsrpSession = newSession();
  print('listening', { path: session.localPath, ...(tls && { fingerprint: fingerprintOf(tls.cert) }) });
  onInput((input) => commandOfBoth(input, session));
  for (;;) {
    // without a path of the other side: who knows this one may come
    await session.start({ role: 'passive', timeout: 2 ** 31 - 1 });
    print('bound', { path: session.localPath });
    const ended = await new Promise<MsrpSession>((resolve) => {
      session.onStateChange(({ name }) => name === 'closed' && resolve(session));
    });
    // the same path for the next one
    session = newSession(ended.id);
  }
}

async function take(offer: IncomingOffer, out: string, counter: { left: number }): Promise<Acceptance> {
  const { messageId, contentType } = offer;
  const from = performance.now();
  const name = fileName(offer);
  const count = () => {
    counter.left--;
    // the response goes out before the program ends
    if (counter.left === 0) setTimeout(finish, 50);
  };
  if (name === undefined && contentType.startsWith('text/')) {
    const sink = new MemorySink(LONGEST_TEXT);
    const ended = (outcome: ReceiveOutcome) => {
      print('message', { messageId, contentType, state: outcome.state, text: sink.text });
      count();
    };
    return { sink, ended };
  }
  const stat = await fs.stat(out).catch(() => undefined);
  const file = stat?.isDirectory() === true ? path.join(out, name ?? messageId) : out;
  const sink = await FileSink.open(file);
  return {
    sink,
    progressEvery: Math.max(1_048_576, Math.ceil((offer.claimedSize ?? 0) / 10)),
    progress: (bytes) => print('progress', { messageId, bytes, total: offer.claimedSize }),
    ended: (outcome) => {
      const seconds = (performance.now() - from) / 1000;
      const memory = peakMemory();
      if (outcome.state !== 'completed') {
        finish(outcome.state === 'failed' ? outcome.error : new MsrpError('aborted', 'The peer gave the message up'));
        return;
      }
      const { size: bytes } = outcome;
      sha256Of(file).then((sha256) => {
        print('done', { messageId, bytes, seconds, peakMemory: memory, sha256, file });
        count();
      }, finish);
    },
  };
}

/** The last part of the name the peer gives: never a path, never hidden. */
function fileName(offer: IncomingOffer): string | undefined {
  const given = /filename="([^"]+)"/i.exec(offer.headers.get('Content-Disposition') ?? '')?.[1];
  return given === undefined ? undefined : path.basename(given.replaceAll('\\', '/')).replace(/^\.+/, '_') || '_';
}
