import { ShieldAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { routeWord } from '../../app/account-words.ts';
import { useFormat } from '../../i18n/use-format.ts';
import { cx } from '../../kit/cx.ts';
import { Icon } from '../../kit/form/button.tsx';
import { ProgressBar } from '../../kit/progress.tsx';
import { useFacts } from '../../store/app-context.tsx';
import { accountOf, nameOf } from '../../store/selectors.ts';
import { hasButtons, TransferButtons } from '../../transfers/transfer-buttons.tsx';
import {
  fileKind,
  showsProgress,
  transferPace,
  transferShare,
  transferSize,
  transferState,
} from '../../transfers/transfer-words.ts';
import styles from './file.module.css';
import { fileGlyph } from './file-glyph.ts';
import { FileName } from './file-name.tsx';

interface FileBubbleProps {
  transferId: string;
  fallback: string;
  /** The time of its message. */
  when: ReactNode;
}

/** A file in the talk, in whatever state it is. */
export function FileBubble({ transferId, fallback, when }: FileBubbleProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const transfer = useFacts((facts) => facts.transfers[transferId]);
  const name = useFacts((facts) => nameOf(facts, facts.talks[facts.transfers[transferId]?.talkId ?? '']));
  // the head says the way of the talk: only another one is said here
  const otherProtocol = useFacts((facts) => {
    const one = facts.transfers[transferId];
    const talk = facts.talks[one?.talkId ?? ''];
    return one && talk?.route.accountId !== one.route.accountId
      ? (accountOf(facts, one.route.accountId)?.protocol ?? '')
      : '';
  });
  // cleared from the panel and forgotten: its name stays in the talk
  if (!transfer)
    return (
      <div className={styles.file}>
        <div className={styles.top}>
          <span className={styles.thumb}>
            <Icon of={fileGlyph('')} />
          </span>
          <FileName name={fallback} />
          <span className={styles.when}>{when}</span>
        </div>
      </div>
    );
  const { file, state, risky } = transfer;
  const words = transferState(t, transfer, name, format);
  const pace = transferPace(t, transfer, format);
  const size = transferSize(t, transfer, format);
  const offered = state === 'offered' && transfer.direction === 'incoming';
  const how = otherProtocol && routeWord(t, otherProtocol);
  const big = file.icon !== null && !risky && (state === 'completed' || state === 'offered');
  return (
    <div className={cx(styles.file, transfer.direction === 'outgoing' && styles.own)} data-state={state} data-bubble>
      {big && file.icon && <img className={styles.picture} src={file.icon} alt="" />}
      <div className={styles.top}>
        {!big && (
          <span className={cx(styles.thumb, risky && styles.warn)}>
            {file.icon && !risky ? (
              <img src={file.icon} alt="" />
            ) : (
              <Icon of={risky ? ShieldAlert : fileGlyph(file.type)} size={22} />
            )}
          </span>
        )}
        <div className={styles.facts}>
          <FileName name={file.name} />
          <div className={cx(styles.state, transfer.fault && styles.wrong)}>
            <span className={styles.words}>
              {state === 'failed'
                ? words
                : (offered && !transfer.fault && !transfer.unanswered
                    ? [size, fileKind(file.name), how]
                    : [size, pace || words]
                  )
                    .filter(Boolean)
                    .join(' · ')}
            </span>
            <span className={styles.when}>{when}</span>
          </div>
        </div>
      </div>
      {showsProgress(transfer) && (
        <ProgressBar
          label={file.name}
          share={transferShare(transfer)}
          still={state === 'paused' || state === 'waiting-for-peer'}
        />
      )}
      {risky && transfer.direction === 'incoming' && (state === 'offered' || state === 'completed') && (
        <div className={styles.warning}>
          <Icon of={ShieldAlert} size={16} />
          <span>{t('file.risky')}</span>
        </div>
      )}
      {/* of what was sent nothing was saved here: a pasted picture never had a place, and a file of one's own may be moved */}
      {state === 'completed' && transfer.direction === 'incoming' && transfer.path === null && (
        <div className={styles.state}>{t('file.moved')}</div>
      )}
      {hasButtons(transfer) && (
        <div className={styles.feet}>
          <TransferButtons transfer={transfer} />
        </div>
      )}
    </div>
  );
}
