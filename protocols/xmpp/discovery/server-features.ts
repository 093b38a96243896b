import { NS } from '../namespaces.ts';
import type { IqCaller } from '../session/iq-caller.ts';
import { type Element, xml } from '../stream/xml.ts';

const TIMEOUT = 10_000;
/** A server with more services than this hides its upload service on purpose. */
const MAXIMUM_ITEMS = 30;

export interface UploadService {
  jid: string;
  /** Bytes. */
  maximumBytes: number;
}

/** Features of one entity; none when it does not answer, so that a mute server costs features and not the login. */
const infoOf = async (iq: IqCaller, to: string | undefined): Promise<Element | undefined> => {
  try {
    const child = xml('query', NS.discoInfo);
    const result = await iq.request({ type: 'get', ...(to === undefined ? {} : { to }), child, timeout: TIMEOUT });
    return result.getChild('query', NS.discoInfo);
  } catch {
    return undefined;
  }
};

const has = (info: Element | undefined, feature: string): boolean =>
  info?.getChildren('feature').some((element) => element.attrs.var === feature) ?? false;

/** Does our account have an archive (XEP-0313), and does the server keep texts for who is away (XEP-0160)? */
export const discoverStores = async (iq: IqCaller, domain: string): Promise<{ archive: boolean; offline: boolean }> => {
  const [account, server] = await Promise.all([infoOf(iq, undefined), infoOf(iq, domain)]);
  const archive = has(account, NS.archive) || has(server, NS.archive);
  return { archive, offline: archive || has(server, 'msgoffline') };
};

const limitOf = (info: Element): number => {
  // XEP-0363 §3: no form, no limit
  const field = info
    .getChildren('x', NS.dataForms)
    .flatMap((form) => form.getChildren('field'))
    .find((element) => element.attrs.var === 'max-file-size');
  const limit = Number(field?.getChildText('value') ?? Number.NaN);
  return Number.isSafeInteger(limit) && limit >= 0 ? limit : Number.MAX_SAFE_INTEGER;
};

/** The server's place for files (XEP-0363 §3), looked for at the server and all it names. */
export const discoverUpload = async (iq: IqCaller, domain: string): Promise<UploadService | undefined> => {
  const child = xml('query', NS.discoItems);
  const items = await iq.request({ type: 'get', to: domain, child, timeout: TIMEOUT }).then(
    (result) => result.getChild('query', NS.discoItems)?.getChildren('item') ?? [],
    () => [],
  );
  const places = [
    domain,
    ...items.slice(0, MAXIMUM_ITEMS).flatMap(({ attrs }) => (attrs.jid && !attrs.node ? [attrs.jid] : [])),
  ];
  const infos = await Promise.all(places.map((jid) => infoOf(iq, jid)));
  for (const [index, jid] of places.entries()) {
    const info = infos[index];
    if (info && has(info, NS.httpUpload)) return { jid, maximumBytes: limitOf(info) };
  }
  return undefined;
};
