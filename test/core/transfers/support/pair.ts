import fs from 'node:fs';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { CommandInput, CommandName, CommandOutput } from '../../../../electron/contract/index.ts';
import { ACCOUNT, Desk, TALK } from './desk.ts';
import { MemoryProvider, Wire } from './memory-pair.ts';

export const ANA = 'sip:ana@campus.test';
export const RUI = 'sip:rui@campus.test';

/** Calls a command of a desk. */
export async function call<Name extends Extract<CommandName, `transfers.${string}`>>(
  desk: Desk,
  name: Name,
  input: CommandInput<Name>,
): Promise<CommandOutput<Name>> {
  const handler = desk.transfers.handlers[name] as (input: CommandInput<Name>) => unknown;
  return (await handler(input)) as CommandOutput<Name>;
}

/** Ana sends, Rui receives, over a wire that can be disturbed. */
export async function pair() {
  const ana = new Desk(RUI);
  const rui = new Desk(ANA);
  const anaProvider = new MemoryProvider(ANA);
  const ruiProvider = new MemoryProvider(RUI);
  const wire = new Wire(anaProvider, ruiProvider);
  onTestFinished(async () => {
    wire.release();
    await wire.idle();
  });
  await ana.transfers.recover();
  await rui.transfers.recover();
  ana.transfers.attach(ACCOUNT, anaProvider);
  rui.transfers.attach(ACCOUNT, ruiProvider);
  /** A file of Ana's. */
  const write = (name: string, content: Uint8Array | string): string => {
    const file = path.join(ana.folder, name);
    fs.writeFileSync(file, content);
    return file;
  };
  /** Ana offers it; resolves to the ids of both sides when Rui sees it. */
  const offer = async (file: string) => {
    const seen = new Set(rui.transfers.snapshot().map((transfer) => transfer.id));
    const { transferIds } = await call(ana, 'transfers.offer', { talkId: TALK, paths: [file] });
    const received = await rui.until(() => rui.transfers.snapshot().find((transfer) => !seen.has(transfer.id)));
    return { sent: transferIds[0] as string, received: received.id };
  };
  return { ana, rui, anaProvider, ruiProvider, wire, write, offer };
}
