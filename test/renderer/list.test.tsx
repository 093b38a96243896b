import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { emptyData, sampleData } from './fake-core/sample.ts';
import { openWindow } from './support/open-window.tsx';

const list = () => screen.findByRole('list', { name: 'Talks' });

describe('the list', () => {
  it('says of each talk who, their presence, what is unread and what was said last', async () => {
    await openWindow({ talk: 'rui' });
    await within(await list()).findByRole('button', {
      name: /^Ana Sousa ?, Available, 2 unread messages, .*, ?O build está verde outra vez/,
    });
  });

  it('marks a name that nobody but its bearer confirms, in the list and in the talk', async () => {
    await openWindow({ talk: 'sofia' });
    const rows = within(await list()).getAllByRole('button', { name: /name not confirmed/ });
    expect(rows.map(({ textContent }) => textContent)).toEqual([expect.stringMatching(/^Sofia Marques/)]);
    expect(within(rows[0] as HTMLElement).getByTitle('name not confirmed')).toBeTruthy();
    const head = await screen.findByRole('button', { name: /^Sofia Marques ?, .*· name not confirmed/ });
    // however long their note is
    expect(within(head).getByTitle('name not confirmed')).toBeTruthy();
  });

  it('shows typing and drafts in place of the last message', async () => {
    const { core } = await openWindow();
    await list();
    await screen.findByRole('button', { name: /^Tomás Lopes ?, Offline, .*Draft: Levas tu o/ });
    act(() => core.emit({ type: 'typing', talkId: 'rui', composing: true }));
    await screen.findByRole('button', { name: /^Rui Costa ?, Away, .*typing…/ });
    act(() => core.emit({ type: 'typing', talkId: 'rui', composing: false }));
    await waitFor(() => expect(screen.queryByRole('button', { name: /typing…/ })).toBeNull());
  });

  it('a new message brings its talk to the top', async () => {
    const { core } = await openWindow();
    await list();
    act(() => {
      core.add('carla', { text: 'olá' });
    });
    await waitFor(async () => expect((await list()).querySelector('li button')?.textContent).toMatch(/^Carla Nunes/));
  });

  it('is one tab stop, and arrows walk through it', async () => {
    await openWindow();
    const buttons = within(await list()).getAllByRole('button');
    expect(buttons.filter((button) => button.tabIndex === 0)).toHaveLength(1);
    act(() => buttons[0]?.focus());
    fireEvent.keyDown(buttons[0] as HTMLElement, { key: 'ArrowDown' });
    await waitFor(() => expect(document.activeElement).toBe(buttons[1]));
    fireEvent.keyDown(document.activeElement as HTMLElement, { key: 'Home' });
    await waitFor(() => expect(document.activeElement).toBe(buttons[0]));
  });

  it('shows people under their groups', async () => {
    await openWindow();
    await list();
    fireEvent.click(screen.getByRole('radio', { name: 'Groups' }));
    const heading = await screen.findByRole('button', { name: /^Redes ?, 4 people/ });
    await screen.findByRole('button', { name: /^Luísa Rocha/ });
    fireEvent.click(heading);
    await waitFor(() => expect(screen.queryByRole('button', { name: /^Luísa Rocha/ })).toBeNull());
    expect(heading.getAttribute('aria-expanded')).toBe('false');
  });

  it('somebody without a talk gets one when chosen', async () => {
    const { core } = await openWindow();
    await list();
    fireEvent.change(screen.getByRole('searchbox', { name: 'Search or write to an address' }), {
      target: { value: 'luisa' },
    });
    fireEvent.click(await screen.findByRole('button', { name: /^Luísa Rocha/ }));
    await screen.findByRole('log', { name: 'Messages with Luísa Rocha' });
    expect(core.asks('talks.open')).toHaveLength(1);
  });
});

