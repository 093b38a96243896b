import { app } from 'electron';

interface Words {
  show: string;
  quit: string;
  unread(count: number): string;
  edit: string;
  view: string;
  profileInUse: string;
  noFolder(folder: string): string;
}

const ENGLISH: Words = {
  show: 'Show AIMS',
  quit: 'Quit',
  unread: (count) => (count === 1 ? '1 unread message' : `${count} unread messages`),
  edit: 'Edit',
  view: 'View',
  profileInUse: 'This profile is already open.',
  noFolder: (folder) =>
    `AIMS cannot keep its files in ${folder}. Make sure that you may write there, then start AIMS again.`,
};

const PORTUGUESE: Words = {
  show: 'Mostrar o AIMS',
  quit: 'Sair',
  unread: (count) => (count === 1 ? '1 mensagem por ler' : `${count} mensagens por ler`),
  edit: 'Editar',
  view: 'Ver',
  profileInUse: 'Este perfil já está aberto.',
  noFolder: (folder) =>
    `O AIMS não consegue guardar os seus ficheiros em ${folder}. Verifique se pode escrever lá e inicie o AIMS de novo.`,
};

/** The few words that main itself shows: tray, menu, and why it does not start. Everything else is in the window's catalogues. */
export const words = (): Words => (locale().toLowerCase().startsWith('pt') ? PORTUGUESE : ENGLISH);

/** Electron knows its own only once it is ready; a start that ends before that speaks too. */
const locale = (): string =>
  app.isReady()
    ? app.getLocale()
    : app.commandLine.getSwitchValue('lang') || Intl.DateTimeFormat().resolvedOptions().locale;
