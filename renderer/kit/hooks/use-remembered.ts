import { useState } from 'react';

/** A number this window remembers between starts, such as the width of a panel. */
export function useRemembered(key: string, first: number): [number, (value: number) => void] {
  const [value, setValue] = useState(() => Number(localStorage.getItem(key)) || first);
  return [
    value,
    (next) => {
      setValue(next);
      localStorage.setItem(key, String(next));
    },
  ];
}
