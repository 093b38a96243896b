import { act, cleanup, configure, render } from '@testing-library/react';
import { I18nextProvider } from 'react-i18next';
import { afterEach, vi } from 'vitest';
import type { CommandName, Fault } from '../../../electron/contract/index.ts';
import { AppWindow } from '../../../renderer/app/app.tsx';
import { createI18n } from '../../../renderer/i18n/i18n.ts';
import { AppProvider } from '../../../renderer/store/app-context.tsx';
import { createApp } from '../../../renderer/store/create-app.ts';
import { createFakeBridge } from '../fake-core/fake-bridge.ts';
import { FakeCore } from '../fake-core/fake-core.ts';
import { type SampleData, sampleData } from '../fake-core/sample.ts';

// Roles are looked up over the whole window: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 60_000 });
configure({ asyncUtilTimeout: 20_000, defaultHidden: true });

// What a page has and jsdom has not: sizes, and what watches them.
const ROW = 40;
const VIEW = 900;
Object.defineProperties(HTMLElement.prototype, {
  offsetHeight: {
    configurable: true,
    get(this: HTMLElement) {
      return this.hasAttribute('data-index') ? ROW : VIEW;
    },
  },
  offsetWidth: { configurable: true, get: () => 1200 },
  clientHeight: { configurable: true, get: () => VIEW },
  clientWidth: { configurable: true, get: () => 1200 },
});
HTMLElement.prototype.getClientRects = function rects() {
  return [this.getBoundingClientRect()] as unknown as DOMRectList;
};
HTMLElement.prototype.scrollTo = function scrollTo(to?: ScrollToOptions | number) {
  if (typeof to === 'object' && to.top !== undefined) this.scrollTop = to.top;
};
class NoResizes implements ResizeObserver {
  observe() {}
  unobserve() {}
  disconnect() {}
}
globalThis.ResizeObserver = NoResizes;
window.PointerEvent ??= class extends MouseEvent {} as typeof PointerEvent;
globalThis.CSS ??= { escape: (text: string) => text } as typeof CSS;
Element.prototype.getAnimations = () => [];
window.matchMedia = (media) =>
  ({
    media,
    matches: media.includes('min-width'),
    addEventListener: () => {},
    removeEventListener: () => {},
  }) as unknown as MediaQueryList;
document.hasFocus = () => true;

interface Options {
  data?: SampleData;
  language?: string;
  talk?: string;
  /** The first call of this command fails. */
  failing?: [CommandName, Fault];
}

const undo: (() => void)[] = [];
afterEach(() => {
  cleanup();
  for (const step of undo.splice(0)) step();
  localStorage.clear();
});

/** The whole window over a fake core, as a person finds it after start. */
export async function openWindow({ data = sampleData(), language = 'en-GB', talk = 'ana', failing }: Options = {}) {
  const core = new FakeCore(data);
  if (failing) core.failing.set(...failing);
  const bridge = createFakeBridge(language);
  localStorage.setItem('aims.talk', talk);
  const reported: unknown[] = [];
  const app = createApp({ target: window, bridge, storage: localStorage, report: (error) => reported.push(error) });
  const view = render(
    <I18nextProvider i18n={createI18n(language)}>
      <AppProvider app={app}>
        <AppWindow />
      </AppProvider>
    </I18nextProvider>,
  );
  undo.push(() => {
    app.close();
    core.disconnect();
  });
  await act(async () => core.connect(window));
  return { core, bridge, app, view, reported };
}
