import { MsrpError } from '../errors.ts';
import type { RequestHead } from '../framing/head.ts';
import type { MsrpSession } from './session.ts';

/**
 * Asks a conference for a nickname (RFC 7701 §7.1); an empty one gives it back.
 *
 * @throws MsrpError `refused` with the status of the conference: 403 not allowed, 424 malformed, 425 reserved or taken
 *   (RFC 7701 §7.1), 501 no nicknames; and what `MsrpSession.request` throws
 * @example await setNickname(session, 'Alice the great');
 */
export async function setNickname(session: MsrpSession, nickname: string): Promise<void> {
  const quoted = `"${nickname.replace(/(["\\])/g, '\\$1')}"`;
  const { status, comment } = await session.request('NICKNAME', [['Use-Nickname', quoted]]);
  if (status >= 300) throw new MsrpError('refused', comment, { status });
}

/**
 * The nickname a NICKNAME request asks for, `undefined` if the request is none. Some peers leave the quotes out.
 *
 * @example request: (head) => (requestedNickname(head) === undefined ? undefined : { status: 200 })
 */
export function requestedNickname(head: RequestHead): string | undefined {
  const value = head.method === 'NICKNAME' ? head.headers.get('Use-Nickname') : undefined;
  if (value === undefined) return undefined;
  const quoted = /^\s*"((?:[^"\\]|\\.)*)"\s*$/su.exec(value)?.[1];
  return quoted?.replace(/\\(.)/gsu, '$1') ?? value.trim();
}
