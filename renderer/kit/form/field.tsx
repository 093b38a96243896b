import { Radio } from '@base-ui/react/radio';
import { RadioGroup } from '@base-ui/react/radio-group';
import { Switch as BaseSwitch } from '@base-ui/react/switch';
import { ChevronDown } from 'lucide-react';
import { type ComponentProps, type ReactNode, useId } from 'react';
import { cx } from '../cx.ts';
import { Icon } from './button.tsx';
import styles from './field.module.css';

interface TextFieldProps extends Omit<ComponentProps<'input'>, 'onChange'> {
  label: string;
  /** Beside the label. */
  aside?: ReactNode;
  /** Inside the box, at its end. */
  end?: ReactNode;
  hint?: string | undefined;
  wrong?: string | undefined;
  big?: boolean;
  onChange: (value: string) => void;
}

export function TextField({ label, aside, end, hint, wrong, big, onChange, ...rest }: TextFieldProps) {
  const id = useId();
  const said = wrong ?? hint;
  return (
    <div className={cx(styles.field, big && styles.big, Boolean(end) && styles.withEnd)}>
      <div className={styles.row}>
        <label className={styles.label} htmlFor={id}>
          {label}
        </label>
        {aside}
      </div>
      <div className={styles.box}>
        <input
          id={id}
          className={styles.input}
          aria-invalid={wrong ? true : undefined}
          aria-describedby={said ? `${id}-said` : undefined}
          onChange={(event) => onChange(event.currentTarget.value)}
          {...rest}
        />
        {end && <div className={styles.end}>{end}</div>}
      </div>
      {said && (
        <div id={`${id}-said`} className={wrong ? styles.wrong : styles.hint}>
          {said}
        </div>
      )}
    </div>
  );
}

interface SelectFieldProps {
  label: string;
  value: string;
  options: readonly { value: string; text: string }[];
  onChange: (value: string) => void;
}

export function SelectField({ label, value, options, onChange }: SelectFieldProps) {
  const id = useId();
  return (
    <div className={styles.field}>
      <label className={styles.label} htmlFor={id}>
        {label}
      </label>
      <div className={styles.box}>
        <select
          id={id}
          className={cx(styles.input, styles.select)}
          value={value}
          onChange={(event) => onChange(event.currentTarget.value)}
        >
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.text}
            </option>
          ))}
        </select>
        <span className={styles.chevron}>
          <Icon of={ChevronDown} size={16} />
        </span>
      </div>
    </div>
  );
}

interface SwitchProps {
  label: string;
  hint?: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

export function Switch({ label, hint, checked, onChange }: SwitchProps) {
  const id = useId();
  return (
    <div className={styles.switchRow}>
      <div className={styles.switchText}>
        <span id={id}>{label}</span>
        {hint && (
          <span id={`${id}-hint`} className={styles.hint}>
            {hint}
          </span>
        )}
      </div>
      <BaseSwitch.Root
        className={styles.switch}
        checked={checked}
        onCheckedChange={onChange}
        aria-labelledby={id}
        aria-describedby={hint ? `${id}-hint` : undefined}
      >
        <BaseSwitch.Thumb className={styles.thumb} />
      </BaseSwitch.Root>
    </div>
  );
}

interface SegmentsProps<Value extends string> {
  label: string;
  value: Value;
  options: readonly { value: Value; text: string }[];
  onChange: (value: Value) => void;
  tight?: boolean;
}

/** A few choices side by side. */
export function Segments<Value extends string>({ label, value, options, onChange, tight }: SegmentsProps<Value>) {
  return (
    <RadioGroup
      aria-label={label}
      className={cx(styles.segments, tight && styles.tight)}
      value={value}
      onValueChange={(next) => onChange(next as Value)}
    >
      {options.map((option) => (
        <Radio.Root key={option.value} value={option.value} className={styles.segment} aria-label={option.text}>
          {option.text}
        </Radio.Root>
      ))}
    </RadioGroup>
  );
}
