import type { Message, NotificationRequest, OwnPresenceView, Settings } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { EventBatch } from '../event-batch.ts';

const MAXIMUM_TEXT = 300;
/** Between two notifications of one talk: whoever writes like a machine flickers on nobody's screen. */
const PAUSE = 2_000;

export interface NotifierParts {
  events: EventBatch;
  clock: Clock;
  settings(): Settings;
  presence(): OwnPresenceView;
  personOf(talkId: string): { name: string; verified: boolean } | undefined;
  notify(request: NotificationRequest): void;
}

/** One notification per talk: not for the talk in front, not while we want to be left alone, a flood is its first and its last text. */
export class Notifier {
  readonly #parts: NotifierParts;
  #inFront: string | null = null;
  /** Talks with a notification of just now, with what came since. */
  readonly #held = new Map<string, { text: string | undefined; stop: () => void }>();

  constructor(parts: NotifierParts) {
    this.#parts = parts;
  }

  talkInFront(talkId: string | null): void {
    this.#inFront = talkId;
    const held = this.#held.get(talkId ?? '');
    if (held) held.text = undefined;
  }

  arrived({ talkId, kind, text: given }: Message): void {
    // the words for it are the window's
    const text = kind === 'notice' ? '' : given;
    this.#parts.events.defer(`notify ${talkId}`, () => {
      const held = this.#held.get(talkId);
      if (held) held.text = text;
      else this.#show(talkId, text);
    });
  }

  stop(): void {
    for (const { stop } of this.#held.values()) stop();
    this.#held.clear();
  }

  #show(talkId: string, text: string): void {
    const { notifications, notificationText } = this.#parts.settings();
    if (!notifications || this.#parts.presence().state === 'do-not-disturb' || this.#inFront === talkId) return;
    const person = this.#parts.personOf(talkId);
    if (!person) return;
    const { name, verified } = person;
    this.#parts.notify({ talkId, name, verified, body: notificationText ? beginning(text) : '' });
    this.#held.set(talkId, { text: undefined, stop: this.#parts.clock.after(PAUSE, () => this.#release(talkId)) });
  }

  #release(talkId: string): void {
    const text = this.#held.get(talkId)?.text;
    this.#held.delete(talkId);
    if (text !== undefined) this.#show(talkId, text);
  }
}

const beginning = (text: string): string =>
  text.length <= MAXIMUM_TEXT ? text : `${text.slice(0, MAXIMUM_TEXT).replace(/[\ud800-\udbff]$/, '')}…`;
