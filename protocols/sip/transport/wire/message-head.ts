/** RFC 3261 §7.3.3 and the compact forms added since: sip.js knows only some of them. */
const COMPACT: ReadonlyMap<string, string> = new Map(
  Object.entries({
    a: 'Accept-Contact',
    b: 'Referred-By',
    c: 'Content-Type',
    d: 'Request-Disposition',
    e: 'Content-Encoding',
    f: 'From',
    i: 'Call-ID',
    j: 'Reject-Contact',
    k: 'Supported',
    l: 'Content-Length',
    m: 'Contact',
    o: 'Event',
    r: 'Refer-To',
    s: 'Subject',
    t: 'To',
    u: 'Allow-Events',
    v: 'Via',
    x: 'Session-Expires',
  }),
);

export type StartLine =
  /** `version`: as it came, empty when there is none. A request's `uri` may have blanks in it, which no URI has (RFC 4475 §3.1.2.8). */
  | { kind: 'request'; method: string; uri: string; version: string }
  | { kind: 'response'; status: number; reason: string };

/** One of a list: commas within quotes do not end it. */
const VIA = /(?:"(?:[^"\\]|\\.)*(?:"|$)|[^,"])+/g;
interface Field {
  name: string;
  /** The name in lower case; empty: taken out. */
  key: string;
  value: string;
}
const fieldOf = (name: string, value: string): Field => ({ name, key: name.toLowerCase(), value });

const SIP_VERSION = /^SIP\/\d{1,9}\.\d{1,9}$/i;
const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/;

/**
 * The start line and header fields of one SIP message as text, for what the transport layer reads and changes: compact
 * names written out, folded lines joined, each Via in a field of its own, order kept. Knows no grammar beyond that.
 *
 * @example MessageHead.parse('OPTIONS sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP c')?.get('via') // 'SIP/2.0/UDP c'
 */
export class MessageHead {
  readonly start: StartLine;
  #fields: Field[];

  /** False: a line in it is no header field and was left out. */
  readonly wellFormed: boolean;

  private constructor(start: StartLine, fields: Field[], wellFormed: boolean) {
    this.start = start;
    this.#fields = fields;
    this.wellFormed = wellFormed;
  }

  /** `text` is everything before the empty line. Undefined when it does not begin as a SIP message. */
  static parse(text: string): MessageHead | undefined {
    const lines = text.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
    const start = parseStartLine(lines[0] ?? '');
    if (!start) return undefined;
    const fields: Field[] = [];
    let wellFormed = true;
    for (const line of lines.slice(1)) {
      if (line === '') continue;
      const colon = line.indexOf(':');
      const written = line.slice(0, Math.max(0, colon)).trim();
      if (!TOKEN.test(written)) {
        wellFormed = false;
        continue;
      }
      const name = COMPACT.get(written.toLowerCase()) ?? written;
      const field = fieldOf(name, line.slice(colon + 1).trim());
      // RFC 3261 §7.3.1: several in one line are as several lines; the topmost is what we work on
      if (field.key !== 'via') fields.push(field);
      else for (const value of field.value.match(VIA) ?? []) fields.push(fieldOf(name, value.trim()));
    }
    return new MessageHead(start, fields, wellFormed);
  }

  /** First value of a header field, by its long name in any case. */
  get(name: string): string | undefined {
    const wanted = name.toLowerCase();
    return this.#fields.find(({ key }) => key === wanted)?.value;
  }

  all(name: string): string[] {
    const wanted = name.toLowerCase();
    return this.#fields.filter(({ key }) => key === wanted).map(({ value }) => value);
  }

  /** Characters of the longest value. */
  get longest(): number {
    return this.#fields.reduce((most, { value }) => Math.max(most, value.length), 0);
  }

  /** Changes every field of that name; undefined takes the field out. */
  map(name: string, change: (value: string, index: number) => string | undefined): void {
    const wanted = name.toLowerCase();
    let index = 0;
    let dropped = false;
    for (const field of this.#fields) {
      if (field.key !== wanted) continue;
      const value = change(field.value, index++);
      if (value === undefined) {
        field.key = '';
        dropped = true;
      } else field.value = value;
    }
    if (dropped) this.#fields = this.#fields.filter(({ key }) => key !== '');
  }

  /** Sets the only field of that name, adding it at the end when there is none. */
  set(name: string, value: string): void {
    let found = false;
    this.map(name, () => {
      const first = !found;
      found = true;
      return first ? value : undefined;
    });
    if (!found) this.#fields.push(fieldOf(name, value));
  }

  rename(from: string, to: string): void {
    const wanted = from.toLowerCase();
    for (const field of this.#fields) if (field.key === wanted) Object.assign(field, fieldOf(to, field.value));
  }

  /** With the empty line at its end. */
  toString(): string {
    const first =
      this.start.kind === 'request'
        ? `${this.start.method} ${this.start.uri} SIP/2.0`
        : `SIP/2.0 ${this.start.status} ${this.start.reason}`;
    return `${first}\r\n${this.#fields.map((field) => `${field.name}: ${field.value}\r\n`).join('')}\r\n`;
  }

  /** The method a request has, or the one a response answers (CSeq). */
  get method(): string {
    return this.start.kind === 'request' ? this.start.method : (this.get('cseq')?.split(/\s+/)[1] ?? '');
  }

  /** Branch of the topmost Via (RFC 3261 §17.1.3), which names the transaction. */
  get branch(): string {
    return /;\s*branch\s*=\s*([^\s;,]+)/i.exec(this.get('via') ?? '')?.[1] ?? '';
  }
}

const parseStartLine = (line: string): StartLine | undefined => {
  const response = /^SIP\/2\.0 ([1-6]\d\d)(?: (.*))?$/i.exec(line);
  if (response) return { kind: 'response', status: Number(response[1]), reason: response[2] ?? '' };
  // RFC 4475 §3.1.2.9, §3.1.2.10: more than one blank between the elements, or one after them, misleads no reader
  const [method = '', ...others] = line.trim().split(/[ \t]+/);
  const version = SIP_VERSION.test(others.at(-1) ?? '') ? others.pop() : undefined;
  const [uri] = others;
  if (!TOKEN.test(method) || uri === undefined || (version === undefined && !/^sips?:/i.test(uri))) return undefined;
  return { kind: 'request', method, uri: others.join(' '), version: version ?? '' };
};
