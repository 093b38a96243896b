import type {
  Account,
  Fault,
  Message,
  MessageState,
  Person,
  Snapshot,
  Talk,
  Transfer,
} from '../../../electron/contract/index.ts';

// A campus in memory: twelve talks with every mark, files in every state, accounts in every mood.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const account = (change: Partial<Account> = {}): Account => ({
  id: 'sip-me',
  protocol: 'sip',
  address: 'sip:ines.matos@campus.test',
  displayName: 'Inês Matos',
  enabled: true,
  registration: { state: 'online', since: Date.now() - 3 * HOUR },
  contactList: 'server',
  contactsUnread: 0,
  passwordKept: true,
  ...change,
});

export const CERTIFICATE: Fault = {
  code: 'tls-untrusted',
  protocolCode: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  retryable: false,
  certificate: {
    fingerprint: '3A:7F:01:C4:9B:22:EE:10:5D:88:43:F6:0C:B1:97:2E:64:D0:1F:AA:35:78:C2:0B:E9:56:11:8D:F3:4C:A7:60',
    subject: 'CN=sip.campus.test, O=Campus',
    issuer: 'CN=sip.campus.test, O=Campus',
    validFrom: '2026-01-10T00:00:00Z',
    validTo: '2027-01-10T00:00:00Z',
    reason: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    host: 'sip.campus.test',
  },
};

const fault = (code: string): Fault => ({ code, retryable: true, protocolCode: '503' });

