// One side of a copy, in a process of its own: plain Node or the MSRP library. Driven by msrp.mjs over IPC.
import { once } from 'node:events';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import tls from 'node:tls';

const BLOCK = 1_048_576;
const ACK = Buffer.from([6]);

/** `fs` streams piped over a socket: what one would write first. */
const pipe = {
  receive(socket, file, size, done) {
    const out = fs.createWriteStream(file);
    let left = size;
    const take = (part) => {
      if (!out.write(part)) {
        socket.pause();
        out.once('drain', () => socket.resume());
      }
      left -= part.length;
      if (left > 0) return;
      socket.removeListener('data', take);
      out.end(done);
    };
    socket.on('data', take);
    socket.resume();
  },
  async send(socket, file) {
    const source = fs.createReadStream(file);
    // `pipeline` would leave listeners on a socket that goes on, some more with each round
    source.pipe(socket, { end: false });
    await once(source, 'end');
  },
};

/** The fastest copy plain Node is capable of, as far as is known: pooled reads, one buffer to receive, few large writes. */
const fastest = {
  send(socket, file) {
    const fd = fs.openSync(file);
    const size = fs.fstatSync(fd).size;
    const free = Array.from({ length: 3 }, () => Buffer.allocUnsafeSlow(Math.min(BLOCK, Math.max(size, 1))));
    let position = 0;
    let writing = 0;
    let reading = false;
    return new Promise((resolve) => {
      const next = () => {
        if (position === size && writing === 0 && !reading) {
          fs.closeSync(fd);
          resolve();
        }
        if (reading || position === size || free.length === 0) return;
        const buffer = free.pop();
        reading = true;
        fs.read(fd, buffer, 0, Math.min(buffer.length, size - position), position, (_error, length) => {
          reading = false;
          position += length;
          writing++;
          socket.write(length === buffer.length ? buffer : buffer.subarray(0, length), () => {
            writing--;
            free.push(buffer);
            next();
          });
          next();
        });
      };
      next();
    });
  },
  /** Gathers in large buffers, which are written while the next fills. `onread` has been given `taker.buffer`. */
  taker() {
    const buffer = Buffer.allocUnsafeSlow(BLOCK);
    let target;
    return {
      buffer,
      begin(file, size, done, resume) {
        const fd = fs.openSync(file, 'w');
        const free = [Buffer.allocUnsafeSlow(BLOCK), Buffer.allocUnsafeSlow(BLOCK)];
        let staging = Buffer.allocUnsafeSlow(BLOCK);
        let filled = 0;
        let received = 0;
        let written = 0;
        let stopped = false;
        const flush = () => {
          const [full, length] = [staging, filled];
          const position = received - length;
          filled = 0;
          staging = free.pop();
          fs.write(fd, full, 0, length, position, () => {
            written += length;
            if (staging === undefined) staging = full;
            else free.push(full);
            if (written === size) {
              fs.closeSync(fd);
              done();
            } else if (stopped) {
              stopped = false;
              resume();
            }
          });
        };
        target = (bytes) => {
          let offset = 0;
          while (offset < bytes.length) {
            staging ??= Buffer.allocUnsafeSlow(BLOCK);
            const length = Math.min(bytes.length - offset, BLOCK - filled);
            staging.set(bytes.subarray(offset, offset + length), filled);
            filled += length;
            received += length;
            offset += length;
            if (filled === BLOCK || received === size) flush();
          }
          stopped = staging === undefined;
          return !stopped;
        };
      },
      take: (bytes) => target(bytes),
    };
  },
};

function plainReceiver(method, options) {
  // the receiver connects: only then may it bring a buffer of its own to read into
  const taker = fastest.taker();
  const port = options.port;
  let acknowledge;
  const tlsOptions = { port, host: '127.0.0.1', rejectUnauthorized: false };
  const socket = options.tls
    ? tls.connect(tlsOptions)
    : net.connect({
        port,
        host: '127.0.0.1',
        noDelay: true,
        ...(method === 'fastest' && {
          onread: { buffer: taker.buffer, callback: (length, bytes) => taker.take(bytes.subarray(0, length)) },
        }),
      });
  if (method === 'fastest' && options.tls) {
    socket.on('data', (bytes) => {
      if (!taker.take(bytes)) socket.pause();
    });
  }
  const connected = new Promise((resolve) => socket.once(options.tls ? 'secureConnect' : 'connect', resolve));
  return {
    connected,
    async round({ file, size }) {
      acknowledge = () => socket.write(ACK);
      if (method === 'pipe') pipe.receive(socket, file, size, acknowledge);
      else taker.begin(file, size, acknowledge, () => socket.resume());
    },
    close: () => socket.destroy(),
  };
}

