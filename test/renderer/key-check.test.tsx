import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { expect, it } from 'vitest';
import { openWindow } from './support/open-window.tsx';

const details = async (key: 'unverified' | 'other') => {
  const { core } = await openWindow();
  fireEvent.click(await screen.findByRole('button', { name: /Show details/ }));
  const dialog = await screen.findByRole('dialog', { name: 'Details' });
  const person = core.data.snapshot.people.find(({ name }) => name === 'Ana Sousa');
  if (!person) throw new Error('no Ana');
  const addresses = person.addresses.map((one) => ({ ...one, key }));
  act(() =>
    core.emit({ type: 'people', changed: [{ ...Object.assign(person, { verified: false, addresses }) }], removed: [] }),
  );
  return { core, dialog };
};

it('the details show the digits in groups, and that they match is said by a button and kept', async () => {
  const { core, dialog } = await details('unverified');
  const [compare] = await within(dialog).findAllByRole('button', { name: 'Compare codes' });
  if (!compare) throw new Error('no button');
  fireEvent.click(compare);
  const code = await within(dialog).findByRole('list', { name: 'Code of both keys' });
  expect(within(code).getAllByRole('listitem')).toHaveLength(12);
  expect(code.textContent).toBe('0123456789'.repeat(6));
  fireEvent.click(within(dialog).getByRole('button', { name: 'They match' }));
  expect(await within(dialog).findAllByText('Verified: you have compared the codes.')).not.toHaveLength(0);
  expect(core.asks('people.confirmCode')).toMatchObject([{ code: '0123456789'.repeat(6) }]);
});

it('a code that cannot be had says why', async () => {
  const { core, dialog } = await details('unverified');
  core.failing.set('people.verificationCode', { code: 'peer-offline', retryable: true });
  const [compare] = await within(dialog).findAllByRole('button', { name: 'Compare codes' });
  if (!compare) throw new Error('no button');
  fireEvent.click(compare);
  expect((await within(dialog).findByRole('alert')).textContent).toContain('This person is not connected.');
});

it('another key than the one that was verified is told in the details and at the head of the talk', async () => {
  const { dialog } = await details('other');
  expect(
    await within(dialog).findAllByText(/^Another key than that of the Ana Sousa you have verified\./),
  ).not.toHaveLength(0);
  expect(await screen.findByText(/not the key you verified/)).toBeTruthy();
});

it('somebody who has set up AIMS anew is joined with who they were before, by hand', async () => {
  const { core, dialog } = await details('unverified');
  const rui = core.data.snapshot.people.find(({ name }) => name === 'Rui Costa');
  if (!rui) throw new Error('no Rui');
  const addresses = rui.addresses.map((one) => ({ ...one, key: 'unverified' as const }));
  act(() => core.emit({ type: 'people', changed: [{ ...rui, addresses }], removed: [] }));
  fireEvent.change(await within(dialog).findByRole('combobox', { name: 'The same person as' }), {
    target: { value: rui.id },
  });
  fireEvent.click(within(dialog).getByRole('button', { name: 'Join the talks with those of Rui Costa' }));
  await waitFor(() => expect(core.asks('people.join')).toMatchObject([{ into: rui.id }]));
});
