import type { LucideIcon } from 'lucide-react';
import { type ComponentProps, memo, type ReactNode } from 'react';
import { cx } from '../cx.ts';
import { Tooltip } from '../floating/tooltip.tsx';
import styles from './button.module.css';

export interface ButtonProps extends ComponentProps<'button'> {
  look?: 'primary' | 'plain' | 'quiet' | 'danger';
  size?: 'small' | 'normal' | 'large';
  wide?: boolean;
}

/** A button with words. */
export function Button({ look = 'plain', size = 'normal', wide, className, type, ...rest }: ButtonProps) {
  return (
    <button
      type={type ?? 'button'}
      className={cx(
        styles.button,
        styles[look],
        size === 'small' && styles.small,
        size === 'large' && styles.large,
        wide && styles.wide,
        className,
      )}
      {...rest}
    />
  );
}

/** One family of pictures, 20 px and 1.75 strong unless it is a very small mark. */
export const Icon = ({ of: Glyph, size = 20, stroke = 1.75 }: { of: LucideIcon; size?: number; stroke?: number }) => (
  <Glyph size={size} strokeWidth={stroke} aria-hidden focusable={false} />
);

export interface IconButtonProps extends Omit<ComponentProps<'button'>, 'children'> {
  icon: LucideIcon;
  /** Its name, for a screen reader and the tooltip. */
  label: string;
  /** Shown beside the name in the tooltip. */
  keys?: string;
  small?: boolean;
  side?: 'top' | 'right' | 'bottom' | 'left';
  children?: ReactNode;
}

/** A button with a picture; it always has a name. Painted again only when something of it changed: its tooltip costs. */
export const IconButton = memo(function IconButton({
  icon,
  label,
  keys,
  small,
  side,
  className,
  type,
  children,
  ...rest
}: IconButtonProps) {
  return (
    <Tooltip text={label} {...(keys ? { keys } : {})} {...(side ? { side } : {})}>
      <button
        type={type ?? 'button'}
        aria-label={label}
        className={cx(styles.icon, small && styles.smallIcon, className)}
        {...rest}
      >
        {children ?? <Icon of={icon} size={small ? 16 : 20} />}
      </button>
    </Tooltip>
  );
});
