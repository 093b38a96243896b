import { Tooltip as Base } from '@base-ui/react/tooltip';
import type { ReactElement, ReactNode } from 'react';
import styles from './float.module.css';

interface TooltipProps {
  text: string;
  keys?: string;
  side?: 'top' | 'right' | 'bottom' | 'left';
  /** The thing it explains; it keeps its own accessible name. */
  children: ReactElement<Record<string, unknown>>;
}

export const TooltipProvider = ({ children }: { children: ReactNode }) => (
  <Base.Provider delay={500} closeDelay={0} timeout={300}>
    {children}
  </Base.Provider>
);

export function Tooltip({ text, keys, side = 'bottom', children }: TooltipProps) {
  return (
    <Base.Root>
      <Base.Trigger render={children} />
      <Base.Portal>
        <Base.Positioner className={styles.positioner} side={side} sideOffset={6} collisionPadding={8}>
          <Base.Popup className={styles.tooltip}>
            {text}
            {keys && <span className={styles.keys}>{keys}</span>}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