describe('finding', () => {
  const field = () => screen.getByRole('searchbox', { name: 'Search or write to an address' });
  const find = (text: string) => fireEvent.change(field(), { target: { value: text } });

  it('Ctrl K goes to the field; accents and case do not matter', async () => {
    await openWindow();
    await list();
    fireEvent.keyDown(window, { key: 'k', ctrlKey: true });
    await waitFor(() => expect(document.activeElement).toBe(field()));
    find('TOMAS');
    const results = await screen.findByRole('list', { name: 'Search results' });
    within(results).getByRole('button', { name: /^Tomás Lopes/ });
    expect(within(results).queryByRole('button', { name: /^Ana Sousa/ })).toBeNull();
  });

  it('finds messages and opens the talk where they stand', async () => {
    await openWindow({ talk: 'rui' });
    await list();
    find('enunciado');
    fireEvent.click(await screen.findByRole('button', { name: /^Ana Sousa ?, .*o enunciado/ }));
    await screen.findByRole('log', { name: 'Messages with Ana Sousa' });
  });

  it('a whole address of somebody new can be written to', async () => {
    const { core } = await openWindow();
    await list();
    find('nova.pessoa@campus.test');
    fireEvent.click(await screen.findByRole('button', { name: 'Write to nova.pessoa@campus.test' }));
    await screen.findByRole('log', { name: 'Messages with nova.pessoa@campus.test' });
    expect(core.asks('talks.openAddress')).toEqual([{ accountId: 'sip-me', address: 'nova.pessoa@campus.test' }]);
  });

  it('says so when nothing fits, and Escape clears', async () => {
    await openWindow();
    await list();
    find('zzzz');
    await screen.findByText('Nothing found for “zzzz”.');
    fireEvent.keyDown(field(), { key: 'Escape' });
    await list();
  });
});

