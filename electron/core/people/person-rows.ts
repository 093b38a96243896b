import type { ContactSubscription } from '../../../protocols/contract/index.ts';
import type { Driver } from '../store/driver.ts';
import { keptJson } from '../store/kept-json.ts';

/** One address of one person on one account, as far as it is on disk. */
export interface StoredAddress {
  accountId: string;
  address: string;
  personId: string;
  /** In the account's contact list now. */
  listed: boolean;
  /** From the contact list; '' when there was none. */
  name: string;
  /** What the peer says of itself. */
  claimedName: string;
  groups: readonly string[];
  subscription: ContactSubscription;
}

interface Row {
  account_id: string;
  address: string;
  person_id: string;
  listed: number;
  name: string;
  claimed_name: string;
  groups: string;
  subscription: ContactSubscription;
}

export class PersonRows {
  readonly #driver: Driver;

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  addresses(): StoredAddress[] {
    return this.#driver.all<Row>('SELECT * FROM person_addresses ORDER BY account_id, address').map((row) => ({
      accountId: row.account_id,
      address: row.address,
      personId: row.person_id,
      listed: row.listed === 1,
      name: row.name,
      claimedName: row.claimed_name,
      groups: keptJson<string[]>(row.groups, []),
      subscription: row.subscription,
    }));
  }

  addPerson(id: string, now: number): void {
    this.#driver.run('INSERT INTO people (id, created_at) VALUES (?, ?)', id, now);
  }

  deletePerson(id: string): void {
    this.#driver.run('DELETE FROM people WHERE id = ?', id);
  }

  saveAddress(address: StoredAddress): void {
    this.#driver.run(
      `INSERT INTO person_addresses (account_id, address, person_id, listed, name, claimed_name, groups, subscription)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (account_id, address) DO UPDATE SET person_id = excluded.person_id, listed = excluded.listed,
         name = excluded.name, claimed_name = excluded.claimed_name, groups = excluded.groups,
         subscription = excluded.subscription`,
      address.accountId,
      address.address,
      address.personId,
      address.listed,
      address.name,
      address.claimedName,
      JSON.stringify(address.groups),
      address.subscription,
    );
  }

  deleteAddress(accountId: string, address: string): void {
    this.#driver.run('DELETE FROM person_addresses WHERE account_id = ? AND address = ?', accountId, address);
  }
}
