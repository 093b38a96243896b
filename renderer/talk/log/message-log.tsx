import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown } from 'lucide-react';
import { type KeyboardEvent, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Message } from '../../../electron/contract/index.ts';
import { useWindowFocus } from '../../app/use-window-focus.ts';
import { useFormat } from '../../i18n/use-format.ts';
import { cx } from '../../kit/cx.ts';
import { Icon } from '../../kit/form/button.tsx';
import { useNow } from '../../kit/hooks/use-now.ts';
import { Avatar } from '../../kit/person/avatar.tsx';
import { useActions, useFacts, useView } from '../../store/app-context.tsx';
import { nameOf } from '../../store/selectors.ts';
import styles from './log.module.css';
import { MessageBubble } from './message-bubble.tsx';
import { type LogRow, logRows } from './rows.ts';

const none: readonly Message[] = [];

/** The words of a talk: opens at the end, stays there while it is there, never jumps when older ones come. */
export function MessageLog({ talkId, query }: { talkId: string; query: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const actions = useActions();
  const focused = useWindowFocus();
  const now = useNow(60_000);
  const scroll = useRef<HTMLDivElement>(null);
  const log = useFacts((facts) => facts.logs[talkId]);
  const name = useFacts((facts) => nameOf(facts, facts.talks[talkId]));
  const address = useFacts((facts) => facts.talks[talkId]?.route.address ?? '');
  const unread = useFacts((facts) => facts.talks[talkId]?.unread ?? 0);
  const unreadFrom = useView((view) => (view.unreadFrom?.talkId === talkId ? view.unreadFrom.sequence : null));
  const wrote = useView((view) => (view.wrote?.talkId === talkId ? view.wrote : null));
  const targetId = useView((view) => (view.target?.talkId === talkId ? view.target.messageId : null));
  const messages = log?.messages ?? none;
  const older = log?.older ?? false;
  const newer = log?.newer ?? false;
  const rows = useMemo(
    () => logRows(messages, { beginning: log !== undefined && !older, unreadFrom }),
    [messages, log, older, unreadFrom],
  );
  const [active, setActive] = useState<string | null>(null);
  const [atEnd, setAtEnd] = useState(true);
  const wantsFocus = useRef(false);

  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: (index) => (rows[index]?.kind === 'message' ? 56 : 48),
    getItemKey: (index) => rows[index]?.key ?? index,
    overscan: 12,
    paddingEnd: 4,
    anchorTo: 'end',
    followOnAppend: true,
    scrollEndThreshold: 80,
  });

  // in a narrow window the list may cover the talk
  const height = virtual.scrollRect?.height ?? 0;
  const shown = height > 0;

  const toEnd = () => {
    if (newer) void actions.loadNewest(talkId).then(() => requestAnimationFrame(() => virtual.scrollToEnd()));
    else virtual.scrollToEnd();
  };

  // opens at the end, or where reading stopped
  const opened = useRef(false);
  useLayoutEffect(() => {
    if (opened.current || rows.length === 0 || !shown) return;
    opened.current = true;
    if (targetId) return;
    const line = rows.findIndex((row) => row.kind === 'unread');
    if (line >= 0) virtual.scrollToIndex(line, { align: 'start' });
    else virtual.scrollToEnd();
  });

  // whoever reads the end goes on doing so when the box below grows with its text, or the window changes
  const reading = useRef(atEnd);
  reading.current = atEnd;
  useLayoutEffect(() => {
    if (height > 0 && opened.current && reading.current) virtual.scrollToEnd();
  }, [height, virtual]);

  // one's own words come into sight; what was written before this talk was opened is there already
  const shownWrote = useRef(wrote);
  useEffect(() => {
    if (shownWrote.current === wrote) return;
    shownWrote.current = wrote;
    setAtEnd(true);
    virtual.scrollToEnd();
  }, [wrote, virtual]);

  // a found message comes to the middle, once: not again at each arrival
  const shownTarget = useRef<string | null>(null);
  useEffect(() => {
    if (shownTarget.current === targetId) return;
    const at = targetId === null ? -1 : rows.findIndex((row) => row.key === targetId);
    if (at < 0 && targetId !== null) return;
    shownTarget.current = targetId;
    if (at >= 0) virtual.scrollToIndex(at, { align: 'center' });
  }, [targetId, rows, virtual]);

  const onScroll = () => {
    const element = scroll.current;
    if (!element) return;
    const gap = element.scrollHeight - element.scrollTop - element.clientHeight;
    setAtEnd(gap < 80);
    if (element.scrollTop < 800 && older) void actions.loadOlder(talkId);
    if (gap < 800 && newer) void actions.loadNewer(talkId);
  };

  // what arrived while the end was out of sight
  const last = messages.at(-1);
  const [seen, setSeen] = useState(0);
  useEffect(() => {
    if (atEnd && last) setSeen(last.sequence);
  }, [atEnd, last]);
  const fresh = atEnd
    ? 0
    : messages.reduce(
        (sum, message) => sum + (message.direction === 'incoming' && seen > 0 && message.sequence > seen ? 1 : 0),
        0,
      );

  useEffect(() => {
    if (shown && focused && atEnd && unread > 0 && last && !newer)
      actions.tell('talks.markRead', { talkId, upTo: last.sequence });
  }, [actions, shown, focused, atEnd, unread, last, newer, talkId]);

  const messageRows = useMemo(
    () => rows.flatMap((row, index) => (row.kind === 'message' ? [{ key: row.key, index }] : [])),
    [rows],
  );
  const stop = active !== null && messageRows.some((row) => row.key === active) ? active : messageRows.at(-1)?.key;
  useEffect(() => {
    if (!wantsFocus.current || !active) return;
    const item = scroll.current?.querySelector<HTMLElement>(`[data-message="${CSS.escape(active)}"]`);
    if (!item) return;
    wantsFocus.current = false;
    item.focus({ preventScroll: true });
  });
  const onKeyDown = (event: KeyboardEvent) => {
    const at = messageRows.findIndex((row) => row.key === stop);
    if (event.altKey || event.ctrlKey || event.metaKey || !(event.target as HTMLElement).matches('li, ol, div')) return;
    const next =
      event.key === 'ArrowUp'
        ? at - 1
        : event.key === 'ArrowDown'
          ? at + 1
          : event.key === 'Home'
            ? 0
            : event.key === 'End'
              ? messageRows.length - 1
              : null;
    if (next === null) return;
    event.preventDefault();
    const row = messageRows[Math.max(0, Math.min(messageRows.length - 1, next))];
    if (!row) return;
    wantsFocus.current = true;
    setActive(row.key);
    virtual.scrollToIndex(row.index, { align: 'auto' });
  };

  return (
    <div className={styles.wrap}>
      <div
        ref={scroll}
        className={styles.scroll}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable; arrows then walk its messages
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label={t('talk.messagesWith', { name })}
      >
        <ol
          className={styles.rows}
          style={{ height: virtual.getTotalSize() }}
          aria-label={t('talk.messagesWith', { name })}
        >
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index];
            if (!row) return null;
            const place =
              row.kind === 'message'
                ? { 'aria-posinset': row.place, 'aria-setsize': older || newer ? -1 : messages.length }
                : {};
            return (
              <li
                key={item.key}
                ref={virtual.measureElement}
                data-index={item.index}
                data-message={row.kind === 'message' ? row.key : undefined}
                tabIndex={row.kind === 'message' ? -1 : undefined}
                onFocus={(event) => {
                  if (event.target === event.currentTarget) setActive(row.key);
                }}
                style={{ transform: `translateY(${item.start}px)` }}
                {...place}
              >
                <Line
                  row={row}
                  name={name}
                  address={address}
                  query={query}
                  found={row.key === targetId}
                  day={(at) => format.day(at, now)}
                />
              </li>
            );
          })}
        </ol>
      </div>
      {(!atEnd || newer) && (
        <button
          type="button"
          className={cx(styles.pill, fresh > 0 && styles.fresh)}
          aria-label={fresh > 0 ? t('talk.newPill', { count: fresh }) : t('talk.toEnd')}
          onClick={toEnd}
        >
          <Icon of={ArrowDown} />
          {fresh > 0 && t('talk.newPill', { count: fresh })}
        </button>
      )}
    </div>
  );
}

interface LineProps {
  row: LogRow;
  name: string;
  address: string;
  query: string;
  found: boolean;
  day: (at: number) => string;
}

function Line({ row, name, address, query, found, day }: LineProps) {
  const { t } = useTranslation();
  switch (row.kind) {
    case 'day':
      return (
        <div className={styles.day}>
          <span>{day(row.at)}</span>
        </div>
      );
    case 'unread':
      return <div className={styles.unreadLine}>{t('talk.newMessages')}</div>;
    case 'beginning':
      return (
        <div className={styles.beginning}>
          <Avatar name={name} address={address} size={64} />
          <div className={styles.beginningTitle}>{t('talk.empty', { name })}</div>
          <div className={styles.beginningHint}>{t('talk.emptyHint')}</div>
        </div>
      );
    case 'message':
      return <MessageBubble row={row} name={name} query={query} found={found} />;
    default: {
      const unforeseen: never = row;
      return unforeseen;
    }
  }
}
