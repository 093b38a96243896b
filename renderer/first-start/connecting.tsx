import { Check, Circle, CircleX, LoaderCircle } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Account } from '../../electron/contract/index.ts';
import { useFormat } from '../i18n/use-format.ts';
import { cx } from '../kit/cx.ts';
import { Button, Icon } from '../kit/form/button.tsx';
import { Hidden } from '../kit/hidden.tsx';
import { useNow } from '../kit/hooks/use-now.ts';
import { useActions } from '../store/app-context.tsx';
import { bare } from '../store/selectors.ts';
import { AuthorityFile } from './authority-file.tsx';
import { CertificateFacts, lacksAuthority } from './certificate.tsx';
import styles from './start.module.css';
import { Trouble } from './trouble.tsx';

const SERVER_STEPS = ['locating', 'connecting', 'securing', 'authenticating', 'registering', 'restoring'] as const;
const LOCAL_STEPS = ['connecting', 'registering'] as const;

/**
 * The step that these faults belong to, for the last steps before a fault come together with it and may never have been shown.
 * Others stand at the step that was reached.
 */
const STEP_OF_FAULT: Readonly<Record<string, string>> = {
  'host-unknown': 'locating',
  unreachable: 'connecting',
  'tls-required': 'securing',
  'tls-untrusted': 'securing',
  'credentials-rejected': 'authenticating',
  'credentials-missing': 'authenticating',
};

interface ConnectingProps {
  account: Account;
  onBack: () => void;
  onDone: () => void;
}

/** What signing in does, step by step; where it stops, why, and the one thing to do. */
export function Connecting({ account, onBack, onDone }: ConnectingProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const actions = useActions();
  const { registration } = account;
  const now = useNow(registration.state === 'waiting' ? 1000 : null);
  const steps: readonly string[] = account.protocol === 'local' ? LOCAL_STEPS : SERVER_STEPS;
  const [reached, setReached] = useState(0);
  const [secured, setSecured] = useState(false);
  useEffect(() => {
    if (registration.state === 'connecting' && registration.step === 'securing') setSecured(true);
    if (registration.state === 'connecting') setReached(Math.max(0, steps.indexOf(registration.step)));
    if (registration.state === 'online') {
      setReached(steps.length);
      // long enough to read that it worked
      const timer = setTimeout(onDone, 600);
      return () => clearTimeout(timer);
    }
  }, [registration, steps, onDone]);

  const cause = registration.state === 'stopped' || registration.state === 'waiting' ? registration.cause : undefined;
  // never fewer than were seen to be done
  const at = Math.max(reached, steps.indexOf(STEP_OF_FAULT[cause?.code ?? ''] ?? ''));
  const certificate = registration.state === 'stopped' ? registration.cause.certificate : undefined;
  if (certificate)
    return (
      <>
        <h1 className={styles.title}>{t('certificate.title')}</h1>
        <div className={styles.lead} style={{ textAlign: 'start', marginBottom: 0 }}>
          <CertificateFacts facts={certificate} />
        </div>
        <div className={styles.stack}>
          <Button size="large" look="primary" onClick={onBack}>
            {t('certificate.dont')}
          </Button>
          <Button
            size="large"
            onClick={() =>
              void actions.ask('accounts.trustCertificate', {
                accountId: account.id,
                fingerprint: certificate.fingerprint,
              })
            }
          >
            {t('certificate.trust')}
          </Button>
          {lacksAuthority(certificate) && (
            <AuthorityFile accountId={account.id} text={t('certificate.useAuthority')} size="large" />
          )}
        </div>
      </>
    );

  return (
    <>
      <h1 className={styles.title}>{account.protocol === 'local' ? t('start.localTitle') : t('start.welcome')}</h1>
      <p className={styles.lead}>
        {account.protocol === 'local' ? t('start.joining') : t('start.signingIn', { address: bare(account.address) })}
      </p>
      <ol className={styles.steps} aria-live="polite">
        {steps.map((step, place) => {
          const done = place < at;
          const here = place === at;
          // over UDP and TCP nothing makes the line private, and nothing may say so
          if (step === 'securing' && done && !secured) return null;
          return (
            <li
              key={step}
              className={cx(styles.step, done && styles.done, here && (cause ? styles.stuck : styles.now))}
              aria-current={here ? 'step' : undefined}
            >
              <Icon of={done ? Check : here ? (cause ? CircleX : LoaderCircle) : Circle} size={18} />
              {t(`account.step.${step as (typeof SERVER_STEPS)[number]}`)}
              {(done || here) && <Hidden>{done ? t('start.stepDone') : t('start.stepNow')}</Hidden>}
            </li>
          );
        })}
      </ol>
      {cause && (
        <Trouble fault={cause} mild={registration.state === 'waiting'}>
          {registration.state === 'waiting' &&
            (registration.retryAt > now
              ? t('start.waiting', { time: format.round(Math.ceil((registration.retryAt - now) / 1000)) })
              : t('account.waitingNow'))}
        </Trouble>
      )}
      <div className={styles.stack}>
        {registration.state === 'waiting' && (
          <>
            <Button
              size="large"
              look="primary"
              onClick={() => actions.tell('accounts.retry', { accountId: account.id })}
            >
              {t('common.tryNow')}
            </Button>
            <Button size="large" onClick={onDone}>
              {t('start.carryOn')}
            </Button>
          </>
        )}
        <Button look={cause && registration.state === 'stopped' ? 'primary' : 'quiet'} size="large" onClick={onBack}>
          {cause ? t('start.change') : t('common.cancel')}
        </Button>
      </div>
    </>
  );
}
