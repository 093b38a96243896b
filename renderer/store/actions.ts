import type { StoreApi } from 'zustand/vanilla';
import {
  type Account,
  CommandError,
  type CommandInput,
  type CommandName,
  type CommandOutput,
  type Fault,
  type Message,
  type Navigation,
  type Route,
} from '../../electron/contract/index.ts';
import type { CoreLink } from './core-link.ts';
import { type Facts, fromSnapshot } from './facts.ts';
import { joined, newerPage, newestPage, olderPage } from './talk-log.ts';
import type { OfferItem, Sheet, Toast, View } from './view.ts';

const PAGE = 60;
const UNDO_MS = 6000;

export interface ActionsOptions {
  facts: StoreApi<Facts>;
  view: StoreApi<View>;
  link: CoreLink;
  /** Remembers small things between starts: the last talk. */
  storage: Pick<Storage, 'getItem' | 'setItem'>;
}

const faultOf = (error: unknown): Fault =>
  error instanceof CommandError ? error.fault : { code: 'internal', retryable: false };

/** Every intention of the person in front of the window, by name. */
export type Actions = ReturnType<typeof createActions>;

export function createActions({ facts, view, link, storage }: ActionsOptions) {
  const show = (change: Partial<View>) => view.setState(change);
  let toastId = 0;
  const pending = new Map<number, ReturnType<typeof setTimeout>>();

  const dropToast = (id: number) => {
    clearTimeout(pending.get(id));
    pending.delete(id);
    show({ toasts: view.getState().toasts.filter((toast) => toast.id !== id) });
  };
  const toast = (content: Omit<Toast, 'id'>, whenGone?: () => void): number => {
    toastId += 1;
    const id = toastId;
    show({ toasts: [...view.getState().toasts.slice(-2), { id, ...content }] });
    pending.set(
      id,
      setTimeout(() => {
        dropToast(id);
        whenGone?.();
      }, UNDO_MS),
    );
    return id;
  };

  /** Asks the core; a refusal becomes a line at the bottom of the window and `undefined`. */
  const ask = async <Name extends CommandName>(
    name: Name,
    input: CommandInput<Name>,
  ): Promise<CommandOutput<Name> | undefined> => {
    try {
      return await link.call(name, input);
    } catch (error) {
      toast({ text: '', fault: faultOf(error) });
      return undefined;
    }
  };
  /** Asks the core; the caller shows what went wrong. */
  const attempt = async <Name extends CommandName>(
    name: Name,
    input: CommandInput<Name>,
  ): Promise<{ output: CommandOutput<Name> } | { fault: Fault }> => {
    try {
      return { output: await link.call(name, input) };
    } catch (error) {
      return { fault: faultOf(error) };
    }
  };
  /** Asks the core for something whose failure nobody needs to hear of. */
  const tell = <Name extends CommandName>(name: Name, input: CommandInput<Name>): void => {
    link.call(name, input).catch(() => {});
  };

  const setLog = (talkId: string, log: Facts['logs'][string]) =>
    facts.setState({ logs: { ...facts.getState().logs, [talkId]: log } });

  const busy = new Set<string>();
  /** One page load of a talk at a time. */
  const once = async (key: string, work: () => Promise<void>): Promise<void> => {
    if (busy.has(key)) return;
    busy.add(key);
    try {
      await work();
    } catch (error) {
      toast({ text: '', fault: faultOf(error) });
    } finally {
      busy.delete(key);
    }
  };

  /** `unread`: how many were unread when the talk was opened, for the line where reading stopped. */
  const loadNewest = (talkId: string, unread = facts.getState().talks[talkId]?.unread ?? 0) =>
    once(talkId, async () => {
      const page = await link.call('messages.page', { talkId, limit: PAGE });
      const state = facts.getState();
      setLog(talkId, newestPage(state.logs[talkId], page));
      if (unread > 0 && view.getState().unreadFrom?.talkId !== talkId) {
        const incoming = page.messages.filter((message) => message.direction === 'incoming');
        const first = incoming[Math.max(0, incoming.length - unread)];
        if (first) show({ unreadFrom: { talkId, sequence: first.sequence } });
      }
    });
  const loadOlder = (talkId: string) =>
    once(talkId, async () => {
      const first = facts.getState().logs[talkId]?.messages[0];
      if (!first) return;
      const page = await link.call('messages.page', { talkId, before: first.sequence, limit: PAGE });
      const log = facts.getState().logs[talkId];
      if (log) setLog(talkId, olderPage(log, page));
    });
  const loadNewer = (talkId: string) =>
    once(talkId, async () => {
      const last = facts.getState().logs[talkId]?.messages.at(-1);
      if (!last) return;
      const page = await link.call('messages.page', { talkId, after: last.sequence, limit: PAGE });
      const log = facts.getState().logs[talkId];
      if (log) setLog(talkId, newerPage(log, page));
    });

  /** What is written now belongs under the newest messages: a stretch around a found one gives way to them. */
  const loadEnd = async (talkId: string): Promise<void> => {
    const { logs } = facts.getState();
    if (!logs[talkId]?.newer) return;
    facts.setState({ logs: { ...logs, [talkId]: { messages: [], older: false, newer: true } } });
    await loadNewest(talkId);
  };

  const openTalk = (talkId: string) => {
    const before = view.getState();
    // before the talk is painted: being seen marks it as read
    const unread = facts.getState().talks[talkId]?.unread;
    show({
      talkId,
      column: 'talk',
      target: null,
      chosen: { talkId },
      ...(before.talkId === talkId ? {} : { searchOpen: false, unreadFrom: null }),
    });
    storage.setItem('aims.talk', talkId);
    void loadNewest(talkId, unread);
  };

  /** Opens a talk where a message stands, with what surrounds it. */
  const openMessage = async (message: Message) => {
    const { talkId, sequence, id } = message;
    show({ talkId, column: 'talk', unreadFrom: null });
    const log = facts.getState().logs[talkId];
    if (!log?.messages.some((known) => known.id === id)) {
      await once(talkId, async () => {
        const [before, after] = await Promise.all([
          link.call('messages.page', { talkId, before: sequence, limit: PAGE }),
          link.call('messages.page', { talkId, after: sequence, limit: PAGE }),
        ]);
        setLog(talkId, {
          messages: joined([...before.messages, message], after.messages),
          older: before.more,
          newer: after.more,
        });
      });
    }
    show({ target: { talkId, messageId: id } });
  };

  const openPerson = async (personId: string) => {
    const talk = await ask('talks.open', { personId });
    if (!talk) return;
    facts.setState({ talks: { ...facts.getState().talks, [talk.id]: talk } });
    openTalk(talk.id);
  };
  const openAddress = async (accountId: string, address: string) => {
    const talk = await ask('talks.openAddress', { accountId, address });
    if (!talk) return;
    facts.setState({ talks: { ...facts.getState().talks, [talk.id]: talk } });
    openTalk(talk.id);
  };
  /** An address from a link or from the search field: by the account that speaks its protocol, connected ones first. */
  const writeTo = async (uri: string) => {
    const scheme = /^(sips?|xmpp|im|pres):/i.exec(uri)?.[1]?.toLowerCase();
    const speaks = scheme?.startsWith('sip') ? 'sip' : scheme === 'xmpp' ? 'xmpp' : undefined;
    const able = facts.getState().accounts.filter((account) => account.enabled && account.protocol !== 'local');
    const fitting = speaks ? able.filter((account) => account.protocol === speaks) : able;
    const account = fitting.find((one) => one.registration.state === 'online') ?? fitting[0];
    const address = uri.replace(/^(im|pres):/i, '').replace(/[?;].*$/, '');
    if (account) await openAddress(account.id, address);
    else toast({ text: '', fault: { code: 'not-supported', retryable: false } });
  };

  /** The core is there: fetch all, then the talk in front. */
  const reload = async () => {
    try {
      const snapshot = await link.call('app.snapshot', {});
      const { talkId } = view.getState();
      // other talks are fetched when opened: what changed meanwhile is not known
      const logs = talkId && facts.getState().logs[talkId] ? { [talkId]: facts.getState().logs[talkId] } : {};
      facts.setState({ ...fromSnapshot(facts.getState(), snapshot), logs: logs as Facts['logs'] });
      show({ connected: true, notStarted: null });
      const wanted = talkId ?? storage.getItem('aims.talk');
      if (wanted && snapshot.talks.some((talk) => talk.id === wanted)) {
        if (talkId) await loadNewest(wanted);
        else {
          show({ talkId: wanted });
          await loadNewest(wanted);
        }
      }
    } catch (error) {
      show({ connected: false, notStarted: faultOf(error) });
    }
  };

  const removeLater = (id: string, text: string, command: () => void) => {
    show({ leaving: { ...view.getState().leaving, [id]: true } });
    const stay = () => {
      const { [id]: _gone, ...leaving } = view.getState().leaving;
      show({ leaving });
    };
    const undoId: number = toast(
      {
        text,
        undo: () => {
          dropToast(undoId);
          stay();
        },
      },
      () => {
        command();
        stay();
      },
    );
  };

  return {
    ask,
    attempt,
    tell,
    toast,
    dropToast,
    reload,
    openTalk,
    openMessage,
    openPerson,
    writeTo,
    loadNewest,
    loadOlder,
    loadNewer,

    show,
    openSheet: (sheet: Sheet) => show({ sheet }),
    closeSheet: () => show({ sheet: null }),
    togglePanel: () => {
      const { panelOpen, talkId } = view.getState();
      show({ panelOpen: !panelOpen, column: panelOpen ? (talkId ? 'talk' : 'list') : 'transfers' });
    },
    navigate: (to: Navigation) => {
      if (to.to === 'talk') openTalk(to.talkId);
      else if (to.to === 'address') void writeTo(to.uri);
      else show({ sheet: { kind: 'settings', section: 'accounts' } });
    },

    /** Resolves to what stopped it, or null when the core has the message on disk. */
    send: async (talkId: string, text: string): Promise<Fault | null> => {
      try {
        await loadEnd(talkId);
        const message = await link.call('messages.send', { talkId, text, messageId: crypto.randomUUID() });
        const log = facts.getState().logs[talkId];
        if (log && !log.messages.some((known) => known.id === message.id))
          setLog(talkId, { ...log, messages: joined(log.messages, [message]) });
        show({ unreadFrom: null, wrote: { talkId } });
        return null;
      } catch (error) {
        return faultOf(error);
      }
    },
    signIn: async (input: CommandInput<'accounts.signIn'>): Promise<{ account: Account } | { fault: Fault }> => {
      try {
        const account = await link.call('accounts.signIn', input);
        const { accounts } = facts.getState();
        // the event may be here already, and newer than the answer
        if (!accounts.some((known) => known.id === account.id)) facts.setState({ accounts: [...accounts, account] });
        return { account };
      } catch (error) {
        return { fault: faultOf(error) };
      }
    },
    /** Gone from the window too when it resolves: the event that tells it may come after the answer. */
    removeAccount: async (accountId: string): Promise<void> => {
      if ((await ask('accounts.remove', { accountId })) === undefined) return;
      facts.setState({ accounts: facts.getState().accounts.filter(({ id }) => id !== accountId) });
    },
    setRoute: (talkId: string, route: Route) => ask('talks.setRoute', { talkId, route }),
    offer: async (talkId: string, items: readonly OfferItem[], note: string): Promise<void> => {
      const paths = items.flatMap((item) => (item.kind === 'path' ? [item.path] : []));
      const trimmed = note.trim();
      await loadEnd(talkId);
      show({ wrote: { talkId } });
      if (paths.length > 0) await ask('transfers.offer', { talkId, paths, ...(trimmed ? { note: trimmed } : {}) });
      else if (trimmed) await ask('messages.send', { talkId, text: trimmed });
      for (const item of items) {
        if (item.kind !== 'data') continue;
        const data = new Uint8Array(await item.file.arrayBuffer());
        await ask('transfers.offerData', {
          talkId,
          name: item.name,
          type: item.file.type || 'application/octet-stream',
          data,
        });
      }
    },
    removeTalk: (talkId: string, text: string) => {
      if (view.getState().talkId === talkId) show({ talkId: null, column: 'list' });
      removeLater(talkId, text, () => void ask('talks.remove', { talkId }));
    },
    removePerson: (personId: string, text: string) =>
      removeLater(personId, text, () => void ask('people.remove', { personId })),
  };
}
