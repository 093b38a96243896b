/**
 * How sip.js 0.21.2 answers 401 and 407 (RFC 3261 §22), with the defects of its own way beside each part; the other changes to it are in
 * sip-js-fixes.ts.
 */

import { Core, Grammar } from 'sip.js';
import { unawaited } from '../../contract/unawaited.ts';
import { CHALLENGE_HEADERS } from '../transport/wire/challenge-headers.ts';
import type { ConsentNeeded } from './account-binding.ts';
import { parseChallenges } from './challenges.ts';
import type { DigestAnswer, DigestClient } from './digest-client.ts';

const digestClients = new WeakMap<Core.UserAgentCore, DigestClient>();

/** Gives a core the credentials its requests are answered with when challenged. */
export const setCredentials = (core: Core.UserAgentCore, client: DigestClient | undefined): void => {
  if (client) digestClients.set(core, client);
  else digestClients.delete(core);
};

/**
 * A registrar and the proxy before it challenge on their own. What answers a 401 of the account's own server must never be in a request
 * that goes on to a peer: no proxy takes it out.
 */
const scopeOf = (status: 401 | 407, method: string, isOwn: boolean): string =>
  `${status}${method === 'REGISTER' ? ' REGISTER' : status === 401 && isOwn ? ' own' : ''}`;

/** RFC 7615 §3 has the same for proxies. */
const NEXT_NONCES = [
  [401, 'authentication-info'],
  [407, 'proxy-authentication-info'],
] as const;

/** Defect: the nonce a server gives for the next request is not looked at, and that request is refused first. */
export const keepNextNonce = (core: Core.UserAgentCore, message: Core.IncomingResponseMessage): void => {
  // a peer's answer can carry the header too, and so can one that belongs to no request of ours
  const registrars =
    message.method === 'REGISTER' && core.userAgentClients.has(`${message.viaBranch}${message.method}`);
  if (digestClients.get(core)?.ownNoncesOnly && !registrars) return;
  for (const [status, header] of NEXT_NONCES) {
    const value = message.getHeader(header);
    if (value !== undefined) digestClients.get(core)?.renew(scopeOf(status, message.method, registrars), value);
  }
};

const undecided = new WeakMap<Core.IncomingResponseMessage, true | ConsentNeeded>();

/**
 * Set for a 401 or 407 that says nothing about the password: it was a challenge of a kind we don't know or may not answer, or the
 * server had ever another nonce for us.
 */
export const undecidedBy = (message: Core.IncomingResponseMessage): { undecided?: true | ConsentNeeded } => {
  const why = undecided.get(message);
  return why ? { undecided: why } : {};
};

/** The registrar has taken the password: the account is bound to what its REGISTER was asked for. */
export const bindToRegistrar = (client: DigestClient): void =>
  client.bind([scopeOf(401, 'REGISTER', true), scopeOf(407, 'REGISTER', true)]);

/** Defect: no credentials without being refused first, which makes two round trips of every request. */
export const preemptCredentials = (core: Core.UserAgentCore, request: Core.OutgoingRequestMessage): void => {
  for (const status of [401, 407] as const) {
    const facts = { method: request.method, uri: request.ruri.toRaw(), body: bodyOf(request) };
    const scope = scopeOf(status, request.method, isForOwnServer(core, request));
    const answers = digestClients.get(core)?.preempt(scope, facts) ?? [];
    if (answers.length > 0) setCredentialHeaders(request, status, answers);
  }
};

const bodyOf = ({ body }: Core.OutgoingRequestMessage): string =>
  typeof body === 'string' ? body : (body?.body ?? '');

const setCredentialHeaders = (
  request: Core.OutgoingRequestMessage,
  status: 401 | 407,
  answers: readonly DigestAnswer[],
): void =>
  request.setHeader(
    status === 401 ? 'authorization' : 'proxy-authorization',
    answers.map(({ value }) => value),
  );

/** Transactions that ended in a challenge; on UDP they wait 32 s for repetitions of it. */
const challenged = new WeakMap<Core.UserAgentCore, ReadonlySet<Core.ClientTransaction>>();

/** The transaction with this branch that ended in a challenge. */
export const challengedTransaction = (core: Core.UserAgentCore, branch: string): Core.ClientTransaction | undefined =>
  [...(challenged.get(core) ?? [])].find(({ id }) => id === branch);

