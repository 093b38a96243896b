import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import styles from './list.module.css';
import { GroupHeading, MessageRow, PersonRow, WriteRow } from './other-rows.tsx';
import type { Row } from './rows.ts';
import { TalkRow } from './talk-row.tsx';

interface TalkListProps {
  rows: readonly Row[];
  query: string;
  onToggleGroup: (group: string) => void;
}

/** The list itself: virtual, one tab stop, arrows walk through it. */
export function TalkList({ rows, query, onToggleGroup }: TalkListProps) {
  const { t } = useTranslation();
  const scroll = useRef<HTMLDivElement>(null);
  const wanted = useRef<number | null>(null);
  const [active, setActive] = useState(0);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: (index) => (rows[index]?.kind === 'heading' ? 34 : 66),
    getItemKey: (index) => rows[index]?.key ?? index,
    overscan: 8,
    paddingEnd: 8,
  });

  const stops = (index: number) => {
    const row = rows[index];
    return row !== undefined && (row.kind !== 'heading' || row.group !== undefined);
  };
  const first = Math.max(
    0,
    rows.findIndex((_, index) => stops(index)),
  );
  const stop = stops(active) ? active : first;

  const go = (from: number, step: 1 | -1) => {
    let next = from;
    while (next >= 0 && next < rows.length && !stops(next)) next += step;
    if (next < 0 || next >= rows.length) return;
    setActive(next);
    wanted.current = next;
    virtual.scrollToIndex(next, { align: 'auto' });
  };
  // the row may be painted only after the scroll
  useEffect(() => {
    if (wanted.current === null) return;
    const row = scroll.current?.querySelector<HTMLElement>(`[data-index="${wanted.current}"] button`);
    if (!row) return;
    wanted.current = null;
    row.focus();
  });

  // what `npm run bench:app` reads: the list is there and can be used
  useEffect(() => {
    performance.mark('aims:list');
  }, []);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === 'ArrowDown') go(stop + 1, 1);
    else if (event.key === 'ArrowUp') go(stop - 1, -1);
    else if (event.key === 'Home') go(0, 1);
    else if (event.key === 'End') go(rows.length - 1, -1);
    else return;
    event.preventDefault();
  };

  return (
    <div className={styles.scroll} ref={scroll}>
      <ul
        className={styles.rows}
        aria-label={query ? t('list.results') : t('list.talks')}
        style={{ height: virtual.getTotalSize() }}
        onKeyDown={onKeyDown}
        onFocus={(event) => {
          const index = event.target.closest('[data-index]')?.getAttribute('data-index');
          if (index) setActive(Number(index));
        }}
      >
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (!row) return null;
          const tabIndex = item.index === stop ? 0 : -1;
          return (
            <li
              key={item.key}
              data-index={item.index}
              aria-posinset={item.index + 1}
              aria-setsize={rows.length}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              {row.kind === 'talk' && <TalkRow talkId={row.talkId} tabIndex={tabIndex} />}
              {row.kind === 'person' && <PersonRow personId={row.personId} tabIndex={tabIndex} />}
              {row.kind === 'message' && <MessageRow message={row.message} query={query} tabIndex={tabIndex} />}
              {row.kind === 'write' && <WriteRow address={row.address} tabIndex={tabIndex} />}
              {row.kind === 'heading' &&
                (row.group === undefined ? (
                  <h2 className={styles.heading}>{row.text}</h2>
                ) : (
                  <GroupHeading
                    text={row.text}
                    count={row.count ?? 0}
                    open={row.open ?? true}
                    tabIndex={tabIndex}
                    onToggle={() => onToggleGroup(row.group ?? '')}
                  />
                ))}
            </li>
          );
        })}
      </ul>
    </div>
  );
}
