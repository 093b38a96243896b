import { createBirpc } from 'birpc';
import {
  type Account,
  answer,
  type CommandName,
  type CoreEvent,
  type CoreSide,
  type Fault,
  type Handlers,
  type Message,
  PORT_MESSAGE,
  type RegistrationView,
  refuse,
  type Talk,
  type Transfer,
  type WindowSide,
} from '../../../electron/contract/index.ts';
import { type SampleData, sampleData } from './sample.ts';

export interface AskedCommand {
  name: CommandName;
  input: unknown;
}

/** The core's side of the contract in memory: every command does what it says, and can be made to fail. */
export class FakeCore {
  readonly data: SampleData;
  readonly asked: AskedCommand[] = [];
  /** The next call of a command fails with this. */
  readonly failing = new Map<CommandName, Fault>();
  #emit: (events: CoreEvent[]) => void = () => {};
  #close: () => void = () => {};
  #ids = 0;

  constructor(data: SampleData = sampleData()) {
    this.data = data;
  }

  /** Hands the window its port, as the preload script does. */
  connect(target: Window): void {
    const { port1, port2 } = new MessageChannel();
    const rpc = createBirpc<WindowSide, CoreSide>(
      { call: (name, input) => this.#call(name, input) },
      {
        post: (data) => port1.postMessage(data),
        on: (listen) => {
          port1.onmessage = (event: MessageEvent) => listen(event.data);
        },
        eventNames: ['events'],
      },
    );
    this.#emit = (events) => void rpc.events(structuredClone(events));
    this.#close = () => {
      rpc.$close();
      port1.close();
      port2.close();
    };
    target.dispatchEvent(new MessageEvent('message', { data: PORT_MESSAGE, ports: [port2] }));
  }

  disconnect(): void {
    this.#close();
  }

  emit(...events: CoreEvent[]): void {
    this.#emit(events);
  }

  asks(name: CommandName): unknown[] {
    return this.asked.filter((one) => one.name === name).map((one) => one.input);
  }

  async #call(name: string, input: unknown) {
    this.asked.push({ name: name as CommandName, input });
    return answer(this.#handlers, name, input, (error) => console.error('fake core', error));
  }

