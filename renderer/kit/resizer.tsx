import { useRef } from 'react';
import { cx } from './cx.ts';
import styles from './resizer.module.css';

interface ResizerProps {
  label: string;
  value: number;
  min: number;
  max: number;
  /** On which side of the border the sized panel stands. */
  panel: 'left' | 'right';
  onChange: (value: number) => void;
}

/** A border that can be dragged, or moved with the arrow keys. */
export function Resizer({ label, value, min, max, panel, onChange }: ResizerProps) {
  const start = useRef<{ x: number; value: number } | null>(null);
  const sign = panel === 'left' ? 1 : -1;
  const move = (to: number) => onChange(Math.round(Math.min(max, Math.max(min, to))));
  return (
    // biome-ignore lint/a11y/useSemanticElements: a focusable separator is a widget; <hr> cannot be one
    <div
      role="separator"
      aria-orientation="vertical"
      aria-label={label}
      aria-valuenow={value}
      aria-valuemin={min}
      aria-valuemax={max}
      tabIndex={0}
      className={cx(styles.resizer, panel === 'left' ? styles.left : styles.right)}
      onKeyDown={(event) => {
        if (event.key === 'ArrowLeft') move(value - 16 * sign);
        else if (event.key === 'ArrowRight') move(value + 16 * sign);
        else return;
        event.preventDefault();
      }}
      onPointerDown={(event) => {
        start.current = { x: event.clientX, value };
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        if (start.current) move(start.current.value + (event.clientX - start.current.x) * sign);
      }}
      onPointerUp={() => {
        start.current = null;
      }}
    />
  );
}
