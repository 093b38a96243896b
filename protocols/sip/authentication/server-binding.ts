import type { ProviderStorage } from '../../contract/index.ts';
import { AccountBinding, type BindingRules } from './account-binding.ts';

/** The binding of an account to one server beside its registrar, and how it is kept. */
export interface ServerBinding {
  binding: AccountBinding;
  /** The server has taken the password: what `binding` knows outlives this life. */
  keep: () => void;
}

/**
 * What credentials for one server beside the registrar, an XCAP server or a relay, are made for. Each is bound alone, for each may have a
 * realm of its own; at another `place` it begins anew.
 *
 * @example const { binding, keep } = serverBinding(storage, 'relay-digest', 'relay.campus.test', rules);
 */
export const serverBinding = (
  storage: ProviderStorage,
  key: string,
  place: string,
  rules: Omit<BindingRules, 'stored'>,
): ServerBinding => {
  const binding = new AccountBinding({ ...rules, stored: kept(storage.get(key), place) });
  return { binding, keep: () => storage.put(key, JSON.stringify({ place, kinds: binding.text })) };
};

const kept = (text: string | undefined, place: string): string | undefined => {
  try {
    const known: unknown = JSON.parse(text ?? 'null');
    const fits = typeof known === 'object' && known !== null && 'place' in known && known.place === place;
    return fits && 'kinds' in known && typeof known.kinds === 'string' ? known.kinds : undefined;
  } catch {
    return undefined;
  }
};
