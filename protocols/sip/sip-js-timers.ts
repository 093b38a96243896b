/**
 * What sip.js 0.21.2 does out of its own timers, where no code of ours could catch an error: each fault must end its own
 * session and nothing else. Tests in test/sip/sip-js-timers.test.ts fail without these changes.
 */

import { Core, Invitation, Session, SessionState } from 'sip.js';
import { surface } from '../contract/unawaited.ts';

type Method = (this: object, ...given: unknown[]) => unknown;

/** Puts `around` in the place of a method of a class of sip.js, its private ones included. */
export const replace = (owner: { prototype: object }, name: string, around: (original: Method) => Method): void => {
  const original = Reflect.get(owner.prototype, name) as Method;
  Object.defineProperty(owner.prototype, name, { value: around(original), configurable: true, writable: true });
};

const states = new WeakMap<object, SessionState>();
/**
 * Defect: a session that has ended and ends again throws `Invalid state transition`. A BYE that came before the ACK is such an end
 * (RFC 3261 §15.1.2), and the second one comes out of a timer. Nothing follows the end (§15); any other illegal move still throws.
 */
replace(
  Session,
  'stateTransition',
  (original) =>
    function (this: object, next): unknown {
      if (next === SessionState.Terminated && states.get(this) === next) return undefined;
      states.set(this, next as SessionState);
      return original.call(this, next);
    },
);

/**
 * Defect: 64·T1 after a 200 without an ACK, BYE is sent in a dialog whose peer has said BYE meanwhile, which throws or brings a 481.
 * RFC 3261 §13.3.1.4 wants a BYE for a session that lives.
 */
replace(
  Invitation,
  'onAckTimeout',
  (original) =>
    function (this: object): unknown {
      return states.get(this) === SessionState.Terminated ? undefined : original.call(this);
    },
);

/** Methods that sip.js calls from its timers and nowhere else. */
const TIMERS: readonly (readonly [{ prototype: object }, readonly string[]])[] = [
  [Core.InviteClientTransaction, ['timerB', 'timerD', 'timerM']],
  [Core.NonInviteClientTransaction, ['timerF', 'timerK']],
  [Core.InviteServerTransaction, ['timerH', 'timerI', 'timerL', 'retransmitAcceptedResponse']],
  [Core.NonInviteServerTransaction, ['timerJ']],
  [Core.SubscribeUserAgentClient, ['timerN']],
  [Core.SubscriptionDialog, ['timerN']],
];

/** An error becomes a rejected promise. */
const guarded = (original: Method): Method =>
  function (this: object, ...given): unknown {
    try {
      return original.apply(this, given);
    } catch (error) {
      surface(error);
      return undefined;
    }
  };

/**
 * Defect: an error out of a timer, its own or that of a delegate or state listener called from it, reaches the top of the process. It
 * becomes a rejected promise, which is seen as the bug it is and ends nothing else.
 */
for (const [owner, names] of TIMERS) {
  for (const name of names) {
    replace(owner, name, guarded);
  }
}

type SetTimer = (callback: (...given: unknown[]) => unknown, delay?: number, ...given: unknown[]) => unknown;
/** Sets a timer whose callback is guarded, as are those that it sets in its turn. */
const guardedTimer =
  (set: SetTimer): SetTimer =>
  (callback, delay, ...given) =>
    set(
      guarded((...arguments_) => settingGuardedTimers(() => callback(...arguments_))),
      delay,
      ...given,
    );

/** Runs `work`; the errors of timers that it sets reach no further than those above. */
function settingGuardedTimers<Result>(work: () => Result): Result {
  const { setTimeout, setInterval } = globalThis;
  Object.assign(globalThis, {
    setTimeout: guardedTimer(setTimeout as SetTimer),
    setInterval: guardedTimer(setInterval as SetTimer),
  });
  try {
    return work();
  } finally {
    Object.assign(globalThis, { setTimeout, setInterval });
  }
}

/** Methods in which sip.js sets timers without a name of their own. */
const TIMER_SETTERS: typeof TIMERS = [
  [Core.SubscriptionDialog, ['refreshTimerSet']],
  [Core.SessionDialog, ['start2xxRetransmissionTimer', 'startReInvite2xxRetransmissionTimer']],
  [Core.InviteServerTransaction, ['startProgressExtensionTimer']],
];
for (const [owner, names] of TIMER_SETTERS) {
  for (const name of names) {
    replace(
      owner,
      name,
      (original) =>
        function (this: object, ...given): unknown {
          return settingGuardedTimers(() => original.apply(this, given));
        },
    );
  }
}

/**
 * The same for the two timers of an invitation, which it sets when it is made: no answer, and it has expired. (Those of a reliable
 * provisional answer catch their own errors, and no such answer is ever sent here.)
 */
export const guardInvitations = ({ delegate }: Core.UserAgentCore): void => {
  const onInvite = delegate.onInvite?.bind(delegate);
  if (onInvite) delegate.onInvite = (request) => settingGuardedTimers(() => onInvite(request));
};

/** Longest `Expires` of an INVITE that sip.js may wait for, in seconds: its timer takes 2^31 - 1 ms, about 24.8 days. */
const EXPIRES_MAXIMUM = 86_400;

/**
 * Defect: an INVITE whose Expires is no number, or longer than a timer can wait, is refused with 487 at once. RFC 3261 §20.19:
 * seconds up to 2^32 - 1; what is longer than a day, or cannot be read, means no limit here.
 */
export const repairExpires = (message: Core.IncomingRequestMessage): void => {
  const value = message.getHeader('expires');
  if (value !== undefined && !(/^\d{1,10}$/.test(value.trim()) && Number(value) <= EXPIRES_MAXIMUM))
    delete message.headers.Expires;
};
