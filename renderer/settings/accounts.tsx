import { ChevronDown, ChevronRight } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Account } from '../../electron/contract/index.ts';
import { accountWords, moodOf, protocolName } from '../app/account-words.ts';
import { useFormat } from '../i18n/use-format.ts';
import { cx } from '../kit/cx.ts';
import { EmptyState } from '../kit/empty-state.tsx';
import { Button, Icon } from '../kit/form/button.tsx';
import { useNow } from '../kit/hooks/use-now.ts';
import { Avatar } from '../kit/person/avatar.tsx';
import { useActions, useFacts } from '../store/app-context.tsx';
import { bare } from '../store/selectors.ts';
import { AccountForm } from './account-form.tsx';
import styles from './settings.module.css';

function AccountCard({ account, open, onToggle }: { account: Account; open: boolean; onToggle: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow(account.registration.state === 'waiting' ? 1000 : null);
  const name = account.protocol === 'local' ? account.displayName : bare(account.address);
  return (
    <li className={styles.account}>
      <button type="button" className={styles.accountHead} aria-expanded={open} onClick={onToggle}>
        <Avatar name={account.displayName || name} address={account.address} size={36} />
        <span className={styles.accountText}>
          <span className={styles.accountName}>{name}</span>
          <span className={cx(styles.small, moodOf(account) === 'stopped' && styles.bad)} style={{ display: 'block' }}>
            {protocolName(t, account.protocol)} · {accountWords(t, account, now, format.round)}
          </span>
        </span>
        <Icon of={open ? ChevronDown : ChevronRight} size={18} />
      </button>
      {open && <AccountForm account={account} />}
    </li>
  );
}

export function Accounts({ openId }: { openId?: string }) {
  const { t } = useTranslation();
  const actions = useActions();
  const accounts = useFacts((facts) => facts.accounts);
  const [opened, setOpened] = useState(openId ?? (accounts.length === 1 ? accounts[0]?.id : undefined));
  return (
    <>
      {accounts.length === 0 && <EmptyState title={t('settings.noAccounts')} />}
      <ul>
        {accounts.map((account) => (
          <AccountCard
            key={account.id}
            account={account}
            open={opened === account.id}
            onToggle={() => setOpened(opened === account.id ? undefined : account.id)}
          />
        ))}
      </ul>
      <Button onClick={() => actions.openSheet({ kind: 'add-account' })}>{t('account.add')}</Button>
    </>
  );
}
