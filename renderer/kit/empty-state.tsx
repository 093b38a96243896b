import type { LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import styles from './empty-state.module.css';
import { Icon } from './form/button.tsx';

interface EmptyStateProps {
  icon?: LucideIcon;
  title: string;
  hint?: ReactNode;
  action?: ReactNode;
}

/** Teaches one thing and offers at most one button. */
export const EmptyState = ({ icon, title, hint, action }: EmptyStateProps) => (
  <div className={styles.empty}>
    {icon && (
      <span className={styles.glyph}>
        <Icon of={icon} size={24} />
      </span>
    )}
    <p className={styles.title}>{title}</p>
    {hint && <p className={styles.hint}>{hint}</p>}
    {action && <div className={styles.action}>{action}</div>}
  </div>
);
