import { ShieldCheck, TriangleAlert } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Fault, PersonAddress } from '../../electron/contract/index.ts';
import { Trouble } from '../first-start/trouble.tsx';
import { Button, Icon } from '../kit/form/button.tsx';
import { useActions } from '../store/app-context.tsx';
import styles from './key-check.module.css';

/** Whether it is known whose key an address is, and the code two people compare to know it. */
export function KeyCheck({ place, name }: { place: PersonAddress; name: string }) {
  const { t } = useTranslation();
  const actions = useActions();
  const [code, setCode] = useState<string | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const route = { accountId: place.accountId, address: place.address };
  const show = async () => {
    const result = await actions.attempt('people.verificationCode', route);
    setFault('fault' in result ? result.fault : null);
    if ('output' in result) setCode(result.output.code);
  };
  const confirm = async (compared: string) => {
    const result = await actions.attempt('people.confirmCode', { route, code: compared });
    setFault('fault' in result ? result.fault : null);
    if ('output' in result) setCode(null);
  };
  return (
    <div className={styles.check}>
      <p className={styles.said} role="status">
        {place.key === 'verified' && <Icon of={ShieldCheck} size={14} />}
        {place.key === 'other' && <Icon of={TriangleAlert} size={14} />}
        {t(`person.key.${place.key ?? 'unverified'}`, { name })}
      </p>
      {fault && <Trouble fault={fault} />}
      {place.key !== 'verified' && code === null && (
        <Button size="small" onClick={() => void show()}>
          {t('person.key.compare')}
        </Button>
      )}
      {place.key !== 'verified' && code !== null && (
        <>
          <p className={styles.said}>{t('person.key.how', { name })}</p>
          <ol className={styles.digits} aria-label={t('person.key.code')}>
            {(code.match(/\d{5}/g) ?? []).map((group, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a group is its place in the code
              <li key={index}>{group}</li>
            ))}
          </ol>
          <div className={styles.answers}>
            <Button look="primary" size="small" onClick={() => void confirm(code)}>
              {t('person.key.match')}
            </Button>
            <Button size="small" onClick={() => setCode(null)}>
              {t('common.cancel')}
            </Button>
          </div>
        </>
      )}
    </div>
  );
}
