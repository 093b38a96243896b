import { useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Account, CommandInput } from '../../electron/contract/index.ts';
import { allowableOf } from '../app/account-words.ts';
import { AuthorityFile } from '../first-start/authority-file.tsx';
import { faultSentence } from '../i18n/faults.ts';
import { useFormat } from '../i18n/use-format.ts';
import { cx } from '../kit/cx.ts';
import { Button } from '../kit/form/button.tsx';
import { SelectField, Switch, TextField } from '../kit/form/field.tsx';
import { useActions } from '../store/app-context.tsx';
import styles from './settings.module.css';

/** A host, with a port or without, or an MSRP URI without a session. */
const RELAY = /^(msrps?:\/\/)?(\[[\da-f:.]+\]|[\w-]+(\.[\w-]+)*)(:\d{1,5})?\/?(;tcp)?$/i;

/** Passwords go there: nothing but TLS. */
const HTTPS = /^https:\/\/(\[[\da-f:.]+\]|[\w-]+(\.[\w-]+)*)(:\d{1,5})?(\/[^\s?#]*)?$/i;

type Change = Omit<CommandInput<'accounts.change'>, 'accountId'>;

/** One account's settings. The switch and the password count at once, the rest with *Save*. */
export function AccountForm({ account }: { account: Account }) {
  const { t } = useTranslation();
  const format = useFormat();
  const actions = useActions();
  const accountId = account.id;
  const [password, setPassword] = useState('');
  const [name, setName] = useState(account.displayName);
  const [host, setHost] = useState(account.server?.host ?? '');
  const [port, setPort] = useState(account.server ? String(account.server.port) : '');
  const [transport, setTransport] = useState<string>(account.transport ?? 'auto');
  const [login, setLogin] = useState(account.authenticationName ?? '');
  const [relay, setRelay] = useState(account.msrpRelay ?? '');
  const relayWrong = relay.trim() !== '' && !RELAY.test(relay.trim());
  const [listRoot, setListRoot] = useState(account.xcapRoot ?? '');
  const listRootWrong = listRoot.trim() !== '' && !HTTPS.test(listRoot.trim());
  const portNumber = Number(port);
  const portWrong = port !== '' && !(Number.isInteger(portNumber) && portNumber > 0 && portNumber < 65536);
  const change = (what: Change) => actions.ask('accounts.change', { accountId, ...what });
  const { registration } = account;
  const cause = registration.state === 'stopped' ? registration.cause : undefined;

  const asked = allowableOf(cause);

  const save = async () => {
    const saved = await change({
      displayName: name.trim(),
      ...(account.protocol === 'local'
        ? {}
        : {
            server: host.trim()
              ? { host: host.trim(), port: portNumber || (account.protocol === 'xmpp' ? 5222 : 5061) }
              : null,
            authenticationName: login.trim() || null,
            ...(account.protocol === 'sip'
              ? {
                  transport: transport === 'auto' ? null : (transport as NonNullable<Account['transport']>),
                  options: {
                    msrpRelay: relay.trim() || null,
                    xcapRoot: listRoot.trim() || (account.xcapRoot === '' ? '' : null),
                  },
                }
              : {}),
          }),
    });
    if (saved) actions.toast({ text: t('account.saved') });
  };

  return (
    <div className={styles.accountBody}>
      {cause && (
        <p className={cx(styles.small, styles.bad)}>
          {faultSentence(t, cause.code)}{' '}
          {cause.certificate && (
            <Button look="quiet" size="small" onClick={() => actions.openSheet({ kind: 'certificate', accountId })}>
              {t('account.seeCertificate')}
            </Button>
          )}
          {asked !== undefined && (
            <Button
              look="quiet"
              size="small"
              onClick={() => actions.tell('accounts.allowAuthentication', { accountId, asked })}
            >
              {t('account.allowAuthentication')}
            </Button>
          )}
        </p>
      )}
      {registration.state === 'online' && (
        <div className={styles.small}>
          <p>{t('account.since', { time: format.full(registration.since) })}</p>
          {account.contactList && <p>{t(`account.contactsOn.${account.contactList}`)}</p>}
          {account.contactsUnread > 0 && <p>{t('account.contactsUnread', { count: account.contactsUnread })}</p>}
        </div>
      )}
      <Switch label={t('account.turnOn')} checked={account.enabled} onChange={(enabled) => void change({ enabled })} />
      {account.protocol !== 'local' && (
        <form
          className={styles.inline}
          onSubmit={(event) => {
            event.preventDefault();
            if (password) void change({ password }).then((saved) => saved && setPassword(''));
          }}
        >
          <TextField
            label={t('account.password')}
            type="password"
            autoComplete="current-password"
            autoFocus={cause?.code.startsWith('credentials') ?? false}
            value={password}
            onChange={setPassword}
            hint={account.passwordKept ? undefined : t('account.passwordNotKept')}
          />
          <Button type="submit" disabled={password === ''}>
            {t('account.usePassword')}
          </Button>
        </form>
      )}
      <form
        className={styles.fields}
        onSubmit={(event) => {
          event.preventDefault();
          if (!portWrong && !relayWrong && !listRootWrong) void save();
        }}
      >
        <TextField label={t('account.displayName')} value={name} maxLength={200} onChange={setName} />
        {account.protocol !== 'local' && (
          <>
            <div className={styles.pair}>
              <TextField label={t('account.server')} value={host} onChange={setHost} hint={t('account.serverHint')} />
              <TextField
                label={t('account.port')}
                inputMode="numeric"
                value={port}
                onChange={setPort}
                wrong={portWrong ? t('start.badPort') : undefined}
              />
            </div>
            {account.protocol === 'sip' && (
              <SelectField
                label={t('account.transport')}
                value={transport}
                options={[
                  { value: 'auto', text: t('account.transportAuto') },
                  { value: 'tls', text: 'TLS' },
                  { value: 'tcp', text: 'TCP' },
                  { value: 'udp', text: 'UDP' },
                ]}
                onChange={setTransport}
              />
            )}
            <TextField label={t('account.login')} value={login} onChange={setLogin} hint={t('account.loginHint')} />
            <Authorities account={account} forget={() => void change({ authorities: null })} />
            {account.protocol === 'sip' && (
              <TextField
                label={t('account.relay')}
                value={relay}
                maxLength={300}
                onChange={setRelay}
                hint={t('account.relayHint')}
                wrong={relayWrong ? t('account.relayWrong') : undefined}
              />
            )}
            {account.protocol === 'sip' && (
              <TextField
                label={t('account.listRoot')}
                value={listRoot}
                maxLength={300}
                onChange={setListRoot}
                hint={t('account.listRootHint')}
                wrong={listRootWrong ? t('account.listRootWrong') : undefined}
              />
            )}
          </>
        )}
        <div className={styles.feet}>
          <Button look="danger" onClick={() => actions.openSheet({ kind: 'remove-account', accountId })}>
            {t('account.remove')}
          </Button>
          <Button type="submit" look="primary">
            {t('common.save')}
          </Button>
        </div>
      </form>
    </div>
  );
}

/** Who signs the certificates of the campus. Counts at once, as the switch does: the account connects again with it. */
function Authorities({ account, forget }: { account: Account; forget: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const id = useId();
  const { authorities = [] } = account;
  return (
    <fieldset className={styles.group} aria-describedby={`${id}-hint`}>
      <legend className={styles.label}>{t('account.authorities')}</legend>
      {authorities.map(({ subject, fingerprint, validTo }) => (
        <p key={fingerprint} className={styles.small}>
          {t('account.authorityUntil', { subject, date: format.date(Date.parse(validTo)) })}
        </p>
      ))}
      <p id={`${id}-hint`} className={styles.small}>
        {t('account.authoritiesHint')}
      </p>
      <div className={styles.choices}>
        <AuthorityFile accountId={account.id} text={t('account.chooseAuthority')} size="small" />
        {authorities.length > 0 && (
          <Button size="small" onClick={forget}>
            {t('account.forgetAuthority')}
          </Button>
        )}
      </div>
    </fieldset>
  );
}
