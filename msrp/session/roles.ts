/** Values of the SDP attribute `setup` for MSRP (RFC 6135 §4.2). */
export type Setup = 'active' | 'passive' | 'actpass';

/** Who opens the connection: this side or the other. */
export type Role = 'active' | 'passive';

/**
 * What to answer to an offer, and so the role of this side. Without the attribute the offerer connects, as RFC 4975 §5.4
 * has it; `holdconn` counts as absent (RFC 6135 §4.2.1).
 *
 * @param reachable whether others can connect to this side
 */
export function answerSetup(offered: string | undefined, reachable: boolean): Role {
  if (offered === 'passive') return 'active';
  // RFC 6135 §4.2.2: the answerer to actpass should be passive if it can be reached
  return offered === 'actpass' && !reachable ? 'active' : 'passive';
}

/** The role of the offerer, once the answer is there. An answer without the attribute comes from a passive peer. */
export function offererRole(offered: Setup, answered: string | undefined): Role {
  if (offered === 'passive') return 'passive';
  return answered === 'active' ? 'passive' : 'active';
}
