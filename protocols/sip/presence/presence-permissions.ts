import { type Address, type ContactPermission, type ContactPermissions, Emitter } from '../../contract/index.ts';
import { changePresenceRules, readPresenceRules } from '../xcap/documents/presence-rules.ts';
import type { XcapDocument } from '../xcap/xcap-document.ts';

/** Who may see us, as the presence rules on the server say (RFC 5025). */
export class PresencePermissions implements ContactPermissions {
  readonly #document: XcapDocument;
  readonly #onUnblocked: (address: Address) => void;
  #of: (address: Address) => ContactPermission = () => 'ask';
  readonly #changed = new Emitter<void>();
  readonly onChange = this.#changed.on;

  /** `onUnblocked`: the server has it that somebody we had blocked is not any more. */
  constructor(document: XcapDocument, onUnblocked: (address: Address) => void) {
    this.#document = document;
    this.#onUnblocked = onUnblocked;
    this.#take(document.text);
    document.onChange((text) => {
      this.#take(text);
      this.#changed.emit();
    });
  }

  of(address: Address): ContactPermission {
    return this.#of(address);
  }

  async set(address: Address, permission: ContactPermission): Promise<void> {
    const before = this.of(address);
    await this.#document.change((text) => changePresenceRules(text, address, permission));
    if (before === 'block' && permission !== 'block') this.#onUnblocked(address);
  }

  #take(text: string | undefined): void {
    this.#of = (text === undefined ? undefined : readPresenceRules(text)) ?? (() => 'ask');
  }
}
