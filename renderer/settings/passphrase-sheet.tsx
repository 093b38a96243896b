import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Fault, MINIMUM_PASSPHRASE } from '../../electron/contract/index.ts';
import { Trouble } from '../first-start/trouble.tsx';
import { faultSentence } from '../i18n/faults.ts';
import { Dialog, DialogFeet } from '../kit/floating/dialog.tsx';
import { Button } from '../kit/form/button.tsx';
import { Switch, TextField } from '../kit/form/field.tsx';
import { useActions, useFacts } from '../store/app-context.tsx';
import styles from './settings.module.css';

/** Sets, changes or takes away the passphrase of the history; says first what forgetting it means. */
export function PassphraseSheet() {
  const { t } = useTranslation();
  const actions = useActions();
  // as it was when the sheet opened: what is set now must not turn the sheet into another one
  const protection = useFacts((facts) => facts.protection);
  const [before] = useState(protection);
  const [values, setValues] = useState({ current: '', fresh: '', again: '' });
  const [shown, setShown] = useState(false);
  const [busy, setBusy] = useState(false);
  const [tried, setTried] = useState(false);
  const [said, setSaid] = useState<Fault | null>(null);
  const isChange = before === 'passphrase';
  const tooShort = values.fresh.length < MINIMUM_PASSPHRASE;
  const differs = values.again !== values.fresh;
  const set = (change: Partial<typeof values>) => {
    setValues({ ...values, ...change });
    setSaid(null);
  };
  const ask = async (passphrase: string | null) => {
    setBusy(true);
    const { current } = values;
    const result = await actions.attempt('app.setPassphrase', { passphrase, ...(isChange ? { current } : {}) });
    setBusy(false);
    if ('fault' in result) return setSaid(result.fault);
    actions.closeSheet();
    actions.toast({ text: t(passphrase === null ? 'protection.takenAway' : 'protection.saved') });
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!tooShort && !differs && !busy) void ask(values.fresh);
  };
  const type = shown ? 'text' : 'password';
  const isWrong = said?.code === 'passphrase-wrong';
  return (
    <Dialog title={isChange ? t('protection.changeTitle') : t('protection.setTitle')} onClose={actions.closeSheet}>
      <form className={styles.fields} onSubmit={submit} aria-busy={busy} noValidate>
        <p>{t('protection.lead')}</p>
        {said && !isWrong && <Trouble fault={said} />}
        {isChange && (
          <TextField
            label={t('protection.current')}
            type={type}
            autoComplete="off"
            value={values.current}
            onChange={(current) => set({ current })}
            wrong={isWrong ? faultSentence(t, said.code) : undefined}
          />
        )}
        <TextField
          label={t('protection.fresh')}
          type={type}
          autoComplete="off"
          hint={t('protection.freshHint')}
          value={values.fresh}
          onChange={(fresh) => set({ fresh })}
          wrong={tried && tooShort ? t('protection.tooShort') : undefined}
        />
        <TextField
          label={t('protection.again')}
          type={type}
          autoComplete="off"
          value={values.again}
          onChange={(again) => set({ again })}
          wrong={tried && !tooShort && differs ? t('protection.differs') : undefined}
        />
        <Switch label={t('protection.show')} checked={shown} onChange={setShown} />
        <DialogFeet>
          {isChange ? (
            <Button look="danger" disabled={busy} onClick={() => void ask(null)}>
              {t('protection.takeAway')}
            </Button>
          ) : (
            <Button onClick={actions.closeSheet}>{t('common.cancel')}</Button>
          )}
          <Button type="submit" look="primary" disabled={busy}>
            {t('protection.save')}
          </Button>
        </DialogFeet>
      </form>
    </Dialog>
  );
}
