import { Dialog as Base } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import type { ReactNode, RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import { cx } from '../cx.ts';
import { IconButton } from '../form/button.tsx';
import styles from './dialog.module.css';

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  large?: boolean;
  initialFocus?: RefObject<HTMLElement | null>;
}

/** A sheet over the window: focus stays inside, Escape closes, focus goes back to where it came from. */
export function Dialog({ title, onClose, children, large, initialFocus }: DialogProps) {
  const { t } = useTranslation();
  return (
    <Base.Root
      open
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
    >
      <Base.Portal>
        <Base.Backdrop className={styles.backdrop} />
        <Base.Viewport className={styles.viewport}>
          <Base.Popup className={cx(styles.popup, large && styles.large)} {...(initialFocus ? { initialFocus } : {})}>
            <div className={styles.head}>
              <Base.Title className={styles.title}>{title}</Base.Title>
            </div>
            <div className={cx(styles.body, large && styles.flush)}>{children}</div>
            {/* last, so that the first thing to do has the focus */}
            <IconButton icon={X} label={t('common.close')} className={styles.close} onClick={onClose} />
          </Base.Popup>
        </Base.Viewport>
      </Base.Portal>
    </Base.Root>
  );
}

export const DialogFeet = ({ children }: { children: ReactNode }) => <div className={styles.feet}>{children}</div>;
