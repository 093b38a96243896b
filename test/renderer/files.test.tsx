import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { png } from '../contract/pictures/made-pictures.ts';
import { openWindow } from './support/open-window.tsx';

const log = (name: string) => screen.findByRole('log', { name: `Messages with ${name}` });

describe('a file offered to me', () => {
  it('is accepted, declined, or saved where I say', async () => {
    const { core, bridge } = await openWindow({ talk: 'rui' });
    const list = await log('Rui Costa');
    fireEvent.click(await within(list).findByRole('button', { name: 'Save as… fotografia do quadro.jpg' }));
    await waitFor(() => expect(core.asks('transfers.accept')).toMatchObject([{ path: bridge.savePath }]));
    fireEvent.click(await within(list).findByRole('button', { name: 'Decline setup-simulador.exe' }));
    await waitFor(() => expect(core.asks('transfers.decline')).toHaveLength(1));
    await within(list).findByText(/You declined/);
  });

  it('asks the core nothing when no place to save was chosen', async () => {
    const { core, bridge } = await openWindow({ talk: 'rui' });
    bridge.savePath = null;
    fireEvent.click(
      await within(await log('Rui Costa')).findByRole('button', { name: 'Save as… fotografia do quadro.jpg' }),
    );
    await act(async () => {});
    expect(core.asks('transfers.accept')).toEqual([]);
  });

  it('says why it could not be kept, and can be accepted again', async () => {
    const { core } = await openWindow({ talk: 'rui' });
    const list = await log('Rui Costa');
    const name = 'fotografia do quadro.jpg';
    const offered = core.data.snapshot.transfers.find(({ file }) => file.name === name);
    act(() => core.changeTransfer(offered?.id ?? '', { fault: { code: 'no-space', retryable: false } }));
    await within(list).findByText(/ · There is not enough space on the disk\. Free some space, then try again\.$/);
    fireEvent.click(within(list).getByRole('button', { name: `Accept ${name}` }));
    await waitFor(() => expect(core.asks('transfers.accept')).toHaveLength(1));
  });

  it('a program carries a warning, and cannot be opened from inside', async () => {
    const { core } = await openWindow({ talk: 'rui' });
    const list = await log('Rui Costa');
    await within(list).findByText(/^This is a program\./);
    const offered = core.data.snapshot.transfers.find((one) => one.risky);
    act(() =>
      core.changeTransfer(offered?.id ?? '', { state: 'completed', path: '/tmp/setup.exe', bytes: 48_211_000 }),
    );
    await within(list).findByRole('button', { name: 'Show in folder: setup-simulador.exe' });
    expect(within(list).queryByRole('button', { name: 'Open setup-simulador.exe' })).toBeNull();
  });
});

describe('a file that was sent', () => {
  it('from a pasted picture is not said to have been moved away', async () => {
    const { core } = await openWindow();
    const list = await log('Ana Sousa');
    const sent = core.data.snapshot.transfers.find(({ file }) => file.name === 'relatório-final-redes-2026.pdf');
    act(() => core.changeTransfer(sent?.id ?? '', { state: 'completed', path: null, canPause: false }));
    await waitFor(() => expect(within(list).queryByRole('progressbar')).toBeNull());
    expect(within(list).queryByText('The file is no longer where it was saved.')).toBeNull();
    // of what came it is true
    const came = core.data.snapshot.transfers.find(({ file }) => file.name === 'vista-do-campus.jpg');
    act(() => core.changeTransfer(came?.id ?? '', { path: null }));
    await within(list).findByText('The file is no longer where it was saved.');
  });
});

