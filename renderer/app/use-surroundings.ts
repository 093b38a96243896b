import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { languageTag } from '../i18n/i18n.ts';
import { useActions, useBridge, useFacts, useView } from '../store/app-context.tsx';
import { unreadTotal } from '../store/selectors.ts';
import { useWindowFocus } from './use-window-focus.ts';

function useTheme() {
  const bridge = useBridge();
  const theme = useFacts((facts) => facts.settings.theme);
  const ready = useFacts((facts) => facts.ready);
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const paint = () => {
      const is = theme === 'system' ? (dark.matches ? 'dark' : 'light') : theme;
      document.documentElement.dataset.theme = is;
    };
    paint();
    if (ready) bridge.setTheme(theme);
    dark.addEventListener('change', paint);
    return () => dark.removeEventListener('change', paint);
  }, [theme, ready, bridge]);
}

function useLanguage() {
  const bridge = useBridge();
  const { i18n } = useTranslation();
  const language = useFacts((facts) => facts.settings.language);
  const tag = languageTag(language, bridge);
  useEffect(() => {
    document.documentElement.lang = tag;
    if (i18n.language !== tag) void i18n.changeLanguage(tag);
  }, [i18n, tag]);
}

/** What lies around the page and follows it: theme, language, title, and which talk is being looked at. */
export function useSurroundings(): void {
  useTheme();
  useLanguage();
  const { t } = useTranslation();
  const actions = useActions();
  const bridge = useBridge();
  const focused = useWindowFocus();
  const talkId = useView((view) => view.talkId);
  const column = useView((view) => view.column);
  const covered = useView((view) => view.sheet !== null);
  const unread = useFacts(unreadTotal);

  useEffect(() => {
    document.title = unread > 0 ? t('app.titleUnread', { count: unread }) : t('app.name');
  }, [unread, t]);

  const narrow = matchMedia('(max-width: 719px)').matches;
  const inFront = focused && !covered && (!narrow || column === 'talk') ? talkId : null;
  useEffect(() => bridge.talkInFront(inFront), [bridge, inFront]);

  useEffect(() => bridge.onNavigate(actions.navigate), [bridge, actions]);
}
