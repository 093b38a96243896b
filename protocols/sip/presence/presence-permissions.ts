import { type Address, type ContactPermission, type ContactPermissions, Emitter } from '../../contract/index.ts';
import { changePresenceRules, readPresenceRules } from '../xcap/documents/presence-rules.ts';
import type { XcapDocument } from '../xcap/xcap-document.ts';

/** Who may see us, as the presence rules on the server say (RFC 5025). */
export class PresencePermissions implements ContactPermissions {
  readonly #document: XcapDocument;
  #of: (address: Address) => ContactPermission = () => 'ask';
  readonly #changed = new Emitter<void>();
  readonly onChange = this.#changed.on;

  constructor(document: XcapDocument) {
    this.#document = document;
    this.#take(document.text);
    document.onChange((text) => {
      this.#take(text);
      this.#changed.emit();
    });
  }

  of(address: Address): ContactPermission {
    return this.#of(address);
  }

  set(address: Address, permission: ContactPermission): Promise<void> {
    return this.#document.change((text) => changePresenceRules(text, address, permission));
  }

  #take(text: string | undefined): void {
    this.#of = (text === undefined ? undefined : readPresenceRules(text)) ?? (() => 'ask');
  }
}
