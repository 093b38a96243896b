import type { TFunction } from 'i18next';
import type { Account, Fault } from '../../electron/contract/index.ts';
import { faultSaid } from '../i18n/faults.ts';

/** SIP, XMPP, This network; an unknown protocol by its own id. */
export const protocolName = (t: TFunction, protocol: string): string =>
  protocol === 'sip' || protocol === 'xmpp' || protocol === 'local'
    ? t(`protocols.${protocol}`)
    : protocol.toUpperCase();

/** The one quiet word for a route: *via SIP*, *on this network*. */
export const routeWord = (t: TFunction, protocol: string): string =>
  protocol === 'local' ? t('protocols.viaLocal') : t('protocols.via', { name: protocolName(t, protocol) });

export type AccountMood = 'online' | 'connecting' | 'waiting' | 'stopped' | 'off';

export function moodOf(account: Account): AccountMood {
  if (!account.enabled) return 'off';
  return account.registration.state === 'offline' ? 'off' : account.registration.state;
}

/** What a person can allow so that an account whose server asks for the password in another way goes on. */
export const allowableOf = (cause: Fault | undefined): string | undefined =>
  cause?.code === 'authentication-weaker' || cause?.code === 'authentication-changed' ? cause.protocolCode : undefined;

/** The state of an account in words, with the countdown when it waits. */
export function accountWords(t: TFunction, account: Account, now: number, round: (seconds: number) => string): string {
  const { registration } = account;
  if (!account.enabled) return t('account.disabled');
  switch (registration.state) {
    case 'online':
      return t('account.online');
    case 'offline':
      return t('account.offline');
    case 'connecting':
      return t(`account.step.${registration.step}`);
    case 'stopped':
      return faultSaid(t, registration.cause.code);
    case 'waiting': {
      const left = Math.ceil((registration.retryAt - now) / 1000);
      const again = left > 0 ? t('account.waiting', { time: round(left) }) : t('account.waitingNow');
      return `${faultSaid(t, registration.cause.code)} ${again}`;
    }
    default: {
      const unforeseen: never = registration;
      return unforeseen;
    }
  }
}