describe('a file that did not come', () => {
  it.each([
    ['declined', { state: 'declined' }, 'Ask for it again: fotografia do quadro.jpg'],
    ['given up', { state: 'cancelled', by: 'us' }, 'Ask for it again: fotografia do quadro.jpg'],
    ['moved away', { state: 'completed', path: null }, 'Ask for it again: fotografia do quadro.jpg'],
    ['lost', { state: 'failed', fault: { code: 'network', retryable: true } }, 'Try again: fotografia do quadro.jpg'],
  ] as const)('and was %s can be asked for by a button', async (_, end, button) => {
    const { core } = await openWindow({ talk: 'rui' });
    const list = await log('Rui Costa');
    const offered = core.data.snapshot.transfers.find((one) => one.file.name === 'fotografia do quadro.jpg');
    act(() => core.changeTransfer(offered?.id ?? '', { ...end, canRetry: true }));
    fireEvent.click(await within(list).findByRole('button', { name: button }));
    await waitFor(() => expect(core.asks('transfers.retry')).toMatchObject([{ transferId: offered?.id }]));
    expect(within(list).queryByText(/Ask Rui Costa to send it again/)).toBeNull();
  });

  it('because its sender no longer has it says whom to ask', async () => {
    const { core } = await openWindow({ talk: 'rui' });
    const list = await log('Rui Costa');
    const offered = core.data.snapshot.transfers.find((one) => one.file.name === 'fotografia do quadro.jpg');
    const fault = { code: 'source-missing', retryable: false };
    act(() => core.changeTransfer(offered?.id ?? '', { state: 'failed', fault, canRetry: true }));
    await within(list).findByText(/Ask Rui Costa to send it again\./);
  });

  it('that I have not answered in time says so, keeps its buttons, and can be accepted', async () => {
    const { core } = await openWindow({ talk: 'rui' });
    const list = await log('Rui Costa');
    const offered = core.data.snapshot.transfers.find(({ state }) => state === 'offered');
    act(() => core.changeTransfer(offered?.id ?? '', { unanswered: true }));
    await within(list).findByText(/Not answered in time. You can still accept it./);
    fireEvent.click(within(list).getByRole('button', { name: `Accept ${offered?.file.name}` }));
    await waitFor(() => expect(core.asks('transfers.accept')).toMatchObject([{ transferId: offered?.id }]));
  });

  it('by me that nobody has answered yet says that it still can be', async () => {
    const { core } = await openWindow({ talk: 'rui' });
    const list = await log('Rui Costa');
    const offered = core.data.snapshot.transfers.find(({ state }) => state === 'offered');
    act(() => core.changeTransfer(offered?.id ?? '', { direction: 'outgoing', unanswered: true }));
    await within(list).findByText(/Not answered yet. Rui Costa can still accept it./);
  });
});

