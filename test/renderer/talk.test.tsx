import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import type { MessageState } from '../../electron/contract/index.ts';
import { openWindow } from './support/open-window.tsx';

const box = () => screen.findByRole<HTMLTextAreaElement>('textbox', { name: 'Message' });
const write = async (text: string) => fireEvent.change(await box(), { target: { value: text } });
const log = (name = 'Ana Sousa') => screen.findByRole('log', { name: `Messages with ${name}` });

describe('writing', () => {
  it('Enter sends what was written and empties the box', async () => {
    const { core } = await openWindow();
    await write('olá Ana');
    fireEvent.keyDown(await box(), { key: 'Enter' });
    await within(await log()).findByText('olá Ana');
    expect((await box()).value).toBe('');
    expect(core.asks('messages.send')).toMatchObject([{ talkId: 'ana', text: 'olá Ana' }]);
  });

  it('Shift and Enter, or Enter while composing a character, send nothing', async () => {
    const { core } = await openWindow();
    await write('uma linha');
    fireEvent.keyDown(await box(), { key: 'Enter', shiftKey: true });
    fireEvent.keyDown(await box(), { key: 'Enter', isComposing: true });
    expect(core.asks('messages.send')).toEqual([]);
  });

  it('blank text cannot be sent', async () => {
    await openWindow();
    await write('  \n ');
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Send' }).disabled).toBe(true);
  });

  it('a message the core does not take comes back into the box with the reason', async () => {
    const { core } = await openWindow();
    core.failing.set('messages.send', { code: 'too-big', retryable: false });
    await write('enorme');
    fireEvent.click(screen.getByRole('button', { name: 'Send' }));
    expect((await screen.findByRole('alert')).textContent).toContain('This is too big for this route.');
    expect((await box()).value).toBe('enorme');
  });

  it.each(['a text', 'a file'])(
    '%s sent while reading older messages brings the end of the talk into sight',
    async (what) => {
      await openWindow();
      const list = await log();
      Object.defineProperty(list, 'scrollHeight', { configurable: true, value: 4000 });
      list.scrollTop = 1000;
      fireEvent.scroll(list);
      await screen.findByRole('button', { name: 'To the newest message' });
      if (what === 'a text') {
        await write('olá Ana');
        fireEvent.keyDown(await box(), { key: 'Enter' });
      } else {
        fireEvent.paste(await box(), { clipboardData: { files: [new File(['x'], 'x.txt')], getData: () => '' } });
        fireEvent.click(within(await screen.findByRole('dialog')).getByRole('button', { name: 'Send' }));
      }
      await waitFor(() => expect(list.scrollTop).toBe(4000 - list.clientHeight));
      expect(screen.queryByRole('button', { name: 'To the newest message' })).toBeNull();
    },
  );

  it('a half-written text stays with its talk', async () => {
    const { core } = await openWindow();
    await write('meio escri');
    fireEvent.click(screen.getByRole('button', { name: /^Rui Costa/ }));
    await log('Rui Costa');
    await waitFor(() => expect(core.asks('talks.setDraft')).toEqual([{ talkId: 'ana', draft: 'meio escri' }]));
    expect((await box()).value).toBe('');
    fireEvent.click(screen.getByRole('button', { name: /^Ana Sousa/ }));
    await log();
    expect((await box()).value).toBe('meio escri');
  });

  it('tells the other side of typing once, and not at all when that is switched off', async () => {
    const { core } = await openWindow();
    await write('a');
    await write('ab');
    // a machine that rests for seconds between the two letters ends the typing, and begins it again
    const told = core.asks('talks.typing');
    expect(told).toEqual(told.map((_, index) => ({ talkId: 'ana', composing: index % 2 === 0 })));
    expect(told.length % 2).toBe(1);
    act(() => core.emit({ type: 'settings', settings: { ...core.data.snapshot.settings, sendTyping: false } }));
    fireEvent.click(screen.getByRole('button', { name: /^Rui Costa/ }));
    await log('Rui Costa');
    const before = core.asks('talks.typing').length;
    await waitFor(async () => expect(core.asks('app.snapshot')).toHaveLength(1));
    await write('x');
    expect(core.asks('talks.typing').filter((one) => (one as { talkId: string }).talkId === 'rui')).toEqual([]);
    expect(before).toBeGreaterThan(0);
  });

  it('says in words why nothing can be written, and closes the box', async () => {
    await openWindow({ talk: 'miguel' });
    expect((await box()).disabled).toBe(true);
    await screen.findByText('You cannot write now: Messages between you two are blocked.');
  });

  it('says why files cannot be sent, in the name of the button', async () => {
    await openWindow({ talk: 'ze' });
    const button = await screen.findByRole('button', {
      name: 'Files cannot be sent: The other side cannot do this.',
    });
    expect(button.getAttribute('aria-disabled')).toBe('true');
  });

  it('shows the route where one writes, and changes it', async () => {
    const { core } = await openWindow();
    fireEvent.click(await screen.findByRole('button', { name: 'Write via SIP. Change route' }));
    fireEvent.click(await screen.findByRole('menuitemradio', { name: /XMPP/ }));
    await screen.findByRole('button', { name: 'Write via XMPP. Change route' });
    expect(core.asks('talks.setRoute')).toEqual([
      { talkId: 'ana', route: { accountId: 'xmpp-me', address: 'xmpp:ana.sousa@campus.test' } },
    ]);
  });
});

