import { ShieldAlert } from 'lucide-react';
import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../i18n/use-format.ts';
import { cx } from '../kit/cx.ts';
import { Icon } from '../kit/form/button.tsx';
import { ProgressBar } from '../kit/progress.tsx';
import { useFacts } from '../store/app-context.tsx';
import { nameOf } from '../store/selectors.ts';
import { fileGlyph } from '../talk/files/file-glyph.ts';
import { FileName } from '../talk/files/file-name.tsx';
import { hasButtons, TransferButtons } from './transfer-buttons.tsx';
import { showsProgress, transferPace, transferShare, transferSize, transferState } from './transfer-words.ts';
import styles from './transfers.module.css';

/** One file on its way, or arrived, or not. */
export const TransferRow = memo(function TransferRow({ transferId }: { transferId: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const transfer = useFacts((facts) => facts.transfers[transferId]);
  const person = useFacts((facts) => nameOf(facts, facts.talks[facts.transfers[transferId]?.talkId ?? '']));
  if (!transfer) return null;
  const { file, state, risky } = transfer;
  const words = transferState(t, transfer, person, format);
  const size = transferSize(t, transfer, format);
  const share = transferShare(transfer);
  const who =
    transfer.direction === 'outgoing' ? t('transfers.to', { name: person }) : t('transfers.from', { name: person });
  return (
    <li className={styles.row} aria-label={t('file.label', { name: file.name, size, state: words })} data-state={state}>
      <span className={cx(styles.thumb, risky && styles.warn)}>
        {file.icon && !risky ? (
          <img src={file.icon} alt="" />
        ) : (
          <Icon of={risky ? ShieldAlert : fileGlyph(file.type)} />
        )}
      </span>
      <div className={styles.body}>
        <FileName name={file.name} />
        <div className={styles.line}>
          <span>{who}</span>
          <span>{state === 'running' && share !== null ? format.percent(share) : size}</span>
        </div>
        {showsProgress(transfer) && (
          <ProgressBar label={file.name} share={share} still={state === 'paused' || state === 'waiting-for-peer'} />
        )}
        <div className={cx(styles.line, transfer.fault && styles.wrong)}>
          <span>{transferPace(t, transfer, format) || words}</span>
        </div>
        {hasButtons(transfer) && (
          <div className={styles.feet}>
            <TransferButtons transfer={transfer} />
          </div>
        )}
      </div>
    </li>
  );
});
