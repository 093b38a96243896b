import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Account, Fault, PersonAddress } from '../../electron/contract/index.ts';
import { protocolName } from '../app/account-words.ts';
import { Trouble } from '../first-start/trouble.tsx';
import { faultTodo } from '../i18n/faults.ts';
import { useFormat } from '../i18n/use-format.ts';
import { Dialog, DialogFeet } from '../kit/floating/dialog.tsx';
import { Button } from '../kit/form/button.tsx';
import { SelectField, TextField } from '../kit/form/field.tsx';
import { useNow } from '../kit/hooks/use-now.ts';
import { Avatar, PresenceGlyph } from '../kit/person/avatar.tsx';
import { useActions, useFacts } from '../store/app-context.tsx';
import { accountOf, bare, canAskToSee, takesContacts } from '../store/selectors.ts';
import { presenceWords } from '../talk/presence-words.ts';
import { KeyCheck } from './key-check.tsx';
import { SamePerson } from './same-person.tsx';
import styles from './settings.module.css';

const groupsIn = (text: string): string[] => [
  ...new Set(
    text
      .split(',')
      .map((group) => group.trim())
      .filter(Boolean),
  ),
];

/** Somebody new, by address. */
export function AddPersonSheet({ address: first }: { address: string }) {
  const { t } = useTranslation();
  const actions = useActions();
  const all = useFacts((facts) => facts.accounts);
  const accounts = all.filter(takesContacts);
  const [accountId, setAccountId] = useState(
    accounts.find((account) => first.startsWith(account.protocol))?.id ?? accounts[0]?.id ?? '',
  );
  const [address, setAddress] = useState(first);
  const [name, setName] = useState('');
  const [groups, setGroups] = useState('');
  const [wrong, setWrong] = useState(false);
  const [fault, setFault] = useState<Fault | null>(null);
  const submit = async () => {
    if (!/^[^\s@]+@[^\s@]+$/.test(address.trim())) {
      setWrong(true);
      return;
    }
    const result = await actions.attempt('people.add', {
      accountId,
      address: address.trim(),
      name: name.trim(),
      groups: groupsIn(groups),
    });
    if ('fault' in result) {
      setFault(result.fault);
      return;
    }
    actions.closeSheet();
    actions.show({ query: '' });
    await actions.openPerson(result.output.personId);
  };
  return (
    <Dialog title={t('person.add')} onClose={actions.closeSheet}>
      <form
        className={styles.fields}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        {fault && <Trouble fault={fault} />}
        <TextField
          label={t('person.address')}
          type="email"
          spellCheck={false}
          autoComplete="off"
          autoFocus
          value={address}
          onChange={(next) => {
            setAddress(next);
            setWrong(false);
          }}
          hint={t('person.addressHint')}
          wrong={wrong ? faultTodo(t, 'address-invalid') : undefined}
        />
        <TextField
          label={`${t('person.name')} (${t('common.optional')})`}
          value={name}
          maxLength={200}
          onChange={setName}
        />
        <TextField
          label={`${t('person.groups')} (${t('common.optional')})`}
          value={groups}
          onChange={setGroups}
          hint={t('person.groupsHint')}
        />
        {accounts.length > 1 && (
          <SelectField
            label={t('person.account')}
            value={accountId}
            options={accounts.map((account) => ({
              value: account.id,
              text: `${protocolName(t, account.protocol)} · ${bare(account.address)}`,
            }))}
            onChange={setAccountId}
          />
        )}
        <DialogFeet>
          <Button onClick={actions.closeSheet}>{t('common.cancel')}</Button>
          <Button type="submit" look="primary" disabled={accountId === ''}>
            {t('person.addYes')}
          </Button>
        </DialogFeet>
      </form>
    </Dialog>
  );
}

/** Whether a server is in between; on one network without any there is none, however the texts go. */
const wayOf = ({ messagingMode, accountId }: PersonAddress, accounts: readonly Account[]): 'direct' | 'server' => {
  const serverless = accounts.find(({ id }) => id === accountId)?.contactList === 'discovered';
  return messagingMode === 'session' || serverless ? 'direct' : 'server';
};

