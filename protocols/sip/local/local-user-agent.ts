import { type Address, ProviderError } from '../../contract/index.ts';
import type { OutgoingRequest, SipAnswer } from '../request.ts';
import type { SessionDescription } from '../session-description-handler.ts';
import type { SipSession } from '../sip-session.ts';
import { SipUserAgent, type UserAgentOptions } from '../user-agent.ts';

export interface LocalUserAgentOptions extends UserAgentOptions {
  /** Host and port behind an address now, as a URI; undefined while nobody is there. */
  route: (address: Address) => string | undefined;
  /** Asks the network and gives it a moment to answer; then the same as `route`. */
  search: (address: Address) => Promise<string | undefined>;
  /** Whether the program behind an address is from before ids were keys, and speaks only without. */
  outdated?: (address: Address) => boolean;
  /** Nobody answered at the place `route` named. */
  onUnreachable: (address: Address) => void;
}

/**
 * A user agent whose addresses stay the same while host and port behind them change: what a server's location service
 * does elsewhere, the list of discovered peers does here.
 */
export class LocalUserAgent extends SipUserAgent {
  readonly #options: LocalUserAgentOptions;

  constructor(options: LocalUserAgentOptions) {
    super(options);
    this.#options = options;
  }

  override async request(request: OutgoingRequest): Promise<SipAnswer> {
    if (typeof request.to !== 'string') return await super.request(request);
    const { route, search, outdated, onUnreachable } = this.#options;
    if (outdated?.(request.to)) return unsent(494, 'Security Agreement Required', request.cseq);
    // right after coming online, or after a lost packet, somebody who is there may not be known yet
    const to = route(request.to) ?? (await search(request.to));
    if (to === undefined) return absent(request.cseq);
    const answer = await super.request({ ...request, to });
    if (!answer.local) return answer;
    // without a server in between no answer means nobody there
    onUnreachable(request.to);
    return absent(answer.cseq);
  }

  /** Whether anybody answers at a URI. */
  async reach(uri: string): Promise<boolean> {
    const answer = await super.request({ method: 'OPTIONS', to: uri });
    return !answer.local;
  }

  override invite(to: Address, offer: SessionDescription): SipSession {
    const { route, outdated, onUnreachable } = this.#options;
    if (outdated?.(to)) throw new ProviderError('peer-outdated');
    const uri = route(to);
    if (uri === undefined) throw new ProviderError('peer-offline', { retryable: true });
    const session = super.invite(uri, offer);
    const stop = session.onState((state) => {
      if (state.state === 'rejected' && state.rejection.local) onUnreachable(to);
      if (state.state === 'rejected' || state.state === 'ended') stop();
    });
    return session;
  }
}

const absent = (cseq: number | undefined): SipAnswer => unsent(480, 'Not on this network', cseq);

const unsent = (status: number, reason: string, cseq = 1): SipAnswer => ({
  status,
  reason,
  local: false,
  header: () => undefined,
  headers: () => [],
  body: '',
  retryAfter: undefined,
  cseq,
});
