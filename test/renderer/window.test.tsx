import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { openWindow } from './support/open-window.tsx';

const press = (key: string, more: { ctrlKey?: boolean; altKey?: boolean; shiftKey?: boolean } = {}) =>
  fireEvent.keyDown(document.activeElement ?? document.body, { key, ...more });
const log = (name: string) => screen.findByRole('log', { name: `Messages with ${name}` });
const regionOfFocus = () => document.activeElement?.closest('[data-region]')?.getAttribute('data-region');

describe('keys', () => {
  it('F6 goes round the parts of the window, and Shift F6 back', async () => {
    await openWindow();
    await log('Ana Sousa');
    press('j', { ctrlKey: true });
    await waitFor(() => expect(regionOfFocus()).toBe('transfers'));
    press('F6');
    expect(regionOfFocus()).toBe('rail');
    press('F6');
    expect(regionOfFocus()).toBe('list');
    press('F6');
    expect(regionOfFocus()).toBe('talk');
    expect(document.activeElement).toBe(screen.getByRole('textbox', { name: 'Message' }));
    press('F6', { shiftKey: true });
    expect(regionOfFocus()).toBe('list');
  });

  it('Alt and arrows go from talk to talk', async () => {
    await openWindow();
    await log('Ana Sousa');
    press('ArrowDown', { altKey: true });
    await log('Rui Costa');
    press('ArrowUp', { altKey: true });
    await log('Ana Sousa');
    press('ArrowUp', { altKey: true });
    await log('Ana Sousa');
  });

  it('Escape leaves the talk for its row in the list', async () => {
    await openWindow();
    act(() => screen.getByRole('textbox', { name: 'Message' }).focus());
    press('Escape');
    await waitFor(() => expect(document.activeElement?.getAttribute('aria-current')).toBe('true'));
    expect(regionOfFocus()).toBe('list');
  });

  it('Ctrl / shows every key there is', async () => {
    await openWindow();
    await log('Ana Sousa');
    press('/', { ctrlKey: true });
    const sheet = await screen.findByRole('dialog', { name: 'Settings' });
    within(sheet).getByText('Find anyone or anything');
    within(sheet).getByText('F6');
  });

  it('while a sheet is open, the keys of the window behind it rest', async () => {
    const { app } = await openWindow();
    await log('Ana Sousa');
    press(',', { ctrlKey: true });
    await screen.findByRole('dialog', { name: 'Settings' });
    press('j', { ctrlKey: true });
    expect(app.view.getState().panelOpen).toBe(false);
  });
});

describe('the keyboard comes back to where one writes', () => {
  const composer = () => screen.findByRole('textbox', { name: 'Message' });
  it('after Escape, by Enter on the talk that is open', async () => {
    await openWindow();
    await log('Ana Sousa');
    (await composer()).focus();
    press('Escape');
    const row = await waitFor(() => {
      const current = document.querySelector<HTMLElement>('ul [aria-current="true"]');
      expect(document.activeElement).toBe(current);
      return current as HTMLElement;
    });
    fireEvent.click(row);
    await waitFor(async () => expect(document.activeElement).toBe(await composer()));
  });

  it('and by a found message of the talk that is open', async () => {
    await openWindow();
    await log('Ana Sousa');
    const field = screen.getByRole('searchbox', { name: 'Search or write to an address' });
    field.focus();
    fireEvent.change(field, { target: { value: 'enunciado' } });
    const found = await screen.findByRole('button', { name: /^Ana Sousa.*enunciado do/ });
    found.focus();
    fireEvent.click(found);
    await waitFor(async () => expect(document.activeElement).toBe(await composer()));
  });
});

describe('what lies around the page', () => {
  it('the theme and the language follow the settings at once', async () => {
    const { core } = await openWindow();
    await log('Ana Sousa');
    const { settings } = core.data.snapshot;
    act(() => core.emit({ type: 'settings', settings: { ...settings, theme: 'dark', language: 'pt' } }));
    await screen.findByRole('textbox', { name: 'Mensagem' });
    expect(document.documentElement.dataset.theme).toBe('dark');
    expect(document.documentElement.lang).toBe('pt-PT');
  });

  it('the title counts what is unread', async () => {
    const { core } = await openWindow({ talk: 'rui' });
    await waitFor(() => expect(document.title).toBe('(130) AIMS'));
    act(() => {
      core.add('carla', { text: 'olá' });
    });
    await waitFor(() => expect(document.title).toBe('(131) AIMS'));
  });

  it('a talk under a sheet is not in front', async () => {
    const { bridge } = await openWindow();
    await log('Ana Sousa');
    await waitFor(() => expect(bridge.inFront.at(-1)).toBe('ana'));
    press(',', { ctrlKey: true });
    await waitFor(() => expect(bridge.inFront.at(-1)).toBeNull());
  });

  it('goes where a notification or a link leads', async () => {
    const { bridge, core } = await openWindow();
    await log('Ana Sousa');
    act(() => bridge.navigate({ to: 'talk', talkId: 'carla' }));
    await log('Carla Nunes');
    act(() => bridge.navigate({ to: 'address', uri: 'xmpp:eva@campus.test?message' }));
    await waitFor(() =>
      expect(core.asks('talks.openAddress')).toEqual([{ accountId: 'xmpp-me', address: 'xmpp:eva@campus.test' }]),
    );
  });

  it('what cannot be done is a line that can be dismissed, never a dialog', async () => {
    const { core } = await openWindow();
    await log('Ana Sousa');
    core.failing.set('transfers.cancel', { code: 'wrong-state', retryable: false });
    fireEvent.click(screen.getByRole('button', { name: 'Cancel relatório-final-redes-2026.pdf' }));
    await screen.findByText('This is no longer possible: it has just changed. Look at it again.');
    fireEvent.click(screen.getByRole('button', { name: 'Dismiss' }));
    expect(screen.queryByText(/no longer possible/)).toBeNull();
  });

  it('an event that does not fit the contract is dropped and told, and the next is taken', async () => {
    const { core, reported } = await openWindow();
    await log('Ana Sousa');
    act(() => {
      core.emit({ type: 'typing', talkId: 7 } as never, { type: 'typing', talkId: 'ana', composing: true });
    });
    await within(screen.getByRole('region', { name: 'Talk with Ana Sousa' })).findByText('typing…');
    expect(reported).toHaveLength(1);
  });
});

describe('settings', () => {
  it('each choice counts at once', async () => {
    const { core } = await openWindow();
    await log('Ana Sousa');
    press(',', { ctrlKey: true });
    const sheet = await screen.findByRole('dialog', { name: 'Settings' });
    fireEvent.click(within(sheet).getByRole('tab', { name: 'Privacy' }));
    fireEvent.click(await within(sheet).findByRole('switch', { name: 'Tell others when I have read' }));
    fireEvent.click(within(sheet).getByRole('tab', { name: 'Files' }));
    fireEvent.click(await within(sheet).findByRole('button', { name: 'Choose folder…' }));
    await waitFor(() =>
      expect(core.asks('settings.change')).toEqual([{ sendRead: false }, { downloadFolder: '/home/ines/Documentos' }]),
    );
    within(sheet).getByText('/home/ines/Documentos');
  });
});