async function plainSender(method, options) {
  let socket;
  const joined = (accepted) => {
    socket = accepted;
    socket.setNoDelay(true);
    process.send({ type: 'joined' });
  };
  const server = options.tls ? tls.createServer(options.tls, joined) : net.createServer(joined);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: server.address().port,
    async round({ file }) {
      const acknowledged = new Promise((resolve) => socket.once('data', resolve));
      socket.resume();
      await (method === 'pipe' ? pipe : fastest).send(socket, file);
      await acknowledged;
    },
    close: () => socket.destroy(),
  };
}

async function msrpReceiver(options) {
  const { MsrpEndpoint, FileSink, MemorySink } = createRequire(import.meta.url)(options.bundle);
  const endpoint = new MsrpEndpoint();
  const listener = await endpoint.listen({ host: '127.0.0.1', ...(options.tls && { tls: options.tls }) });
  let file;
  const delays = [];
  const text = () => {
    const sink = new MemorySink(1024);
    const ended = () => delays.push(Number(process.hrtime.bigint() - BigInt(sink.text.trim())) / 1e6);
    return { sink, ended };
  };
  const session = endpoint.createSession({
    listener,
    accept: ({ contentType, claimedSize }) =>
      contentType === 'text/plain' ? text() : FileSink.open(file).then((sink) => ({ sink, size: claimedSize })),
  });
  session.start({ role: 'passive' }).then(() => process.send({ type: 'joined' }));
  return {
    address: session.localPath,
    async round(task) {
      file = task.file;
    },
    delays: () => delays.splice(0),
    close: () => endpoint.close(),
  };
}

/** A message of 200 bytes that says when it was sent; the clock is the same for all processes of a machine. */
const stamped = () => ({ contentType: 'text/plain', body: `${process.hrtime.bigint()}`.padEnd(200) });
/** Small messages that wait for their responses at once. */
const OUTSTANDING = 256;

async function msrpSender(options) {
  const { MsrpEndpoint, openFile, fingerprintOf } = createRequire(import.meta.url)(options.bundle);
  const endpoint = new MsrpEndpoint();
  const session = endpoint.createSession({
    host: '127.0.0.1',
    secure: options.tls !== undefined,
    chunking: options.chunking,
    accept: () => ({ refuse: 413 }),
  });
  const fingerprints = options.tls && { fingerprints: [fingerprintOf(options.tls.cert)] };
  await session.start({ remotePath: options.address, role: 'active', ...fingerprints });
  return {
    async round({ file }) {
      const message = session.send({ contentType: 'application/octet-stream', body: await openFile(file) });
      const outcome = await message.sent;
      if (outcome.state !== 'sent') throw outcome.error ?? new Error(outcome.state);
    },
    /** Sends small messages, each of which is answered; seconds for all of them. */
    async messages(count) {
      const from = performance.now();
      let left = count;
      const line = async () => {
        while (left-- > 0) await session.send(stamped()).sent;
      };
      await Promise.all(Array.from({ length: OUTSTANDING }, line));
      return (performance.now() - from) / 1000;
    },
    /** Sends a file and small messages beside it. */
    async mixed(file) {
      const message = session.send({ contentType: 'application/octet-stream', body: await openFile(file) });
      const timer = setInterval(() => session.send(stamped()), 2);
      await message.sent;
      clearInterval(timer);
    },
    close: () => endpoint.close(),
  };
}

/** Most memory this process has had. `maxRSS` would count what its parent had when it was made. */
function peakMemory() {
  const status = process.platform === 'linux' ? fs.readFileSync('/proc/self/status', 'utf8') : '';
  const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS;
  return Number(kilobytes) * 1024;
}

let side;
let before;
process.on('message', async (message) => {
  if (message.type === 'start') {
    const { role, method, options } = message;
    if (method !== 'msrp') side = role === 'send' ? await plainSender(method, options) : plainReceiver(method, options);
    else side = role === 'send' ? await msrpSender(options) : await msrpReceiver(options);
    await side.connected;
    process.send({ type: 'ready', address: side.address });
  } else if (message.type === 'round') {
    before = process.cpuUsage();
    const from = performance.now();
    const ended = side.round(message);
    if (message.role === 'receive') process.send({ type: 'armed' });
    await ended;
    if (message.role === 'send') process.send({ type: 'sent', seconds: (performance.now() - from) / 1000 });
  } else if (message.type === 'messages') {
    process.send({ type: 'messages', seconds: await side.messages(message.count) });
  } else if (message.type === 'mixed') {
    await side.mixed(message.file);
    process.send({ type: 'mixed' });
  } else if (message.type === 'delays') {
    process.send({ type: 'delays', delays: side.delays() });
  } else if (message.type === 'used') {
    const { user, system } = process.cpuUsage(before);
    process.send({ type: 'used', cpu: (user + system) / 1e6 });
  } else if (message.type === 'finish') {
    process.send({ type: 'finished', peak: peakMemory() }, () => process.exit(0));
  }
});
