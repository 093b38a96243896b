import { fireEvent, screen } from '@testing-library/react';
import { expect, it } from 'vitest';
import { LONG_TEXT } from '../../renderer/talk/long-text.ts';
import { openWindow } from './support/open-window.tsx';

// jsdom lays nothing out: that it stops the window without this is seen by the test in real windows
it('a text without spaces that would stop the layout breaks anywhere, a usual one only between words', async () => {
  await openWindow();
  const box = await screen.findByRole<HTMLTextAreaElement>('textbox', { name: 'Message' });
  const around = () => box.parentElement?.className ?? '';
  fireEvent.change(box, { target: { value: 'x'.repeat(LONG_TEXT) } });
  expect(around()).not.toMatch(/long/);
  fireEvent.change(box, { target: { value: 'x'.repeat(LONG_TEXT + 1) } });
  expect(around()).toMatch(/long/);
  fireEvent.change(box, { target: { value: '' } });
  expect(around()).not.toMatch(/long/);
  // the page lays a pasted text out before React is told of it
  const clipboardData = { files: [], getData: () => 'x'.repeat(LONG_TEXT + 1) };
  fireEvent.paste(box, { clipboardData });
  expect(around()).toMatch(/long/);
});
