import { Search, UserPlus, Users, X } from 'lucide-react';
import { useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { keysShown } from '../app/shortcuts.ts';
import { EmptyState } from '../kit/empty-state.tsx';
import { Button, Icon, IconButton } from '../kit/form/button.tsx';
import { Segments } from '../kit/form/field.tsx';
import { useRemembered } from '../kit/hooks/use-remembered.ts';
import { Resizer } from '../kit/resizer.tsx';
import { useActions, useBridge, useFacts, useView } from '../store/app-context.tsx';
import { takesContacts } from '../store/selectors.ts';
import { ConnectionLine, Notices } from './connection-line.tsx';
import styles from './list.module.css';
import { Requests } from './requests.tsx';
import { addressIn, groupRows, recentRows, searchRows } from './rows.ts';
import { TalkList } from './talk-list.tsx';
import { useFoundMessages } from './use-found-messages.ts';

/** The second column: find, requests, trouble, and the one list of talks and people. */
export function ListRegion() {
  const { t } = useTranslation();
  const actions = useActions();
  const { platform } = useBridge();
  const region = useRef<HTMLElement>(null);
  const [width, setWidth] = useRemembered('aims.list', 320);
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const ready = useFacts((facts) => facts.ready);
  const talks = useFacts((facts) => facts.talks);
  const talkOrder = useFacts((facts) => facts.talkOrder);
  const people = useFacts((facts) => facts.people);
  const leaving = useView((view) => view.leaving);
  const query = useView((view) => view.query);
  const order = useView((view) => view.listOrder);
  const messages = useFoundMessages(query, 40);
  const searching = query.trim() !== '';

  const rows = useMemo(() => {
    const input = { talks, talkOrder, people, leaving };
    const headings = {
      talks: t('list.talks'),
      people: t('list.people'),
      messages: t('list.messages'),
      noGroup: t('list.noGroup'),
    };
    if (searching) return searchRows(input, headings, query, messages);
    return order === 'groups' ? groupRows(input, headings, closed) : recentRows(input, headings);
  }, [talks, talkOrder, people, leaving, searching, query, messages, order, closed, t]);
  // who shows up by themselves cannot be added
  const serverless = useFacts((facts) => facts.accounts.length > 0 && !facts.accounts.some(takesContacts));
  const grouped = useMemo(() => Object.values(people).some((person) => person.groups.length > 0), [people]);

  const toggle = (group: string) => {
    const next = new Set(closed);
    if (!next.delete(group)) next.add(group);
    setClosed(next);
  };
  const addPerson = () => actions.openSheet({ kind: 'add-person', address: addressIn(query) ?? '' });

  return (
    <section
      ref={region}
      className={styles.list}
      style={{ '--list-width': `${width}px` } as React.CSSProperties}
      aria-label={t('regions.list')}
      data-region="list"
    >
      <div className={styles.head}>
        <div className={styles.search}>
          <Icon of={Search} size={18} />
          <input
            type="search"
            className={styles.searchInput}
            aria-label={t('list.search')}
            aria-keyshortcuts="Control+K"
            placeholder={`${t('list.searchShort')}  ${keysShown('find', platform)}`}
            value={query}
            data-find
            onChange={(event) => actions.show({ query: event.currentTarget.value })}
            onKeyDown={(event) => {
              if (event.key === 'Escape') {
                if (!query) return;
                actions.show({ query: '' });
                event.stopPropagation();
              } else if (event.key === 'ArrowDown' || event.key === 'Enter') {
                const row = region.current?.querySelector<HTMLElement>('li button');
                if (event.key === 'Enter' && searching) row?.click();
                else row?.focus();
                event.preventDefault();
              }
            }}
          />
          {query && (
            <IconButton
              small
              icon={X}
              label={t('list.clearSearch')}
              className={styles.searchClear}
              onClick={() => actions.show({ query: '' })}
            />
          )}
        </div>
        <IconButton icon={UserPlus} label={t('list.addPerson')} onClick={addPerson} />
      </div>
      <div className={styles.above}>
        <div aria-live="polite">
          <ConnectionLine />
        </div>
        <Notices />
        <Requests />
      </div>
      {grouped && !searching && (
        <div className={styles.orders}>
          <Segments
            tight
            label={t('list.view')}
            value={order}
            options={[
              { value: 'recent', text: t('list.recent') },
              { value: 'groups', text: t('list.groups') },
            ]}
            onChange={(listOrder) => actions.show({ listOrder })}
          />
        </div>
      )}
      {rows.length > 0 && <TalkList rows={rows} query={query.trim()} onToggleGroup={toggle} />}
      {rows.length === 0 && searching && (
        <EmptyState
          icon={Search}
          title={t('list.nothingFound', { query: query.trim() })}
          hint={t('list.nothingFoundHint')}
        />
      )}
      {rows.length === 0 && !searching && ready && (
        <EmptyState
          icon={Users}
          title={t('list.empty')}
          hint={t(serverless ? 'list.emptyNetworkHint' : 'list.emptyHint')}
          action={
            serverless ? undefined : (
              <Button look="primary" onClick={addPerson}>
                {t('list.addPerson')}
              </Button>
            )
          }
        />
      )}
      <Resizer label={t('transfers.resizeList')} panel="left" value={width} min={240} max={460} onChange={setWidth} />
    </section>
  );
}
