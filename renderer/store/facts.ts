import type {
  Account,
  ContactRequestView,
  CoreEvent,
  Notice,
  OwnPresenceView,
  Person,
  Protection,
  Settings,
  Snapshot,
  Talk,
  Transfer,
} from '../../electron/contract/index.ts';
import { applyMessages, type TalkLog } from './talk-log.ts';

/** Everything the core told this window, by id. Only events and answers change it. */
export interface Facts {
  /** False until the first snapshot. */
  ready: boolean;
  version: string;
  profile: string;
  protection: Protection;
  settings: Settings;
  presence: OwnPresenceView;
  accounts: readonly Account[];
  people: Readonly<Record<string, Person>>;
  talks: Readonly<Record<string, Talk>>;
  /** Talk ids, the newest first. */
  talkOrder: readonly string[];
  transfers: Readonly<Record<string, Transfer>>;
  /** Transfer ids, the newest first. */
  transferOrder: readonly string[];
  requests: readonly ContactRequestView[];
  notices: readonly Notice[];
  /** Talks in which the other side is writing now. */
  typing: Readonly<Record<string, true>>;
  /** The loaded stretch of each talk. */
  logs: Readonly<Record<string, TalkLog>>;
}

export const noFacts: Facts = {
  ready: false,
  version: '',
  profile: '',
  protection: 'system',
  settings: {
    language: 'system',
    theme: 'system',
    downloadFolder: '',
    notifications: true,
    notificationText: true,
    sendTyping: true,
    sendRead: true,
  },
  presence: { state: 'available', note: '' },
  accounts: [],
  people: {},
  talks: {},
  talkOrder: [],
  transfers: {},
  transferOrder: [],
  requests: [],
  notices: [],
  typing: {},
  logs: {},
};

type ById<T> = Readonly<Record<string, T>>;

function merged<T extends { id: string }>(
  all: ById<T>,
  changed: readonly T[],
  removed: readonly string[] = [],
): Record<string, T> {
  const next: Record<string, T> = { ...all };
  for (const item of changed) next[item.id] = item;
  for (const id of removed) delete next[id];
  return next;
}

const byActivity = (talks: ById<Talk>): string[] =>
  Object.values(talks)
    .sort((a, b) => b.activeAt - a.activeAt || (a.id < b.id ? -1 : 1))
    .map((talk) => talk.id);

const byCreation = (transfers: ById<Transfer>): string[] =>
  Object.values(transfers)
    .sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1))
    .map((transfer) => transfer.id);

/** Keeps the old array when nothing moved, so that lists do not paint again. */
const ifMoved = (before: readonly string[], after: readonly string[]): readonly string[] =>
  before.length === after.length && before.every((id, at) => id === after[at]) ? before : after;

/** A snapshot replaces all but the logs: those are fetched anew for the talks in sight. */
export function fromSnapshot(facts: Facts, snapshot: Snapshot): Facts {
  const { talks: talkList, transfers: transferList, people: peopleList, ...plain } = snapshot;
  const talks = merged({}, talkList);
  const transfers = merged({}, transferList);
  return {
    ...facts,
    ...plain,
    ready: true,
    people: merged({}, peopleList),
    talks,
    talkOrder: byActivity(talks),
    transfers,
    transferOrder: byCreation(transfers),
    typing: {},
  };
}

function applyEvent(facts: Facts, event: CoreEvent): Facts {
  switch (event.type) {
    case 'accounts':
      return { ...facts, accounts: event.accounts };
    case 'people':
      return { ...facts, people: merged(facts.people, event.changed, event.removed) };
    case 'talks': {
      const talks = merged(facts.talks, event.changed, event.removed);
      const logs = { ...facts.logs };
      for (const id of event.removed) delete logs[id];
      return { ...facts, talks, logs, talkOrder: ifMoved(facts.talkOrder, byActivity(talks)) };
    }
    case 'messages':
      return { ...facts, logs: applyMessages(facts.logs, event.changed) };
    case 'transfers': {
      const transfers = merged(facts.transfers, event.changed, event.removed);
      return { ...facts, transfers, transferOrder: ifMoved(facts.transferOrder, byCreation(transfers)) };
    }
    case 'requests':
      return { ...facts, requests: event.requests };
    case 'presence':
      return { ...facts, presence: event.presence };
    case 'typing': {
      const typing = { ...facts.typing };
      if (event.composing) typing[event.talkId] = true;
      else delete typing[event.talkId];
      return { ...facts, typing };
    }
    case 'settings':
      return { ...facts, settings: event.settings };
    case 'protection':
      return { ...facts, protection: event.protection };
    case 'notices':
      return { ...facts, notices: event.notices };
    default: {
      const unforeseen: never = event;
      return unforeseen;
    }
  }
}

/** A batch in order. Applying one twice changes nothing. */
export const applyEvents = (facts: Facts, events: readonly CoreEvent[]): Facts => events.reduce(applyEvent, facts);