describe('marks under my own bubbles', () => {
  const words: Record<Exclude<MessageState, 'received'>, string> = {
    queued: 'Waiting to be sent',
    sent: 'Sent',
    waiting: 'Kept until Beatriz Silva-Vasconcelos e Albuquerque is back',
    delivered: 'Delivered',
    read: 'Read',
    failed: 'Not sent',
  };
  it.each(Object.entries(words))('%s has its own shape and word', async (state, word) => {
    const { core } = await openWindow({ talk: 'beatriz' });
    const list = await log('Beatriz Silva-Vasconcelos e Albuquerque');
    act(() => {
      core.add('beatriz', {
        direction: 'outgoing',
        text: 'teste',
        state: state as MessageState,
        fault: state === 'failed' ? { code: 'peer-offline', retryable: true } : null,
      });
    });
    await within(list).findByText('teste');
    expect(list.querySelectorAll(`[data-mark="${state}"]`)).toHaveLength(1);
    if (state === 'failed') within(list).getByText(/^Not sent\. This person is not connected\./);
    else within(list).getByRole('img', { name: word });
  });

  it('two marks never look alike', async () => {
    const { core } = await openWindow({ talk: 'beatriz' });
    const list = await log('Beatriz Silva-Vasconcelos e Albuquerque');
    const shapes = new Set<string>();
    for (const state of ['queued', 'sent', 'waiting', 'delivered', 'read', 'failed'] as const) {
      act(() => {
        core.add('beatriz', { direction: 'outgoing', text: state, state, fault: null });
      });
      await within(list).findByText(state);
      shapes.add([...list.querySelectorAll(`[data-mark="${state}"]`)].at(-1)?.innerHTML ?? '');
    }
    expect(shapes.size).toBe(6);
  });

  it('time and mark stand in the bubble, and take no line of their own', async () => {
    const { core } = await openWindow({ talk: 'beatriz' });
    const list = await log('Beatriz Silva-Vasconcelos e Albuquerque');
    act(() => {
      core.add('beatriz', { direction: 'outgoing', text: 'primeira', state: 'read' });
      core.add('beatriz', { direction: 'outgoing', text: 'segunda', state: 'delivered' });
    });
    for (const text of ['primeira', 'segunda']) {
      const bubble = (await within(list).findByText(text)).closest('[data-bubble]');
      expect(bubble?.querySelectorAll('time')).toHaveLength(1);
      expect(bubble?.querySelectorAll('[data-mark]')).toHaveLength(1);
      expect(bubble?.closest('article')?.querySelectorAll('time')).toHaveLength(1);
    }
  });

  it('the route is said once: in the head of the talk', async () => {
    const { core } = await openWindow({ talk: 'rui' });
    const talk = await screen.findByRole('region', { name: 'Talk with Rui Costa' });
    await within(talk).findByText('1.8 MB · JPG');
    expect(within(talk).getAllByText(/via SIP/)).toHaveLength(1);
    // a file that came another way says so
    const offered = core.data.snapshot.transfers.find(({ file }) => file.name === 'fotografia do quadro.jpg');
    act(() =>
      core.changeTransfer(offered?.id ?? '', {
        route: { accountId: 'xmpp-me', address: 'xmpp:rui.costa@campus.test' },
      }),
    );
    await within(talk).findByText('1.8 MB · JPG · via XMPP');
  });

  it('a mark follows the message', async () => {
    const { core } = await openWindow({ talk: 'beatriz' });
    const list = await log('Beatriz Silva-Vasconcelos e Albuquerque');
    let sent = core.data.messages.ana?.[0];
    act(() => {
      sent = core.add('beatriz', { direction: 'outgoing', text: 'vai', state: 'sent' });
    });
    await within(list).findByRole('img', { name: 'Sent' });
    act(() => sent && core.changeMessage(sent, { state: 'delivered' }));
    await within(list).findByRole('img', { name: 'Delivered' });
  });

  it('a failed message says why and is sent again on request', async () => {
    const { core } = await openWindow({ talk: 'rui' });
    const list = await log('Rui Costa');
    await within(list).findByText('Not sent. This person is not connected. Try again when they are back.');
    fireEvent.click(within(list).getByRole('button', { name: 'Try again' }));
    await within(list).findByRole('img', { name: 'Waiting to be sent' });
    expect(core.asks('messages.retry')).toHaveLength(1);
  });
});

