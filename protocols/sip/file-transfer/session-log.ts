import type { ProviderLog } from '../../contract/index.ts';
import type { SipSession, SipSessionState } from '../sip-session.ts';
import { causeOf } from './transfer-errors.ts';

/** The numbers that say how a session of files ended; undefined while it has not. Of words only whether there were any. */
function endOf(state: SipSessionState, rung: boolean): Record<string, string | number | boolean> | undefined {
  if (state.state === 'rejected') {
    const { status, local, warning } = state.rejection;
    return { by: local ? 'network' : 'peer', status, rung, warned: warning !== undefined };
  }
  if (state.state !== 'ended') return undefined;
  const cause = causeOf(state.reason);
  return {
    by: state.by,
    ...(state.status === undefined ? {} : { status: state.status }),
    ...(Number.isNaN(cause) ? {} : { cause }),
  };
}

/** Writes down how a session of files ends, so that a help desk can say why: by which side, and by which status or cause (RFC 3326). */
export function logEnd<Session extends SipSession>(session: Session, log: ProviderLog): Session {
  session.onState((state) => {
    const end = endOf(state, session.rung !== undefined);
    if (end) log('info', 'sip.files-ended', { direction: session.direction, ...end });
  });
  return session;
}
