import { fingerprintOf, MsrpEndpoint, type MsrpListener, type TlsIdentity } from '../../../msrp/index.ts';
import { createCertificate } from './certificate.ts';

/**
 * The MSRP side of one account: one endpoint, a listener per address and kind that is opened when first needed, and one
 * certificate for all of them.
 */
export class Media {
  readonly endpoint: MsrpEndpoint;
  readonly #identity: TlsIdentity;
  readonly #listeners = new Map<string, Promise<MsrpListener>>();

  constructor(now: number) {
    this.#identity = createCertificate(now);
    this.endpoint = new MsrpEndpoint({ identity: this.#identity });
  }

  /** For `a=fingerprint` (RFC 8122 §5). */
  get fingerprint(): string {
    return fingerprintOf(this.#identity.cert);
  }

  /** @throws MsrpError `listen-failed` */
  listener(host: string, secure: boolean): Promise<MsrpListener> {
    const key = `${host} ${secure}`;
    const known = this.#listeners.get(key);
    if (known) return known;
    const opening = this.endpoint.listen({ host, ...(secure ? { tls: this.#identity } : {}) });
    this.#listeners.set(key, opening);
    opening.catch(() => this.#listeners.delete(key));
    return opening;
  }

  /** Everything ends at once. */
  close(): void {
    this.#listeners.clear();
    this.endpoint.close();
  }
}