  #id(prefix: string): string {
    this.#ids += 1;
    return `${prefix}-${this.#ids}`;
  }

  talk(id: string): Talk {
    const talk = this.data.snapshot.talks.find((one) => one.id === id);
    if (!talk) throw refuse('not-found');
    return talk;
  }

  changeTalk(id: string, change: Partial<Talk>): void {
    const next = { ...this.talk(id), ...change };
    this.data.snapshot.talks = this.data.snapshot.talks.map((one) => (one.id === id ? next : one));
    this.emit({ type: 'talks', changed: [next], removed: [] });
  }

  changeTransfer(id: string, change: Partial<Transfer>): void {
    const known = this.data.snapshot.transfers.find((one) => one.id === id);
    if (!known) throw refuse('not-found');
    const next = { ...known, ...change };
    this.data.snapshot.transfers = this.data.snapshot.transfers.map((one) => (one.id === id ? next : one));
    this.emit({ type: 'transfers', changed: [next], removed: [] });
  }

  changeAccount(id: string, change: Partial<Account>): void {
    this.data.snapshot.accounts = this.data.snapshot.accounts.map((one) =>
      one.id === id ? { ...one, ...change } : one,
    );
    this.emit({ type: 'accounts', accounts: this.data.snapshot.accounts });
  }

  register(id: string, registration: RegistrationView): void {
    this.changeAccount(id, { registration });
  }

  /** Adds a message and tells the window. */
  add(talkId: string, change: Partial<Message>): Message {
    const { messages } = this.data;
    const list = messages[talkId] ?? [];
    messages[talkId] = list;
    const sequence = Math.max(0, ...Object.values(messages).map((all) => all.at(-1)?.sequence ?? 0)) + 1;
    const message: Message = {
      id: this.#id('n'),
      talkId,
      sequence,
      direction: 'incoming',
      kind: 'text',
      text: '',
      transferId: null,
      at: Date.now(),
      state: 'received',
      fault: null,
      route: this.talk(talkId).route,
      ...change,
    };
    list.push(message);
    const talk = this.talk(talkId);
    const unread = talk.unread + (message.direction === 'incoming' ? 1 : 0);
    this.emit({ type: 'messages', changed: [message] });
    this.changeTalk(talkId, { last: message, activeAt: message.at, unread });
    return message;
  }

  changeMessage(message: Message, change: Partial<Message>): void {
    const next = { ...message, ...change };
    const list = this.data.messages[message.talkId] ?? [];
    list[list.findIndex((one) => one.id === message.id)] = next;
    this.emit({ type: 'messages', changed: [next] });
  }

  #guard(name: CommandName): void {
    const fault = this.failing.get(name);
    if (!fault) return;
    this.failing.delete(name);
    throw Object.assign(refuse('not-found'), { fault });
  }

  readonly #handlers: Handlers = new Proxy(this.#commands(), {
    get: (target, name) => (input: never) => {
      this.#guard(name as CommandName);
      return (target[name as CommandName] as (input: never) => unknown)(input);
    },
  });

  #commands(): Handlers {
    const snapshot = () => this.data.snapshot;
    const find = (messageId: string): Message => {
      for (const list of Object.values(this.data.messages)) {
        const found = list.find((one) => one.id === messageId);
        if (found) return found;
      }
      throw refuse('not-found');
    };
    return {
      'app.snapshot': () => structuredClone(snapshot()),
      'app.dismissNotice': ({ noticeId }) => {
        snapshot().notices = snapshot().notices.filter((one) => one.id !== noticeId);
        this.emit({ type: 'notices', notices: snapshot().notices });
        return null;
      },
      'app.unlock': () => null,
      'app.beginAnew': () => null,
      'app.setPassphrase': ({ passphrase }) => {
        snapshot().protection = passphrase === null ? 'none' : 'passphrase';
        this.emit({ type: 'protection', protection: snapshot().protection });
        return null;
      },
      'settings.change': (change) => {
        snapshot().settings = { ...snapshot().settings, ...(change as Partial<SampleData['snapshot']['settings']>) };
        this.emit({ type: 'settings', settings: snapshot().settings });
        return snapshot().settings;
      },
      'accounts.signIn': ({ protocol, address, displayName, server, transport, authenticationName }) => {
        const account: Account = {
          id: this.#id('account'),
          protocol,
          address: `${protocol === 'xmpp' ? 'xmpp' : 'sip'}:${(address ?? `${displayName.replaceAll(' ', '.')}@lan.local`).replace(/^\w+:/, '')}`,
          displayName,
          enabled: true,
          registration: { state: 'connecting', step: 'locating' },
          contactList: 'server',
          contactsUnread: 0,
          passwordKept: true,
          ...(server ? { server } : {}),
          ...(transport ? { transport } : {}),
          ...(authenticationName ? { authenticationName } : {}),
        };
        snapshot().accounts = [...snapshot().accounts, account];
        this.emit({ type: 'accounts', accounts: snapshot().accounts });
        return account;
      },
      'accounts.change': ({ accountId, enabled, displayName, password, options }) => {
        const known = snapshot().accounts.find((one) => one.id === accountId);
        if (!known) throw refuse('not-found');
        const change = {
          ...(enabled === undefined
            ? {}
            : {
                enabled,
                registration: enabled
                  ? ({ state: 'online', since: Date.now() } as const)
                  : ({ state: 'offline' } as const),
              }),
          ...(displayName === undefined ? {} : { displayName }),
          ...(typeof options?.msrpRelay === 'string' ? { msrpRelay: options.msrpRelay } : {}),
          ...(password === undefined ? {} : { registration: { state: 'connecting', step: 'authenticating' } as const }),
        };
        this.changeAccount(accountId, change);
        return { ...known, ...change };
      },
      'accounts.trustCertificate': ({ accountId }) => {
        this.register(accountId, { state: 'connecting', step: 'securing' });
        return null;
      },
      'accounts.allowAuthentication': ({ accountId }) => {
        this.register(accountId, { state: 'connecting', step: 'authenticating' });
        return null;
      },
      'accounts.retry': ({ accountId }) => {
        this.register(accountId, { state: 'connecting', step: 'connecting' });
        return null;
      },
      'accounts.remove': ({ accountId }) => {
        snapshot().accounts = snapshot().accounts.filter((one) => one.id !== accountId);
        this.emit({ type: 'accounts', accounts: snapshot().accounts });
        return null;
      },
      'presence.set': (presence) => {
        snapshot().presence = presence;
        this.emit({ type: 'presence', presence });
        return null;
      },
      'people.add': ({ accountId, address, name, groups }) => {
        const personId = this.#id('p');
        const person = {
          id: personId,
          name: name || address,
          verified: false,
          groups,
          addresses: [
            {
              accountId,
              address: address.includes(':') ? address : `sip:${address}`,
              presence: { state: 'unknown' as const },
              subscription: 'pending' as const,
              listed: true,
              messagingOff: null,
              messagingMode: null,
              fileTransferOff: null,
            },
          ],
          presence: { state: 'unknown' as const },
        };
        snapshot().people.push(person);
        this.emit({ type: 'people', changed: [person], removed: [] });
        return { personId };
      },
      'people.change': ({ personId, name, groups }) => {
        const person = snapshot().people.find((one) => one.id === personId);
        if (!person) throw refuse('not-found');
        Object.assign(person, { name, groups });
        this.emit({ type: 'people', changed: [{ ...person }], removed: [] });
        return null;
      },
      'people.remove': ({ personId }) => {
        snapshot().people = snapshot().people.filter((one) => one.id !== personId);
        this.emit({ type: 'people', changed: [], removed: [personId] });
        return null;
      },
      'people.setPermission': ({ personId, permission }) => {
        const person = snapshot().people.find((one) => one.id === personId);
        if (!person) throw refuse('not-found');
        person.addresses = person.addresses.map((one) => (one.permission ? { ...one, permission } : one));
        this.emit({ type: 'people', changed: [{ ...person }], removed: [] });
        return null;
      },
      'people.join': ({ personId }) => {
        snapshot().people = snapshot().people.filter((one) => one.id !== personId);
        this.emit({ type: 'people', changed: [], removed: [personId] });
        return { talkId: null };
      },
      'people.verificationCode': () => ({ code: '0123456789'.repeat(6) }),
      'people.confirmCode': ({ route }) => {
        const person = snapshot().people.find((one) => one.addresses.some(({ address }) => address === route.address));
        if (!person) throw refuse('not-found');
        person.addresses = person.addresses.map((one) => (one.key ? { ...one, key: 'verified' as const } : one));
        this.emit({ type: 'people', changed: [{ ...person, verified: true }], removed: [] });
        return null;
      },
      'requests.answer': ({ address }) => {
        snapshot().requests = snapshot().requests.filter((one) => one.address !== address);
        this.emit({ type: 'requests', requests: snapshot().requests });
        return null;
      },
      'talks.open': ({ personId }) => {
        const known = snapshot().talks.find((one) => one.personId === personId);
        if (known) return known;
        const person = snapshot().people.find((one) => one.id === personId);
        const place = person?.addresses[0];
        if (!place) throw refuse('not-found');
        const talk: Talk = {
          id: this.#id('t'),
          personId,
          route: { accountId: place.accountId, address: place.address },
          unread: 0,
          last: null,
          draft: '',
          activeAt: Date.now(),
        };
        snapshot().talks.push(talk);
        this.emit({ type: 'talks', changed: [talk], removed: [] });
        return talk;
      },
      'talks.openAddress': ({ accountId, address }) => {
        const full = address.includes(':') ? address : `sip:${address}`;
        const talk: Talk = {
          id: this.#id('t'),
          personId: this.#id('p'),
          route: { accountId, address: full },
          unread: 0,
          last: null,
          draft: '',
          activeAt: Date.now(),
        };
        snapshot().talks.push(talk);
        this.emit({ type: 'talks', changed: [talk], removed: [] });
        return talk;
      },
      'talks.setRoute': ({ talkId, route }) => {
        this.changeTalk(talkId, { route });
        return null;
      },
      'talks.setDraft': ({ talkId, draft }) => {
        this.changeTalk(talkId, { draft });
        return null;
      },
      'talks.markRead': ({ talkId }) => {
        this.changeTalk(talkId, { unread: 0 });
        return null;
      },
      'talks.typing': () => null,
      'talks.remove': ({ talkId }) => {
        snapshot().talks = snapshot().talks.filter((one) => one.id !== talkId);
        this.emit({ type: 'talks', changed: [], removed: [talkId] });
        return null;
      },
      'messages.page': ({ talkId, before, after, limit }) => {
        const all = this.data.messages[talkId] ?? [];
        if (after !== undefined) {
          const later = all.filter((one) => one.sequence > after);
          return { messages: later.slice(0, limit), more: later.length > limit };
        }
        const earlier = before === undefined ? all : all.filter((one) => one.sequence < before);
        return { messages: earlier.slice(-limit), more: earlier.length > limit };
      },
      'messages.send': ({ talkId, text }) => this.add(talkId, { direction: 'outgoing', text, state: 'queued' }),
      'messages.retry': ({ messageId }) => {
        this.changeMessage(find(messageId), { state: 'queued', fault: null });
        return null;
      },
      'messages.search': ({ query, talkId, limit }) =>
        Object.values(this.data.messages)
          .flat()
          .filter(
            (one) =>
              (talkId === undefined || one.talkId === talkId) && one.text.toLowerCase().includes(query.toLowerCase()),
          )
          .sort((a, b) => b.sequence - a.sequence)
          .slice(0, limit),
      'transfers.offer': ({ talkId, paths }) => ({
        transferIds: paths.map((path) => this.#offer(talkId, path.split('/').at(-1) ?? path)),
      }),
      'transfers.offerData': ({ talkId, name }) => ({ transferId: this.#offer(talkId, name) }),
      'transfers.accept': ({ transferId }) => {
        this.changeTransfer(transferId, { state: 'connecting' });
        return null;
      },
      'transfers.decline': ({ transferId }) => {
        this.changeTransfer(transferId, { state: 'declined', endedAt: Date.now() });
        return null;
      },
      'transfers.cancel': ({ transferId }) => {
        this.changeTransfer(transferId, { state: 'cancelled', by: 'us', endedAt: Date.now() });
        return null;
      },
      'transfers.pause': ({ transferId }) => {
        this.changeTransfer(transferId, { state: 'paused', by: 'us', speed: 0, secondsLeft: null, canPause: false });
        return null;
      },
      'transfers.resume': ({ transferId }) => {
        this.changeTransfer(transferId, { state: 'running', by: null, canPause: true });
        return null;
      },
      'transfers.retry': ({ transferId }) => {
        this.changeTransfer(transferId, { state: 'offered', fault: null, canRetry: false });
        return null;
      },
      'transfers.open': () => null,
      'transfers.reveal': () => null,
      'transfers.clear': () => {
        for (const { id, state } of snapshot().transfers)
          if (['completed', 'declined', 'cancelled', 'failed'].includes(state))
            this.changeTransfer(id, { tidied: true });
        return null;
      },
    };
  }

  #offer(talkId: string, name: string): string {
    const id = this.#id('f');
    const message = this.add(talkId, {
      direction: 'outgoing',
      kind: 'file',
      text: name,
      transferId: id,
      state: 'sent',
    });
    const transfer: Transfer = {
      id,
      talkId,
      messageId: message.id,
      route: message.route,
      direction: 'outgoing',
      state: 'offered',
      by: null,
      file: { name, type: '', size: 120_000, icon: null },
      bytes: 0,
      speed: 0,
      secondsLeft: null,
      fault: null,
      canRetry: false,
      canPause: false,
      risky: false,
      path: null,
      createdAt: Date.now(),
      endedAt: null,
    };
    this.data.snapshot.transfers.push(transfer);
    this.emit({ type: 'transfers', changed: [transfer], removed: [] });
    return id;
  }
}
