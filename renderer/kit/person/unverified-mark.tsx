import { CircleQuestionMark } from 'lucide-react';
import { Icon } from '../form/button.tsx';
import styles from './unverified-mark.module.css';

/** Beside a name nobody but its bearer vouches for. The words for a screen reader stand with the rest that is said of them. */
export const UnverifiedMark = ({ label }: { label: string }) => (
  <span className={styles.mark} title={label}>
    <Icon of={CircleQuestionMark} size={14} />
  </span>
);
