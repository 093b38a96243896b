// The window over the fake core, in any browser: ?scene=talk&lang=pt&theme=dark. Never shipped.
import { createFakeBridge } from '../fake-core/fake-bridge.ts';
import { FakeCore } from '../fake-core/fake-core.ts';
import { CERTIFICATE, emptyData, sampleData } from '../fake-core/sample.ts';

const query = new URLSearchParams(location.search);
const scene = query.get('scene') ?? 'talk';
const data = scene.startsWith('start') ? emptyData() : sampleData();
data.snapshot.settings.theme = (query.get('theme') ?? 'light') as 'light' | 'dark';
data.snapshot.settings.language = (query.get('lang') ?? 'en') as 'pt' | 'en';
if (scene === 'trouble') {
  data.snapshot.accounts[0] = {
    ...(data.snapshot.accounts[0] as (typeof data.snapshot.accounts)[number]),
    registration: { state: 'waiting', retryAt: Date.now() + 13_000, cause: { code: 'network', retryable: true } },
  };
  data.snapshot.requests = [
    {
      accountId: 'sip-me',
      address: 'sip:joana.melo@campus.test',
      name: 'Joana Melo',
      note: 'Somos do mesmo grupo de Redes',
    },
  ];
  data.snapshot.notices = [{ id: 'n1', code: 'secrets-not-kept', detail: '' }];
}
if (scene === 'certificate')
  data.snapshot.accounts[1] = {
    ...(data.snapshot.accounts[1] as (typeof data.snapshot.accounts)[number]),
    registration: { state: 'stopped', cause: CERTIFICATE },
  };
if (scene === 'empty') {
  data.snapshot.talks = [];
  data.snapshot.people = [];
  data.snapshot.transfers = [];
}

localStorage.setItem('aims.talk', query.get('talk') ?? (scene === 'empty' ? '' : 'ana'));
const core = new FakeCore(data);
Object.assign(window, { aims: createFakeBridge(query.get('lang') === 'pt' ? 'pt-PT' : 'en-GB'), core });
await import('../../../renderer/main.tsx');
core.connect(window);
if (scene === 'permissions')
  setTimeout(() => document.querySelector<HTMLElement>('header [aria-haspopup="menu"]:last-child')?.click(), 300);
setTimeout(() => core.emit({ type: 'typing', talkId: 'rui', composing: true }), 100);

// the running file runs
const running = core.data.snapshot.transfers.find((one) => one.state === 'running');
const still = { speed: 0, secondsLeft: null, canPause: false };
if (running && scene === 'paused') core.changeTransfer(running.id, { state: 'paused', by: 'us', ...still });
if (running && scene === 'paused-by-peer') core.changeTransfer(running.id, { state: 'paused', by: 'peer', ...still });
if (running && scene === 'lost') core.changeTransfer(running.id, { state: 'waiting-for-peer', ...still });
if (running && query.has('live'))
  setInterval(() => {
    const bytes = Math.min(running.file.size ?? 0, running.bytes + 800_000);
    core.changeTransfer(running.id, { bytes });
    running.bytes = bytes;
  }, 100);
