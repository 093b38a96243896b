import type { CommandInput } from '../../electron/contract/index.ts';

export type Protocol = 'sip' | 'xmpp';

/** What stands in the form. */
export interface SignInValues {
  address: string;
  password: string;
  protocol: Protocol;
  /** Whether a person chose the protocol; else it follows what is typed. */
  chosen: boolean;
  host: string;
  port: string;
  transport: 'auto' | 'tls' | 'tcp' | 'udp';
  login: string;
}

export const noValues: SignInValues = {
  address: '',
  password: '',
  protocol: 'sip',
  chosen: false,
  host: '',
  port: '',
  transport: 'auto',
  login: '',
};

/** A campus address is a SIP address unless it says otherwise. */
export function guessProtocol(address: string): Protocol {
  const text = address.trim().toLowerCase();
  if (text.startsWith('xmpp:')) return 'xmpp';
  if (/^sips?:/.test(text)) return 'sip';
  return /@(?:xmpp|jabber|chat|im)\./.test(text) || /@(?:jabber|conversations|xmpp)[.-]/.test(text) ? 'xmpp' : 'sip';
}

export type SignInWrong = Partial<Record<'address' | 'password' | 'port', 'missing' | 'bad'>>;

export function checkSignIn(values: SignInValues): SignInWrong {
  const wrong: SignInWrong = {};
  if (values.address.trim() === '') wrong.address = 'missing';
  else if (!/^[^\s@]+@[^\s@]+$/.test(values.address.trim())) wrong.address = 'bad';
  if (values.password === '') wrong.password = 'missing';
  const port = Number(values.port);
  if (values.port.trim() !== '' && !(Number.isInteger(port) && port > 0 && port < 65536)) wrong.port = 'bad';
  return wrong;
}

export function signInCommand(values: SignInValues): CommandInput<'accounts.signIn'> {
  const host = values.host.trim();
  const fallbackPort =
    values.protocol === 'xmpp' ? 5222 : values.transport === 'udp' || values.transport === 'tcp' ? 5060 : 5061;
  return {
    protocol: values.protocol,
    address: values.address.trim(),
    password: values.password,
    displayName: '',
    ...(host ? { server: { host, port: Number(values.port) || fallbackPort } } : {}),
    ...(values.protocol === 'sip' && values.transport !== 'auto' ? { transport: values.transport } : {}),
    ...(values.login.trim() ? { authenticationName: values.login.trim() } : {}),
  };
}