describe('a file on its way', () => {
  it('shows how far, how fast and how long, and can be cancelled', async () => {
    const { core } = await openWindow();
    const list = await log('Ana Sousa');
    const bar = await within(list).findByRole('progressbar', { name: 'relatório-final-redes-2026.pdf' });
    expect(bar.getAttribute('aria-valuenow')).toBe('62');
    within(list).getByText('195 MB of 315 MB · 8.1 MB/s · 0:15 left');
    fireEvent.click(within(list).getByRole('button', { name: 'Cancel relatório-final-redes-2026.pdf' }));
    await within(list).findByText(/You cancelled/);
    expect(core.asks('transfers.cancel')).toHaveLength(1);
  });

  it('is paused and goes on by one button, which keeps the keyboard, with its name for a screen reader', async () => {
    const { core } = await openWindow();
    const list = await log('Ana Sousa');
    const pause = await within(list).findByRole('button', { name: 'Pause relatório-final-redes-2026.pdf' });
    pause.focus();
    fireEvent.click(pause);
    const resume = await within(list).findByRole('button', { name: 'Resume relatório-final-redes-2026.pdf' });
    expect(document.activeElement).toBe(resume);
    within(list).getByText('195 MB of 315 MB · Paused');
    fireEvent.click(resume);
    await within(list).findByRole('button', { name: 'Pause relatório-final-redes-2026.pdf' });
    expect([core.asks('transfers.pause').length, core.asks('transfers.resume').length]).toEqual([1, 1]);
    const running = core.data.snapshot.transfers.find((one) => one.state === 'running');
    act(() => core.changeTransfer(running?.id ?? '', { state: 'paused', by: 'peer', canPause: false }));
    await within(list).findByText(/Paused by Ana Sousa/);
    expect(within(list).queryByRole('button', { name: /^(Pause|Resume)/ })).toBeNull();
    act(() => core.changeTransfer(running?.id ?? '', { state: 'waiting-for-peer', by: null }));
    await within(list).findByText('195 MB of 315 MB · Waits until Ana Sousa is back');
  });

  it('a failed one says why and is tried again', async () => {
    const { core } = await openWindow({ talk: 'rui' });
    const list = await log('Rui Costa');
    await within(list).findByText('Not sent. The connection broke off. Check the network, then try again.');
    fireEvent.click(within(list).getByRole('button', { name: 'Try again: dados.zip' }));
    await waitFor(() => expect(core.asks('transfers.retry')).toHaveLength(1));
  });

  it('one that is too large says how large it may be, and what to do', async () => {
    const { core } = await openWindow();
    const list = await log('Ana Sousa');
    const running = core.data.snapshot.transfers.find((one) => one.state === 'running');
    const fault = { code: 'too-big', retryable: false, limit: 100_000_000 };
    act(() => core.changeTransfer(running?.id ?? '', { state: 'failed', fault, canRetry: false }));
    await within(list).findByText(/This route takes files up to 100 MB\. Send it over another route/);
  });

  it('that I cancelled, or that was declined, is not marked as failed anywhere', async () => {
    const { core } = await openWindow();
    const list = await log('Ana Sousa');
    const running = core.data.snapshot.transfers.find((one) => one.state === 'running');
    const { id: transferId = '', file } = running ?? {};
    act(() => {
      core.add('ana', { direction: 'outgoing', kind: 'file', transferId, text: file?.name ?? '', state: 'failed' });
      core.changeTransfer(transferId, { state: 'cancelled', by: 'us', endedAt: Date.now() });
    });
    const row = await screen.findByRole('button', { name: /Ana Sousa.*You cancelled/ });
    expect([...row.querySelectorAll('[data-mark]')].map((mark) => mark.getAttribute('data-mark'))).toEqual([
      'turned-down',
    ]);
    act(() => core.changeTransfer(transferId, { state: 'declined', by: null }));
    await screen.findByRole('button', { name: /Ana Sousa.*Ana Sousa declined/ });
    expect(list.querySelector('[data-mark="failed"]')).toBeNull();
    expect(within(list).queryByText('Not sent')).toBeNull();
  });

  it('its end is said aloud', async () => {
    const { core } = await openWindow();
    await log('Ana Sousa');
    const running = core.data.snapshot.transfers.find((one) => one.state === 'running');
    act(() => core.changeTransfer(running?.id ?? '', { state: 'completed', endedAt: Date.now() }));
    await waitFor(() =>
      expect(document.querySelector('[data-part="announcer"]')?.textContent).toBe(
        'relatório-final-redes-2026.pdf was sent.',
      ),
    );
  });
});

