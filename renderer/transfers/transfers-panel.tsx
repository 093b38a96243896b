import { ArrowUpDown, X } from 'lucide-react';
import type { KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { EmptyState } from '../kit/empty-state.tsx';
import { Button, IconButton } from '../kit/form/button.tsx';
import { useRemembered } from '../kit/hooks/use-remembered.ts';
import { Resizer } from '../kit/resizer.tsx';
import { useActions, useFactsShallow } from '../store/app-context.tsx';
import { isLive } from '../store/selectors.ts';
import { TransferRow } from './transfer-row.tsx';
import styles from './transfers.module.css';

/** Up and down go from file to file; Tab goes to what can be done with it. */
function walk(event: KeyboardEvent<HTMLUListElement>) {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  const row = (event.target as HTMLElement).closest('li');
  const next = event.key === 'ArrowDown' ? row?.nextElementSibling : row?.previousElementSibling;
  const button = next?.querySelector<HTMLElement>('button');
  if (!button) return;
  event.preventDefault();
  button.focus();
}

/** Every file that is on its way, and those that ended, until they are cleared. */
export function TransfersPanel() {
  const { t } = useTranslation();
  const actions = useActions();
  const [width, setWidth] = useRemembered('aims.panel', 344);
  const live = useFactsShallow((facts) =>
    facts.transferOrder.filter((id) => {
      const transfer = facts.transfers[id];
      return transfer !== undefined && isLive(transfer);
    }),
  );
  const ended = useFactsShallow((facts) =>
    facts.transferOrder.filter((id) => {
      const transfer = facts.transfers[id];
      return transfer !== undefined && !isLive(transfer) && !transfer.tidied;
    }),
  );
  return (
    <section
      className={styles.panel}
      style={{ '--panel-width': `${width}px` } as React.CSSProperties}
      aria-label={t('regions.transfers')}
      data-region="transfers"
    >
      <div className={styles.head}>
        <h2 className={styles.title}>{t('transfers.title')}</h2>
        <IconButton icon={X} label={t('transfers.close')} onClick={actions.togglePanel} />
      </div>
      {live.length + ended.length === 0 ? (
        <EmptyState icon={ArrowUpDown} title={t('transfers.empty')} hint={t('transfers.emptyHint')} />
      ) : (
        <div className={styles.scroll}>
          {live.length > 0 && (
            <>
              <h3 className={styles.sub}>{t('transfers.now')}</h3>
              <ul aria-label={t('transfers.now')} onKeyDown={walk}>
                {live.map((id) => (
                  <TransferRow key={id} transferId={id} />
                ))}
              </ul>
            </>
          )}
          {ended.length > 0 && (
            <>
              <h3 className={styles.sub}>
                {t('transfers.before')}
                <Button look="quiet" size="small" onClick={() => void actions.ask('transfers.clear', {})}>
                  {t('transfers.clear')}
                </Button>
              </h3>
              <ul aria-label={t('transfers.before')} onKeyDown={walk}>
                {ended.map((id) => (
                  <TransferRow key={id} transferId={id} />
                ))}
              </ul>
            </>
          )}
        </div>
      )}
      <Resizer label={t('transfers.resize')} panel="right" value={width} min={260} max={480} onChange={setWidth} />
    </section>
  );
}