describe('trouble with a connection', () => {
  it('is one line in words with a countdown, and can be tried now', async () => {
    const { core } = await openWindow();
    await list();
    act(() =>
      core.register('sip-me', {
        state: 'waiting',
        retryAt: Date.now() + 12_000,
        cause: { code: 'network', retryable: true },
      }),
    );
    await screen.findByText(/^Lost campus\.test\. Trying again in 1[12]\ss\. Messages you write are kept/);
    await screen.findByText('You are not connected. Messages are kept and will be sent.');
    fireEvent.click(screen.getByRole('button', { name: 'Try now' }));
    await waitFor(() => expect(core.asks('accounts.retry')).toEqual([{ accountId: 'sip-me' }]));
  });

  it('a wrong password names the account and leads to its field', async () => {
    const { core } = await openWindow();
    await list();
    act(() => core.register('sip-me', { state: 'stopped', cause: { code: 'credentials-rejected', retryable: false } }));
    fireEvent.click(await screen.findByRole('button', { name: 'Enter password' }));
    const sheet = await screen.findByRole('dialog', { name: 'Settings' });
    const password = await within(sheet).findByLabelText('Password');
    fireEvent.change(password, { target: { value: 'nova' } });
    fireEvent.click(within(sheet).getByRole('button', { name: 'Use this password' }));
    await waitFor(() => expect(core.asks('accounts.change')).toEqual([{ accountId: 'sip-me', password: 'nova' }]));
  });

  it.each([
    ['authentication-weaker', 'This server now asks for your password in a weaker way.'],
    ['authentication-changed', 'This server now asks for your password under another name.'],
  ])(
    'a server that asks for the password otherwise than before is said so, and can be allowed: %s',
    async (code, words) => {
      const { core } = await openWindow();
      await list();
      const stop = (protocolCode?: string) =>
        act(() =>
          core.register('sip-me', {
            state: 'stopped',
            cause: { code, retryable: false, ...(protocolCode === undefined ? {} : { protocolCode }) },
          }),
        );
      stop('MD5:campus.test');
      await screen.findByText((text) => text.includes(words));
      fireEvent.click(screen.getByRole('button', { name: 'Allow' }));
      await waitFor(() =>
        expect(core.asks('accounts.allowAuthentication')).toEqual([{ accountId: 'sip-me', asked: 'MD5:campus.test' }]),
      );
      // what only an administrator can allow
      stop();
      await screen.findByText((text) => text.includes(words));
      expect(screen.queryByRole('button', { name: 'Allow' })).toBeNull();
      fireEvent.click(screen.getByRole('button', { name: 'Account settings' }));
      await screen.findByRole('dialog', { name: 'Settings' });
    },
  );

  it.each([
    [
      'Relay for files',
      'not a host',
      'Write a host, host:port, or msrps://host:port;tcp.',
      'msrpRelay',
      'msrps://relay.campus.test:2855;tcp',
    ],
    [
      'Address of the contact list (XCAP)',
      'http://a.test/',
      'Write an address that begins with https://',
      'xcapRoot',
      'https://xcap.campus.test:8443/xcap-root',
    ],
  ])('%s of a SIP account is one field, which says what it takes', async (label, wrong, words, option, right) => {
    const { core } = await openWindow();
    await list();
    act(() => core.register('sip-me', { state: 'stopped', cause: { code: 'credentials-rejected', retryable: false } }));
    fireEvent.click(await screen.findByRole('button', { name: 'Enter password' }));
    const sheet = await screen.findByRole('dialog', { name: 'Settings' });
    const field = await within(sheet).findByLabelText(label);
    fireEvent.change(field, { target: { value: wrong } });
    fireEvent.click(within(sheet).getByRole('button', { name: 'Save' }));
    within(sheet).getByText(words);
    expect(core.asks('accounts.change')).toEqual([]);
    fireEvent.change(field, { target: { value: ` ${right} ` } });
    fireEvent.click(within(sheet).getByRole('button', { name: 'Save' }));
    await waitFor(() => expect(core.asks('accounts.change')).toMatchObject([{ options: { [option]: right } }]));
  });

  it('the mark of each account says its state in words', async () => {
    const { core } = await openWindow();
    await screen.findByRole('button', { name: 'ines.matos@campus.test, SIP: Connected' });
    act(() => core.register('xmpp-me', { state: 'connecting', step: 'securing' }));
    await screen.findByRole('button', { name: 'ines.matos@campus.test, XMPP: Making the line private' });
  });

  it('a core that died is said, what is written stays, and all is fetched again when it is back', async () => {
    const { core, app } = await openWindow();
    const box = await screen.findByRole<HTMLTextAreaElement>('textbox', { name: 'Message' });
    fireEvent.change(box, { target: { value: 'não percas isto' } });
    act(() => app.actions.show({ connected: false }));
    await screen.findByText('AIMS is starting its engine again. What you write stays here.');
    core.data.snapshot.presence = { state: 'away', note: 'almoço' };
    await act(async () => core.connect(window));
    await screen.findByRole('button', { name: 'You: Away, almoço. Change presence or note' });
    await waitFor(() => expect(screen.queryByText(/starting its engine/)).toBeNull());
    expect(screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Message' }).value).toBe('não percas isto');
  });
});

describe('people', () => {
  it('somebody who asks to see me is answered in the list', async () => {
    const data = sampleData();
    data.snapshot.requests = [
      { accountId: 'sip-me', address: 'sip:joana@campus.test', name: 'Joana Melo', note: 'de Redes' },
    ];
    const { core } = await openWindow({ data });
    await screen.findByText('Joana Melo wants to see when you are here');
    fireEvent.click(screen.getByRole('button', { name: 'Allow Joana Melo' }));
    await waitFor(() => expect(screen.queryByText(/Joana Melo wants/)).toBeNull());
    expect(core.asks('requests.answer')).toMatchObject([{ answer: 'accept' }]);
  });

  it('a request has the name that is given here, else the one that is claimed, and the address once', async () => {
    const data = sampleData();
    const ana = data.snapshot.people.find(
      ({ id }) => data.snapshot.talks.find((talk) => talk.id === 'ana')?.personId === id,
    );
    const [place] = ana?.addresses ?? [];
    data.snapshot.requests = [
      { accountId: place?.accountId ?? '', address: place?.address ?? '', name: 'The Rector', note: '' },
      { accountId: 'sip-me', address: 'sip:nobody@campus.test', name: '', note: '' },
      { accountId: 'sip-me', address: 'sip:joana@campus.test', name: 'Joana Melo', note: '' },
    ];
    await openWindow({ data });
    const section = await screen.findByRole('region', { name: 'Requests' });
    within(section).getByText('Ana Sousa wants to see when you are here');
    expect(section.textContent).not.toContain('The Rector');
    within(section).getByText('nobody@campus.test wants to see when you are here');
    expect(within(section).queryByText('nobody@campus.test')).toBeNull();
    within(section).getByText('joana@campus.test · name not confirmed');
    expect(within(section).getAllByText('Allow also adds them to your contacts and asks to see them.')).toHaveLength(2);
  });

  it('somebody who sees me and is not seen can be asked again', async () => {
    const data = sampleData();
    const talk = data.snapshot.talks.find(({ id }) => id === 'ana');
    const ana = data.snapshot.people.find(({ id }) => id === talk?.personId);
    if (!ana) throw new Error('no Ana');
    ana.addresses = ana.addresses.map((one) => ({ ...one, subscription: 'incoming' }));
    const { core } = await openWindow({ data });
    fireEvent.click(await within(await screen.findByRole('banner')).findByRole('button', { name: /^Ana Sousa/ }));
    fireEvent.click(await screen.findByRole('button', { name: 'Ask to see when they are here' }));
    await waitFor(() =>
      expect(core.asks('people.change')).toEqual([{ personId: ana.id, name: 'Ana Sousa', groups: ['Redes'] }]),
    );
  });

  it('a name that only its bearer vouches for shows the address, and is not confirmed by saving a group', async () => {
    const data = sampleData();
    const talk = data.snapshot.talks.find(({ id }) => id === 'ana');
    const ana = data.snapshot.people.find(({ id }) => id === talk?.personId);
    if (!ana || !talk) throw new Error('no Ana');
    Object.assign(ana, { name: 'The Rector', verified: false });
    const { core } = await openWindow({ data });
    const who = await within(await screen.findByRole('banner')).findByRole('button', { name: /^The Rector/ });
    expect(who.textContent).toContain('name not confirmed · ana.sousa@campus.test');
    fireEvent.click(who);
    const sheet = await screen.findByRole('dialog', { name: 'Details' });
    fireEvent.change(within(sheet).getByRole('textbox', { name: 'Groups' }), { target: { value: 'Lab' } });
    fireEvent.click(within(sheet).getByRole('button', { name: 'Save' }));
    await waitFor(() => expect(core.asks('people.change')).toEqual([{ personId: ana.id, name: '', groups: ['Lab'] }]));
  });

  it('adding somebody checks the address, shows what the core says, then opens the talk', async () => {
    const { core } = await openWindow();
    await list();
    fireEvent.click(screen.getByRole('button', { name: 'Add person' }));
    const sheet = await screen.findByRole('dialog', { name: 'Add person' });
    const address = within(sheet).getByRole('textbox', { name: 'Address' });
    fireEvent.change(address, { target: { value: 'ana' } });
    fireEvent.click(within(sheet).getByRole('button', { name: 'Add person' }));
    within(sheet).getByText('Write it like name@campus.pt.');
    fireEvent.change(address, { target: { value: 'eva@campus.test' } });
    core.failing.set('people.add', { code: 'already-exists', retryable: false });
    fireEvent.click(within(sheet).getByRole('button', { name: 'Add person' }));
    await within(sheet).findByText(/You already have this\./);
    fireEvent.click(within(sheet).getByRole('button', { name: 'Add person' }));
    await screen.findByRole('log', { name: 'Messages with eva@campus.test' });
  });

  it('my presence and note are set from my picture', async () => {
    const { core } = await openWindow();
    fireEvent.click(await screen.findByRole('button', { name: /^You: Available/ }));
    fireEvent.change(await screen.findByRole('textbox', { name: 'Note' }), { target: { value: 'no lab' } });
    fireEvent.click(screen.getByRole('radio', { name: 'Busy' }));
    await screen.findByRole('button', { name: 'You: Busy, no lab. Change presence or note' });
    expect(core.asks('presence.set')).toEqual([{ state: 'busy', note: 'no lab' }]);
  });

  it('an account is removed only after its name was read', async () => {
    const { core } = await openWindow();
    await list();
    fireEvent.keyDown(window, { key: ',', ctrlKey: true });
    fireEvent.click(await screen.findByRole('button', { name: /XMPP · Connected/ }));
    fireEvent.click(await screen.findByRole('button', { name: 'Remove account' }));
    const sheet = await screen.findByRole('dialog', { name: 'Remove ines.matos@campus.test?' });
    expect(core.asks('accounts.remove')).toEqual([]);
    fireEvent.click(within(sheet).getByRole('button', { name: 'Remove ines.matos@campus.test' }));
    await waitFor(() => expect(core.asks('accounts.remove')).toEqual([{ accountId: 'xmpp-me' }]));
  });

  it('an empty list teaches one thing and offers one button', async () => {
    const data = emptyData();
    data.snapshot.accounts = sampleData().snapshot.accounts;
    await openWindow({ data });
    await screen.findByText('Nobody here yet');
    expect(screen.getAllByRole('button', { name: 'Add person' })).toHaveLength(2);
  });

  it('an empty list of people on the network says that they come by themselves', async () => {
    const data = emptyData();
    data.snapshot.accounts = sampleData().snapshot.accounts.filter(({ protocol }) => protocol === 'local');
    await openWindow({ data });
    await screen.findByText(/^Everybody on this network who opens AIMS shows up here\./);
    expect(screen.getAllByRole('button', { name: 'Add person' })).toHaveLength(1);
  });
});
