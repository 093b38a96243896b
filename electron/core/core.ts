import path from 'node:path';
import type { ProtocolDescription, Registration } from '../../protocols/contract/index.ts';
import {
  CommandError,
  type CoreControl,
  type CoreEvent,
  type CoreLaunch,
  type Handlers,
  isLockedCode,
  refuse,
  type ShellSide,
} from '../contract/index.ts';
import { AccountRows } from './accounts/account-rows.ts';
import { Accounts } from './accounts/accounts.ts';
import { OwnPresenceTeller } from './accounts/own-presence.ts';
import { Passwords } from './accounts/passwords.ts';
import { ServerTrust } from './accounts/server-trust.ts';
import { type Clock, systemClock } from './clock.ts';
import { Conversations } from './conversations/conversations.ts';
import { Notifier } from './conversations/notifier.ts';
import { EventBatch } from './event-batch.ts';
import { commandErrorOf } from './fault.ts';
import { LastResort } from './last-resort.ts';
import { type Log, openLog } from './log.ts';
import { People } from './people/people.ts';
import { Notices } from './settings/notices.ts';
import { Preferences } from './settings/preferences.ts';
import { startNotices, tellProtection } from './settings/start-notices.ts';
import { DiskRoom } from './store/disk-room.ts';
import type { Driver } from './store/driver.ts';
import { type DatabaseKey, databaseKey } from './store/key/database-key.ts';
import { Passphrase, setSealedProfileAside } from './store/key/passphrase.ts';
import { openStoreInTurns } from './store/open-store.ts';
import { lockProfile, makeProfileFolder } from './store/profile-lock.ts';
import { StoreError, type StoreErrorCode } from './store/store-error.ts';
import { createTransfers } from './transfers/index.ts';

export interface CoreParts {
  launch: CoreLaunch;
  shell: ShellSide;
  /** Every protocol there is; see `protocols/registry.ts`. */
  protocols: readonly ProtocolDescription[];
  onEvents: (batch: CoreEvent[]) => void;
  /** Nothing more can be done in this process: it should end, and a new one be started. */
  onFatal: (error: unknown) => void;
  /** What can still be read of a damaged database is being saved: the start may take minutes. */
  onSalvage?: () => void;
  /** Gives up a start that takes long. */
  signal?: AbortSignal;
  /** What a person says to a start that was refused with `passphrase-needed`. */
  opening?: Opening;
  /** Injected for tests. */
  clock?: Clock;
}

/** The passphrase; or that it was forgotten, and what it protects is to be set aside. */
export type Opening = { passphrase: string } | { beginAnew: true };

export interface Core {
  /** The commands of the contract; they reject with a CommandError, or with whatever is a bug. */
  readonly handlers: Handlers;
  readonly control: CoreControl;
  /** A fault that nobody foresaw. */
  report: (error: unknown) => void;
  /** For what no code caught. */
  readonly lastResort: LastResort;
}

/**
 * The whole core, put together: nothing is joined to anything outside of this function. Rejects with a CommandError
 * (`profile-folder`, `profile-in-use`, `profile-sealed`, `secrets-locked`, `passphrase-needed`, `database-newer`, `no-space`…)
 * when it cannot start, and then holds nothing.
 *
 * @example
 * const core = await createCore({ launch, shell, protocols, onEvents: console.log, onFatal: () => process.exit(1) });
 * const talk = await core.handlers['talks.open']({ personId });
 */
export async function createCore(parts: CoreParts): Promise<Core> {
  const { launch } = parts;
  const clock = parts.clock ?? systemClock;
  try {
    makeProfileFolder(launch.folder);
    const lock = lockProfile(launch.folder);
    const disk = new DiskRoom(launch.folder, clock);
    const log = openLog(launch.folder, clock.now, () => disk.refused());
    const giveBack = (): void => {
      disk.close();
      log.close();
      lock.release();
    };
    try {
      const { key, forgotten } = await keyFor(parts, clock);
      return await openProfile(parts, { clock, disk, log, key, forgotten, giveBack });
    } catch (error) {
      log.error('core.not-started', error);
      giveBack();
      throw error;
    }
  } catch (error) {
    throw commandErrorOf(error);
  }
}

