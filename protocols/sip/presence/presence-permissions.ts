import { type Address, type ContactPermission, type ContactPermissions, Emitter } from '../../contract/index.ts';
import { changePresenceRules, readPresenceRules } from '../xcap/documents/presence-rules.ts';
import { readNamedList } from '../xcap/documents/resource-lists.ts';
import type { XcapService } from '../xcap/xcap-service.ts';

type Rules = (address: Address) => ContactPermission | undefined;
const NO_RULES: Rules = () => undefined;

/**
 * Who may see us, as the presence rules on the server say (RFC 5025). Ours are in `pres-rules`; of people no rule there is for, the
 * rules of other programs in `org.openmobilealliance.pres-rules` are read, and never written.
 */
export class PresencePermissions implements ContactPermissions {
  readonly #xcap: Pick<XcapService, 'rules' | 'otherRules' | 'lists'>;
  readonly #onUnblocked: (address: Address) => void;
  #ours: Rules = NO_RULES;
  #others: Rules = NO_RULES;
  readonly #changed = new Emitter<void>();
  readonly onChange = this.#changed.on;

  /** `onUnblocked`: the server has it that somebody we had blocked is not any more. */
  constructor(xcap: Pick<XcapService, 'rules' | 'otherRules' | 'lists'>, onUnblocked: (address: Address) => void) {
    this.#xcap = xcap;
    this.#onUnblocked = onUnblocked;
    this.#take();
    for (const document of [xcap.rules, xcap.otherRules, xcap.lists]) {
      document.onChange(() => {
        this.#take();
        this.#changed.emit();
      });
    }
  }

  of(address: Address): ContactPermission {
    return this.#ours(address) ?? this.#others(address) ?? 'ask';
  }

  /**
   * Whether a watcher that waits for an answer has none. Another program's yes is none, while they wait: the server does not go by it.
   */
  isOpen(address: Address): boolean {
    const others = this.#ours(address) === undefined ? this.#others(address) : undefined;
    return this.of(address) === 'ask' || others === 'allow';
  }

  async set(address: Address, permission: ContactPermission): Promise<void> {
    const before = this.of(address);
    // where another program says something else, `ask` needs a rule as well
    const isSaid = this.#others(address) !== undefined;
    await this.#xcap.rules.change((text) => changePresenceRules(text, address, permission, isSaid));
    if (before === 'block' && permission !== 'block') this.#onUnblocked(address);
  }

  #take(): void {
    const { rules, otherRules, lists } = this.#xcap;
    const list = new Map<string, ReadonlySet<Address>>();
    const inList = (name: string, address: Address): boolean => {
      const members = list.get(name) ?? readNamedList(lists.text ?? '', name);
      list.set(name, members);
      return members.has(address);
    };
    this.#ours = (rules.text === undefined ? undefined : readPresenceRules(rules.text)) ?? NO_RULES;
    this.#others = (otherRules.text === undefined ? undefined : readPresenceRules(otherRules.text, inList)) ?? NO_RULES;
  }
}
