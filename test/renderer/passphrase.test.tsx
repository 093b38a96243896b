import { act, fireEvent, screen, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { en } from '../../renderer/i18n/en/en.ts';
import { pt } from '../../renderer/i18n/pt/pt.ts';
import { sampleData } from './fake-core/sample.ts';
import { openWindow } from './support/open-window.tsx';

const NEEDED = { code: 'passphrase-needed', retryable: true } as const;
const WRONG = { code: 'passphrase-wrong', retryable: true } as const;
const type = (label: string, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });
const press = (name: string) => fireEvent.click(screen.getByRole('button', { name }));

describe.each([
  ['en-GB', en],
  ['pt-PT', pt],
] as const)('a locked history (%s)', (language, { protection, faults, common }) => {
  it('asks for the passphrase, tells a wrong one and asks again, and opens with the right one', async () => {
    const { core } = await openWindow({ language, failing: ['app.snapshot', NEEDED] });
    await screen.findByText(`${faults['passphrase-needed'].said} ${faults['passphrase-needed'].todo}`);
    core.failing.set('app.unlock', WRONG);
    type(protection.passphrase, 'not this');
    press(protection.unlock);
    const said = await screen.findByText(`${faults['passphrase-wrong'].said} ${faults['passphrase-wrong'].todo}`);
    expect(screen.getByLabelText(protection.passphrase).getAttribute('aria-describedby')).toBe(said.id);
    type(protection.passphrase, 'this one');
    press(protection.unlock);
    await screen.findByRole('navigation', { hidden: false });
    expect(core.asks('app.unlock')).toEqual([{ passphrase: 'not this' }, { passphrase: 'this one' }]);
  });

  it('says what is lost before anything is set aside, and lets one go back', async () => {
    const { core } = await openWindow({ language, failing: ['app.snapshot', NEEDED] });
    await screen.findByLabelText(protection.passphrase);
    press(protection.forgot);
    await screen.findByText(protection.forgotText);
    press(common.back);
    await screen.findByLabelText(protection.passphrase);
    expect(core.asks('app.beginAnew')).toEqual([]);
    press(protection.forgot);
    press(protection.forgotYes);
    await screen.findByRole('navigation', { hidden: false });
    expect(core.asks('app.beginAnew')).toHaveLength(1);
  });

  it('asks for it too when the core had to start again', async () => {
    const { core } = await openWindow({ language });
    core.failing.set('app.snapshot', NEEDED);
    act(() => core.connect(window));
    await screen.findByLabelText(protection.passphrase);
    type(protection.passphrase, 'this one');
    press(protection.unlock);
    await screen.findByRole('navigation', { hidden: false });
  });

  it('with a damaged key offers what is left to do, and no field that cannot help', async () => {
    await openWindow({ language, failing: ['app.snapshot', { code: 'key-damaged', retryable: true }] });
    expect((await screen.findByRole('alert')).textContent).toContain(faults['key-damaged'].said);
    expect(screen.queryByLabelText(protection.passphrase)).toBeNull();
    press(protection.forgot);
    await screen.findByText(protection.forgotText);
  });
});

describe('a history that nothing protects', () => {
  const unprotected = () => {
    const data = sampleData();
    data.snapshot.protection = 'none';
    data.snapshot.notices = [{ id: 'a', code: 'history-not-protected', detail: '' }];
    return data;
  };

  it('is said in the list, with a passphrase offered beside', async () => {
    const { core } = await openWindow({ data: unprotected() });
    const notice = (await screen.findAllByRole('status')).find((one) => one.textContent?.includes('not protected'));
    fireEvent.click(within(notice as HTMLElement).getByRole('button', { name: en.protection.set }));
    await screen.findByText(en.protection.lead);
    press(en.protection.save);
    await screen.findByText(en.protection.tooShort);
    type(en.protection.fresh, 'four bears in rain');
    type(en.protection.again, 'four bears in rein');
    press(en.protection.save);
    await screen.findByText(en.protection.differs);
    expect(core.asks('app.setPassphrase')).toEqual([]);
    type(en.protection.again, 'four bears in rain');
    press(en.protection.save);
    await screen.findByText(en.protection.saved);
    expect(core.asks('app.setPassphrase')).toEqual([{ passphrase: 'four bears in rain' }]);
  });

  it('stands in the settings, and what protects it as well', async () => {
    const { app, core } = await openWindow({ data: unprotected() });
    act(() => app.actions.openSheet({ kind: 'settings', section: 'privacy' }));
    await screen.findByText(en.protection.status.none);
    act(() => core.emit({ type: 'protection', protection: 'passphrase' }));
    await screen.findByText(en.protection.status.passphrase);
    press(en.protection.change);
    core.failing.set('app.setPassphrase', WRONG);
    await screen.findByLabelText(en.protection.current);
    type(en.protection.current, 'what it was');
    press(en.protection.takeAway);
    await screen.findByText(en.faults['passphrase-wrong'].said, { exact: false });
    press(en.protection.takeAway);
    await screen.findByText(en.protection.takenAway);
    expect(core.asks('app.setPassphrase').at(-1)).toEqual({ passphrase: null, current: 'what it was' });
  });

  it('where the password store keeps the key there is nothing to set', async () => {
    const { app } = await openWindow();
    act(() => app.actions.openSheet({ kind: 'settings', section: 'privacy' }));
    await screen.findByText(en.protection.status.system);
    expect(screen.queryByRole('button', { name: en.protection.set })).toBeNull();
  });
});
