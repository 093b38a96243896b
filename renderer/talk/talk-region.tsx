import { FileUp, MessagesSquare } from 'lucide-react';
import { type DragEvent, useCallback, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { keysShown } from '../app/shortcuts.ts';
import { useFormat } from '../i18n/use-format.ts';
import { EmptyState } from '../kit/empty-state.tsx';
import { Icon } from '../kit/form/button.tsx';
import { useActions, useBridge, useFacts, useView } from '../store/app-context.tsx';
import { nameOf } from '../store/selectors.ts';
import { Composer } from './compose/composer.tsx';
import { itemsFromFiles, itemsFromPaths } from './files/offer-items.ts';
import { MessageLog } from './log/message-log.tsx';
import styles from './talk.module.css';
import { TalkHead } from './talk-head.tsx';
import { TalkSearch } from './talk-search.tsx';

/** How many files hang over the window; their names are told by the system only once they are dropped. */
const hanging = (event: DragEvent): number =>
  [...event.dataTransfer.items].filter((item) => item.kind === 'file').length;

function OpenTalk({ talkId }: { talkId: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const actions = useActions();
  const bridge = useBridge();
  const depth = useRef(0);
  const [over, setOver] = useState<{ count: number; names: string } | null>(null);
  const [query, setQuery] = useState('');
  const name = useFacts((facts) => nameOf(facts, facts.talks[talkId]));
  const searchOpen = useView((view) => view.searchOpen);

  const offerFiles = (files: readonly File[]) => {
    const items = itemsFromFiles(files, bridge, t('offer.pasted'));
    if (items.length > 0) actions.openSheet({ kind: 'offer', talkId, items });
  };
  const attach = useCallback(async () => {
    const paths = await bridge.chooseFiles();
    if (paths.length > 0) actions.openSheet({ kind: 'offer', talkId, items: itemsFromPaths(paths) });
  }, [bridge, actions, talkId]);
  useEffect(() => {
    const listen = () => void attach();
    window.addEventListener('aims:attach', listen);
    return () => window.removeEventListener('aims:attach', listen);
  }, [attach]);

  const closeSearch = () => {
    setQuery('');
    actions.show({ searchOpen: false });
    document.querySelector<HTMLElement>('[data-composer]')?.focus();
  };

  return (
    <section
      className={styles.talk}
      aria-label={t('talk.with', { name })}
      data-region="talk"
      onDragEnter={(event) => {
        const count = hanging(event);
        if (count === 0) return;
        event.preventDefault();
        depth.current += 1;
        const named = [...event.dataTransfer.files].map((file) => `${file.name} · ${format.size(file.size)}`);
        setOver({ count, names: named.join('\n') });
      }}
      onDragOver={(event) => {
        if (hanging(event) > 0) event.preventDefault();
      }}
      onDragLeave={() => {
        depth.current = Math.max(0, depth.current - 1);
        if (depth.current === 0) setOver(null);
      }}
      onDrop={(event) => {
        depth.current = 0;
        setOver(null);
        event.preventDefault();
        offerFiles([...event.dataTransfer.files]);
      }}
    >
      <TalkHead talkId={talkId} />
      {searchOpen && <TalkSearch talkId={talkId} query={query} onQuery={setQuery} onClose={closeSearch} />}
      <MessageLog talkId={talkId} query={searchOpen ? query : ''} />
      <Composer talkId={talkId} onFiles={offerFiles} onAttach={() => void attach()} />
      {over && (
        <div className={styles.drop}>
          <div className={styles.target}>
            <Icon of={FileUp} size={32} />
            <div className={styles.targetTitle}>{t('offer.drop', { count: over.count, name })}</div>
            {over.names && <div className={styles.targetFiles}>{over.names}</div>}
          </div>
        </div>
      )}
    </section>
  );
}

/** The middle: the open talk, or what to do to have one. */
export function TalkRegion() {
  const { t } = useTranslation();
  const { platform } = useBridge();
  const talkId = useView((view) => view.talkId);
  const known = useFacts((facts) => talkId !== null && facts.talks[talkId] !== undefined);
  if (talkId !== null && known) return <OpenTalk key={talkId} talkId={talkId} />;
  return (
    <section className={styles.talk} aria-label={t('regions.talk')} data-region="talk">
      <EmptyState
        icon={MessagesSquare}
        title={t('talk.none')}
        hint={t('talk.noneHint', { key: keysShown('find', platform) })}
      />
    </section>
  );
}