describe('reading', () => {
  it('a talk that is looked at is read, and named to the shell', async () => {
    const { core, bridge } = await openWindow();
    await log();
    await waitFor(() => expect(core.asks('talks.markRead')).toHaveLength(1));
    expect(bridge.inFront.at(-1)).toBe('ana');
    await waitFor(() => expect(document.title).toBe('(128) AIMS'));
  });

  it('a line shows where reading stopped', async () => {
    await openWindow();
    await within(await log()).findByText('New messages');
  });

  it('messages carry their place for a screen reader', async () => {
    await openWindow({ talk: 'turma' });
    const list = await log('Maria João Ferreira');
    await within(list).findByText('Pode, até ao meio-dia.');
    const items = [...list.querySelectorAll('li[aria-posinset]')];
    expect(items.map((item) => item.getAttribute('aria-posinset'))).toEqual(['1', '2', '3']);
    expect(items[0]?.getAttribute('aria-setsize')).toBe('3');
  });

  it('a new message is said aloud once, with the name of who wrote it', async () => {
    const { core } = await openWindow();
    await log();
    act(() => {
      core.add('carla', { text: 'já chegaste?' });
    });
    await waitFor(() =>
      expect(document.querySelector('[data-part="announcer"]')?.textContent).toBe('Carla Nunes: já chegaste?'),
    );
  });

  it('a link says where it leads before it opens', async () => {
    const { bridge } = await openWindow();
    fireEvent.click(await screen.findByRole('link', { name: 'https://www.rfc-editor.org/rfc/rfc5547' }));
    const sheet = await screen.findByRole('dialog', { name: 'Open this link?' });
    within(sheet).getByText('It leads outside AIMS, to www.rfc-editor.org.');
    expect(bridge.opened).toEqual([]);
    fireEvent.click(within(sheet).getByRole('button', { name: 'Open link' }));
    expect(bridge.opened).toEqual(['https://www.rfc-editor.org/rfc/rfc5547']);
  });

  it('text is text, never markup', async () => {
    const { core } = await openWindow();
    const list = await log();
    act(() => {
      core.add('ana', { text: '<img src=x onerror=alert(1)><b>x</b>' });
    });
    await within(list).findByText('<img src=x onerror=alert(1)><b>x</b>');
    expect(list.querySelector('b, img[src="x"]')).toBeNull();
  });

  it('arrows walk through the messages', async () => {
    await openWindow({ talk: 'turma' });
    const list = await log('Maria João Ferreira');
    const last = (await within(list).findByText('Muito obrigada!')).closest('li');
    act(() => last?.focus());
    fireEvent.keyDown(document.activeElement ?? document.body, { key: 'ArrowUp' });
    await waitFor(() => expect(document.activeElement?.textContent).toContain('Pode, até ao meio-dia.'));
  });

  it('finds words in the talk and walks from match to match', async () => {
    await openWindow();
    await log();
    fireEvent.keyDown(window, { key: 'f', ctrlKey: true });
    fireEvent.change(await screen.findByRole('searchbox', { name: 'Search in this talk' }), {
      target: { value: 'que' },
    });
    const region = screen.getByRole('region', { name: 'Talk with Ana Sousa' });
    await within(region).findByText(/^1 of \d/);
    fireEvent.click(within(region).getByRole('button', { name: 'Previous match' }));
    await within(region).findByText(/^2 of \d/);
  });

  it('a removed talk can be brought back, and is removed only when nobody did', async () => {
    const { core } = await openWindow();
    fireEvent.click(await screen.findByRole('button', { name: 'More about this talk' }));
    fireEvent.click(await screen.findByRole('menuitem', { name: 'Remove talk' }));
    await waitFor(() => expect(screen.queryByRole('button', { name: /^Ana Sousa/ })).toBeNull());
    fireEvent.click(await screen.findByRole('button', { name: 'Undo' }));
    await screen.findByRole('button', { name: /^Ana Sousa/ });
    expect(core.asks('talks.remove')).toEqual([]);
  });
});

