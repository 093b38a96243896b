import { File } from 'node:buffer';
import { act, fireEvent, screen, waitFor } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { CERTIFICATE, emptyData } from './fake-core/sample.ts';
import { openWindow } from './support/open-window.tsx';

const first = () => openWindow({ data: emptyData(), talk: '' });
const type = (label: string, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });

async function signIn() {
  const opened = await first();
  await screen.findByRole('heading', { name: 'Welcome to AIMS' });
  type('Campus address', 'ist1@campus.test');
  type('Password', 'segredo');
  fireEvent.click(screen.getByRole('button', { name: 'Sign in' }));
  await screen.findByText('Signing in as ist1@campus.test');
  const id = opened.core.data.snapshot.accounts[0]?.id ?? '';
  return { ...opened, id };
}

describe('first start', () => {
  it('asks for an address and a password, and for nothing more', async () => {
    await first();
    await screen.findByRole('textbox', { name: 'Campus address' });
    expect(screen.getAllByRole('textbox')).toHaveLength(1);
    expect(screen.queryByLabelText('Server')).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Advanced' }));
    screen.getByLabelText('Server');
  });

  it('says what is missing, in the field', async () => {
    const { core } = await first();
    fireEvent.click(await screen.findByRole('button', { name: 'Sign in' }));
    const address = screen.getByRole('textbox', { name: 'Campus address' });
    expect(address.getAttribute('aria-invalid')).toBe('true');
    screen.getByText('Type your campus address.');
    expect(document.activeElement).toBe(address);
    expect(core.asks('accounts.signIn')).toEqual([]);
  });

  it('guesses the protocol from the address until a person chooses', async () => {
    await first();
    await screen.findByRole('textbox', { name: 'Campus address' });
    type('Campus address', 'xmpp:ist1@campus.test');
    expect(screen.getByRole('radio', { name: 'XMPP' }).getAttribute('aria-checked')).toBe('true');
    fireEvent.click(screen.getByRole('radio', { name: 'SIP' }));
    type('Campus address', 'xmpp:ist12@campus.test');
    expect(screen.getByRole('radio', { name: 'SIP' }).getAttribute('aria-checked')).toBe('true');
  });

  it('shows what it is doing step by step, and opens the window when connected', async () => {
    const { core, id } = await signIn();
    act(() => core.register(id, { state: 'connecting', step: 'authenticating' }));
    await waitFor(() =>
      expect(document.querySelector('[aria-current="step"]')?.textContent).toBe('Checking your password, now'),
    );
    act(() => core.register(id, { state: 'online', since: Date.now() }));
    await screen.findByText('Nobody here yet');
  });

  it('a refused password puts the cross at the password, whichever step was shown last', async () => {
    const { core, id } = await signIn();
    act(() => core.register(id, { state: 'connecting', step: 'locating' }));
    act(() => core.register(id, { state: 'stopped', cause: { code: 'credentials-rejected', retryable: false } }));
    await screen.findByRole('alert');
    expect(document.querySelector('[aria-current="step"]')?.textContent).toBe('Checking your password, now');
  });

  it('a line that nothing made private is not said to be', async () => {
    const { core, id } = await signIn();
    screen.getByText('Making the line private');
    act(() => core.register(id, { state: 'connecting', step: 'connecting' }));
    act(() => core.register(id, { state: 'connecting', step: 'authenticating' }));
    await waitFor(() => expect(screen.queryByText('Making the line private')).toBeNull());
    act(() => core.register(id, { state: 'connecting', step: 'securing' }));
    await screen.findByText('Making the line private');
    act(() => core.register(id, { state: 'connecting', step: 'authenticating' }));
    await waitFor(() =>
      expect(document.querySelector('[aria-current="step"]')?.textContent).toBe('Checking your password, now'),
    );
    screen.getByText('Making the line private');
  });

  it('a refused password says so, and goes back to the form with the address kept', async () => {
    const { core, id } = await signIn();
    act(() =>
      core.register(id, {
        state: 'stopped',
        cause: { code: 'credentials-rejected', protocolCode: '401', retryable: false },
      }),
    );
    expect((await screen.findByRole('alert')).textContent).toContain(
      'The server refused the address or the password. Enter the password again.',
    );
    fireEvent.click(screen.getByRole('button', { name: 'Change address or password' }));
    expect((await screen.findByRole<HTMLInputElement>('textbox', { name: 'Campus address' })).value).toBe(
      'ist1@campus.test',
    );
    expect(screen.getByLabelText<HTMLInputElement>('Password').value).toBe('');
    await waitFor(() => expect(core.data.snapshot.accounts).toEqual([]));
  });

  it('what was typed stays when the end of the account is told only after it was asked for', async () => {
    const { core, id } = await signIn();
    act(() => core.register(id, { state: 'stopped', cause: { code: 'credentials-rejected', retryable: false } }));
    const change = await screen.findByRole('button', { name: 'Change address or password' });
    const late = vi.spyOn(core, 'emit').mockImplementation(() => {});
    fireEvent.click(change);
    await waitFor(() => expect(core.data.snapshot.accounts).toEqual([]));
    await act(async () => {});
    late.mockRestore();
    act(() => core.emit({ type: 'accounts', accounts: [] }));
    expect((await screen.findByRole<HTMLInputElement>('textbox', { name: 'Campus address' })).value).toBe(
      'ist1@campus.test',
    );
  });

  it('a server that is away counts down, can be tried now, or left alone', async () => {
    const { core, id } = await signIn();
    const cause = { code: 'unreachable', retryable: true };
    act(() => core.register(id, { state: 'waiting', retryAt: Date.now() + 20_000, cause }));
    expect((await screen.findByRole('alert')).textContent).toMatch(/The server does not answer\..*Trying again in \d+/);
    fireEvent.click(screen.getByRole('button', { name: 'Try now' }));
    await waitFor(() => expect(core.asks('accounts.retry')).toHaveLength(1));
    act(() => core.register(id, { state: 'waiting', retryAt: Date.now() + 20_000, cause }));
    fireEvent.click(await screen.findByRole('button', { name: 'Carry on without connection' }));
    await screen.findByText('Nobody here yet');
  });

  it('an unknown certificate is readable before anybody trusts it', async () => {
    const { core, id } = await signIn();
    act(() => core.register(id, { state: 'stopped', cause: CERTIFICATE }));
    await screen.findByRole('heading', { name: 'Is this really your server?' });
    screen.getByText('It vouches for itself: no authority this computer knows has signed it.');
    screen.getByText(/^3A 7F 01 C4/);
    fireEvent.click(screen.getByRole('button', { name: 'Trust this server' }));
    await waitFor(() =>
      expect(core.asks('accounts.trustCertificate')).toEqual([
        { accountId: id, fingerprint: CERTIFICATE.certificate?.fingerprint },
      ]),
    );
  });

  it('takes the file of the campus’s authority, as text or as bytes, and says so if it is none', async () => {
    const { core, id } = await signIn();
    act(() => core.register(id, { state: 'stopped', cause: CERTIFICATE }));
    const input = await screen.findByLabelText('Choose the authority’s file…');
    const choose = (content: string | Uint8Array<ArrayBuffer>) =>
      fireEvent.change(input, { target: { files: [new File([content], 'campus-ca.crt')] } });
    const asked = () => core.asks('accounts.change').map((change) => (change as { authorities?: string }).authorities);
    core.failing.set('accounts.change', { code: 'authority-invalid', retryable: false });
    choose('not a certificate');
    await screen.findByText(/^This file has no certificate of an authority in it\. Ask the help desk/);
    expect(asked()).toEqual(['-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n']);
    choose('Campus CA\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    await waitFor(() => expect(asked()[1]).toMatch(/^Campus CA/));
    choose(new Uint8Array(300_000));
    await waitFor(() => expect(asked()[2]).toBe(''));
  });

  it('works without a server, by a name alone', async () => {
    const { core } = await first();
    fireEvent.click(await screen.findByRole('button', { name: 'Use this network without a server' }));
    fireEvent.change(await screen.findByRole('textbox', { name: 'Your name' }), { target: { value: 'Inês' } });
    fireEvent.click(screen.getByRole('button', { name: 'Start' }));
    await screen.findByText('Joining this network');
    expect(core.asks('accounts.signIn')).toEqual([{ protocol: 'local', displayName: 'Inês' }]);
  });

  it('speaks Portuguese to a Portuguese system', async () => {
    await openWindow({ data: emptyData(), language: 'pt-PT' });
    await screen.findByRole('heading', { name: 'Bem-vindo ao AIMS' });
    expect(document.documentElement.lang).toBe('pt-PT');
  });
});
