import fs from 'node:fs/promises';
import path from 'node:path';
import { fingerprintOf } from '../connection/opening/tls.ts';
import { MsrpEndpoint } from '../endpoint.ts';
import { MsrpError } from '../errors.ts';
import type { Acceptance, IncomingOffer, ReceiveOutcome } from '../receiving/incoming-message.ts';
import { FileSink, MemorySink } from '../receiving/sink.ts';
import type { MsrpSession } from '../session/session.ts';
import { unawaited } from '../unawaited.ts';
import type { Command } from './arguments.ts';
import { finish, onInput, peakMemory, print, sha256Of } from './lines.ts';
import { commandOfBoth } from './send.ts';

/** Texts up to this size are printed, not stored. */
const LONGEST_TEXT = 65_536;
/** Longest wait a timer can have. */
const LONG = 2 ** 31 - 1;

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
  let left = command.count;
  const counted = () => {
    left--;
    if (left === 0) unawaited(leave());
  };
  const accept = (offer: IncomingOffer) => take(offer, command.out, counted);
  const newSession = (sessionId?: string) =>
    endpoint.createSession({ listener, accept, ...(sessionId && { sessionId }) });
  let session: MsrpSession = newSession();
  print('listening', { path: session.localPath, ...(tls && { fingerprint: fingerprintOf(tls.cert) }) });
  const stopInput = onInput((input) => commandOfBoth(input, session));
  // the program ends by itself once the last response has gone out and the connection is closed
  const leave = async () => {
    await session.close();
    listener.close();
    stopInput();
  };
  while (left > 0) {
    try {
      // without a path of the other side: any peer that knows this one may come
      await session.start({ role: 'passive', timeout: LONG });
    } catch (error) {
      // the last file was found whole after its sender had left: that ended the wait for the next sender
      if (left === 0) return;
      throw error;
    }
    print('bound', { path: session.localPath });
    const ended = await new Promise<MsrpSession>((resolve) => {
      session.onStateChange(({ name }) => name === 'closed' && resolve(session));
    });
    // the same path for the next one
    if (left > 0) session = newSession(ended.id);
  }
}

async function take(offer: IncomingOffer, out: string, counted: () => void): Promise<Acceptance> {
  const { messageId, contentType } = offer;
  const from = performance.now();
  const name = fileName(offer);
  if (name === undefined && contentType.startsWith('text/')) {
    const sink = new MemorySink(LONGEST_TEXT);
    const ended = (outcome: ReceiveOutcome) => {
      print('message', { messageId, contentType, state: outcome.state, text: sink.text });
      counted();
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
        counted();
      }, finish);
    },
  };
}

/** The last part of the name the peer gives: never a path, never hidden. */
function fileName(offer: IncomingOffer): string | undefined {
  const given = /filename="([^"]+)"/i.exec(offer.headers.get('Content-Disposition') ?? '')?.[1];
  return given === undefined ? undefined : path.basename(given.replaceAll('\\', '/')).replace(/^\.+/, '_') || '_';
}
