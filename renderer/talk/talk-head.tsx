import { ArrowLeft, ChevronDown, Ellipsis, Search, Trash2, UserPlus, UserRound } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import type { Permission } from '../../electron/contract/index.ts';
import { protocolName, routeWord } from '../app/account-words.ts';
import { keysShown } from '../app/shortcuts.ts';
import { useFormat } from '../i18n/use-format.ts';
import { cx } from '../kit/cx.ts';
import { Menu, MenuItem, MenuRadio, MenuSeparator } from '../kit/floating/menu.tsx';
import { Icon, IconButton } from '../kit/form/button.tsx';
import { Hidden } from '../kit/hidden.tsx';
import { useNow } from '../kit/hooks/use-now.ts';
import { Avatar } from '../kit/person/avatar.tsx';
import { UnverifiedMark } from '../kit/person/unverified-mark.tsx';
import { useActions, useBridge, useFacts, useFactsShallow } from '../store/app-context.tsx';
import { accountOf, bare, isUnverified, nameOf, personOf } from '../store/selectors.ts';
import { presenceWords } from './presence-words.ts';
import styles from './talk.module.css';

const keyOf = (route: { accountId: string; address: string }): string => `${route.accountId} ${route.address}`;

/** The route as one quiet word; a menu when there is more than one. */
function RouteMenu({ talkId }: { talkId: string }) {
  const { t } = useTranslation();
  const actions = useActions();
  const route = useFacts((facts) => facts.talks[talkId]?.route);
  const accounts = useFacts((facts) => facts.accounts);
  const addresses = useFacts((facts) => personOf(facts, facts.talks[talkId])?.addresses);
  if (!route) return null;
  const protocolOf = (accountId: string) => accounts.find((account) => account.id === accountId)?.protocol ?? '';
  const word = routeWord(t, protocolOf(route.accountId));
  const known = addresses ?? [];
  const all = known.some((one) => keyOf(one) === keyOf(route)) ? known : [route, ...known];
  const options = all.map((one) => ({
    value: keyOf(one),
    text: protocolName(t, protocolOf(one.accountId)),
    hint: bare(one.address),
  }));
  return (
    <Menu
      label={t('talk.routes')}
      align="end"
      trigger={
        <button type="button" className={styles.route} aria-label={t('talk.route', { route: word })}>
          <span className={styles.routeWord}>{word}</span>
          <Icon of={ChevronDown} size={14} />
        </button>
      }
    >
      <MenuRadio
        label={t('talk.routes')}
        value={keyOf(route)}
        options={options}
        onChange={(value) => {
          const chosen = all.find((one) => keyOf(one) === value);
          if (chosen) void actions.setRoute(talkId, { accountId: chosen.accountId, address: chosen.address });
        }}
      />
    </Menu>
  );
}

/** What this person may see of us, where a server of ours keeps that. */
function PermissionRadio({ talkId }: { talkId: string }) {
  const { t } = useTranslation();
  const actions = useActions();
  const person = useFacts((facts) => personOf(facts, facts.talks[talkId]));
  const name = useFacts((facts) => nameOf(facts, facts.talks[talkId]));
  const permission = person?.addresses.find((one) => one.permission !== undefined)?.permission;
  if (!person || !permission) return null;
  return (
    <>
      <MenuSeparator />
      <MenuRadio<Permission>
        label={t('person.permission.title', { name })}
        value={permission}
        options={[
          { value: 'allow', text: t('person.permission.allow'), hint: t('person.permission.allowHint') },
          {
            value: 'polite-block',
            text: t('person.permission.politeBlock'),
            hint: t('person.permission.politeBlockHint'),
          },
          { value: 'block', text: t('person.permission.block'), hint: t('person.permission.blockHint') },
        ]}
        onChange={(chosen) => void actions.ask('people.setPermission', { personId: person.id, permission: chosen })}
      />
    </>
  );
}

/** Who it is, how they are, and by which route we write. */
export function TalkHead({ talkId }: { talkId: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const actions = useActions();
  const { platform } = useBridge();
  const now = useNow(30_000);
  const name = useFacts((facts) => nameOf(facts, facts.talks[talkId]));
  const person = useFacts((facts) => personOf(facts, facts.talks[talkId]));
  const route = useFacts((facts) => facts.talks[talkId]?.route);
  const typing = useFacts((facts) => facts.typing[talkId] === true);
  const local = useFactsShallow(
    (facts) => accountOf(facts, facts.talks[talkId]?.route.accountId ?? '')?.protocol === 'local',
  );
  const unverified = useFacts((facts) => isUnverified(facts, facts.talks[talkId]));
  if (!route) return null;
  const otherKey = person?.addresses.some(({ address, key }) => address === route.address && key === 'other') ?? false;
  const presence = person?.presence ?? { state: 'unknown' as const };
  const listed = person?.addresses.some((one) => one.listed) ?? false;
  const openDetails = () => person && actions.openSheet({ kind: 'person', personId: person.id });
  return (
    <header className={styles.head}>
      <IconButton
        icon={ArrowLeft}
        label={t('common.back')}
        className={styles.back}
        onClick={() => actions.show({ column: 'list' })}
      />
      <button type="button" className={styles.who} onClick={openDetails}>
        <Avatar name={name} address={route.address} presence={presence.state} size={36} />
        <span className={styles.whoText}>
          <span className={styles.nameLine}>
            <span className={styles.name}>{name}</span>
            {unverified && <UnverifiedMark label={t('person.unconfirmed')} />}
          </span>
          <Hidden>, </Hidden>
          <span className={cx(styles.presence, typing && styles.typing)}>
            {typing ? t('talk.typing') : presenceWords(t, presence, now, format.round)}
            {unverified && ` · ${t(otherKey ? 'person.otherKey' : 'person.unconfirmed')}`}
            {unverified && !local && name !== bare(route.address) && ` · ${bare(route.address)}`}
          </span>
          <Hidden>{t('talk.details')}</Hidden>
        </span>
      </button>
      <RouteMenu talkId={talkId} />
      <IconButton
        icon={Search}
        label={t('talk.search')}
        keys={keysShown('searchTalk', platform)}
        className={styles.searchButton}
        onClick={() => actions.show({ searchOpen: true })}
      />
      <Menu label={t('talk.more')} align="end" trigger={<IconButton icon={Ellipsis} label={t('talk.more')} />}>
        <MenuItem icon={UserRound} onSelect={() => openDetails()}>
          {t('talk.details')}
        </MenuItem>
        <MenuItem icon={Search} onSelect={() => actions.show({ searchOpen: true })}>
          {t('talk.search')}
        </MenuItem>
        {!listed && !local && (
          <MenuItem
            icon={UserPlus}
            onSelect={() => actions.openSheet({ kind: 'add-person', address: bare(route.address) })}
          >
            {t('person.add')}
          </MenuItem>
        )}
        <PermissionRadio talkId={talkId} />
        <MenuSeparator />
        <MenuItem icon={Trash2} dangerous onSelect={() => actions.removeTalk(talkId, t('talk.removed', { name }))}>
          {t('talk.remove')}
        </MenuItem>
      </Menu>
    </header>
  );
}
