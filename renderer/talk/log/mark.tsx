import type { MessageState } from '../../../electron/contract/index.ts';
import { cx } from '../../kit/cx.ts';
import styles from './mark.module.css';

const TICK = 'M2.6 7.4 L5.4 10.2 L11 4.4';
const TICKS_UP = 'M1.4 5.4 L4.2 8.2 L9.8 2.4 M8.7 7.7 L9.2 8.2 L14.8 2.4';
const TICKS = 'M1.4 7.4 L4.2 10.2 L9.8 4.4 M8.7 9.7 L9.2 10.2 L14.8 4.4';

/** `turned-down`: a file of mine that was cancelled or declined. */
type Shown = MessageState | 'turned-down';

/**
 * The marks, each its own shape: clock, tick, two ticks, two ticks on a line, pause, a red one with a bang, and a plain one with a
 * bar. None is heavier than text.
 */
function shape(state: Shown) {
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
      return <path d={TICKS} />;
    case 'read':
      return (
        <>
          <path d={TICKS_UP} />
          <path d="M1.4 12.6 H14.8" />
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
    case 'turned-down':
      return (
        <>
          <circle cx="7" cy="7" r="5.3" />
          <path d="M4.6 7 H9.4" />
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
export function Mark({ state }: { state: Shown }) {
  const width = state === 'read' || state === 'delivered' ? 16 : 14;
  return (
    <svg
      className={cx(styles.mark, styles[state])}
      width={width}
      height={14}
      viewBox={`0 0 ${width} 14`}
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
