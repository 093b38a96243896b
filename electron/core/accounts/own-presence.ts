import type { OwnPresence, Provider } from '../../../protocols/contract/index.ts';
import type { OwnPresenceView } from '../../contract/index.ts';
import type { Log } from '../log.ts';

interface Parts {
  /** What the person has set. */
  chosen(): OwnPresenceView;
  providers(): Iterable<Provider>;
  log: Log;
}

/** Tells every account what others shall see of us: what the person has set, and whether anybody is at the machine. */
export class OwnPresenceTeller {
  readonly #parts: Parts;
  #idleSince: number | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Tells one account, which remembers it and publishes it again after every reconnect. */
  tell(provider: Provider): void {
    provider
      .operationSet('presence')
      ?.publish(shown(this.#parts.chosen(), this.#idleSince))
      .catch(() => this.#parts.log.write('info', 'presence.not-published', { account: provider.address }));
  }

  /** The person has set something else. */
  changed(): void {
    for (const provider of this.#parts.providers()) this.tell(provider);
  }

  /** In ms since the epoch; null: somebody is there. The first moment counts until then. */
  idle(since: number | null): void {
    if ((since === null) === (this.#idleSince === null)) return;
    this.#idleSince = since;
    const { state } = this.#parts.chosen();
    if (state === 'available' || state === 'away') this.changed();
  }
}

/** Who is gone is away; who said to be busy is that also with nobody at the machine. Who appears offline says nothing. */
function shown({ state, note }: OwnPresenceView, idleSince: number | null): OwnPresence {
  if (state === 'offline') return { state };
  const said = note === '' ? {} : { note };
  const isGone = idleSince !== null && (state === 'available' || state === 'away');
  return isGone ? { state: 'away', ...said, idleSince } : { state, ...said };
}
