import { ChevronDown, Eye, EyeOff } from 'lucide-react';
import { type ReactNode, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { faultTodo } from '../i18n/faults.ts';
import { Button, Icon, IconButton } from '../kit/form/button.tsx';
import { Segments, SelectField, TextField } from '../kit/form/field.tsx';
import { checkSignIn, guessProtocol, type Protocol, type SignInValues, type SignInWrong } from './sign-in-values.ts';
import styles from './start.module.css';

interface SignInFormProps {
  values: SignInValues;
  onChange: (values: SignInValues) => void;
  onSubmit: () => void;
  /** What went wrong before, above the fields. */
  trouble?: ReactNode;
  busy: boolean;
}

/** An address and a password; all else is folded away. */
export function SignInForm({ values, onChange, onSubmit, trouble, busy }: SignInFormProps) {
  const { t } = useTranslation();
  const form = useRef<HTMLFormElement>(null);
  const [open, setOpen] = useState(values.host !== '' || values.transport !== 'auto' || values.login !== '');
  const [shown, setShown] = useState(false);
  const [wrong, setWrong] = useState<SignInWrong>({});
  const set = (change: Partial<SignInValues>) => {
    onChange({ ...values, ...change });
    setWrong({});
  };
  return (
    <form
      ref={form}
      className={styles.form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        const found = checkSignIn(values);
        setWrong(found);
        if (found.port) setOpen(true);
        const first = Object.keys(found)[0];
        if (first) form.current?.querySelector<HTMLElement>(`[name="${first}"]`)?.focus();
        else onSubmit();
      }}
    >
      {trouble}
      <TextField
        big
        label={t('start.address')}
        name="address"
        inputMode="email"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        placeholder={t('start.addressExample')}
        autoFocus={values.address === ''}
        value={values.address}
        onChange={(address) => set({ address, ...(values.chosen ? {} : { protocol: guessProtocol(address) }) })}
        wrong={
          wrong.address === 'missing'
            ? t('start.missingAddress')
            : wrong.address === 'bad'
              ? faultTodo(t, 'address-invalid')
              : undefined
        }
        aside={
          <Segments<Protocol>
            tight
            label={t('start.protocol')}
            value={values.protocol}
            options={[
              { value: 'sip', text: t('protocols.sip') },
              { value: 'xmpp', text: t('protocols.xmpp') },
            ]}
            onChange={(protocol) => set({ protocol, chosen: true })}
          />
        }
      />
      <TextField
        big
        label={t('start.password')}
        name="password"
        type={shown ? 'text' : 'password'}
        autoComplete="current-password"
        autoFocus={values.address !== '' && values.password === ''}
        value={values.password}
        onChange={(password) => set({ password })}
        wrong={wrong.password ? t('start.missingPassword') : undefined}
        end={
          <IconButton
            icon={shown ? EyeOff : Eye}
            label={shown ? t('start.hidePassword') : t('start.showPassword')}
            onClick={() => setShown(!shown)}
          />
        }
      />
      <button
        type="button"
        className={styles.fold}
        aria-expanded={open}
        aria-controls={open ? 'sign-in-advanced' : undefined}
        onClick={() => setOpen(!open)}
      >
        <Icon of={ChevronDown} size={16} />
        {t('start.advanced')}
      </button>
      {open && (
        <div className={styles.advanced} id="sign-in-advanced">
          <div className={styles.pair}>
            <TextField
              label={t('account.server')}
              name="host"
              spellCheck={false}
              value={values.host}
              onChange={(host) => set({ host })}
              hint={t('account.serverHint')}
            />
            <TextField
              label={t('account.port')}
              name="port"
              inputMode="numeric"
              value={values.port}
              onChange={(port) => set({ port })}
              wrong={wrong.port ? t('start.badPort') : undefined}
            />
          </div>
          {values.protocol === 'sip' && (
            <SelectField
              label={t('account.transport')}
              value={values.transport}
              options={[
                { value: 'auto', text: t('account.transportAuto') },
                { value: 'tls', text: 'TLS' },
                { value: 'tcp', text: 'TCP' },
                { value: 'udp', text: 'UDP' },
              ]}
              onChange={(transport) => set({ transport: transport as SignInValues['transport'] })}
            />
          )}
          <TextField
            label={t('account.login')}
            name="login"
            autoComplete="off"
            spellCheck={false}
            value={values.login}
            onChange={(login) => set({ login })}
            hint={t('account.loginHint')}
          />
        </div>
      )}
      <Button type="submit" look="primary" size="large" wide disabled={busy}>
        {t('start.signIn')}
      </Button>
    </form>
  );
}
