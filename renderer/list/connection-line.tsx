import { CloudOff, ShieldAlert, TriangleAlert, X } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { allowableOf } from '../app/account-words.ts';
import { faultSentence } from '../i18n/faults.ts';
import { useFormat } from '../i18n/use-format.ts';
import { cx } from '../kit/cx.ts';
import { Button, Icon, IconButton } from '../kit/form/button.tsx';
import { useNow } from '../kit/hooks/use-now.ts';
import { useActions, useFacts, useFactsShallow, useView } from '../store/app-context.tsx';
import { bare } from '../store/selectors.ts';
import styles from './list.module.css';

/** Trouble with a connection, in one line of words; never a dialog. What needs a person comes first. */
export function ConnectionLine() {
  const { t } = useTranslation();
  const format = useFormat();
  const actions = useActions();
  const ready = useFacts((facts) => facts.ready);
  const connected = useView((view) => view.connected);
  const notStarted = useView((view) => view.notStarted);
  const troubled = useFactsShallow((facts) =>
    facts.accounts.filter(
      (account) =>
        account.enabled && (account.registration.state === 'stopped' || account.registration.state === 'waiting'),
    ),
  );
  const stopped = troubled.find((account) => account.registration.state === 'stopped');
  const waiting = troubled.filter((account) => account.registration.state === 'waiting');
  const now = useNow(waiting.length > 0 ? 1000 : null);

  if (ready && !connected && notStarted && notStarted.code !== 'core-gone')
    return (
      <Line bad glyph={TriangleAlert} text={faultSentence(t, notStarted.code)}>
        <Button size="small" look="quiet" onClick={() => void actions.reload()}>
          {t('common.tryAgain')}
        </Button>
      </Line>
    );
  if (ready && !connected) return <Line glyph={CloudOff} text={t('connection.coreGone')} />;
  if (stopped?.registration.state === 'stopped') {
    const { cause } = stopped.registration;
    const sentence = faultSentence(t, cause.code);
    const accountId = stopped.id;
    const asked = allowableOf(cause);
    return (
      <Line
        bad
        glyph={cause.certificate ? ShieldAlert : TriangleAlert}
        text={t('connection.stopped', { address: bare(stopped.address), sentence })}
      >
        {asked !== undefined ? (
          <Button
            size="small"
            look="quiet"
            onClick={() => actions.tell('accounts.allowAuthentication', { accountId, asked })}
          >
            {t('account.allowAuthentication')}
          </Button>
        ) : cause.certificate ? (
          <Button size="small" look="quiet" onClick={() => actions.openSheet({ kind: 'certificate', accountId })}>
            {t('account.seeCertificate')}
          </Button>
        ) : (
          <Button
            size="small"
            look="quiet"
            onClick={() => actions.openSheet({ kind: 'settings', section: 'accounts', accountId })}
          >
            {cause.code.startsWith('credentials') ? t('account.enterPassword') : t('account.settings')}
          </Button>
        )}
      </Line>
    );
  }
  const soonest = Math.min(
    ...waiting.map((account) => (account.registration.state === 'waiting' ? account.registration.retryAt : now)),
  );
  const first = waiting[0];
  if (!first) return null;
  const left = Math.ceil((soonest - now) / 1000);
  const name = bare(first.server?.host ?? first.address).replace(/^.*@/, '');
  return (
    <Line
      glyph={CloudOff}
      text={
        left > 0
          ? t('connection.lost', { count: waiting.length, name, time: format.round(left) })
          : t('connection.retrying', { name })
      }
    >
      <Button
        size="small"
        look="quiet"
        onClick={() => {
          for (const account of waiting) actions.tell('accounts.retry', { accountId: account.id });
        }}
      >
        {t('common.tryNow')}
      </Button>
    </Line>
  );
}

interface LineProps {
  glyph: typeof CloudOff;
  text: string;
  bad?: boolean;
  children?: React.ReactNode;
}

const Line = ({ glyph, text, bad, children }: LineProps) => (
  <div className={cx(styles.line, bad && styles.bad)} data-part="connection-line">
    <Icon of={glyph} size={16} />
    <div className={styles.lineText}>
      {text}
      {children && <div className={styles.lineFeet}>{children}</div>}
    </div>
  </div>
);

/** What is to know and belongs to no account, or `only` what begins so; each can be dismissed. */
export function Notices({ only }: { only?: 'database-' }) {
  const { t } = useTranslation();
  const actions = useActions();
  const notices = useFacts((facts) => facts.notices);
  const shown = only ? notices.filter((notice) => notice.code.startsWith(only)) : notices;
  return shown.map((notice) => (
    <div key={notice.id} className={styles.line} role="status">
      <Icon of={TriangleAlert} size={16} />
      <div className={styles.lineText}>
        {t(`notices.${notice.code}`, { detail: notice.detail, saved: notice.saved ?? 0, lost: notice.lost ?? 0 })}
        {notice.code === 'history-not-protected' && (
          <div className={styles.lineFeet}>
            <Button size="small" look="quiet" onClick={() => actions.openSheet({ kind: 'passphrase' })}>
              {t('protection.set')}
            </Button>
          </div>
        )}
      </div>
      <IconButton
        small
        icon={X}
        label={t('common.dismiss')}
        onClick={() => actions.tell('app.dismissNotice', { noticeId: notice.id })}
      />
    </div>
  ));
}
