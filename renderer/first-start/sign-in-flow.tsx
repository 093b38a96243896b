import { useCallback, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Fault } from '../../electron/contract/index.ts';
import { Button } from '../kit/form/button.tsx';
import { TextField } from '../kit/form/field.tsx';
import { useActions, useFacts } from '../store/app-context.tsx';
import { accountOf } from '../store/selectors.ts';
import { Connecting } from './connecting.tsx';
import { SignInForm } from './sign-in-form.tsx';
import { noValues, signInCommand } from './sign-in-values.ts';
import styles from './start.module.css';
import { Trouble } from './trouble.tsx';

interface SignInFlowProps {
  /** Above the form; a dialog has its own title. */
  title?: string;
  /** Told before the account exists, so that first start stays in front while it is made and connects. */
  onSigningIn?: (signingIn: boolean) => void;
  onDone: () => void;
}

/** Form, then steps, then in; back to the form with everything still typed when it does not work. */
export function SignInFlow({ title, onSigningIn, onDone }: SignInFlowProps) {
  const { t } = useTranslation();
  const actions = useActions();
  const [values, setValues] = useState(noValues);
  const [mode, setMode] = useState<'address' | 'local'>('address');
  const [name, setName] = useState('');
  const [nameWrong, setNameWrong] = useState(false);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<Fault | null>(null);
  const [accountId, setAccountId] = useState<string | null>(null);
  const account = useFacts((facts) => (accountId === null ? undefined : accountOf(facts, accountId)));

  const begin = async (input: ReturnType<typeof signInCommand>) => {
    setBusy(true);
    setFault(null);
    onSigningIn?.(true);
    const result = await actions.signIn(input);
    setBusy(false);
    if ('fault' in result) {
      onSigningIn?.(false);
      setFault(result.fault);
    } else setAccountId(result.account.id);
  };
  // an account that never connected is not kept: what is typed next may be another one
  const back = async () => {
    const cause = account?.registration.state === 'stopped' ? account.registration.cause : null;
    setFault(cause?.certificate ? null : cause);
    setAccountId(null);
    if (cause?.code.startsWith('credentials')) setValues((now) => ({ ...now, password: '' }));
    if (account) await actions.removeAccount(account.id);
    onSigningIn?.(false);
  };
  const done = useCallback(() => onDone(), [onDone]);

  if (account) return <Connecting account={account} onBack={() => void back()} onDone={done} />;
  const trouble = fault && <Trouble fault={fault} />;
  return (
    <>
      {title && <h1 className={styles.title}>{mode === 'local' ? t('start.localTitle') : title}</h1>}
      {(title || mode === 'local') && (
        <p className={styles.lead}>{mode === 'local' ? t('start.localLead') : t('start.lead')}</p>
      )}
      {mode === 'address' ? (
        <SignInForm
          values={values}
          onChange={setValues}
          onSubmit={() => void begin(signInCommand(values))}
          trouble={trouble}
          busy={busy}
        />
      ) : (
        <form
          className={styles.form}
          onSubmit={(event) => {
            event.preventDefault();
            if (name.trim() === '') setNameWrong(true);
            else void begin({ protocol: 'local', displayName: name.trim() });
          }}
        >
          {trouble}
          <TextField
            big
            label={t('start.localName')}
            autoComplete="name"
            autoFocus
            maxLength={200}
            value={name}
            onChange={(next) => {
              setName(next);
              setNameWrong(false);
            }}
            wrong={nameWrong ? t('start.missingName') : undefined}
          />
          <Button type="submit" look="primary" size="large" wide disabled={busy}>
            {t('start.localStart')}
          </Button>
        </form>
      )}
      <div className={styles.other}>
        <Button
          look="quiet"
          onClick={() => {
            setFault(null);
            setMode(mode === 'local' ? 'address' : 'local');
          }}
        >
          {mode === 'local' ? t('start.useAccount') : t('start.local')}
        </Button>
      </div>
    </>
  );
}
