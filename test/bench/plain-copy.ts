import { spawn } from 'node:child_process';
import { once } from 'node:events';

// A plain copy as one would write it first: file, pipe, socket, pipe, file, between two processes on the loopback.

const RECEIVE = `
const fs = require('node:fs'), net = require('node:net');
const server = net.createServer((socket) => {
  socket.pipe(fs.createWriteStream(process.argv[1])).on('finish', () => process.send('done'));
  server.close();
}).listen(0, '127.0.0.1', () => process.send(server.address().port));`;
const SEND = `
const fs = require('node:fs'), net = require('node:net');
const socket = net.connect(Number(process.argv[2]), '127.0.0.1', () => fs.createReadStream(process.argv[1]).pipe(socket));`;

/** Copies and tells the seconds from the sender's start of connecting to the last byte in the file. */
export async function plainCopy(from: string, to: string): Promise<number> {
  const receiver = spawn(process.execPath, ['-e', RECEIVE, to], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const [port] = await once(receiver, 'message');
  const finished = once(receiver, 'message');
  const sender = spawn(process.execPath, ['-e', SEND, from, String(port)], { stdio: 'inherit' });
  await once(sender, 'spawn');
  const start = performance.now();
  await finished;
  const seconds = (performance.now() - start) / 1000;
  receiver.kill();
  return seconds;
}