/** The key by what a person said, if anything; main is told whether the profile waits for that. */
async function keyFor(
  { launch, shell, opening }: CoreParts,
  clock: Clock,
): Promise<{ key: DatabaseKey; forgotten: string | null }> {
  const isForgotten = opening !== undefined && 'beginAnew' in opening;
  const passphrase = opening !== undefined && 'passphrase' in opening ? opening.passphrase : undefined;
  try {
    const forgotten = isForgotten ? setSealedProfileAside(launch.folder, clock.now()) : null;
    const key = await databaseKey(launch, shell, passphrase);
    shell.setLocked(false);
    return { key, forgotten };
  } catch (error) {
    if (error instanceof CommandError && isLockedCode(error.fault.code)) shell.setLocked(true);
    throw error;
  }
}

/** What a start has taken hold of before anything is read. */
interface Held {
  clock: Clock;
  disk: DiskRoom;
  log: Log;
  key: DatabaseKey;
  /** Where what a forgotten passphrase protects was set aside. */
  forgotten: string | null;
  giveBack: () => void;
}

/** Damage that shows only while everything is being read is met once: the second look sets the file aside. */
async function openProfile(parts: CoreParts, held: Held): Promise<Core> {
  try {
    return await wire(parts, held);
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'damaged') throw error;
    return wire(parts, held);
  }
}

