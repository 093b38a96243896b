/** sip.js can't parse several or unknown challenges, so they travel past its parser under these names. */
export const CHALLENGE_HEADERS = { 401: 'X-WWW-Authenticate', 407: 'X-Proxy-Authenticate' } as const;
