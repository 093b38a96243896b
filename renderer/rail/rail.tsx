import { ArrowUpDown, Plus, Settings } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { keysShown } from '../app/shortcuts.ts';
import { useFormat } from '../i18n/use-format.ts';
import { cx } from '../kit/cx.ts';
import { Icon, IconButton } from '../kit/form/button.tsx';
import { ProgressRing } from '../kit/progress.tsx';
import { useActions, useBridge, useFactsShallow, useView } from '../store/app-context.tsx';
import { transferTotals } from '../store/selectors.ts';
import { AccountMark } from './account-mark.tsx';
import { MeButton } from './me-button.tsx';
import styles from './rail.module.css';

/** By itself, because it changes ten times a second while files are on their way. */
function TransfersButton() {
  const { t } = useTranslation();
  const format = useFormat();
  const actions = useActions();
  const { platform } = useBridge();
  const totals = useFactsShallow((facts) => transferTotals(facts));
  const panelOpen = useView((view) => view.panelOpen);
  const label =
    totals.running > 0
      ? t('transfers.openRunning', { count: totals.running, percent: format.percent(totals.share) })
      : t('transfers.open');
  return (
    <IconButton
      icon={ArrowUpDown}
      label={label}
      keys={keysShown('transfers', platform)}
      side="right"
      aria-pressed={panelOpen}
      className={cx(styles.ringed, totals.asking > 0 && styles.asking)}
      onClick={actions.togglePanel}
    >
      {totals.running > 0 && <ProgressRing share={totals.share} />}
      <Icon of={ArrowUpDown} />
    </IconButton>
  );
}

/** Who I am, my accounts, and what is on its way. */
export function Rail() {
  const { t } = useTranslation();
  const actions = useActions();
  const { platform } = useBridge();
  const accountIds = useFactsShallow((facts) => facts.accounts.map((account) => account.id));
  return (
    <nav className={styles.rail} aria-label={t('regions.rail')} data-region="rail">
      <MeButton />
      <span className={styles.divider} />
      <div className={styles.accounts}>
        {accountIds.map((id) => (
          <AccountMark key={id} accountId={id} />
        ))}
        <IconButton
          icon={Plus}
          label={t('account.add')}
          side="right"
          onClick={() => actions.openSheet({ kind: 'add-account' })}
        />
      </div>
      <span className={styles.space} />
      <TransfersButton />
      <IconButton
        icon={Settings}
        label={t('settings.title')}
        keys={keysShown('settings', platform)}
        side="right"
        onClick={() => actions.openSheet({ kind: 'settings', section: 'accounts' })}
      />
    </nav>
  );
}
