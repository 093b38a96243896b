import path from 'node:path';
import { MsrpEndpoint } from '../endpoint.ts';
import { MsrpError } from '../errors.ts';
import { formatUri, parsePath } from '../grammar/uri.ts';
import type { OutgoingMessage } from '../sending/outgoing-message.ts';
import { openFile } from '../sending/source.ts';
import type { MsrpSession } from '../session/session.ts';
import { unawaited } from '../unawaited.ts';
import type { Command } from './arguments.ts';
import { finish, type InputCommand, onInput, peakMemory, print, sha256Of } from './lines.ts';

/** Sends a file to a path, as often as wanted, over one session; without a file it waits for commands. */
export async function send(command: Extract<Command, { name: 'send' }>): Promise<void> {
  const endpoint = new MsrpEndpoint();
  const target = parsePath(command.to)[0];
  const session = endpoint.createSession({
    host: '127.0.0.1',
    secure: target?.secure ?? false,
    chunking: command.chunking,
    accept: () => ({ refuse: 413 }),
  });
  let current: OutgoingMessage | undefined;
  onInput((input) => steer(input, session, () => current));
  const started = performance.now();
  await session.start({
    remotePath: command.to,
    role: 'active',
    ...(command.fingerprint === undefined ? {} : { fingerprints: [command.fingerprint] }),
  });
  print('bound', { path: session.localPath, peer: target && formatUri(target) });
  const { file } = command;
  if (file === undefined) return;
  let from = started;
  for (let i = 0; i < command.repeat; i++) {
    current = await sendFile(session, file, command.type);
    await report(current, file, from);
    from = performance.now();
  }
  await session.close();
  finish();
}

async function sendFile(session: MsrpSession, file: string, type: string): Promise<OutgoingMessage> {
  const body = await openFile(file);
  const name = path.basename(file).replaceAll(/["\\]/g, '_');
  return session.send({
    contentType: type,
    body,
    successReport: true,
    progressEvery: Math.max(1_048_576, Math.ceil(body.size / 10)),
    fields: [['Content-Disposition', `attachment; filename="${name}"`]],
  });
}

async function report(message: OutgoingMessage, file: string, from: number): Promise<void> {
  message.onProgress(({ handed, confirmed, reported, total }) =>
    print('progress', { messageId: message.messageId, bytes: handed, confirmed, reported, total }),
  );
  const outcome = await message.sent;
  const seconds = (performance.now() - from) / 1000;
  if (outcome.state === 'failed') throw outcome.error;
  if (outcome.state === 'refused') throw new MsrpError('refused', outcome.comment, { status: outcome.status });
  if (outcome.state === 'aborted') throw new MsrpError('aborted', 'Sending was given up');
  const memory = peakMemory();
  const delivery = await message.delivered;
  print('report', { messageId: message.messageId, state: delivery.state });
  const { handed: bytes } = message.progress;
  print('done', { messageId: message.messageId, bytes, seconds, peakMemory: memory, sha256: await sha256Of(file) });
}

function steer(input: InputCommand, session: MsrpSession, current: () => OutgoingMessage | undefined): void {
  switch (input.command) {
    case 'pause':
      current()?.pause();
      break;
    case 'resume':
      current()?.resume();
      break;
    case 'abort':
      current()?.abort();
      break;
    default:
      commandOfBoth(input, session);
  }
}

/** What either side may be told to do. */
export function commandOfBoth(input: InputCommand, session: MsrpSession): void {
  if (input.command === 'close') {
    session.close().then(() => finish(), finish);
  } else if (input.command === 'send' && input.file !== undefined) {
    const { file } = input;
    const from = performance.now();
    sendFile(session, file, input.type ?? 'application/octet-stream')
      .then((message) => report(message, file, from))
      .catch((error: unknown) => print('warning', { text: String(error) }));
  } else if (input.command === 'send' && input.text !== undefined) {
    const message = session.send({ contentType: input.type ?? 'text/plain; charset=utf-8', body: input.text });
    unawaited(message.sent.then(({ state }) => print('sent', { messageId: message.messageId, state })));
  } else {
    throw new MsrpError('invalid-option', 'Not a command');
  }
}