describe('what a person may see', () => {
  it('is chosen in the menu of the talk, also by keys, and said in the details', async () => {
    const { core } = await openWindow();
    fireEvent.click(await screen.findByRole('button', { name: 'More about this talk' }));
    const allow = await screen.findByRole('menuitemradio', { name: /^Allow/ });
    expect(allow.getAttribute('aria-checked')).toBe('true');
    const block = screen.getByRole('menuitemradio', { name: /^Block/ });
    act(() => block.focus());
    fireEvent.keyDown(block, { key: 'Enter' });
    await waitFor(() => expect(core.asks('people.setPermission')).toMatchObject([{ permission: 'block' }]));
    fireEvent.click(await screen.findByRole('button', { name: /Show details/ }));
    expect(
      await within(await screen.findByRole('dialog', { name: 'Details' })).findAllByText(/Blocked/),
    ).not.toHaveLength(0);
  });

  it('is not offered where no server keeps it', async () => {
    const { core } = await openWindow();
    const person = core.data.snapshot.people.find(({ name }) => name === 'Ana Sousa');
    if (!person) throw new Error('no Ana');
    const addresses = person.addresses.map(({ permission: _gone, ...one }) => one);
    act(() => core.emit({ type: 'people', changed: [{ ...person, addresses }], removed: [] }));
    fireEvent.click(await screen.findByRole('button', { name: 'More about this talk' }));
    await screen.findByRole('menuitem', { name: 'Remove talk' });
    expect(screen.queryByRole('menuitemradio')).toBeNull();
  });
});

describe('the details of a person', () => {
  it('say whether messages go directly or through the server', async () => {
    const { core } = await openWindow();
    fireEvent.click(await screen.findByRole('button', { name: /Show details/ }));
    const details = await screen.findByRole('dialog', { name: 'Details' });
    expect(within(details).queryByText(/^Messages go/)).toBeNull();
    const way = (messagingMode: 'page' | 'session') => {
      const person = core.data.snapshot.people.find(({ name }) => name === 'Ana Sousa');
      if (!person) throw new Error('no Ana');
      const addresses = person.addresses.map((one) => ({ ...one, messagingMode }));
      act(() => core.emit({ type: 'people', changed: [{ ...person, addresses }], removed: [] }));
    };
    way('page');
    expect(await within(details).findAllByText('Messages go through the server')).not.toHaveLength(0);
    way('session');
    expect(await within(details).findAllByText('Messages go directly')).not.toHaveLength(0);
    expect(within(details).queryByText('Messages go through the server')).toBeNull();
  });
});

describe('what is no plain text', () => {
  it('a message that cannot be shown says what it was and what to do', async () => {
    const { core } = await openWindow();
    await log();
    act(() => void core.add('ana', { kind: 'notice', text: 'omemo' }));
    await within(await log()).findByText(/^A message encrypted with OMEMO\. AIMS cannot read it yet: ask/);
    // one of a later program
    act(() => void core.add('ana', { kind: 'notice', text: 'hologram' }));
    await within(await log()).findByText(/^A message of a kind that AIMS does not know/);
    const list = screen.getByRole('region', { name: 'Talks and people' });
    expect(list.textContent).toContain('A message of a kind that AIMS does not know');
  });

  it('/me tells what its writer does', async () => {
    const { core } = await openWindow();
    await log();
    act(() => void core.add('ana', { text: '/me acena' }));
    await within(await log()).findByText('* Ana Sousa acena');
    act(() => void core.add('ana', { text: '/menos' }));
    await within(await log()).findByText('/menos');
  });
});
