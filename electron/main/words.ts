import { app } from 'electron';

interface Words {
  show: string;
  quit: string;
  unread(count: number): string;
  /** A name nobody but its bearer vouches for. */
  unverified(name: string): string;
  edit: string;
  view: string;
  profileInUse: string;
  /** The history waits for its passphrase. */
  locked: string;
  unlock: string;
}

const ENGLISH: Words = {
  show: 'Show AIMS',
  quit: 'Quit',
  unread: (count) => (count === 1 ? '1 unread message' : `${count} unread messages`),
  // first, so that no name is too long for it
  unverified: (name) => `(name not confirmed) ${name}`,
  edit: 'Edit',
  view: 'View',
  profileInUse: 'This profile is already open.',
  locked: 'AIMS is locked: enter your passphrase',
  unlock: 'Enter passphrase…',
};

const PORTUGUESE: Words = {
  show: 'Mostrar o AIMS',
  quit: 'Sair',
  unread: (count) => (count === 1 ? '1 mensagem por ler' : `${count} mensagens por ler`),
  unverified: (name) => `(nome não confirmado) ${name}`,
  edit: 'Editar',
  view: 'Ver',
  profileInUse: 'Este perfil já está aberto.',
  locked: 'O AIMS está bloqueado: introduza a sua frase-passe',
  unlock: 'Introduzir frase-passe…',
};

/** The few words that main itself shows: tray, menu, and why it does not start. Everything else is in the window's catalogues. */
export const words = (): Words => (locale().toLowerCase().startsWith('pt') ? PORTUGUESE : ENGLISH);

/** Electron knows its own only once it is ready; a start that ends before that speaks too. */
const locale = (): string =>
  app.isReady()
    ? app.getLocale()
    : app.commandLine.getSwitchValue('lang') || Intl.DateTimeFormat().resolvedOptions().locale;
