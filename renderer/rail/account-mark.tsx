import {
  CircleAlert,
  CircleCheck,
  CircleMinus,
  Clock3,
  KeyRound,
  LoaderCircle,
  Power,
  RotateCw,
  Settings,
  ShieldAlert,
  Wifi,
} from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { type AccountMood, accountWords, allowableOf, moodOf, protocolName } from '../app/account-words.ts';
import { useFormat } from '../i18n/use-format.ts';
import { cx } from '../kit/cx.ts';
import { Menu, MenuItem, MenuSeparator } from '../kit/floating/menu.tsx';
import { Tooltip } from '../kit/floating/tooltip.tsx';
import { Icon } from '../kit/form/button.tsx';
import { useNow } from '../kit/hooks/use-now.ts';
import { useActions, useFacts } from '../store/app-context.tsx';
import { accountOf, bare } from '../store/selectors.ts';
import styles from './rail.module.css';

const MARKS = {
  online: CircleCheck,
  connecting: LoaderCircle,
  waiting: Clock3,
  stopped: CircleAlert,
  off: CircleMinus,
} as const satisfies Record<AccountMood, unknown>;

/** One account: its protocol, its state as a mark, and in words for whoever asks. */
export function AccountMark({ accountId }: { accountId: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const actions = useActions();
  const account = useFacts((facts) => accountOf(facts, accountId));
  const now = useNow(account?.registration.state === 'waiting' ? 1000 : null);
  if (!account) return null;
  const mood = moodOf(account);
  const words = accountWords(t, account, now, format.round);
  const name = account.protocol === 'local' ? account.displayName || bare(account.address) : bare(account.address);
  const label = t('account.label', { address: name, protocol: protocolName(t, account.protocol), state: words });
  const cause = account.registration.state === 'stopped' ? account.registration.cause : undefined;
  const asked = allowableOf(cause);
  const openSettings = () => actions.openSheet({ kind: 'settings', section: 'accounts', accountId });
  return (
    <Tooltip text={label} side="right">
      <span>
        <Menu
          label={label}
          side="right"
          trigger={
            <button type="button" className={cx(styles.account, styles[mood])} aria-label={label}>
              {account.protocol === 'local' ? <Icon of={Wifi} size={18} /> : protocolName(t, account.protocol)}
              <span className={styles.mark}>
                <Icon of={MARKS[mood]} size={13} stroke={2.25} />
              </span>
            </button>
          }
        >
          <div className={styles.menuHead}>
            <div className={styles.menuTitle}>{name}</div>
            <div className={styles.menuState}>{words}</div>
          </div>
          {account.registration.state === 'waiting' && (
            <MenuItem icon={RotateCw} onSelect={() => actions.tell('accounts.retry', { accountId })}>
              {t('account.retry')}
            </MenuItem>
          )}
          {cause?.certificate && (
            <MenuItem icon={ShieldAlert} onSelect={() => actions.openSheet({ kind: 'certificate', accountId })}>
              {t('account.seeCertificate')}
            </MenuItem>
          )}
          {asked !== undefined && (
            <MenuItem
              icon={KeyRound}
              onSelect={() => actions.tell('accounts.allowAuthentication', { accountId, asked })}
            >
              {t('account.allowAuthentication')}
            </MenuItem>
          )}
          {(cause?.code === 'credentials-rejected' || cause?.code === 'credentials-missing') && (
            <MenuItem icon={KeyRound} onSelect={openSettings}>
              {t('account.enterPassword')}
            </MenuItem>
          )}
          <MenuItem
            icon={Power}
            onSelect={() => void actions.ask('accounts.change', { accountId, enabled: !account.enabled })}
          >
            {account.enabled ? t('account.turnOff') : t('account.turnOn')}
          </MenuItem>
          <MenuSeparator />
          <MenuItem icon={Settings} onSelect={openSettings}>
            {t('account.settings')}
          </MenuItem>
        </Menu>
      </span>
    </Tooltip>
  );
}