describe('sending files', () => {
  const file = (name: string, type: string, bytes = 10) => new File([new Uint8Array(bytes)], name, { type });

  it('the button, and Ctrl U, choose files; a sheet takes a note; both go', async () => {
    const { core } = await openWindow();
    await log('Ana Sousa');
    fireEvent.keyDown(window, { key: 'u', ctrlKey: true });
    const sheet = await screen.findByRole('dialog', { name: 'Send 1 file to Ana Sousa' });
    within(sheet).getByTitle('report.pdf');
    fireEvent.change(within(sheet).getByRole('textbox'), { target: { value: 'a versão final' } });
    fireEvent.click(within(sheet).getByRole('button', { name: 'Send' }));
    await waitFor(() =>
      expect(core.asks('transfers.offer')).toEqual([
        { talkId: 'ana', paths: ['/home/ines/report.pdf'], note: 'a versão final' },
      ]),
    );
  });

  it('dropping shows the names and sizes, and what is left out is not sent', async () => {
    const { core } = await openWindow();
    const region = await screen.findByRole('region', { name: 'Talk with Ana Sousa' });
    const files = [file('um.txt', 'text/plain', 2000), file('dois.txt', 'text/plain', 3000)];
    const dataTransfer = { files, items: files.map(() => ({ kind: 'file' })) };
    fireEvent.dragEnter(region, { dataTransfer });
    screen.getByText('Drop to send 2 files to Ana Sousa');
    fireEvent.drop(region, { dataTransfer });
    const sheet = await screen.findByRole('dialog', { name: 'Send 2 files to Ana Sousa' });
    within(sheet).getByText('5 kB in all');
    fireEvent.click(within(sheet).getByRole('button', { name: 'Leave out um.txt' }));
    fireEvent.click(within(sheet).getByRole('button', { name: 'Send' }));
    await waitFor(() =>
      expect(core.asks('transfers.offer')).toEqual([{ talkId: 'ana', paths: ['/home/ines/dois.txt'] }]),
    );
  });

  const pasted = async (data: Uint8Array<ArrayBuffer>) => {
    const picture = file('', 'image/png', data.length);
    picture.arrayBuffer = async () => new Uint8Array(data).buffer;
    globalThis.URL.createObjectURL = () => 'blob:x';
    globalThis.URL.revokeObjectURL = () => {};
    fireEvent.paste(await screen.findByRole('textbox', { name: 'Message' }), { clipboardData: { files: [picture] } });
    return await screen.findByRole('dialog');
  };

  it('a pasted picture is seen before it goes, by its bytes', async () => {
    const { core } = await openWindow();
    const sheet = await pasted(new Uint8Array(png(64, 48)));
    await waitFor(() => expect(sheet.querySelector('img')).not.toBeNull());
    fireEvent.click(within(sheet).getByRole('button', { name: 'Send' }));
    await waitFor(() =>
      expect(core.asks('transfers.offerData')).toMatchObject([
        { talkId: 'ana', name: 'Pasted picture.png', type: 'image/png' },
      ]),
    );
  });

  it('a pasted picture of 20,000 by 20,000 pixels goes without being decoded here', async () => {
    const { core } = await openWindow();
    const sheet = await pasted(new Uint8Array(png(20_000, 20_000)));
    await act(async () => {}); // its bytes have been read
    expect(sheet.querySelector('img')).toBeNull();
    fireEvent.click(within(sheet).getByRole('button', { name: 'Send' }));
    await waitFor(() => expect(core.asks('transfers.offerData')).toHaveLength(1));
  });
});

describe('the transfers panel', () => {
  it('opens and closes with Ctrl J, and keeps what is on the way apart from what ended', async () => {
    const { core } = await openWindow();
    const talk = await log('Ana Sousa');
    fireEvent.keyDown(window, { key: 'j', ctrlKey: true });
    const panel = await screen.findByRole('region', { name: 'Transfers' });
    within(within(panel).getByRole('list', { name: 'Now' })).getByTitle('aula-07.mp4');
    within(within(panel).getByRole('list', { name: 'Ended' })).getByTitle('anexos.zip');
    const before = talk.querySelectorAll('[data-bubble][data-state]').length;
    expect(before).toBeGreaterThan(0);
    fireEvent.click(within(panel).getByRole('button', { name: 'Clear ended' }));
    await waitFor(() => expect(within(panel).queryByTitle('anexos.zip')).toBeNull());
    expect(core.asks('transfers.clear')).toHaveLength(1);
    // the talk still says what became of each file, and opens it
    expect(talk.querySelectorAll('[data-bubble][data-state]')).toHaveLength(before);
    fireEvent.keyDown(window, { key: 'j', ctrlKey: true });
    expect(screen.queryByRole('region', { name: 'Transfers' })).toBeNull();
  });

  it('closed, it is a ring that says how much is done', async () => {
    await openWindow();
    await screen.findByRole('button', { name: /^Transfers: 2 running, \d+%$/ });
  });
});
