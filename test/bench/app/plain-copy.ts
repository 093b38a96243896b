import { spawn } from 'node:child_process';
import { once } from 'node:events';

// A plain copy as one would write it first: file, pipe, socket, pipe, file, between two processes on the loopback.

const RECEIVE = `
const crypto = require('node:crypto'), fs = require('node:fs'), net = require('node:net');
const [, to, checked] = process.argv;
const server = net.createServer((socket) => {
  const file = fs.createWriteStream(to, { autoClose: false });
  const hash = crypto.createHash('sha256');
  if (checked) socket.on('data', (data) => hash.update(data));
  socket.pipe(file).on('finish', () => {
    if (checked) fs.fsyncSync(file.fd);
    process.send(hash.digest('hex'));
  });
  server.close();
}).listen(0, '127.0.0.1', () => process.send(server.address().port));`;
const SEND = `
const fs = require('node:fs'), net = require('node:net');
const socket = net.connect(Number(process.argv[2]), '127.0.0.1', () => fs.createReadStream(process.argv[1]).pipe(socket));`;

/**
 * Copies and tells the seconds from the sender's start of connecting to the last byte in the file. `checked`: what came is
 * hashed as it comes and is on the disk itself at the end. `executable`: Electron's, to run as its Node.
 */
export async function plainCopy(
  from: string,
  to: string,
  { checked = false, executable = process.execPath }: { checked?: boolean; executable?: string },
): Promise<number> {
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  const receiver = spawn(executable, ['-e', RECEIVE, to, ...(checked ? ['checked'] : [])], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env,
  });
  const [port] = await once(receiver, 'message');
  const finished = once(receiver, 'message');
  const sender = spawn(executable, ['-e', SEND, from, String(port)], { stdio: 'inherit', env });
  await once(sender, 'spawn');
  const start = performance.now();
  await finished;
  const seconds = (performance.now() - start) / 1000;
  receiver.kill();
  return seconds;
}
