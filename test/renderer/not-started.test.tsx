import { act, fireEvent, screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { en } from '../../renderer/i18n/en/en.ts';
import { pt } from '../../renderer/i18n/pt/pt.ts';
import { emptyData } from './fake-core/sample.ts';
import { openWindow } from './support/open-window.tsx';

const LOCKED = { code: 'secrets-locked', retryable: true } as const;

describe.each([
  ['en-GB', 'This computer’s password store is locked. Unlock it, then try again.', 'Try again'],
  ['pt-PT', 'As palavras-passe deste computador estão bloqueadas. Desbloqueie-as e tente de novo.', 'Tentar de novo'],
])('a core that cannot start (%s)', (language, sentence, again) => {
  it('says why instead of starting for ever, and starts when it is tried again', async () => {
    const { core } = await openWindow({ language, failing: ['app.snapshot', LOCKED] });
    expect((await screen.findByRole('alert')).textContent).toContain(sentence);
    core.failing.set('app.snapshot', LOCKED);
    fireEvent.click(screen.getByRole('button', { name: again }));
    await screen.findByRole('alert');
    fireEvent.click(screen.getByRole('button', { name: again }));
    await screen.findByRole('textbox');
    expect(screen.queryByText(sentence, { exact: false })).toBeNull();
  });

  it.each(['profile-sealed', 'profile-in-use', 'database-newer'])(
    'offers no second try where it cannot help: %s',
    async (code) => {
      await openWindow({ language, failing: ['app.snapshot', { code, retryable: false }] });
      await screen.findByRole('alert');
      expect(screen.queryByRole('button', { name: again })).toBeNull();
    },
  );

  it('after it was there leaves the window as it is, with the reason in a line', async () => {
    const { core } = await openWindow({ language });
    core.failing.set('app.snapshot', LOCKED);
    act(() => core.connect(window));
    await screen.findByText(sentence);
    fireEvent.click(screen.getByRole('button', { name: again }));
    await expect.poll(() => screen.queryByText(sentence)).toBeNull();
  });
});

describe.each(['en-GB', 'pt-PT'])('a damaged message store of which something is being saved (%s)', (language) => {
  it('is said, and the window goes on by itself when that is done', async () => {
    const salvaging = { code: 'database-salvaging', retryable: true } as const;
    const { core } = await openWindow({ language, failing: ['app.snapshot', salvaging] });
    const words = language === 'pt-PT' ? pt : en;
    const { said, todo } = words.faults['database-salvaging'];
    expect((await screen.findByRole('alert')).textContent).toContain(`${said} ${todo}`);
    expect(screen.queryByRole('button', { name: words.common.tryAgain })).toBeNull();
    await screen.findByRole('navigation', { hidden: false });
    expect(core.asks('app.snapshot').length).toBeGreaterThan(1);
  });
});

describe('a message store that was set aside', () => {
  it('is told of on the first page too: no account is left to show another', async () => {
    const data = emptyData();
    data.snapshot.notices = [
      { id: 'a', code: 'database-set-aside', detail: '/home/ana/aims-damaged.db' },
      { id: 'b', code: 'secrets-not-kept', detail: '' },
    ];
    const { core } = await openWindow({ data, talk: '' });
    await screen.findByText('The message store was damaged and was set aside at /home/ana/aims-damaged.db', {
      exact: false,
    });
    expect(screen.queryByText('no password store', { exact: false })).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Dismiss' }));
    await expect.poll(() => core.asks('app.dismissNotice')).toEqual([{ noticeId: 'a' }]);
  });
});
