import { useTranslation } from 'react-i18next';
import type { Fault } from '../../electron/contract/index.ts';
import { useFormat } from '../i18n/use-format.ts';
import styles from './start.module.css';

type Facts = NonNullable<Fault['certificate']>;

/** OpenSSL's words as reasons a person can weigh. */
function certificateReason(reason: string) {
  if (/ALTNAME|HOSTNAME/i.test(reason)) return 'wrongName';
  if (/HAS_EXPIRED/i.test(reason)) return 'expired';
  if (/NOT_YET_VALID/i.test(reason)) return 'notYet';
  // a chain that ends in a stranger says SELF_SIGNED too: it is the stranger that vouches for itself, not the server
  if (/ISSUER|VERIFY_LEAF|UNTRUSTED|CHAIN/i.test(reason)) return 'unknownAuthority';
  if (/SELF_SIGNED/i.test(reason)) return 'selfSigned';
  return 'other';
}

/** Whether the campus's authority, given by file, could make it right. */
export const lacksAuthority = (facts: Facts): boolean =>
  certificateReason(facts.reason) === 'unknownAuthority' || certificateReason(facts.reason) === 'selfSigned';

/** A refused certificate, readable, before anybody trusts it. */
export function CertificateFacts({ facts }: { facts: Facts }) {
  const { t } = useTranslation();
  const format = useFormat();
  const date = (text: string) => (Number.isNaN(Date.parse(text)) ? text : format.date(Date.parse(text)));
  return (
    <>
      <p className={styles.paragraph}>{t('certificate.text', { host: facts.host })}</p>
      {facts.changed && <p className={styles.paragraph}>{t('certificate.changed')}</p>}
      <p className={styles.paragraph}>{t(`certificate.reason.${certificateReason(facts.reason)}`)}</p>
      <dl className={styles.certificate}>
        <dt>{t('certificate.host')}</dt>
        <dd>{facts.host}</dd>
        <dt>{t('certificate.subject')}</dt>
        <dd>{facts.subject}</dd>
        <dt>{t('certificate.issuer')}</dt>
        <dd>{facts.issuer}</dd>
        <dt>{t('certificate.valid')}</dt>
        <dd>{t('certificate.validRange', { from: date(facts.validFrom), to: date(facts.validTo) })}</dd>
        <dt>{t('certificate.fingerprint')}</dt>
        <dd className={styles.fingerprint}>{facts.fingerprint.replaceAll(':', ' ')}</dd>
      </dl>
      <p className={styles.paragraph}>{t('certificate.compare')}</p>
    </>
  );
}
