import { createStore } from 'zustand/vanilla';
import type { WindowBridge } from '../../electron/contract/index.ts';
import { createActions } from './actions.ts';
import type { App } from './app-context.tsx';
import { createCoreLink } from './core-link.ts';
import { applyEvents, type Facts, noFacts } from './facts.ts';
import { firstView, type View } from './view.ts';

interface CreateOptions {
  target: Window;
  bridge: WindowBridge;
  storage: Pick<Storage, 'getItem' | 'setItem'>;
  report: (error: unknown) => void;
}

/** The wiring of the window: stores, the line to the core, intentions. Made once, in main.tsx. */
export function createApp({ target, bridge, storage, report }: CreateOptions): App & { close(): void } {
  const facts = createStore<Facts>(() => noFacts);
  const view = createStore<View>(() => firstView);
  const link = createCoreLink({
    target,
    report,
    onConnected: () => void actions.reload(),
    onLost: () => view.setState({ connected: false }),
    onEvents: (events) => facts.setState((state) => applyEvents(state, events), true),
  });
  const actions = createActions({ facts, view, link, storage });
  return { facts, view, actions, bridge, close: () => link.close() };
}
