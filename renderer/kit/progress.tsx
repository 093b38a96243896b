import { cx } from './cx.ts';
import styles from './progress.module.css';

interface BarProps {
  label: string;
  /** 0 to 1; null while nobody can know. */
  share: number | null;
  still?: boolean;
}

export function ProgressBar({ label, share, still }: BarProps) {
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={share === null ? undefined : Math.round(share * 100)}
      className={cx(styles.bar, share === null && styles.unknown, still && styles.still)}
    >
      <div className={styles.fill} style={share === null ? undefined : { transform: `scaleX(${share})` }} />
    </div>
  );
}

const AROUND = 2 * Math.PI * 16;

/** Decoration around an icon; the button it stands in says the words. */
export const ProgressRing = ({ share }: { share: number }) => (
  <svg className={styles.ring} width="36" height="36" viewBox="0 0 36 36" aria-hidden focusable="false">
    <circle className={styles.ringTrack} cx="18" cy="18" r="16" />
    <circle
      className={styles.ringFill}
      cx="18"
      cy="18"
      r="16"
      strokeDasharray={`${Math.max(0.02, share) * AROUND} ${AROUND}`}
    />
  </svg>
);
