import { promises as dns } from 'node:dns';
import { isIP } from 'node:net';
import { ProviderError } from '../../contract/index.ts';
import type { FlowProtocol } from '../transport/network.ts';

/** One address a server may be reached at. */
export interface Candidate {
  protocol: FlowProtocol;
  /** IP address. */
  address: string;
  port: number;
}

export interface NaptrRecord {
  flags: string;
  service: string;
  replacement: string;
  order: number;
  preference: number;
}
export interface SrvRecord {
  name: string;
  port: number;
  priority: number;
  weight: number;
}

/** The questions asked of DNS. An unknown name is an empty answer; only a broken DNS rejects, with `unreachable`. */
export interface Resolver {
  naptr(domain: string): Promise<readonly NaptrRecord[]>;
  srv(name: string): Promise<readonly SrvRecord[]>;
  /** A and AAAA, also from the hosts file. */
  addresses(host: string): Promise<readonly string[]>;
}

/** What is asked for. */
export interface LocatorQuery {
  /** Domain of the account's address. */
  domain: string;
  server?: { host: string; port: number } | undefined;
  transport?: 'udp' | 'tcp' | 'tls' | undefined;
}

const SERVICES: Record<FlowProtocol, { naptr: string; srv: string; port: number }> = {
  TLS: { naptr: 'SIPS+D2T', srv: '_sips._tcp', port: 5061 },
  TCP: { naptr: 'SIP+D2T', srv: '_sip._tcp', port: 5060 },
  UDP: { naptr: 'SIP+D2U', srv: '_sip._udp', port: 5060 },
};
const PROTOCOLS = ['TLS', 'TCP', 'UDP'] as const;

/**
 * RFC 3263 §4: the addresses of a domain's SIP server, best first, all of one protocol: where the domain offers TLS,
 * nothing less is ever tried. An explicit server is taken as it is; without a transport its port decides (5060 is TCP,
 * any other TLS). Without any record in DNS the domain itself is tried, over TLS.
 *
 * Rejects with `host-unknown`, or with `unreachable` when it is DNS that does not answer. Both may be better later.
 */
export const locateServer = async (
  query: LocatorQuery,
  resolver: Resolver,
  random: () => number,
): Promise<readonly Candidate[]> => {
  const wanted = query.transport ? (query.transport.toUpperCase() as FlowProtocol) : undefined;
  const found = query.server
    ? await resolveHost(query.server.host, query.server.port, wanted ?? byPort(query.server.port), resolver)
    : isIP(query.domain)
      ? await resolveHost(query.domain, SERVICES[wanted ?? 'TLS'].port, wanted ?? 'TLS', resolver)
      : await locateDomain(query.domain, wanted, resolver, random);
  if (found.length === 0) throw new ProviderError('host-unknown', { retryable: true });
  return found;
};

const byPort = (port: number): FlowProtocol => (port === 5060 ? 'TCP' : 'TLS');

const locateDomain = async (
  domain: string,
  wanted: FlowProtocol | undefined,
  resolver: Resolver,
  random: () => number,
): Promise<readonly Candidate[]> => {
  // servers that know no NAPTR refuse the question in many ways; what the domain offers is in its SRV records all the same
  const naptr = await resolver.naptr(domain).catch(() => []);
  const refused = new Set<FlowProtocol>();
  for (const protocol of wanted ? [wanted] : PROTOCOLS) {
    const service = SERVICES[protocol];
    // §4.1: the NAPTR record names the SRV record; without one its name is made from the domain
    const names = [...naptr]
      .filter((record) => record.service.toUpperCase() === service.naptr && record.flags.toUpperCase() === 'S')
      .sort((a, b) => a.order - b.order || a.preference - b.preference)
      .map((record) => record.replacement);
    let isOffered = false;
    for (const name of names.length > 0 ? names : [`${service.srv}.${domain}`]) {
      const records = await resolver.srv(name);
      // RFC 2782: a lone "." says the service is decidedly not there
      const usable = records.filter((record) => record.name !== '' && record.name !== '.');
      if (records.length > 0 && usable.length === 0) refused.add(protocol);
      const candidates = await resolveTargets(orderByWeight(usable, random), protocol, resolver);
      if (candidates.length > 0) return candidates;
      isOffered ||= usable.length > 0;
    }
    // that its servers are not found is no reason to be content with less
    if (isOffered) return [];
  }
  const protocol = wanted ?? 'TLS';
  return refused.has(protocol) ? [] : resolveHost(domain, SERVICES[protocol].port, protocol, resolver);
};

