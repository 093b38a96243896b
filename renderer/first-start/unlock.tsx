import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import logo from '../../assets/icon.svg';
import type { Fault } from '../../electron/contract/index.ts';
import { faultSentence } from '../i18n/faults.ts';
import { Button } from '../kit/form/button.tsx';
import { TextField } from '../kit/form/field.tsx';
import { useActions } from '../store/app-context.tsx';
import styles from './start.module.css';
import { Trouble } from './trouble.tsx';

/** The core has what it needed; it may still have to save what can be read of a damaged store. */
const isGoingOn = (result: { output: unknown } | { fault: Fault }): result is { output: unknown } =>
  'output' in result || result.fault.code === 'database-salvaging';

/** Before anything can be read: the passphrase, or the way to begin without what it protects. */
export function Unlock({ fault }: { fault: Fault }) {
  const [isForgotten, setForgotten] = useState(false);
  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <img className={styles.logo} src={logo} alt="" />
        {isForgotten ? (
          <Forgotten onBack={() => setForgotten(false)} />
        ) : (
          <Question fault={fault} onForgotten={() => setForgotten(true)} />
        )}
      </div>
    </main>
  );
}

function Question({ fault, onForgotten }: { fault: Fault; onForgotten: () => void }) {
  const { t } = useTranslation();
  const actions = useActions();
  const [passphrase, setPassphrase] = useState('');
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState<Fault | null>(null);
  const isDamaged = fault.code === 'key-damaged';
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (passphrase === '' || busy) return;
    setBusy(true);
    const result = await actions.attempt('app.unlock', { passphrase });
    setBusy(false);
    if (isGoingOn(result)) return void actions.reload();
    setSaid(result.fault);
  };
  return (
    <>
      <h1 className={styles.title}>{t('protection.title')}</h1>
      <p className={styles.lead}>{isDamaged ? '' : faultSentence(t, 'passphrase-needed')}</p>
      <form className={styles.form} onSubmit={(event) => void submit(event)} aria-busy={busy}>
        {isDamaged ? <Trouble fault={fault} /> : said && said.code !== 'passphrase-wrong' && <Trouble fault={said} />}
        {!isDamaged && (
          <>
            <TextField
              big
              label={t('protection.passphrase')}
              type="password"
              autoComplete="off"
              autoFocus
              value={passphrase}
              onChange={(value) => {
                setPassphrase(value);
                setSaid(null);
              }}
              wrong={said?.code === 'passphrase-wrong' ? faultSentence(t, said.code) : undefined}
            />
            <Button type="submit" look="primary" size="large" wide disabled={busy}>
              {busy ? t('protection.unlocking') : t('protection.unlock')}
            </Button>
          </>
        )}
      </form>
      <div className={styles.other}>
        <Button look="quiet" disabled={busy} onClick={onForgotten}>
          {t('protection.forgot')}
        </Button>
      </div>
    </>
  );
}

/** Says what is lost before it is. */
function Forgotten({ onBack }: { onBack: () => void }) {
  const { t } = useTranslation();
  const actions = useActions();
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState<Fault | null>(null);
  const begin = async () => {
    setBusy(true);
    const result = await actions.attempt('app.beginAnew', {});
    setBusy(false);
    if (isGoingOn(result)) return void actions.reload();
    setSaid(result.fault);
  };
  return (
    <>
      <h1 className={styles.title}>{t('protection.forgotTitle')}</h1>
      <p className={styles.lead}>{t('protection.forgotText')}</p>
      {said && <Trouble fault={said} />}
      <div className={styles.stack}>
        <Button look="danger" wide disabled={busy} onClick={() => void begin()}>
          {t('protection.forgotYes')}
        </Button>
        <Button wide autoFocus onClick={onBack}>
          {t('common.back')}
        </Button>
      </div>
    </>
  );
}
