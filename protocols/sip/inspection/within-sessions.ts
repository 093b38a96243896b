/**
 * How sip.js 0.21.2 takes requests within a session, where it gives wrong answers or none. Tests in test/sip/by-the-book fail without
 * these changes.
 */
import { type Core, Session, SessionState } from 'sip.js';
import { replace } from '../sip-js-timers.ts';
import { refusalOfDescription } from './request-inspection.ts';

/** Seconds; RFC 3261 §14.2 wants a value from 0 to 10. */
const RETRY_AFTER = 1;

const isOver = (state: SessionState): boolean =>
  state === SessionState.Terminating || state === SessionState.Terminated;

/**
 * Defects: a body that is no session description counts as none, and the session is offered anew by us; and a re-INVITE to a session
 * that is not established, or not any more, gets no answer.
 */
replace(
  Session,
  'onInviteRequest',
  (original) =>
    function (this: object, ...given): unknown {
      const session = this as Session;
      const [request] = given as [Core.IncomingInviteRequest];
      if (isOver(session.state)) request.reject({ statusCode: 481 });
      // RFC 3261 §14.2: the INVITE before it has no final answer; 491 where that one is ours
      else if (session.state !== SessionState.Established && 'cancel' in session) request.reject({ statusCode: 491 });
      else if (session.state !== SessionState.Established)
        request.reject({ statusCode: 500, extraHeaders: [`Retry-After: ${RETRY_AFTER}`] });
      else {
        // RFC 3261 §14.2: what is refused changes nothing of the session
        const refusal = refusalOfDescription(request.message);
        if (refusal) request.reject(refusal);
        else return original.apply(this, given);
      }
      return undefined;
    },
);

/** Defect: a MESSAGE within a session that is ending gets no answer. */
replace(
  Session,
  'onMessageRequest',
  (original) =>
    function (this: object, ...given): unknown {
      const [request] = given as [Core.IncomingMessageRequest];
      return isOver((this as Session).state) ? request.reject({ statusCode: 481 }) : original.apply(this, given);
    },
);
