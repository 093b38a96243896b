import type { AccountSettings, ProviderStorage } from '../../../protocols/contract/index.ts';
import type { Driver } from '../store/driver.ts';
import { keptJson } from '../store/kept-json.ts';

/** An account as it is on disk: all but its password. */
export interface StoredAccount {
  settings: AccountSettings;
  enabled: boolean;
}

interface Row {
  id: string;
  protocol: string;
  address: string;
  display_name: string;
  enabled: number;
  server_host: string | null;
  server_port: number | null;
  transport: AccountSettings['transport'] | null;
  authentication_name: string | null;
  trusted: string;
  authorities: string;
  options: string;
}

export class AccountRows {
  readonly #driver: Driver;

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  /** In the order in which they were added. */
  all(): StoredAccount[] {
    return this.#driver.all<Row>('SELECT * FROM accounts ORDER BY created_at, id').map(fromRow);
  }

  save({ settings, enabled }: StoredAccount, now: number): void {
    this.#driver.run(
      `INSERT INTO accounts (id, protocol, address, display_name, enabled, server_host, server_port, transport,
         authentication_name, trusted, authorities, options, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET display_name = excluded.display_name, enabled = excluded.enabled,
         server_host = excluded.server_host, server_port = excluded.server_port, transport = excluded.transport,
         authentication_name = excluded.authentication_name, trusted = excluded.trusted,
         authorities = excluded.authorities, options = excluded.options`,
      settings.id,
      settings.protocol,
      settings.address,
      settings.displayName,
      enabled,
      settings.server?.host,
      settings.server?.port,
      settings.transport,
      settings.authenticationName,
      JSON.stringify(settings.trustedFingerprints),
      JSON.stringify(settings.certificateAuthorities),
      JSON.stringify(settings.options),
      now,
    );
  }

  delete(id: string): void {
    this.#driver.run('DELETE FROM accounts WHERE id = ?', id);
  }

  /** What a protocol remembers for this account. Gone with the account; writing afterwards does nothing. */
  storageOf(id: string): ProviderStorage {
    return {
      get: (key) =>
        this.#driver.get<{ value: string }>(
          'SELECT value FROM account_storage WHERE account_id = ? AND key = ?',
          id,
          key,
        )?.value,
      put: (key, value) => {
        this.#driver.run(
          `INSERT INTO account_storage (account_id, key, value) SELECT id, ?, ? FROM accounts WHERE id = ?
           ON CONFLICT (account_id, key) DO UPDATE SET value = excluded.value`,
          key,
          value,
          id,
        );
      },
      delete: (key) => {
        this.#driver.run('DELETE FROM account_storage WHERE account_id = ? AND key = ?', id, key);
      },
    };
  }
}

function fromRow(row: Row): StoredAccount {
  return {
    enabled: row.enabled === 1,
    settings: {
      id: row.id,
      protocol: row.protocol,
      address: row.address,
      displayName: row.display_name,
      ...(row.server_host !== null && row.server_port !== null
        ? { server: { host: row.server_host, port: row.server_port } }
        : undefined),
      ...(row.transport ? { transport: row.transport } : undefined),
      ...(row.authentication_name !== null ? { authenticationName: row.authentication_name } : undefined),
      trustedFingerprints: keptJson<string[]>(row.trusted, []),
      certificateAuthorities: keptJson<string[]>(row.authorities, []),
      options: keptJson<AccountSettings['options']>(row.options, {}),
    },
  };
}
