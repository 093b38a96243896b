import type { CoreEvent } from '../contract/index.ts';

type EventOf<Type extends CoreEvent['type']> = Extract<CoreEvent, { type: Type }>;

/** Events that carry all there is of their kind: the last one counts. */
type Whole = 'settings' | 'notices' | 'protection' | 'presence' | 'accounts' | 'requests';

/** Things that come and go by id, in their last form. */
class Changes<Thing extends { id: string }> {
  readonly #changed = new Map<string, Thing>();
  readonly #removed = new Set<string>();

  add(changed: readonly Thing[], removed: readonly string[] = []): void {
    for (const thing of changed) {
      this.#removed.delete(thing.id);
      this.#changed.set(thing.id, thing);
    }
    for (const id of removed) {
      this.#changed.delete(id);
      this.#removed.add(id);
    }
  }

  take(): { changed: Thing[]; removed: string[] } | undefined {
    if (this.#changed.size + this.#removed.size === 0) return undefined;
    const taken = { changed: [...this.#changed.values()], removed: [...this.#removed] };
    this.#changed.clear();
    this.#removed.clear();
    return taken;
  }
}

/**
 * Gathers events and tells them once per turn of the event loop, each fact only in its last form: a burst of 500
 * presences is one event with 500 people in it.
 */
export class EventBatch {
  readonly #deliver: (batch: CoreEvent[]) => void;
  readonly #report: (error: unknown) => void;
  readonly #deferred = new Map<string, () => void>();
  readonly #whole = new Map<Whole, CoreEvent>();
  readonly #people = new Changes<EventOf<'people'>['changed'][number]>();
  readonly #talks = new Changes<EventOf<'talks'>['changed'][number]>();
  readonly #messages = new Changes<EventOf<'messages'>['changed'][number]>();
  readonly #transfers = new Changes<EventOf<'transfers'>['changed'][number]>();
  readonly #typing = new Map<string, boolean>();
  #scheduled: NodeJS.Immediate | undefined;

  /** `report` is told what deferred work throws: a full disk must not end the process. */
  constructor(deliver: (batch: CoreEvent[]) => void, report: (error: unknown) => void) {
    this.#deliver = deliver;
    this.#report = report;
  }

  readonly emit = (event: CoreEvent): void => {
    this.#schedule();
    switch (event.type) {
      case 'people':
        this.#people.add(event.changed, event.removed);
        return;
      case 'talks':
        this.#talks.add(event.changed, event.removed);
        return;
      case 'messages':
        this.#messages.add(event.changed);
        return;
      case 'transfers':
        this.#transfers.add(event.changed, event.removed);
        return;
      case 'typing':
        this.#typing.set(event.talkId, event.composing);
        return;
      case 'settings':
      case 'notices':
      case 'protection':
      case 'presence':
      case 'accounts':
      case 'requests':
        this.#whole.set(event.type, event);
        return;
      default:
        event satisfies never;
    }
  };

  /** Runs `work` before the next events are told; asked again under the same key until then, still once. */
  defer(key: string, work: () => void): void {
    this.#deferred.set(key, work);
    this.#schedule();
  }

  /** Tells everything now. */
  flush(): void {
    // deferred work emits, and may defer more
    for (const [key, work] of this.#deferred) {
      this.#deferred.delete(key);
      try {
        work();
      } catch (error) {
        this.#report(error);
      }
    }
    if (this.#scheduled) clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    const batch = this.#take();
    if (batch.length > 0) this.#deliver(batch);
  }

  /** What others refer to comes first: an account before its people, a person before the talk. */
  #take(): CoreEvent[] {
    const batch: CoreEvent[] = [];
    for (const type of ['settings', 'protection', 'notices', 'presence', 'accounts'] as const)
      this.#takeWhole(type, batch);
    const people = this.#people.take();
    if (people) batch.push({ type: 'people', ...people });
    this.#takeWhole('requests', batch);
    const talks = this.#talks.take();
    if (talks) batch.push({ type: 'talks', ...talks });
    const messages = this.#messages.take();
    if (messages) batch.push({ type: 'messages', changed: messages.changed });
    const transfers = this.#transfers.take();
    if (transfers) batch.push({ type: 'transfers', ...transfers });
    for (const [talkId, composing] of this.#typing) batch.push({ type: 'typing', talkId, composing });
    this.#typing.clear();
    return batch;
  }

  #takeWhole(type: Whole, batch: CoreEvent[]): void {
    const event = this.#whole.get(type);
    if (event) batch.push(event);
    this.#whole.delete(type);
  }

  #schedule(): void {
    this.#scheduled ??= setImmediate(() => this.flush());
  }
}
