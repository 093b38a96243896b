import { fingerprintOf, MsrpEndpoint, type MsrpListener, type TlsIdentity } from '../../../msrp/index.ts';
import { createCertificate } from './certificate.ts';

/** Where one file comes or goes: an endpoint of its own, listening unless only we connect. */
export interface MediaPlace<Listener = MsrpListener | undefined> {
  readonly endpoint: MsrpEndpoint;
  readonly listener: Listener;
}

/**
 * The MSRP side of one account. RFC 4975 §5.4 lets files share a connection; here each has an endpoint and a connection of
 * its own: a disk that is slow for one file does not hold up another, and no file begins on a connection that the peer is
 * just closing after the one before. One certificate serves them all.
 */
export class Media {
  readonly #identity: TlsIdentity;
  readonly #endpoints = new Set<MsrpEndpoint>();

  constructor(now: number) {
    this.#identity = createCertificate(now);
  }

  /** For `a=fingerprint` (RFC 8122 §5). */
  get fingerprint(): string {
    return fingerprintOf(this.#identity.cert);
  }

  /** A place others connect to. @throws MsrpError `listen-failed` */
  async listen(host: string, secure: boolean): Promise<MediaPlace<MsrpListener>> {
    const place = this.connect();
    try {
      const listener = await place.endpoint.listen({ host, ...(secure ? { tls: this.#identity } : {}) });
      return { ...place, listener };
    } catch (error) {
      this.leave(place);
      throw error;
    }
  }

  /** A place that only connects itself. */
  connect(): MediaPlace<undefined> {
    const endpoint = new MsrpEndpoint({ identity: this.#identity });
    this.#endpoints.add(endpoint);
    return { endpoint, listener: undefined };
  }

  leave({ endpoint }: MediaPlace): void {
    this.#endpoints.delete(endpoint);
    endpoint.close();
  }

  /** Everything ends at once. */
  close(): void {
    for (const endpoint of this.#endpoints) endpoint.close();
    this.#endpoints.clear();
  }
}
