import type { MessageState } from '../../electron/contract/index.ts';
import { cx } from '../kit/cx.ts';
import styles from './mark.module.css';

const TICK = 'M3.2 7.4 L6 10.1 L11.2 4.3';

/** The marks, each its own shape: clock, tick, two ticks, two filled ticks, pause, and a red one with a bang. */
function shape(state: MessageState) {
  switch (state) {
    case 'queued':
      return (
        <>
          <circle cx="7" cy="7" r="5.3" />
          <path d="M7 4 V7.2 L9 8.5" />
        </>
      );
    case 'sent':
      return <path d={TICK} />;
    case 'delivered':
      return (
        <>
          <path d={TICK} />
          <path d="M9.3 10.1 L14.6 4.3" />
        </>
      );
    case 'read':
      return (
        <>
          <circle cx="11.6" cy="7" r="6.3" fill="currentColor" stroke="none" />
          <circle cx="7" cy="7" r="6.7" fill="currentColor" stroke="var(--under-mark, var(--base))" strokeWidth="1.1" />
          <path d="M4.2 7.2 L6.2 9.2 L9.8 5" stroke="var(--under-mark, var(--base))" />
          <path d="M12.5 8.6 L15.2 5.2" stroke="var(--under-mark, var(--base))" />
        </>
      );
    case 'waiting':
      return <path d="M5 3.6 V10.4 M9 3.6 V10.4" strokeWidth="1.9" />;
    case 'failed':
      return (
        <>
          <circle cx="7" cy="7" r="6.2" fill="currentColor" stroke="none" />
          <path d="M7 3.9 V7.5" stroke="var(--under-mark, var(--base))" />
          <path d="M7 9.9 V10" stroke="var(--under-mark, var(--base))" strokeWidth="1.7" />
        </>
      );
    case 'received':
      return null;
    default: {
      const unforeseen: never = state;
      return unforeseen;
    }
  }
}

/** How far one of my messages came. A picture only: the words stand in the name of what it belongs to. */
export function Mark({ state }: { state: MessageState }) {
  const wide = state === 'delivered' || state === 'read';
  return (
    <svg
      className={cx(styles.mark, styles[state])}
      width={wide ? 18 : 14}
      height="14"
      viewBox={`0 0 ${wide ? 18 : 14} 14`}
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      data-mark={state}
      aria-hidden
      focusable="false"
    >
      {shape(state)}
    </svg>
  );
}
