import { X } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { faultSentence } from '../i18n/faults.ts';
import { Button, IconButton } from '../kit/form/button.tsx';
import { useActions, useView } from '../store/app-context.tsx';
import styles from './app.module.css';

/** Lines that pass: what could not be done, and what can still be undone. */
export function Toasts() {
  const { t } = useTranslation();
  const actions = useActions();
  const toasts = useView((view) => view.toasts);
  return (
    <div className={styles.toasts} role="status">
      {toasts.map((toast) => (
        <div key={toast.id} className={styles.toast}>
          <span>{toast.fault ? faultSentence(t, toast.fault.code) : toast.text}</span>
          {toast.undo ? (
            <Button look="quiet" size="small" onClick={toast.undo}>
              {t('common.undo')}
            </Button>
          ) : (
            <IconButton small icon={X} label={t('common.dismiss')} onClick={() => actions.dropToast(toast.id)} />
          )}
        </div>
      ))}
    </div>
  );
}
