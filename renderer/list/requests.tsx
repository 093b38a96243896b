import { useTranslation } from 'react-i18next';
import { Button } from '../kit/form/button.tsx';
import { Avatar } from '../kit/person/avatar.tsx';
import { useActions, useFacts } from '../store/app-context.tsx';
import { bare, hasAddress } from '../store/selectors.ts';
import styles from './list.module.css';

/** People who ask to see my presence. */
export function Requests() {
  const { t } = useTranslation();
  const actions = useActions();
  const requests = useFacts((facts) => facts.requests);
  const people = useFacts((facts) => facts.people);
  if (requests.length === 0) return null;
  return (
    <section aria-label={t('list.requests')}>
      {requests.map(({ accountId, address, name, note }) => {
        const known = Object.values(people).find((person) => hasAddress(person, accountId, address));
        // what they are called here goes before what they call themselves
        const given = known?.verified ? known.name : '';
        const shown = given || name || known?.name || bare(address);
        const listed = known?.addresses.some((one) => one.address === address && one.listed);
        const answer = (given: 'accept' | 'decline') =>
          actions.ask('requests.answer', { accountId, address, answer: given });
        return (
          <div key={`${accountId} ${address}`} className={styles.request}>
            <Avatar name={shown} address={address} size={36} />
            <div className={styles.requestText}>
              <div>{t('requests.wants', { name: shown })}</div>
              {shown !== bare(address) && (
                <div className={styles.requestAddress}>
                  {bare(address)}
                  {!given && ` · ${t('person.unconfirmed')}`}
                </div>
              )}
              {!listed && <div className={styles.requestAddress}>{t('requests.also')}</div>}
              {note && <div>{t('requests.note', { note })}</div>}
              <div className={styles.requestFeet}>
                <Button
                  look="primary"
                  size="small"
                  aria-label={t('requests.acceptName', { name: shown })}
                  onClick={() => void answer('accept')}
                >
                  {t('requests.accept')}
                </Button>
                <Button
                  size="small"
                  aria-label={t('requests.declineName', { name: shown })}
                  onClick={() => void answer('decline')}
                >
                  {t('requests.decline')}
                </Button>
              </div>
            </div>
          </div>
        );
      })}
    </section>
  );
}
