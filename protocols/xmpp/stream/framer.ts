/** A stream that breaks the rules of RFC 6120; `condition` is the stream error to answer with (§4.9.3). */
export class FramingError extends Error {
  readonly condition: 'not-well-formed' | 'restricted-xml' | 'policy-violation';
  constructor(condition: FramingError['condition'], detail: string) {
    super(detail);
    this.name = 'FramingError';
    this.condition = condition;
  }
}

const MAXIMUM_DEPTH = 64;
const SPACE = /^[ \t\r\n]*$/;

/**
 * Cuts the text of one XML stream into whole frames: the opening tag of the root, each complete child element of the
 * root, the closing tag of the root. So the parser never holds half an element, the size of an element is known before
 * any of it is parsed, and what XMPP forbids (RFC 6120 §11.1: comments, instructions, DTD) is refused at its first byte.
 *
 * ```
 * text -'<'-> lt -name-> open -'>'-> text          open -quote-> quoted -same quote-> open
 *              | '/' -> close -'>'-> text
 *              | '!' -> bang -'[CDATA['-> cdata -']]>'-> text
 *              | '?' -> declaration -'?>'-> text    (before the root only)
 * ```
 *
 * @example for (const frame of new StanzaFramer(10_000).push('<a><b/>')) … // '<a>', '<b/>'
 */
export class StanzaFramer {
  readonly #maximumBytes: number;
  #state: 'text' | 'lt' | 'open' | 'quoted' | 'close' | 'bang' | 'cdata' | 'declaration' = 'text';
  #depth = 0;
  #pieces: string[] = [];
  #bytes = 0;
  #quote = '';
  #token = '';
  #previous = '';
  #ended = false;

  constructor(maximumBytes: number) {
    this.#maximumBytes = maximumBytes;
  }

  /** Takes text at any split. Frames come out as soon as their last character is there. */
  *push(text: string): Generator<string, void, undefined> {
    let start = 0;
    for (let at = 0; at < text.length; at++) {
      const next = this.#skip(text, at);
      if (this.#state === 'text' && this.#depth <= 1 && !SPACE.test(text.slice(at, next))) {
        throw new FramingError('not-well-formed', 'text between stanzas');
      }
      at = next;
      if (at >= text.length) break;
      const character = text.charAt(at);
      if (this.#state === 'text' && this.#depth <= 1) start = at;
      if (this.#step(character)) {
        yield this.#frame(text.slice(start, at + 1));
        start = at + 1;
      }
      this.#previous = character;
    }
    if (this.#state !== 'text' || this.#depth > 1) this.#keep(text.slice(start));
  }

  /** Index of the next character that can change the state. */
  #skip(text: string, from: number): number {
    const wanted = this.#state === 'text' ? '<' : this.#state === 'quoted' ? this.#quote : undefined;
    if (wanted === undefined) return from;
    const found = text.indexOf(wanted, from);
    return found === -1 ? text.length : found;
  }

  #keep(piece: string): void {
    this.#bytes += Buffer.byteLength(piece);
    if (this.#bytes > this.#maximumBytes) throw new FramingError('policy-violation', 'stanza too big');
    this.#pieces.push(piece);
  }

  #frame(last: string): string {
    this.#keep(last);
    const frame = this.#pieces.join('');
    this.#pieces = [];
    this.#bytes = 0;
    return frame;
  }

  /** True when this character ends a frame. */
  #step(character: string): boolean {
    switch (this.#state) {
      case 'text':
        if (this.#ended) throw new FramingError('not-well-formed', 'data after the end of the stream');
        this.#state = 'lt';
        return false;
      case 'lt':
        this.#state = this.#afterLessThan(character);
        return false;
      case 'open':
        if (character === '"' || character === "'") {
          this.#quote = character;
          this.#state = 'quoted';
        } else if (character === '<') throw new FramingError('not-well-formed', 'tag inside a tag');
        else if (character === '>') return this.#opened(this.#previous === '/');
        return false;
      case 'quoted':
        this.#state = 'open';
        return false;
      case 'close':
        if (character !== '>') return false;
        this.#depth -= 1;
        this.#state = 'text';
        this.#ended = this.#depth === 0;
        return this.#depth <= 1;
      case 'bang':
        this.#token += character;
        if (!'[CDATA['.startsWith(this.#token)) throw new FramingError('restricted-xml', 'comment or document type');
        if (this.#token === '[CDATA[') {
          this.#state = 'cdata';
          this.#token = '';
        }
        return false;
      case 'cdata':
        if (character === '>' && this.#token.endsWith(']]')) this.#state = 'text';
        this.#token = character === ']' ? `${this.#token.slice(-1)}]` : '';
        return false;
      case 'declaration':
        if (character === '>' && this.#previous === '?') {
          // the declaration is nothing to a parser of one fixed encoding
          this.#state = 'text';
          this.#pieces = [];
          this.#bytes = 0;
        }
        return false;
    }
  }

  #afterLessThan(character: string): 'open' | 'close' | 'bang' | 'declaration' {
    if (character === '/') {
      if (this.#depth === 0) throw new FramingError('not-well-formed', 'end before the beginning');
      return 'close';
    }
    if (character === '!') {
      // character data in CDATA belongs inside an element of a stanza only
      if (this.#depth < 2) throw new FramingError('restricted-xml', 'comment or document type');
      this.#token = '';
      return 'bang';
    }
    if (character === '?') {
      if (this.#depth > 0) throw new FramingError('restricted-xml', 'processing instruction');
      return 'declaration';
    }
    if (!/[\p{L}_]/u.test(character)) throw new FramingError('not-well-formed', 'no element name');
    return 'open';
  }

  #opened(selfClosing: boolean): boolean {
    this.#state = 'text';
    if (selfClosing) {
      if (this.#depth === 0) throw new FramingError('not-well-formed', 'the stream has no inside');
      return this.#depth === 1;
    }
    this.#depth += 1;
    if (this.#depth > MAXIMUM_DEPTH) throw new FramingError('policy-violation', 'nested too deep');
    return this.#depth === 1;
  }
}
