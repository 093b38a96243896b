import { MsrpError } from '../errors.ts';
import type { ResponseHead } from '../framing/head.ts';
import type { HeaderField } from '../grammar/headers.ts';
import { formatPath, formatUri, type MsrpUri, parsePath } from '../grammar/uri.ts';
import {
  type Authorization,
  authorize,
  type Challenge,
  type ChallengeKind,
  type Credentials,
  chooseChallenge,
  parameters,
} from './digest.ts';

/** A relay that is to act for this side (RFC 4976). */
export interface RelayOptions extends Credentials {
  /** `msrps://relay.example.org;tcp` */
  readonly uri: string;
  /** Seconds the path shall be valid; the relay decides without it, and may decide otherwise. */
  readonly expires?: number;
  /** Whether a challenge of this kind may be answered (RFC 7616 §5.8); every one is without it. The stronger ones are asked about first. */
  readonly mayAnswer?: (asked: ChallengeKind) => boolean;
  /** The relay has granted a path for an answer to this. */
  readonly onGranted?: (asked: ChallengeKind) => void;
}

/** What relays have granted. */
export interface RelayGrant {
  /** As Use-Path of the outermost relay has it: the way out. */
  readonly usePath: readonly MsrpUri[];
  /** Seconds until the first of them expires. */
  readonly expires: number;
}

/** Sends an AUTH along a path and waits for the answer. */
export type AuthRequest = (toPath: string, fields: readonly HeaderField[]) => Promise<ResponseHead>;

/** RFC 4976 §5.1 leaves it to the relay; one that does not say is asked again after this many seconds. */
const DEFAULT_EXPIRES = 900;
/** Challenge, wrong form of the answer, interval out of bounds: more rounds than these are a game. */
const MOST_ROUNDS = 6;

/** Asks each relay in its turn, the inner ones first; the outer ones are reached through them (RFC 4976 §5.1). */
export async function authorizeAt(
  relays: readonly RelayOptions[],
  request: AuthRequest,
  cnonce: () => string,
): Promise<RelayGrant> {
  let grant: RelayGrant = { usePath: [], expires: Number.POSITIVE_INFINITY };
  for (const relay of relays) {
    const [uri] = parsePath(relay.uri);
    if (uri === undefined) continue;
    const { usePath, expires } = await authorizeAtOne(relay, [...grant.usePath, uri], request, cnonce);
    grant = { usePath, expires: Math.min(grant.expires, expires) };
  }
  return grant;
}

async function authorizeAtOne(
  relay: RelayOptions,
  path: readonly MsrpUri[],
  request: AuthRequest,
  cnonce: () => string,
): Promise<RelayGrant> {
  const toPath = formatPath(path);
  const uri = formatUri(path.at(-1) as MsrpUri);
  let expires = relay.expires;
  let authorization: Authorization | undefined;
  let challenge: Challenge | undefined;
  let tried: 'nothing' | 'plain' | 'named' = 'nothing';
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const { status, comment, headers } = await request(toPath, [
      ...(authorization === undefined ? [] : ([['Authorization', authorization.value]] as const)),
      ...(expires === undefined ? [] : ([['Expires', String(expires)]] as const)),
    ]);
    if (status === 401 && tried !== 'named') {
      // some relays never answer when they see `uri=`, others refuse without it: the second kind says so
      const named: boolean = tried === 'plain';
      challenge = chooseChallenge(headers, relay.mayAnswer);
      authorization = authorize(challenge, relay, { uri, cnonce: cnonce(), named });
      tried = named ? 'named' : 'plain';
    } else if (status === 423) {
      // RFC 4976 §5.1: the interval was out of bounds, and the relay says what they are
      const bound: string | undefined = headers.get('Min-Expires') ?? headers.get('Max-Expires');
      if (bound === undefined || !/^\d{1,9}$/.test(bound) || Number(bound) === expires) {
        throw new MsrpError('relay-failed', 'The relay takes no interval', { status });
      }
      expires = Number(bound);
      authorization = undefined;
      tried = 'nothing';
    } else if (status === 401 || status === 403) {
      throw new MsrpError('relay-denied', 'The relay refuses the credentials', { status });
    } else if (status >= 300) {
      throw new MsrpError('relay-failed', `The relay answered ${status} ${comment}`, { status });
    } else {
      // the first relay has shown who it is by TLS; those behind it can by their answer alone (RFC 4976 §9.4)
      if (path.length > 1) confirmed(headers.get('Authentication-Info'), authorization);
      const grant = granted(headers.get('Use-Path'), headers.get('Expires'));
      if (challenge !== undefined) relay.onGranted?.({ realm: challenge.realm, algorithm: challenge.algorithm });
      return grant;
    }
  }
  throw new MsrpError('relay-failed', 'The relay does not come to a decision');
}

function confirmed(info: string | undefined, authorization: Authorization | undefined): void {
  const said = parameters(info ?? '').get('rspauth');
  if (said === undefined || authorization === undefined || said.toLowerCase() === authorization.confirmation) return;
  throw new MsrpError('relay-failed', 'The relay does not know the password either');
}

function granted(usePath: string | undefined, expires: string | undefined): RelayGrant {
  if (usePath === undefined) throw new MsrpError('relay-failed', 'The relay granted no path');
  const seconds = expires !== undefined && /^\d{1,9}$/.test(expires) ? Number(expires) : DEFAULT_EXPIRES;
  return { usePath: parsePath(usePath), expires: seconds };
}
