import { Menu as Base } from '@base-ui/react/menu';
import { Check, type LucideIcon } from 'lucide-react';
import type { ReactElement, ReactNode } from 'react';
import { cx } from '../cx.ts';
import { Icon } from '../form/button.tsx';
import styles from './float.module.css';

interface MenuProps {
  trigger: ReactElement<Record<string, unknown>>;
  label: string;
  children: ReactNode;
  side?: 'top' | 'right' | 'bottom' | 'left';
  align?: 'start' | 'center' | 'end';
}

/** A menu with arrow keys, type-ahead, Escape and focus return. */
export function Menu({ trigger, label, children, side = 'bottom', align = 'start' }: MenuProps) {
  return (
    <Base.Root>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner className={styles.positioner} side={side} align={align} sideOffset={6} collisionPadding={8}>
          <Base.Popup className={styles.popup} aria-label={label}>
            {children}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

interface MenuItemProps {
  icon?: LucideIcon;
  children: ReactNode;
  hint?: ReactNode;
  dangerous?: boolean;
  disabled?: boolean;
  onSelect: () => void;
}

export const MenuItem = ({ icon, children, hint, dangerous, disabled, onSelect }: MenuItemProps) => (
  <Base.Item className={cx(styles.item, dangerous && styles.dangerous)} onClick={onSelect} disabled={disabled ?? false}>
    {icon && <Icon of={icon} size={18} />}
    <span className={styles.itemText}>
      {children}
      {hint && <span className={styles.itemHint}>{hint}</span>}
    </span>
  </Base.Item>
);

interface MenuRadioProps<Value extends string> {
  label: string;
  value: Value;
  onChange: (value: Value) => void;
  options: readonly { value: Value; text: ReactNode; hint?: ReactNode; mark?: ReactNode }[];
}

export function MenuRadio<Value extends string>({ label, value, onChange, options }: MenuRadioProps<Value>) {
  return (
    <Base.Group>
      <Base.GroupLabel className={styles.groupLabel}>{label}</Base.GroupLabel>
      <Base.RadioGroup value={value} onValueChange={(next) => onChange(next as Value)}>
        {options.map((option) => (
          <Base.RadioItem key={option.value} value={option.value} className={styles.item} closeOnClick>
            {option.mark}
            <span className={styles.itemText}>
              {option.text}
              {option.hint && <span className={styles.itemHint}>{option.hint}</span>}
            </span>
            <span className={styles.check}>
              <Base.RadioItemIndicator>
                <Icon of={Check} size={16} />
              </Base.RadioItemIndicator>
            </span>
          </Base.RadioItem>
        ))}
      </Base.RadioGroup>
    </Base.Group>
  );
}

export const MenuSeparator = () => <Base.Separator className={styles.separator} />;