/** Defect: the transaction of a request that is sent again with credentials is forgotten, and its timers go on. */
export const disposeCore = (core: Core.UserAgentCore): void => {
  core.dispose();
  for (const transaction of challenged.get(core) ?? []) transaction.dispose();
  challenged.delete(core);
};

/** Defect: the request is written over for the next try, and the ACK to a repeated challenge is then that of the next try. */
const keepRequest = (transaction: Core.ClientTransaction, request: Core.OutgoingRequestMessage): void => {
  const kept = Object.assign(Object.create(Object.getPrototypeOf(request)), request);
  Object.assign(transaction, { _request: Object.assign(kept, { headers: { ...request.headers } }) });
};

/** One answer to a challenge; `at` by `performance.now`. */
interface Proof {
  nonce: string | undefined;
  at: number;
}
/** What each request has answered already, by status and realm. */
const proofsOf = new WeakMap<Core.UserAgentClient, Map<string, Proof[]>>();
const ROUNDS_MAXIMUM = 6;
/** RFC 3261 §17.1.2.2: a request that has no answer by then was repeated. */
const T1 = 500;

/**
 * Whether the password itself is refused. RFC 3261 §22.1: what was rejected is not sent again, unless the nonce was too old.
 * A server that started anew between its challenge and our answer does not say so: it knows no nonce of its life before
 * (Kamailio 5.6). So another nonce is answered once more where the server has taken this password before, or took so long
 * that it may have been away.
 */
const isRefused = (
  { stale, challenge }: DigestAnswer,
  proofs: readonly Proof[],
  { accepted }: DigestClient,
): boolean => {
  const last = proofs.at(-1);
  if (!last || stale) return false;
  const doubtful = accepted || performance.now() - last.at >= T1;
  return !doubtful || proofs.length > 1 || challenge.parameters.get('nonce') === last.nonce;
};

/** What is sent only to be challenged by the account's own server. */
const nonceQueries = new WeakSet<Core.OutgoingRequestMessage>();
const nonceQueryOf = new WeakMap<Core.UserAgentCore, Promise<void>>();

/** RFC 3261 §10.2.3: a REGISTER without Contact changes nothing. It goes without credentials, so that the registrar challenges it. */
const askForNonce = (core: Core.UserAgentCore): Promise<void> => {
  const { aor } = core.configuration;
  const registrar = Grammar.URIParse(`sip:${aor.host}`) ?? aor;
  const asked =
    nonceQueryOf.get(core) ??
    new Promise<void>((resolve) => {
      const query = core.makeOutgoingRequestMessage('REGISTER', registrar, aor, aor, {});
      nonceQueries.add(query);
      const answered = (): void => {
        nonceQueryOf.delete(core);
        resolve();
      };
      core.request(query, { onAccept: answered, onRedirect: answered, onReject: answered });
    });
  nonceQueryOf.set(core, asked);
  return asked;
};

/**
 * Only the account's own server can answer these: no peer is behind them. What is published at our own address, and what of it is
 * subscribed to, goes to no device but ours, and a presence server may challenge it by 401 as the user agent server it is there
 * (RFC 3903 §6).
 */
const isForOwnServer = (core: Core.UserAgentCore, { method, ruri, toTag }: Core.OutgoingRequestMessage): boolean => {
  const { aor } = core.configuration;
  if (method === 'REGISTER') return true;
  if (toTag || ruri.host !== aor.host) return false;
  return !ruri.user || (ruri.user === aor.user && (method === 'PUBLISH' || method === 'SUBSCRIBE'));
};

const settled = new WeakSet<Core.IncomingResponseMessage>();
const askedForNonce = new WeakSet<Core.UserAgentClient>();

/**
 * A challenge that a peer may have written. Its nonce is never used: what answers it is made from a nonce of the account's own
 * server, asked for anew where the one in the request was refused. A 401 is the far end's (RFC 3261 §22.2), and a proxy would
 * hand the answer through to it; a 407 is answered to the proxy, which takes the answer out. `asking`: the
 * answer comes once more when there is a nonce.
 */
