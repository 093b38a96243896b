import type { SipSession, SipSessionState } from '../sip-session.ts';

type Ended = Extract<SipSessionState, { state: 'ended' }>;

/**
 * How a SIP session ended, given a moment to do so: undefined when it has not. Connections break before the BYE that
 * explains why has come, so whoever sees one break asks here first.
 */
export function endOf(session: SipSession, milliseconds: number): Promise<Ended | undefined> {
  const { state } = session;
  if (state.state === 'ended') return Promise.resolve(state);
  return new Promise((resolve) => {
    const finish = (ended: Ended | undefined): void => {
      clearTimeout(timer);
      unsubscribe();
      resolve(ended);
    };
    const timer = setTimeout(() => finish(undefined), milliseconds);
    const unsubscribe = session.onState((now) => {
      if (now.state === 'ended') finish(now);
    });
  });
}