async function wire(parts: CoreParts, { clock, disk, log, key, forgotten, giveBack }: Held): Promise<Core> {
  const { launch, shell, protocols } = parts;
  const report = (error: unknown): void => log.error('core.unforeseen', error);
  let started = false;

  const onFault = (code: StoreErrorCode): void => {
    if (code === 'full') disk.refused();
    if (code !== 'damaged' || !started) return;
    started = false;
    // told when the statement that met it has thrown
    queueMicrotask(() => parts.onFatal(new StoreError('damaged')));
  };
  let invalidTextNoted = false;
  const onInvalidText = (): void => {
    // one wrong byte is read again with every page that shows it
    if (!invalidTextNoted) log.write('error', 'store.text-invalid');
    invalidTextNoted = true;
  };
  const store = await openStoreInTurns(
    parts.signal,
    launch.folder,
    key.key,
    clock.now,
    onFault,
    onInvalidText,
    parts.onSalvage,
  );
  const driver: Driver = store.driver;
  const events = new EventBatch(parts.onEvents, report);
  try {
    const preferences = new Preferences(driver, launch.downloadFolder, events.emit);
    const notices = startNotices(new Notices(driver, clock.now, events.emit), launch, store.notes);
    const passphrase = new Passphrase(launch, shell, key, (protection) => {
      tellProtection(notices, protection);
      events.emit({ type: 'protection', protection });
    });
    tellProtection(notices, key.protection);
    if (forgotten !== null) notices.keep('database-forgotten', forgotten);

    const notifier = new Notifier({
      events,
      clock,
      settings: () => preferences.settings,
      presence: () => preferences.presence,
      personOf: (talkId) => people.find(conversations.talks.find(talkId)?.personId ?? ''),
      notify: (request) => shell.notify(request),
    });
    const conversations: Conversations = new Conversations({
      driver,
      people: () => people,
      notifier,
      events,
      settings: () => preferences.settings,
      isAccount: (accountId) => accounts.has(accountId),
      isOnline: (accountId) => accounts.isOnline(accountId),
      unreadChanged: (count) => shell.setUnread(count),
      log,
      clock,
    });
    const people: People = new People({
      driver,
      events,
      isAccount: (accountId) => accounts.has(accountId),
      domainOf: (accountId) => accounts.domainOf(accountId),
      hasTalk: (personId) => conversations.talks.ofPerson(personId) !== undefined,
      cameBack: (route) => conversations.peerBack(route),
      listMoved: () => accounts.tell(),
      clock,
    });
    const transfers = createTransfers({
      folder: launch.folder,
      driver,
      talks: conversations,
      downloadFolder: () => preferences.settings.downloadFolder,
      shell,
      emit: events.emit,
      log: log.write,
      clock,
    });
    const ownPresence = new OwnPresenceTeller({
      chosen: () => preferences.presence,
      providers: () => accounts.views.flatMap(({ id }) => accounts.provider(id) ?? []),
      log,
    });
    const online = new Set<string>();
    const accounts: Accounts = new Accounts({
      protocols,
      rows: new AccountRows(driver),
      trust: new ServerTrust(driver),
      passwords: new Passwords(shell, launch.secretStore, log),
      hooks: {
        attach(accountId, provider) {
          people.attach(accountId, provider);
          conversations.attach(accountId, provider);
          transfers.attach(accountId, provider);
          ownPresence.tell(provider);
        },
        detach(accountId) {
          transfers.detach(accountId);
          conversations.detach(accountId);
          people.detach(accountId);
          online.delete(accountId);
        },
        registration(accountId, registration) {
          log.write('info', 'account.registration', { account: accountId, ...factsOf(registration) });
          accounts.tell();
          const isOnline = registration.state === 'online';
          // a connection that is being taken up again says nothing of the others yet
          if (!isOnline && registration.state !== 'connecting') people.connectionChanged(accountId, false);
          if (isOnline === online.has(accountId)) return;
          if (isOnline) online.add(accountId);
          else online.delete(accountId);
          if (isOnline) people.connectionChanged(accountId, true);
          conversations.connectionChanged(accountId, isOnline);
        },
      },
      removed(accountId) {
        transfers.forgetAccount(accountId);
        people.forgetAccount(accountId);
        conversations.forgetAccount(accountId);
      },
      events,
      loopbackOnly: launch.loopbackOnly,
      language: () => preferences.language,
      version: launch.version,
      log,
      clock,
    });

    const lastResort = new LastResort({
      log,
      clock,
      failAccount: (accountId) => accounts.failed(accountId),
      onFatal: parts.onFatal,
    });
    disk.listen({
      full: () => notices.show('disk-full'),
      room: () => {
        log.write('info', 'disk.room-again');
        notices.hide('disk-full');
        conversations.roomAgain();
        transfers.roomAgain();
        // whoever could not keep what came has left its server, and waits
        accounts.machineEvent('wake');
      },
    });
    /** What is damaged now is met again, and told, by whatever needs it. */
    const keepCopy = (): void => {
      try {
        store.keepCopy();
      } catch (error) {
        log.error('store.copy-failed', error);
      }
    };
    await transfers.recover();
    store.started();
    keepCopy();
    started = true;
    for (const { code, saved, lost } of store.notes) log.write('warn', code, { saved: saved ?? 0, lost: lost ?? 0 });
    shell.setUnread(conversations.talks.unread);
    log.write('info', 'core.started', { version: launch.version, restarted: launch.restarted });
    accounts.startAll();
    store.examine().then(
      (found) => {
        if (found !== undefined) log.write(found === 'whole' ? 'info' : 'warn', 'store.examined', { found });
      },
      (error: unknown) => log.error('store.not-examined', error),
    );

    let ending: Promise<void> | undefined;
    const end = async (): Promise<void> => {
      await transfers.shutDown();
      await accounts.stopAll();
      conversations.close();
      events.flush();
      notifier.stop();
      log.write('info', 'core.ended');
      keepCopy();
      store.close();
      giveBack();
    };
    const control: CoreControl = {
      machineEvent: (event) => accounts.machineEvent(event),
      idleSince: (since) => ownPresence.idle(since),
      talkInFront: (talkId) => notifier.talkInFront(talkId),
      shutDown: () => {
        ending ??= end();
        return ending;
      },
    };

    const handlers: Handlers = {
      'app.snapshot': () => {
        // what is under way to be told is in the snapshot: it is told first
        events.flush();
        return {
          version: launch.version,
          profile: launch.profile,
          protection: passphrase.protection,
          settings: preferences.settings,
          presence: preferences.presence,
          accounts: accounts.views,
          people: people.views,
          talks: conversations.talks.views,
          transfers: transfers.snapshot(),
          requests: people.requests,
          notices: notices.all,
        };
      },
      'app.dismissNotice': ({ noticeId }) => {
        if (!notices.dismiss(noticeId)) throw refuse('not-found');
        return null;
      },
      // both are for a core that is not there: see CoreHost
      'app.unlock': () => Promise.reject(refuse('wrong-state')),
      'app.beginAnew': () => Promise.reject(refuse('wrong-state')),
      'app.setPassphrase': async (input) => {
        await passphrase.change(input.passphrase, input.current);
        return null;
      },
      'settings.change': (changes) => {
        const folder = changes.downloadFolder;
        if (folder !== undefined && !path.isAbsolute(folder)) throw refuse('command-invalid');
        return preferences.change(changes);
      },

      'accounts.signIn': async (input) => {
        const account = await accounts.signIn(input);
        keepCopy();
        return account;
      },
      'accounts.change': async (input) => {
        const account = await accounts.change(input);
        keepCopy();
        return account;
      },
      'accounts.allowAuthentication': async ({ accountId, asked }) => {
        await accounts.allowAuthentication(accountId, asked);
        return null;
      },
      'accounts.trustCertificate': async ({ accountId, fingerprint }) => {
        await accounts.trustCertificate(accountId, fingerprint);
        keepCopy();
        return null;
      },
      'accounts.retry': async ({ accountId }) => {
        await accounts.retry(accountId);
        return null;
      },
      'accounts.remove': async ({ accountId }) => {
        await accounts.remove(accountId);
        keepCopy();
        return null;
      },

      'presence.set': (presence) => {
        preferences.setPresence(presence);
        ownPresence.changed();
        return null;
      },

      'people.add': async ({ accountId, address, name, groups }) => {
        const route = { accountId, address: accounts.parseAddress(accountId, address) };
        return { personId: await people.add(route, name, groups) };
      },
      'people.change': async ({ personId, name, groups }) => {
        await people.change(personId, name, groups);
        return null;
      },
      'people.remove': async ({ personId }) => {
        await people.remove(personId);
        return null;
      },
      'people.setPermission': async ({ personId, permission }) => {
        await people.setPermission(personId, permission);
        return null;
      },
      'people.join': ({ personId, into }) => ({
        talkId: conversations.join(personId, into, (talk, joined) => transfers.moveTalk(talk, joined)) ?? null,
      }),
      'people.verificationCode': async (route) => ({ code: await people.codes.of(route) }),
      'people.confirmCode': async ({ route, code }) => {
        await people.codes.confirm(route, code);
        return null;
      },
      'requests.answer': async ({ accountId, address, answer }) => {
        await people.answerRequest(accountId, address, answer);
        return null;
      },

      'talks.open': ({ personId }) => conversations.open(personId),
      'talks.openAddress': ({ accountId, address }) =>
        conversations.openRoute({ accountId, address: accounts.parseAddress(accountId, address) }),
      'talks.setRoute': ({ talkId, route }) => {
        conversations.setRoute(talkId, route);
        return null;
      },
      'talks.setDraft': ({ talkId, draft }) => {
        conversations.talks.keepDraft(talkId, draft);
        return null;
      },
      'talks.markRead': ({ talkId, upTo }) => {
        conversations.markRead(talkId, upTo);
        return null;
      },
      'talks.typing': ({ talkId, composing }) => {
        conversations.typing(talkId, composing);
        return null;
      },
      'talks.remove': ({ talkId }) => {
        conversations.talks.must(talkId);
        transfers.forgetTalk(talkId);
        conversations.remove(talkId);
        return null;
      },

      'messages.page': ({ talkId, before, after, limit }) => conversations.page(talkId, before, after, limit),
      'messages.send': ({ talkId, text, messageId }) => conversations.send(talkId, text, messageId),
      'messages.retry': ({ messageId }) => {
        conversations.retry(messageId);
        return null;
      },
      'messages.search': ({ query, talkId, limit }) => conversations.search(query, talkId, limit),

      ...transfers.handlers,
    };

    return { handlers: guarded(handlers, () => ending !== undefined, log), control, report, lastResort };
  } catch (error) {
    store.close();
    throw error;
  }
}

/** Expected errors of every layer leave as one kind; after the end nothing is touched any more. */
function guarded(handlers: Handlers, isOver: () => boolean, log: Log): Handlers {
  const guard =
    (handler: (input: never) => unknown) =>
    async (input: never): Promise<unknown> => {
      if (isOver()) throw refuse('core-gone');
      try {
        return await handler(input);
      } catch (error) {
        if (error instanceof StoreError) log.error('store.failed', error);
        throw commandErrorOf(error);
      }
    };
  return Object.fromEntries(Object.entries(handlers).map(([name, handler]) => [name, guard(handler)])) as Handlers;
}

function factsOf(registration: Registration): Record<string, string | boolean> {
  switch (registration.state) {
    case 'offline':
    case 'online':
      return { state: registration.state };
    case 'connecting':
      return { state: registration.state, step: registration.step };
    case 'waiting':
    case 'stopped': {
      const { code, protocolCode, retryable } = registration.cause;
      return { state: registration.state, code, protocolCode: protocolCode ?? '', retryable };
    }
  }
}
