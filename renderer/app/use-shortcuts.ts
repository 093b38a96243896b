import { useEffect } from 'react';
import { useActions, useBridge, useStores } from '../store/app-context.tsx';
import { shortcutOf } from './shortcuts.ts';

const shown = (element: HTMLElement): boolean => element.getClientRects().length > 0;

/** F6: from one part of the window to the next. */
function nextRegion(back: boolean) {
  const regions = ['rail', 'list', 'talk', 'transfers']
    .map((name) => document.querySelector<HTMLElement>(`[data-region="${name}"]`))
    .filter((region): region is HTMLElement => region !== null && shown(region));
  const here = regions.findIndex((region) => region.contains(document.activeElement));
  const next = regions[(here + (back ? -1 : 1) + regions.length) % regions.length];
  const preferred = next?.querySelector<HTMLElement>(
    '[data-composer]:not(:disabled), ul [aria-current="true"], ul button[tabindex="0"]',
  );
  (preferred ?? next?.querySelector<HTMLElement>('button, input, textarea, [tabindex="0"]'))?.focus();
}

const focusSoon = (selector: string) =>
  requestAnimationFrame(() => document.querySelector<HTMLElement>(selector)?.focus());

/** The keys that work everywhere in the window. */
export function useShortcuts(): void {
  const actions = useActions();
  const { platform } = useBridge();
  const { facts, view } = useStores();
  useEffect(() => {
    const walkTalks = (step: 1 | -1) => {
      const order = facts.getState().talkOrder.filter((id) => !view.getState().leaving[id]);
      const at = order.indexOf(view.getState().talkId ?? '');
      const next = order[at < 0 ? 0 : Math.min(order.length - 1, Math.max(0, at + step))];
      if (next) actions.openTalk(next);
    };
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented) return;
      const { sheet, talkId, column, panelOpen, searchOpen } = view.getState();
      if (sheet) return;
      if (event.key === 'F6') {
        event.preventDefault();
        nextRegion(event.shiftKey);
        return;
      }
      if (event.key === 'Escape') {
        const inPanel = document.activeElement?.closest('[data-region="transfers"]');
        if (panelOpen && (inPanel || column === 'transfers')) actions.togglePanel();
        else if (searchOpen) actions.show({ searchOpen: false });
        else if (talkId !== null && !document.activeElement?.closest('[data-region="list"], [data-region="rail"]')) {
          actions.show({ column: 'list' });
          focusSoon('ul [aria-current="true"]');
        } else return;
        event.preventDefault();
        return;
      }
      const shortcut = shortcutOf(event, platform);
      if (!shortcut) return;
      event.preventDefault();
      switch (shortcut) {
        case 'find':
          actions.show({ column: 'list' });
          requestAnimationFrame(() => {
            const field = document.querySelector<HTMLInputElement>('[data-find]');
            field?.focus();
            field?.select();
          });
          break;
        case 'searchTalk':
          if (talkId !== null) actions.show({ searchOpen: true, column: 'talk' });
          break;
        case 'transfers':
          actions.togglePanel();
          if (!panelOpen)
            focusSoon('[data-region="transfers"] li button, [data-region="transfers"]:not(:has(li)) button');
          break;
        case 'sendFile':
          if (talkId !== null) window.dispatchEvent(new Event('aims:attach'));
          break;
        case 'settings':
          actions.openSheet({ kind: 'settings', section: 'accounts' });
          break;
        case 'help':
          actions.openSheet({ kind: 'settings', section: 'shortcuts' });
          break;
        case 'nextTalk':
          walkTalks(1);
          break;
        case 'previousTalk':
          walkTalks(-1);
          break;
        default: {
          const unforeseen: never = shortcut;
          return unforeseen;
        }
      }
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, [actions, platform, facts, view]);
}
