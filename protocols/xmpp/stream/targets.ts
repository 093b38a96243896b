import { promises as dns, type SrvRecord } from 'node:dns';
import { domainToASCII } from 'node:url';
import { ProviderError } from '../../contract/index.ts';

/** One place to try: where, and whether TLS comes first (XEP-0368) or is asked for in the stream (STARTTLS). */
export interface Target {
  host: string;
  port: number;
  tls: 'direct' | 'starttls';
}

/** The part of node:dns that is used; tests bring their own. */
export interface Resolver {
  resolveSrv(name: string): Promise<SrvRecord[]>;
}

type Candidate = Target & { priority: number; weight: number };

/** RFC 2782: within one priority, drawn one after another with a chance in proportion to the weight. */
const drawByWeight = (candidates: readonly Candidate[], random: () => number): Candidate[] => {
  // weight 0 goes to the front so that it has a small chance at all
  const left = [...candidates].sort((a, b) => a.weight - b.weight);
  const drawn: Candidate[] = [];
  while (left.length > 0) {
    let rest = random() * left.reduce((sum, candidate) => sum + candidate.weight, 0);
    let index = left.findIndex((candidate) => {
      rest -= candidate.weight;
      return rest <= 0;
    });
    if (index === -1) index = left.length - 1;
    drawn.push(...left.splice(index, 1));
  }
  return drawn;
};

const lookUp = async (resolver: Resolver, name: string): Promise<SrvRecord[]> => {
  try {
    return await resolver.resolveSrv(name);
  } catch {
    // no record, no such name, no answer: RFC 6120 §3.2.1 goes on with the address records in all three cases
    return [];
  }
};

/**
 * The places that serve a domain, in the order to try them: RFC 6120 §3.2 with direct TLS mixed in by priority and weight
 * (XEP-0368 §3). Rejects with `host-unknown` when the domain says that it has no such service (target `.`).
 *
 * @example await locate('campus.test', dns, Math.random) // [{ host: 'im1.campus.test', port: 5223, tls: 'direct' }, …]
 */
export const locate = async (domain: string, random: () => number, resolver: Resolver = dns): Promise<Target[]> => {
  const name = domainToASCII(domain) || domain;
  const [direct, plain] = await Promise.all([
    lookUp(resolver, `_xmpps-client._tcp.${name}`),
    lookUp(resolver, `_xmpp-client._tcp.${name}`),
  ]);
  if (direct.length + plain.length === 0) return [{ host: name, port: 5222, tls: 'starttls' }];
  const candidates = [
    ...direct.map((record): Candidate => ({ ...record, host: record.name, tls: 'direct' })),
    ...plain.map((record): Candidate => ({ ...record, host: record.name, tls: 'starttls' })),
  ].filter(({ host }) => host !== '' && host !== '.');
  // XEP-0368 §5: a dot says "not here", and then the address records must not be tried either
  if (candidates.length === 0) throw new ProviderError('host-unknown', { retryable: true, protocolCode: 'srv-dot' });
  const priorities = [...new Set(candidates.map((candidate) => candidate.priority))].sort((a, b) => a - b);
  return priorities
    .flatMap((priority) =>
      drawByWeight(
        candidates.filter((candidate) => candidate.priority === priority),
        random,
      ),
    )
    .map(({ host, port, tls }) => ({ host, port, tls }));
};