/** Who somebody is: name, groups, and every address with what is known of it. */
export function PersonSheet({ personId }: { personId: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const actions = useActions();
  const now = useNow(30_000);
  const person = useFacts((facts) => facts.people[personId]);
  const accounts = useFacts((facts) => facts.accounts);
  const askable = useFacts((facts) =>
    person?.addresses.some(
      ({ accountId, listed: isListed, subscription }) =>
        isListed &&
        (subscription === 'incoming' || subscription === 'none') &&
        canAskToSee(accountOf(facts, accountId)),
    ),
  );
  // a name of their own making does not become the one given here by saving something else
  const given = person?.verified ? person.name : '';
  const [name, setName] = useState(given);
  const [groups, setGroups] = useState(person?.groups.join(', ') ?? '');
  if (!person) return null;
  const listed = person.addresses.some((one) => one.listed);
  const shown = person.name || bare(person.addresses[0]?.address ?? '');
  const changed = name.trim() !== given || groupsIn(groups).join() !== person.groups.join();
  return (
    <Dialog title={t('common.details')} onClose={actions.closeSheet}>
      <div className={styles.personHead}>
        <Avatar name={shown} address={person.addresses[0]?.address ?? personId} size={56} />
        <div className={styles.accountText}>
          <div className={styles.heading} style={{ margin: 0 }}>
            {shown}
          </div>
          <div className={styles.small}>{presenceWords(t, person.presence, now, format.round)}</div>
          {!person.verified && (
            <div className={styles.small}>
              {t(person.addresses.some((one) => one.key) ? 'person.unverifiedKey' : 'person.unverified')}
            </div>
          )}
        </div>
      </div>
      <form
        className={styles.fields}
        onSubmit={(event) => {
          event.preventDefault();
          void actions
            .ask('people.change', { personId, name: name.trim(), groups: groupsIn(groups) })
            .then((done) => done !== undefined && actions.closeSheet());
        }}
      >
        <h3 className={styles.subhead}>{t('person.addresses')}</h3>
        <ul className={styles.addresses}>
          {person.addresses.map((one) => (
            <li key={`${one.accountId} ${one.address}`}>
              <div className={styles.place}>
                <PresenceGlyph state={one.presence.state} size={12} />
                <span className={styles.accountText}>
                  {bare(one.address)}
                  <span className={styles.small} style={{ display: 'block' }}>
                    {protocolName(t, accounts.find((account) => account.id === one.accountId)?.protocol ?? '')} ·{' '}
                    {t(`presence.${one.presence.state}`)} · {t(`person.subscription.${one.subscription}`)}
                    {one.permission && ` · ${t(`person.permission.said.${one.permission}`)}`}
                  </span>
                  {one.messagingMode && (
                    <span className={styles.small} style={{ display: 'block' }}>
                      {t(`person.way.${wayOf(one, accounts)}`)}
                    </span>
                  )}
                </span>
              </div>
              {one.key && <KeyCheck place={one} name={shown} />}
            </li>
          ))}
        </ul>
        {askable && (
          <Button
            onClick={() => void actions.ask('people.change', { personId, name: given, groups: [...person.groups] })}
          >
            {t('person.askToSee')}
          </Button>
        )}
        {listed && (
          <>
            <TextField
              label={t('person.name')}
              value={name}
              maxLength={200}
              placeholder={person.name}
              onChange={setName}
            />
            <TextField label={t('person.groups')} value={groups} onChange={setGroups} hint={t('person.groupsHint')} />
          </>
        )}
        <SamePerson person={person} />
        <DialogFeet>
          {listed && (
            <Button
              look="danger"
              style={{ marginInlineEnd: 'auto' }}
              onClick={() => {
                actions.closeSheet();
                actions.removePerson(personId, t('person.removed', { name: shown }));
              }}
            >
              {t('person.remove')}
            </Button>
          )}
          {listed && (
            <Button type="submit" look="primary" disabled={!changed || (person.verified && name.trim() === '')}>
              {t('common.save')}
            </Button>
          )}
        </DialogFeet>
      </form>
    </Dialog>
  );
}