/** In their order. One whose address cannot be asked for does not hide the others. */
const resolveTargets = async (
  records: readonly SrvRecord[],
  protocol: FlowProtocol,
  resolver: Resolver,
): Promise<readonly Candidate[]> => {
  const candidates: Candidate[] = [];
  let fault: unknown;
  for (const { name, port } of records) {
    try {
      candidates.push(...(await resolveHost(name, port, protocol, resolver)));
    } catch (error) {
      fault = error;
    }
  }
  if (candidates.length === 0 && fault !== undefined) throw fault;
  return candidates;
};

/** RFC 2782: lowest priority first; within one priority drawn by weight. */
export const orderByWeight = (records: readonly SrvRecord[], random: () => number): SrvRecord[] => {
  const ordered: SrvRecord[] = [];
  for (const priority of [...new Set(records.map((record) => record.priority))].sort((a, b) => a - b)) {
    const group = records.filter((record) => record.priority === priority).sort((a, b) => a.weight - b.weight);
    while (group.length > 0) {
      let drawn = random() * group.reduce((sum, record) => sum + record.weight, 0);
      const index = group.findIndex((record) => {
        drawn -= record.weight;
        return drawn <= 0;
      });
      ordered.push(...group.splice(Math.max(0, index), 1));
    }
  }
  return ordered;
};

const resolveHost = async (
  host: string,
  port: number,
  protocol: FlowProtocol,
  resolver: Resolver,
): Promise<Candidate[]> => {
  const bare = host.replace(/^\[|\]$/g, '');
  const addresses = isIP(bare) ? [bare] : await resolver.addresses(bare);
  return addresses.map((address) => ({ protocol, address, port }));
};

const NOTHING = new Set(['ENOTFOUND', 'ENODATA', 'EAI_NODATA', 'EAI_NONAME']);

/** The network is down, as a rule: that is no reason to doubt the address a person has typed. */
const unreachable = (cause: unknown): ProviderError => {
  const { code } = cause as NodeJS.ErrnoException;
  return new ProviderError('unreachable', { protocolCode: code, retryable: true, cause });
};

const asked = async <T>(question: Promise<readonly T[]>): Promise<readonly T[]> => {
  try {
    return await question;
  } catch (error) {
    if (NOTHING.has((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw unreachable(error);
  }
};

/** A question has the time of a few tries, with servers that do not answer, too. */
const QUESTION_WITHIN = 8_000;

/** Rejects when nobody answers. */
const inTime = async <T>(question: Promise<T>, giveUp: () => void = () => {}): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(unreachable(new Error('DNS does not answer')));
      giveUp();
    }, QUESTION_WITHIN);
  });
  try {
    return await Promise.race([question, late]);
  } finally {
    clearTimeout(timer);
  }
};

/**
 * DNS at these servers (`address:port`), or at those of the machine as they are at each question: another network has others.
 * Addresses are asked of the system, which knows the hosts file.
 */
export const dnsResolver = (servers?: readonly string[]): Resolver => {
  const ask = <T>(question: (resolver: dns.Resolver) => Promise<readonly T[]>): Promise<readonly T[]> => {
    const resolver = new dns.Resolver({ timeout: 2_000, tries: 2 });
    if (servers) resolver.setServers(servers);
    return inTime(asked(question(resolver)), () => resolver.cancel());
  };
  return {
    naptr: (domain) => ask((resolver) => resolver.resolveNaptr(domain)),
    srv: (name) => ask((resolver) => resolver.resolveSrv(name)),
    addresses: async (host) => (await inTime(asked(dns.lookup(host, { all: true })))).map(({ address }) => address),
  };
};

/** The machine's own DNS. */
export const systemResolver: Resolver = dnsResolver();