const ICON = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" width="320" height="200"><defs><linearGradient id="s" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#86c5f0"/><stop offset="1" stop-color="#f6dfc0"/></linearGradient></defs><rect width="320" height="200" fill="url(#s)"/><circle cx="236" cy="96" r="24" fill="#fff3c9"/><path d="M0 150 80 92 150 140 214 104 320 160V200H0z" fill="#4f7f8f"/><path d="M0 176 110 128 210 176 320 148V200H0z" fill="#2d5565"/></svg>',
)}`;

interface Line {
  from: 'me' | 'them';
  text: string;
  ago: number;
  state?: MessageState;
  fault?: Fault;
  file?: Partial<Transfer>;
}

interface Sketch {
  id: string;
  name: string;
  user: string;
  presence: Person['presence'];
  groups?: string[];
  xmpp?: boolean;
  unread?: number;
  draft?: string;
  lines: Line[];
  place?: Partial<Person['addresses'][number]>;
}

const transfer = (change: Partial<Transfer>): Partial<Transfer> => change;

const LONG = Array.from(
  { length: 5000 },
  (_, at): Line => ({
    from: at % 3 === 0 ? 'me' : 'them',
    text:
      at % 7 === 0
        ? `Nota ${at}: o ensaio de hoje correu bem, mas falta comparar com a medição anterior antes de escrever a conclusão.`
        : `Linha ${at}`,
    ago: (5000 - at) * 20 * MINUTE + 40 * DAY,
    ...(at % 3 === 0 ? { state: 'read' as const } : {}),
  }),
);

const SKETCHES: Sketch[] = [
  {
    id: 'ana',
    name: 'Ana Sousa',
    user: 'ana.sousa',
    presence: { state: 'available', note: 'no lab 3 até às 18h' },
    groups: ['Redes'],
    xmpp: true,
    unread: 2,
    lines: [
      { from: 'them', text: 'Olá! Já viste o enunciado do projeto?', ago: DAY + 5 * HOUR },
      {
        from: 'me',
        text: 'Vi agora. A parte do MSRP parece a mais interessante.',
        ago: DAY + 5 * HOUR - 2 * MINUTE,
        state: 'read',
      },
      {
        from: 'me',
        text: 'O RFC está em https://www.rfc-editor.org/rfc/rfc5547 (secção 8).',
        ago: DAY + 5 * HOUR - 3 * MINUTE,
        state: 'read',
      },
      { from: 'them', text: '👍', ago: DAY + 4 * HOUR },
      {
        from: 'them',
        text: 'vista-do-campus.jpg',
        ago: 3 * HOUR,
        file: transfer({
          state: 'completed',
          direction: 'incoming',
          path: '/home/ines/Transferências/vista-do-campus.jpg',
          file: { name: 'vista-do-campus.jpg', type: 'image/jpeg', size: 2_340_112, icon: ICON },
          bytes: 2_340_112,
          endedAt: Date.now() - 3 * HOUR,
        }),
      },
      {
        from: 'me',
        text: 'relatório-final-redes-2026.pdf',
        ago: 62 * MINUTE,
        state: 'sent',
        file: transfer({
          state: 'running',
          direction: 'outgoing',
          file: { name: 'relatório-final-redes-2026.pdf', type: 'application/pdf', size: 314_572_800, icon: null },
          bytes: 195_035_136,
          speed: 8_120_000,
          secondsLeft: 15,
          canPause: true,
        }),
      },
      { from: 'me', text: 'Está a caminho, são 300 MB por causa das capturas.', ago: 61 * MINUTE, state: 'read' },
      { from: 'me', text: 'Diz-me se o esquema da página 12 se percebe.', ago: 60 * MINUTE, state: 'delivered' },
      { from: 'them', text: 'A receber! Obrigada.', ago: 12 * MINUTE },
      {
        from: 'them',
        text: 'O build está verde outra vez, por isso podemos entregar hoje. Queres rever a introdução comigo às 17h?',
        ago: 2 * MINUTE,
      },
    ],
  },
  {
    id: 'rui',
    name: 'Rui Costa',
    user: 'rui.costa',
    presence: { state: 'away', idleSince: Date.now() - 14 * MINUTE },
    groups: ['Redes', 'Residência'],
    lines: [
      { from: 'them', text: 'Consegues mandar o instalador?', ago: 50 * MINUTE },
      {
        from: 'them',
        text: 'setup-simulador.exe',
        ago: 30 * MINUTE,
        file: transfer({
          state: 'offered',
          direction: 'incoming',
          risky: true,
          file: { name: 'setup-simulador.exe', type: 'application/x-msdownload', size: 48_211_000, icon: null },
        }),
      },
      {
        from: 'them',
        text: 'fotografia do quadro.jpg',
        ago: 29 * MINUTE,
        file: transfer({
          state: 'offered',
          direction: 'incoming',
          file: { name: 'fotografia do quadro.jpg', type: 'image/jpeg', size: 1_840_220, icon: ICON },
        }),
      },
      {
        from: 'me',
        text: 'dados.zip',
        ago: 20 * MINUTE,
        state: 'failed',
        file: transfer({
          state: 'failed',
          direction: 'outgoing',
          canRetry: true,
          fault: fault('network'),
          file: { name: 'dados.zip', type: 'application/zip', size: 734_003_200, icon: null },
          bytes: 120_000_000,
        }),
      },
      {
        from: 'me',
        text: 'Vou tentar outra vez mais logo.',
        ago: 10 * MINUTE,
        state: 'failed',
        fault: fault('peer-offline'),
      },
    ],
  },
  {
    id: 'turma',
    name: 'Maria João Ferreira',
    user: 'mj.ferreira',
    presence: { state: 'busy', note: 'Aula até às 11h' },
    groups: ['Professores'],
    xmpp: true,
    lines: [
      { from: 'me', text: 'Bom dia, professora. Posso entregar na sexta?', ago: 5 * HOUR, state: 'delivered' },
      { from: 'them', text: 'Pode, até ao meio-dia.', ago: 4 * HOUR },
      { from: 'me', text: 'Muito obrigada!', ago: 4 * HOUR - MINUTE, state: 'delivered' },
    ],
  },
  {
    id: 'tomas',
    name: 'Tomás Lopes',
    user: 'tomas.lopes',
    presence: { state: 'offline' },
    groups: ['Residência'],
    draft: 'Levas tu o',
    lines: [
      { from: 'me', text: 'Jantar às 20h?', ago: 7 * HOUR, state: 'waiting' },
      { from: 'me', text: 'Reservei mesa para quatro', ago: 7 * HOUR - MINUTE, state: 'waiting' },
    ],
  },
  {
    id: 'carla',
    name: 'Carla Nunes',
    user: 'carla.nunes',
    presence: { state: 'do-not-disturb' },
    groups: ['Redes'],
    lines: [
      {
        from: 'them',
        text: 'aula-07.mp4',
        ago: DAY,
        file: transfer({
          state: 'paused',
          direction: 'incoming',
          file: { name: 'aula-07.mp4', type: 'video/mp4', size: 912_000_000, icon: null },
          bytes: 402_000_000,
        }),
      },
      {
        from: 'them',
        text: 'resumo.docx',
        ago: DAY - MINUTE,
        file: transfer({
          state: 'verifying',
          direction: 'incoming',
          file: { name: 'resumo.docx', type: 'application/msword', size: 812_000, icon: null },
          bytes: 812_000,
        }),
      },
      { from: 'me', text: 'A ver se chega.', ago: DAY - 5 * MINUTE, state: 'sent' },
    ],
  },
  {
    id: 'helpdesk',
    name: 'Apoio Informático',
    user: 'apoio',
    presence: { state: 'available' },
    unread: 128,
    lines: [
      {
        from: 'them',
        text: 'A manutenção do servidor de correio termina às 23h. Detalhes em https://apoio.campus.test/estado.',
        ago: 26 * HOUR,
      },
    ],
  },
  {
    id: 'pedro',
    name: 'Pedro Almeida',
    user: 'pedro.almeida',
    presence: { state: 'offline' },
    xmpp: true,
    lines: [
      {
        from: 'me',
        text: 'tese-v3.pdf',
        ago: 2 * DAY,
        state: 'sent',
        file: transfer({
          state: 'waiting-for-peer',
          direction: 'outgoing',
          file: { name: 'tese-v3.pdf', type: 'application/pdf', size: 9_100_000, icon: null },
        }),
      },
      {
        from: 'me',
        text: 'anexos.zip',
        ago: 2 * DAY - MINUTE,
        state: 'sent',
        file: transfer({
          state: 'declined',
          direction: 'outgoing',
          file: { name: 'anexos.zip', type: 'application/zip', size: 91_000, icon: null },
          endedAt: Date.now() - DAY,
        }),
      },
      { from: 'me', text: 'Sem pressa.', ago: 2 * DAY - 2 * MINUTE, state: 'queued' },
    ],
  },
  {
    id: 'long',
    name: 'Diogo Reis',
    user: 'diogo.reis',
    presence: { state: 'away', note: 'biblioteca' },
    lines: LONG,
  },
  {
    id: 'sofia',
    name: 'Sofia Marques',
    user: 'sofia.marques',
    presence: { state: 'unknown' },
    lines: [{ from: 'them', text: 'Adicionaste-me de que disciplina?', ago: 5 * DAY }],
  },
  {
    id: 'miguel',
    name: 'Miguel Duarte',
    user: 'miguel.duarte',
    presence: { state: 'offline' },
    place: { messagingOff: 'blocked', fileTransferOff: 'blocked' },
    lines: [{ from: 'me', text: 'Até amanhã', ago: 9 * DAY, state: 'read' }],
  },
  {
    id: 'ze',
    name: 'Zé Pinto',
    user: 'ze.pinto',
    presence: { state: 'available' },
    place: { fileTransferOff: 'not-supported' },
    lines: [{ from: 'them', text: 'Boas férias!', ago: 90 * DAY }],
  },
  {
    id: 'beatriz',
    name: 'Beatriz Silva-Vasconcelos e Albuquerque',
    user: 'beatriz',
    presence: { state: 'available' },
    lines: [],
  },
];

const QUIET: [string, string, Person['presence'], string[]][] = [
  ['Luísa Rocha', 'luisa.rocha', { state: 'available', note: 'Erasmus em Delft' }, ['Redes']],
  ['Nuno Vieira', 'nuno.vieira', { state: 'offline' }, ['Residência']],
  ['Teresa Gomes', 'teresa.gomes', { state: 'away' }, ['Professores']],
];

const XMPP = 'xmpp-me';

export interface SampleData {
  snapshot: Snapshot;
  messages: Record<string, Message[]>;
}

/** Everything, built around the time now. */
export function sampleData(): SampleData {
  const now = Date.now();
  const messages: Record<string, Message[]> = {};
  const transfers: Transfer[] = [];
  const people: Person[] = [];
  const talks: Talk[] = [];
  let sequence = 0;
  const all = SKETCHES.flatMap((sketch) => sketch.lines.map((line) => ({ sketch, line }))).sort(
    (a, b) => b.line.ago - a.line.ago,
  );
  for (const { sketch, line } of all) {
    sequence += 1;
    const id = `m${sequence}`;
    const route = { accountId: 'sip-me', address: `sip:${sketch.user}@campus.test` };
    const transferId = line.file ? `f${sequence}` : null;
    if (line.file && transferId)
      transfers.push({
        id: transferId,
        talkId: sketch.id,
        messageId: id,
        route,
        direction: 'incoming',
        state: 'offered',
        by: null,
        file: { name: line.text, type: '', size: null, icon: null },
        bytes: 0,
        speed: 0,
        secondsLeft: null,
        fault: null,
        canRetry: false,
        canPause: false,
        risky: false,
        path: null,
        createdAt: now - line.ago,
        endedAt: null,
        ...line.file,
      });
    const list = messages[sketch.id] ?? [];
    messages[sketch.id] = list;
    list.push({
      id,
      talkId: sketch.id,
      sequence,
      direction: line.from === 'me' ? 'outgoing' : 'incoming',
      kind: line.file ? 'file' : 'text',
      text: line.text,
      transferId,
      at: now - line.ago,
      state: line.state ?? (line.from === 'me' ? 'sent' : 'received'),
      fault: line.fault ?? null,
      route,
    });
  }
  const place = (user: string, presence: Person['presence'], change: Partial<Person['addresses'][number]> = {}) => ({
    accountId: 'sip-me',
    address: `sip:${user}@campus.test`,
    presence,
    subscription: 'mutual' as const,
    listed: true,
    permission: 'allow' as const,
    messagingOff: null,
    messagingMode: null,
    fileTransferOff: null,
    ...change,
  });
  for (const sketch of SKETCHES) {
    const last = messages[sketch.id]?.at(-1) ?? null;
    people.push({
      id: `p-${sketch.id}`,
      name: sketch.name,
      verified: sketch.id !== 'sofia',
      groups: sketch.groups ?? [],
      addresses: [
        place(sketch.user, sketch.presence, sketch.place),
        ...(sketch.xmpp
          ? [place(sketch.user, sketch.presence, { accountId: XMPP, address: `xmpp:${sketch.user}@campus.test` })]
          : []),
      ],
      presence: sketch.presence,
    });
    talks.push({
      id: sketch.id,
      personId: `p-${sketch.id}`,
      route: { accountId: 'sip-me', address: `sip:${sketch.user}@campus.test` },
      unread: sketch.unread ?? 0,
      last,
      draft: sketch.draft ?? '',
      activeAt: last?.at ?? now - 200 * DAY,
    });
  }
  for (const [name, user, presence, groups] of QUIET)
    people.push({ id: `p-${user}`, name, verified: true, groups, addresses: [place(user, presence)], presence });
  return {
    messages,
    snapshot: {
      version: '0.1.0',
      profile: 'principal',
      settings: {
        language: 'system',
        theme: 'system',
        downloadFolder: '/home/ines/Transferências',
        notifications: true,
        notificationText: true,
        sendTyping: true,
        sendRead: true,
      },
      presence: { state: 'available', note: '' },
      accounts: [
        account(),
        account({ id: XMPP, protocol: 'xmpp', address: 'xmpp:ines.matos@campus.test' }),
        account({ id: 'lan', protocol: 'local', address: 'sip:ines@lan.local', contactList: 'discovered' }),
      ],
      people,
      talks,
      transfers,
      requests: [],
      protection: 'system',
      notices: [],
    },
  };
}

/** Nothing yet: the first minute. */
export const emptyData = (): SampleData => {
  const { snapshot } = sampleData();
  return { messages: {}, snapshot: { ...snapshot, accounts: [], people: [], talks: [], transfers: [] } };
};