const answerByOwnNonce = (
  core: Core.UserAgentCore,
  agent: Core.UserAgentClient,
  client: DigestClient,
  status: 401 | 407,
  message: Core.IncomingResponseMessage,
): readonly DigestAnswer[] | 'asking' => {
  const request = agent.message;
  const challenges = message.getHeaders(CHALLENGE_HEADERS[status]).flatMap(parseChallenges);
  const own = status === 407 ? client.ownFor(challenges) : [];
  const used = String(request.headers['Proxy-Authorization'] ?? '');
  const unused = own.filter(({ parameters }) => !used.includes(`nonce="${parameters.get('nonce')}"`));
  if (unused.length > 0 || own.length === 0)
    return client.answer(unused, { method: request.method, uri: request.ruri.toRaw(), body: bodyOf(request) });
  if (askedForNonce.has(agent)) return [];
  askedForNonce.add(agent);
  unawaited(
    askForNonce(core).then(() => {
      const fresh = client
        .ownFor(challenges)
        .some(({ parameters }) => !used.includes(`nonce="${parameters.get('nonce')}"`));
      if (!fresh) settled.add(message);
      (agent as unknown as { receiveResponse(message: Core.IncomingResponseMessage): void }).receiveResponse(message);
    }),
  );
  return 'asking';
};

/**
 * Defects of the guard this replaces: MD5 only; of several challenges only the last is seen; a proxy's challenge followed
 * by the registrar's counts as a loop; and a challenged request within a dialog leaves the dialog's CSeq behind, so that
 * the next request repeats a number and is refused with 500. False: the request was sent again with credentials.
 */
function authenticationGuard(this: Core.UserAgentClient, message: Core.IncomingResponseMessage): boolean {
  const status = message.statusCode;
  const client = digestClients.get(this.core);
  if ((status !== 401 && status !== 407) || !client) return true;
  const request = this.message;
  const challenges = message.getHeaders(CHALLENGE_HEADERS[status]).flatMap(parseChallenges);
  // before the first login any realm will do, so only what no peer can be behind may say which
  const isOwn = isForOwnServer(this.core, request) && (client.isBound || request.method === 'REGISTER');
  if (isOwn) client.learn(challenges);
  if (settled.has(message) || nonceQueries.has(request)) return true;
  const answers =
    client.ownNoncesOnly && !isOwn
      ? answerByOwnNonce(this.core, this, client, status, message)
      : client.answer(challenges, { method: request.method, uri: request.ruri.toRaw(), body: bodyOf(request) });
  if (answers === 'asking') return false;
  client.remember(scopeOf(status, request.method, isForOwnServer(this.core, request)), answers);
  const given = proofsOf.get(this) ?? new Map<string, Proof[]>();
  proofsOf.set(this, given);
  const before = ({ realm }: DigestAnswer): Proof[] => given.get(`${status} ${realm}`) ?? [];
  // a nonce of the account's own server that is not yet used says nothing about the password
  const refused =
    (isOwn || !client.ownNoncesOnly) && answers.some((answer) => isRefused(answer, before(answer), client));
  if (refused) return true;
  if (answers.length === 0 || [...given.values()].flat().length >= ROUNDS_MAXIMUM) {
    undecided.set(message, (isOwn && answers.length === 0 && client.consentNeeded(challenges)) || true);
    return true;
  }
  for (const answer of answers) {
    const proof = { nonce: answer.challenge.parameters.get('nonce'), at: performance.now() };
    given.set(`${status} ${answer.realm}`, [...before(answer), proof]);
  }
  const sent = this as unknown as { transaction: Core.ClientTransaction; init(): void };
  keepRequest(sent.transaction, request);
  const dialog = this.core.dialogs.get(`${request.callId}${request.fromTag}${request.toTag ?? ''}`);
  if (request.toTag && dialog) {
    dialog.incrementLocalSequenceNumber();
    request.cseq = dialog.localSequenceNumber ?? request.cseq + 1;
  } else request.cseq += 1;
  request.setHeader('cseq', `${request.cseq} ${request.method}`);
  setCredentialHeaders(request, status, answers);
  const open = [...(challenged.get(this.core) ?? [])].filter(({ state }) => state !== Core.TransactionState.Terminated);
  challenged.set(this.core, new Set(open).add(sent.transaction));
  sent.init();
  return false;
}
Object.assign(Core.UserAgentClient.prototype, { authenticationGuard });
