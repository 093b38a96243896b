import type { Message, NotificationRequest, OwnPresenceView, Settings } from '../../contract/index.ts';
import type { EventBatch } from '../event-batch.ts';

const MAXIMUM_TEXT = 300;

export interface NotifierParts {
  events: EventBatch;
  settings(): Settings;
  presence(): OwnPresenceView;
  personOf(talkId: string): { name: string; verified: boolean } | undefined;
  notify(request: NotificationRequest): void;
}

/** One notification per talk: not for the talk in front, not while we want to be left alone, a flood is its last text. */
export class Notifier {
  readonly #parts: NotifierParts;
  #inFront: string | null = null;

  constructor(parts: NotifierParts) {
    this.#parts = parts;
  }

  talkInFront(talkId: string | null): void {
    this.#inFront = talkId;
  }

  arrived({ talkId, text }: Message): void {
    this.#parts.events.defer(`notify ${talkId}`, () => {
      const { notifications, notificationText } = this.#parts.settings();
      if (!notifications || this.#parts.presence().state === 'do-not-disturb' || this.#inFront === talkId) return;
      const person = this.#parts.personOf(talkId);
      if (!person) return;
      const { name, verified } = person;
      this.#parts.notify({ talkId, name, verified, body: notificationText ? beginning(text) : '' });
    });
  }
}

const beginning = (text: string): string =>
  text.length <= MAXIMUM_TEXT ? text : `${text.slice(0, MAXIMUM_TEXT).replace(/[\ud800-\udbff]$/, '')}…`;
