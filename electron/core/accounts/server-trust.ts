import { type AccountSettings, domainOf } from '../../../protocols/contract/index.ts';
import type { Driver } from '../store/driver.ts';
import { keptJson } from '../store/kept-json.ts';

/** What a person has said of the server of a place: certificates trusted as they are, and the authorities for others. */
export type Trust = Pick<AccountSettings, 'trustedFingerprints' | 'certificateAuthorities'>;

interface Entry extends Trust {
  place: string;
  protocol: string;
}

const KEY = 'server-trust';
/** A person meets a handful of servers; the oldest goes. */
const MAXIMUM = 50;

/** The domain and the server that a person named for it: what was said of one server says nothing of another. */
const placeOf = ({ address, server }: Pick<AccountSettings, 'address' | 'server'>): string =>
  [domainOf(address), ...(server ? [server.host, String(server.port)] : [])].join(' ').toLowerCase();

/**
 * Trust that outlives the account it was given for: an account that never connected is removed when its password was mistyped,
 * and a second account may use the same server. It is part of the settings, and of their copy.
 */
export class ServerTrust {
  readonly #driver: Driver;

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  /** What a new account begins with: what was said of this server for its protocol, then for others. */
  of(settings: Pick<AccountSettings, 'address' | 'server' | 'protocol'>): Trust {
    const here = this.#at(settings);
    const own = here.filter(({ protocol }) => protocol === settings.protocol);
    const all = [...own, ...here.filter((entry) => !own.includes(entry))];
    return {
      trustedFingerprints: [...new Set(all.flatMap(({ trustedFingerprints }) => trustedFingerprints))],
      certificateAuthorities:
        all.find((entry) => entry.certificateAuthorities.length > 0)?.certificateAuthorities ?? [],
    };
  }

  /** Whether this account trusts more than what was said for other protocols: only then is another certificate a change. */
  isOwn(settings: AccountSettings): boolean {
    const here = this.#at(settings);
    if (here.some((entry) => entry.protocol === settings.protocol && entry.trustedFingerprints.length > 0)) return true;
    const others = new Set(here.flatMap(({ trustedFingerprints }) => trustedFingerprints));
    return settings.trustedFingerprints.some((fingerprint) => !others.has(fingerprint));
  }

  /** Writes only what is new. */
  remember(settings: AccountSettings): void {
    const { protocol, trustedFingerprints, certificateAuthorities } = settings;
    const place = placeOf(settings);
    const before = this.#all();
    const others = before.filter((entry) => entry.place !== place || entry.protocol !== protocol);
    const entry: Entry = { place, protocol, trustedFingerprints, certificateAuthorities };
    const given = trustedFingerprints.length > 0 || certificateAuthorities.length > 0;
    if (
      given ? before.some((known) => JSON.stringify(known) === JSON.stringify(entry)) : others.length === before.length
    )
      return;
    this.#driver.run(
      'INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
      KEY,
      JSON.stringify([...others, ...(given ? [entry] : [])].slice(-MAXIMUM)),
    );
  }

  #at(settings: Pick<AccountSettings, 'address' | 'server'>): Entry[] {
    const place = placeOf(settings);
    return this.#all().filter((entry) => entry.place === place);
  }

  #all(): Entry[] {
    const row = this.#driver.get<{ value: string }>('SELECT value FROM settings WHERE key = ?', KEY);
    return keptJson<Entry[]>(row?.value ?? '', []);
  }
}
