import os from 'node:os';
import { createBirpc } from 'birpc';
import { unawaited } from '../../protocols/contract/unawaited.ts';
import { protocols } from '../../protocols/registry.ts';
import type { CoreControl, CoreLaunch, CoreSide, ShellSide, WindowSide } from '../contract/index.ts';
import { createCore } from './core.ts';
import { CoreHost } from './core-host.ts';
import type { LastResort } from './last-resort.ts';

// Entry of Electron's utility process. Electron is here by the shape of two of its objects only.

interface MessagePortMain {
  on(event: 'message', listener: (event: { data: unknown }) => void): void;
  on(event: 'close', listener: () => void): void;
  postMessage(message: unknown): void;
  start(): void;
}
interface ParentPort {
  on(event: 'message', listener: (event: { data: unknown; ports: MessagePortMain[] }) => void): void;
  postMessage(message: unknown): void;
}
type FromMain = { kind: 'shell'; data: unknown } | { kind: 'window' };

/** A little less than the windows once it runs: whoever types must not wait for a file. The thread that hashes has it too. */
const NICENESS = 5;

const { parentPort } = process as unknown as { parentPort: ParentPort };
const launch = JSON.parse(process.argv[2] as string) as CoreLaunch;

/** A password store may ask the person first, and people take their time. */
const SHELL_TIMEOUT = 120_000;

let receiveShell: (data: unknown) => void = () => undefined;
const rpc = createBirpc<ShellSide, CoreControl>(
  {
    machineEvent: (event) => host.control.machineEvent(event),
    idleSince: (since) => host.control.idleSince(since),
    talkInFront: (talkId) => host.control.talkInFront(talkId),
    shutDown: () => host.control.shutDown(),
  },
  {
    post: (data) => parentPort.postMessage({ kind: 'shell', data }),
    on: (receive) => {
      receiveShell = receive;
    },
    eventNames: ['notify', 'setUnread', 'setLocked'],
    timeout: SHELL_TIMEOUT,
  },
);
const shell: ShellSide = {
  readSecret: (key) => rpc.readSecret(key),
  writeSecret: (key, value) => rpc.writeSecret(key, value),
  deleteSecret: (key) => rpc.deleteSecret(key),
  heldKey: () => rpc.heldKey(),
  holdKey: (key) => rpc.holdKey(key),
  setLocked: (isLocked) => unawaited(rpc.setLocked(isLocked)),
  openPath: (path) => rpc.openPath(path),
  revealPath: (path) => rpc.revealPath(path),
  thumbnail: (path) => rpc.thumbnail(path),
  notify: (request) => unawaited(rpc.notify(request)),
  setUnread: (count) => unawaited(rpc.setUnread(count)),
};

let report = (error: unknown): void => console.error(error);
/** Main starts a new core; everything that matters is on disk. */
const end = (error: unknown): never => {
  report(error);
  process.exit(1);
};
let lastResort: LastResort | undefined;
process.on('uncaughtException', (error) => (lastResort ? lastResort.thrown(error) : end(error)));
process.on('unhandledRejection', (error) => (lastResort ? lastResort.rejected(error) : end(error)));

const host = new CoreHost(
  async (told, opening) => {
    const core = await createCore({ launch, shell, protocols, onFatal: end, ...told, ...(opening ? { opening } : {}) });
    report = core.report;
    lastResort = core.lastResort;
    os.setPriority(NICENESS);
    return core;
  },
  (error) => report(error),
);

function serveWindow(port: MessagePortMain): void {
  let open = true;
  const functions: CoreSide = { call: (name, input) => host.call(name, input) };
  const window = createBirpc<WindowSide, CoreSide>(functions, {
    // a page that was reloaded wants no answers to what the page before asked
    post: (data) => {
      if (open) port.postMessage(data);
    },
    on: (receive) =>
      port.on('message', ({ data }) => {
        // what comes from a page is not trusted, its form included
        if (typeof data === 'object' && data !== null) receive(data);
      }),
    resolver: (name, resolved) => (Object.hasOwn(functions, name) ? resolved : undefined),
    eventNames: ['events'],
  });
  const detach = host.attach({ events: (batch) => unawaited(window.events(batch)) });
  port.on('close', () => {
    open = false;
    detach();
    window.$close();
  });
  port.start();
}

parentPort.on('message', ({ data, ports }) => {
  const message = data as FromMain;
  if (message.kind === 'shell') receiveShell(message.data);
  else if (ports[0]) serveWindow(ports[0]);
});
