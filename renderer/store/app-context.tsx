import { createContext, type ReactNode, useContext } from 'react';
import { useStore } from 'zustand';
import { useShallow } from 'zustand/react/shallow';
import type { StoreApi } from 'zustand/vanilla';
import type { WindowBridge } from '../../electron/contract/index.ts';
import type { Actions } from './actions.ts';
import type { Facts } from './facts.ts';
import type { View } from './view.ts';

/** What every part of the window may reach: facts, what is shown, intentions, and the shell around the page. */
export interface App {
  facts: StoreApi<Facts>;
  view: StoreApi<View>;
  actions: Actions;
  bridge: WindowBridge;
}

const AppContext = createContext<App | null>(null);

export const AppProvider = ({ app, children }: { app: App; children: ReactNode }) => (
  <AppContext value={app}>{children}</AppContext>
);

function useApp(): App {
  const app = useContext(AppContext);
  if (!app) throw new Error('used outside AppProvider');
  return app;
}

/** One fact, by a narrow selector: the part paints again only when this changes. */
export const useFacts = <T,>(select: (facts: Facts) => T): T => useStore(useApp().facts, select);
/** Several facts in a new array or object each time, compared by their members. */
export const useFactsShallow = <T,>(select: (facts: Facts) => T): T => useStore(useApp().facts, useShallow(select));
export const useView = <T,>(select: (view: View) => T): T => useStore(useApp().view, select);
export const useActions = (): Actions => useApp().actions;
export const useBridge = (): WindowBridge => useApp().bridge;
/** The stores themselves, for what listens to them without painting. */
export const useStores = (): Pick<App, 'facts' | 'view'> => useApp();
