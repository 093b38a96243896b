import { ChevronDown, ChevronUp, X } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../kit/form/button.tsx';
import { useFoundMessages } from '../list/use-found-messages.ts';
import { useActions } from '../store/app-context.tsx';
import styles from './talk.module.css';

interface TalkSearchProps {
  talkId: string;
  query: string;
  onQuery: (query: string) => void;
  onClose: () => void;
}

/** Finds words in one talk; Enter walks back in time. */
export function TalkSearch({ talkId, query, onQuery, onClose }: TalkSearchProps) {
  const { t } = useTranslation();
  const actions = useActions();
  const found = useFoundMessages(query, 200, talkId);
  // a place among these matches: other ones begin at the first
  const [place, setPlace] = useState({ found, at: 0 });
  const at = place.found === found ? place.at : 0;
  useEffect(() => {
    const first = found[0];
    if (first) void actions.openMessage(first);
  }, [actions, found]);
  const go = (step: number) => {
    if (found.length === 0) return;
    const next = (at + step + found.length) % found.length;
    setPlace({ found, at: next });
    const message = found[next];
    if (message) void actions.openMessage(message);
  };
  const searching = query.trim().length > 1;
  return (
    // biome-ignore lint/a11y/useSemanticElements: <search> came with Chrome 118, and an older one must do
    <div role="search" className={styles.search}>
      <input
        type="search"
        className={styles.searchInput}
        aria-label={t('talk.search')}
        placeholder={t('talk.search')}
        // biome-ignore lint/a11y/noAutofocus: it was opened to type into it
        autoFocus
        value={query}
        onChange={(event) => onQuery(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') go(event.shiftKey ? -1 : 1);
          else if (event.key === 'Escape') {
            event.stopPropagation();
            onClose();
          }
        }}
      />
      <span className={styles.searchCount} role="status">
        {searching &&
          (found.length > 0 ? t('talk.searchResult', { at: at + 1, all: found.length }) : t('talk.searchNone'))}
      </span>
      <IconButton icon={ChevronUp} label={t('talk.previous')} disabled={found.length === 0} onClick={() => go(1)} />
      <IconButton icon={ChevronDown} label={t('talk.next')} disabled={found.length === 0} onClick={() => go(-1)} />
      <IconButton icon={X} label={t('common.close')} onClick={onClose} />
    </div>
  );
}
