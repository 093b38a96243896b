import { TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Fault } from '../../electron/contract/index.ts';
import { faultCode, faultSentence } from '../i18n/faults.ts';
import { cx } from '../kit/cx.ts';
import { Icon } from '../kit/form/button.tsx';
import styles from './start.module.css';

/** What happened and what to do; the code, small, for the help desk. */
export function Trouble({ fault, mild, children }: { fault: Fault; mild?: boolean; children?: ReactNode }) {
  const { t } = useTranslation();
  return (
    <div className={cx(styles.trouble, mild && styles.mild)} role="alert">
      <Icon of={TriangleAlert} size={18} />
      <div>
        {faultSentence(t, fault.code)} {children}
        <small className={styles.code}>{t('common.code', { code: faultCode(fault) })}</small>
      </div>
    </div>
  );
}
