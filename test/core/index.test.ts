import fs from 'node:fs';
import path from 'node:path';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { createBirpc } from 'birpc';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  type Answer,
  type CoreControl,
  type CoreEvent,
  type CoreLaunch,
  type CoreSide,
  callCore,
  type ShellSide,
  type WindowSide,
} from '../../electron/contract/index.ts';
import { lockProfile } from '../../electron/core/store/profile-lock.ts';
import { bundle } from './support/bundle.ts';
import { TestShell } from './support/core.ts';
import { temporaryFolder } from './support/folder.ts';

let entry: string;
beforeAll(async () => {
  entry = await bundle('electron/core/index.ts');
  return () => fs.rmSync(path.dirname(entry), { recursive: true, force: true });
}, 120_000);

/** Main's half: the core's entry in a thread, with real message ports. */
function main(folder: string, shell: ShellSide = new TestShell(), secretStore: CoreLaunch['secretStore'] = 'system') {
  const launch: CoreLaunch = {
    profile: 'test',
    folder,
    downloadFolder: folder,
    version: '1.2.3',
    secretStore,
    loopbackOnly: true,
    restarted: false,
  };
  const worker = new Worker(path.join(import.meta.dirname, 'support/parent-port.cjs'), {
    workerData: { entry, launch: JSON.stringify(launch) },
    stderr: true,
  });
  onTestFinished(() => void worker.terminate());
  const control = createBirpc<CoreControl, ShellSide>(shell, {
    post: (data) => worker.postMessage({ data: { kind: 'shell', data }, ports: [] }),
    on: (receive) => worker.on('message', ({ data }: { data: unknown }) => receive(data)),
    timeout: 10_000,
  });
  return { worker, control };
}

/** A window's half of its port. */
function openWindow(worker: Worker) {
  const { port1, port2 } = new MessageChannel();
  worker.postMessage({ data: { kind: 'window' }, ports: [port1] }, [port1]);
  const events: CoreEvent[] = [];
  let heard: () => void = () => undefined;
  const core = createBirpc<CoreSide, WindowSide>(
    {
      events: (batch) => {
        events.push(...batch);
        heard();
      },
    },
    {
      post: (data) => port2.postMessage(data),
      on: (receive) => port2.on('message', receive),
    },
  );
  onTestFinished(() => port2.close());
  const until = async (type: CoreEvent['type']): Promise<CoreEvent> => {
    for (;;) {
      const found = events.find((event) => event.type === type);
      if (found) return found;
      await new Promise<void>((resolve) => {
        heard = resolve;
      });
    }
  };
  const side: CoreSide = { call: (name, input) => core.call(name, input) as Promise<Answer> };
  return { side, until, port: port2 as MessagePort, call: callCore.bind(undefined, side) as typeof callCoreBound };
}
declare const callCoreBound: (name: 'app.snapshot', input: object) => Promise<{ version: string; notices: unknown[] }>;

describe('the core’s process', () => {
  it('answers every window on its own port, and tells all of them what happens', async () => {
    const { worker } = main(temporaryFolder());
    const first = openWindow(worker);
    const second = openWindow(worker);
    expect(await first.call('app.snapshot', {})).toMatchObject({ version: '1.2.3', notices: [] });
    expect(await second.side.call('settings.change', { theme: 'dark' })).toMatchObject({ ok: true });
    for (const window of [first, second]) {
      expect(await window.until('settings')).toMatchObject({ settings: { theme: 'dark' } });
    }
    expect(await first.side.call('nonsense', {})).toEqual({
      ok: false,
      fault: { code: 'command-unknown', retryable: false },
    });
    first.port.close();
    await second.side.call('settings.change', { theme: 'light' });
    expect(await second.call('app.snapshot', {})).toMatchObject({ settings: { theme: 'light' } });
  }, 20_000);

  it('is not ended by a window that goes in the middle of a call, or sends nonsense', async () => {
    const { worker } = main(temporaryFolder());
    const first = openWindow(worker);
    const second = openWindow(worker);
    await second.call('app.snapshot', {});
    void first.side.call('app.snapshot', {});
    first.port.close();
    for (const nonsense of [null, 7, 'text', [], {}, { t: 'q' }, { t: 'q', m: 'constructor', a: 1, i: 'x' }]) {
      second.port.postMessage(nonsense);
    }
    expect(await second.call('app.snapshot', {})).toMatchObject({ version: '1.2.3' });
  }, 20_000);

  it('asks main for its key, and lets go of the profile when it is told to leave', async () => {
    const folder = temporaryFolder();
    const shell = new TestShell();
    const { worker, control } = main(folder, shell);
    await openWindow(worker).call('app.snapshot', {});
    expect(shell.secrets.get('database-key')).toMatch(/^[0-9a-f]{64}$/);
    expect(() => lockProfile(folder)).toThrow('profile-in-use');
    await control.machineEvent('wake');
    await control.talkInFront('some-talk');
    await control.shutDown();
    lockProfile(folder).release();
  }, 20_000);

  it('that cannot start says why to every window, and starts once the reason is gone', async () => {
    const folder = temporaryFolder();
    const shell = new TestShell();
    shell.locked = true;
    const { worker } = main(folder, shell);
    const window = openWindow(worker);
    const locked = { ok: false, fault: { code: 'secrets-locked', retryable: true } };
    expect(await window.side.call('app.snapshot', {})).toEqual(locked);
    expect(await window.side.call('settings.change', {})).toEqual(locked);
    shell.locked = false;
    expect(await window.side.call('settings.change', {})).toEqual(locked);
    expect(await window.side.call('app.snapshot', {})).toMatchObject({ ok: true });
    expect(await window.side.call('settings.change', {})).toMatchObject({ ok: true });
  }, 20_000);

  it('writes down an error that no code foresaw, and goes on', async () => {
    const folder = temporaryFolder();
    const { worker, control } = main(folder);
    const window = openWindow(worker);
    await window.call('app.snapshot', {});
    // what no main would send: the handler trips over it
    worker.postMessage({ data: null, ports: [] });
    expect(await window.call('app.snapshot', {})).toBeDefined();
    await control.shutDown();
    expect(fs.readFileSync(path.join(folder, 'aims.log'), 'utf8')).toContain('core.unforeseen');
    lockProfile(folder).release();
  }, 20_000);
});
