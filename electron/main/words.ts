import { app } from 'electron';

interface Words {
  show: string;
  quit: string;
  unread(count: number): string;
  edit: string;
  view: string;
  profileInUse: string;
}

const ENGLISH: Words = {
  show: 'Show AIMS',
  quit: 'Quit',
  unread: (count) => (count === 1 ? '1 unread message' : `${count} unread messages`),
  edit: 'Edit',
  view: 'View',
  profileInUse: 'This profile is already open.',
};

const PORTUGUESE: Words = {
  show: 'Mostrar o AIMS',
  quit: 'Sair',
  unread: (count) => (count === 1 ? '1 mensagem por ler' : `${count} mensagens por ler`),
  edit: 'Editar',
  view: 'Ver',
  profileInUse: 'Este perfil já está aberto.',
};

/** The few words that main itself shows: tray, menu, and why it does not start. Everything else is in the window's catalogues. */
export const words = (): Words => (locale().toLowerCase().startsWith('pt') ? PORTUGUESE : ENGLISH);

/** Electron knows its own only once it is ready; a start that ends before that speaks too. */
const locale = (): string =>
  app.isReady()
    ? app.getLocale()
    : app.commandLine.getSwitchValue('lang') || Intl.DateTimeFormat().resolvedOptions().locale;
