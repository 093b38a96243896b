import './styles/tokens.css';
import './styles/base.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { I18nextProvider } from 'react-i18next';
import * as z from 'zod/mini';
import type { WindowBridge } from '../electron/contract/index.ts';
import { AppWindow } from './app/app.tsx';
import { createI18n, languageTag } from './i18n/i18n.ts';
import { AppProvider } from './store/app-context.tsx';
import { createApp } from './store/create-app.ts';

declare global {
  interface Window {
    aims: WindowBridge;
  }
}

// the page's policy forbids code from strings; zod would probe for it
z.config({ jitless: true });

const bridge = window.aims;
const app = createApp({
  target: window,
  bridge,
  storage: localStorage,
  report: (error) => console.error('an event did not fit its schema', error),
});

document.documentElement.dataset.theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
const root = document.getElementById('root');
if (root)
  createRoot(root).render(
    <StrictMode>
      <I18nextProvider i18n={createI18n(languageTag('system', bridge))}>
        <AppProvider app={app}>
          <AppWindow />
        </AppProvider>
      </I18nextProvider>
    </StrictMode>,
  );
