import { type Token, Tokenizer, TokenizerMode } from 'parse5';

/** Elements whose content is no text for a reader. */
const DROPPED = new Set(['noembed', 'noframes', 'noscript', 'object', 'select', 'svg', 'math', 'template']);
/** Elements whose content is read as one piece up to their end tag (HTML §13.2.5, RAWTEXT, RCDATA and script data). */
const RAW = new Map<string, (typeof TokenizerMode)[keyof typeof TokenizerMode]>([
  ['iframe', TokenizerMode.RAWTEXT],
  ['script', TokenizerMode.SCRIPT_DATA],
  ['style', TokenizerMode.RAWTEXT],
  ['textarea', TokenizerMode.RCDATA],
  ['title', TokenizerMode.RCDATA],
  ['xmp', TokenizerMode.RAWTEXT],
]);
const BLOCKS = new Set(
  (
    'address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure footer form h1 h2 ' +
    'h3 h4 h5 h6 header hr html legend li main menu nav ol p pre section summary table tbody tfoot thead tr ul'
  ).split(' '),
);
/** Elements without content, which have no end tag to wait for. */
const VOID = new Set('area base br col embed hr img input link meta param source track wbr'.split(' '));
const SHOWN_ADDRESS = /^(?:https?|ftp|mailto|sips?|tel|xmpp):/i;
const ATTRIBUTES_MAXIMUM = 64;
const LISTS_MAXIMUM = 32;

/** A tag with tens of thousands of attributes would cost their square: each name is compared with all before it. */
class BoundedTokenizer extends Tokenizer {
  protected override _leaveAttrName(): void {
    const token = this.currentToken;
    if (token && 'attrs' in token && token.attrs.length >= ATTRIBUTES_MAXIMUM) return;
    super._leaveAttrName();
  }
}

/**
 * The text of an HTML document or fragment: blocks and line breaks as lines, list items marked, links followed by their
 * address; scripts, styles and hidden parts left out, character references decoded. Nothing of it is ever shown as HTML.
 * Takes anything and a time that grows with the length alone. Only the tokens are read (HTML §13.2.5): building a tree costs
 * the square of the nesting.
 *
 * @example textOfHtml('<p>See <a href="https://a.test/">this</a></p>') // 'See this (https://a.test/)'
 */
export const textOfHtml = (html: string): string => {
  const shown = new Set<string>();
  for (;;) {
    const reader = new HtmlReader(shown);
    const tokenizer = new BoundedTokenizer({}, reader);
    reader.enter = (mode) => {
      tokenizer.state = mode;
    };
    tokenizer.write(html, true);
    // what is left out ends somewhere: without its end tag it would take all that follows with it
    const { unclosed } = reader;
    if (unclosed === undefined || !DROPPED.has(unclosed)) return reader.text;
    shown.add(unclosed);
  }
};

/**
 * Whether a text is a document or one element of HTML, for where the type it was sent with is lost. What only has tags in it is what
 * somebody wrote.
 *
 * @example looksLikeHtml('<p>hello</p>') // true
 */
export const looksLikeHtml = (text: string): boolean =>
  /^\s*(?:<!doctype\s+html\b|<html[\s>])/i.test(text) ||
  /^\s*<(body|div|p|span|font)(?:\s[^<>]*)?>[\s\S]*<\/\1\s*>\s*$/i.test(text);

class HtmlReader {
  /** Names of elements that are read although their content is no text. */
  readonly #shown: ReadonlySet<string>;
  enter: (mode: (typeof TokenizerMode)[keyof typeof TokenizerMode]) => void = () => undefined;
  readonly #parts: string[] = [];
  /** The element being left out, and how many of its name are open. */
  #skipped: { name: string; depth: number } | undefined;
  readonly #lists: { next: number | undefined }[] = [];
  #link: { address: string; from: number } | undefined;
  #preformatted = 0;
  /** Of the list item whose first words are still to come. */
  #mark = '';
  #blank = false;
  #lineEmpty = true;

  constructor(shown: ReadonlySet<string>) {
    this.#shown = shown;
  }

  /** The element being left out at the end. */
  get unclosed(): string | undefined {
    return this.#skipped?.name;
  }

  get text(): string {
    this.#endLink();
    return this.#parts
      .join('')
      .replace(/\n{3,}/g, '\n\n')
      .replace(/^\n+/, '')
      .trimEnd();
  }

  onStartTag({ tagName, attrs, selfClosing }: Token.TagToken): void {
    const raw = RAW.get(tagName);
    if (raw !== undefined) this.enter(raw);
    if (this.#skipped) {
      const same = this.#skipped.name === tagName;
      if (same && tagName !== 'p') this.#skipped.depth += 1;
      // a paragraph ends where the next begins
      if (!same || tagName !== 'p') return;
      this.#skipped = undefined;
    }
    const value = (name: string): string | undefined => attrs.find((attribute) => attribute.name === name)?.value;
    const hidden =
      value('hidden') !== undefined || /(?:display\s*:\s*none|visibility\s*:\s*hidden)/i.test(value('style') ?? '');
    const foreign = tagName === 'svg' || tagName === 'math';
    const isDropped = DROPPED.has(tagName) && !this.#shown.has(tagName);
    if (raw !== undefined || isDropped || (hidden && !VOID.has(tagName))) {
      if (!(foreign && selfClosing)) this.#skipped = { name: tagName, depth: 1 };
      return;
    }
    if (hidden) return;
    if (tagName === 'body') this.#endLink();
    if (BLOCKS.has(tagName)) this.#endLine();
    switch (tagName) {
      case 'br':
        this.#break();
        break;
      case 'td':
      case 'th':
        this.#blank = !this.#lineEmpty;
        break;
      case 'ul':
      case 'ol':
        if (this.#lists.length < LISTS_MAXIMUM) {
          this.#lists.push({ next: tagName === 'ol' ? Number.parseInt(value('start') ?? '1', 10) || 1 : undefined });
        }
        break;
      case 'li':
        this.#item();
        break;
      case 'pre':
        this.#preformatted += 1;
        break;
      case 'img':
        this.#add(value('alt') ?? '');
        break;
      case 'a':
        this.#endLink();
        this.#beginLink(value('href')?.trim() ?? '');
        break;
    }
  }

  onEndTag({ tagName }: Token.TagToken): void {
    if (this.#skipped) {
      if (this.#skipped.name === tagName) this.#skipped.depth -= 1;
      if (this.#skipped.depth === 0) this.#skipped = undefined;
      return;
    }
    if (tagName === 'a') this.#endLink();
    if (tagName === 'pre') this.#preformatted = Math.max(0, this.#preformatted - 1);
    if (tagName === 'ul' || tagName === 'ol') this.#lists.pop();
    if (BLOCKS.has(tagName)) this.#endLine();
  }

  onCharacter({ chars }: Token.CharacterToken): void {
    this.#add(chars);
  }

  onWhitespaceCharacter({ chars }: Token.CharacterToken): void {
    this.#add(chars);
  }

  onNullCharacter(): void {}
  onComment(): void {}
  onDoctype(): void {}
  onEof(): void {}

  #add(chars: string): void {
    if (this.#skipped) return;
    if (this.#preformatted > 0) {
      this.#write(chars.replace(/\r\n?/g, '\n'));
      this.#lineEmpty = chars.endsWith('\n');
      return;
    }
    const words = chars.replace(/[ \t\r\n\f]+/g, ' ');
    const trimmed = words.replace(/^ /, '').replace(/ $/, '');
    if (words.startsWith(' ')) this.#blank = true;
    if (trimmed === '') return;
    this.#write(trimmed);
    this.#lineEmpty = false;
    this.#blank = words.endsWith(' ');
  }

  #write(text: string): void {
    if (this.#blank && !this.#lineEmpty) this.#parts.push(' ');
    this.#parts.push(this.#mark, text);
    this.#blank = false;
    this.#mark = '';
  }

  #break(): void {
    this.#parts.push('\n');
    this.#blank = false;
    this.#lineEmpty = true;
  }

  #endLine(): void {
    if (!this.#lineEmpty) this.#break();
  }

  #item(): void {
    const list = this.#lists.at(-1);
    const mark = list?.next === undefined ? '• ' : `${list.next}. `;
    if (list?.next !== undefined) list.next += 1;
    this.#mark = '  '.repeat(Math.max(0, this.#lists.length - 1)) + mark;
  }

  #beginLink(address: string): void {
    if (SHOWN_ADDRESS.test(address)) this.#link = { address, from: this.#parts.length };
  }

  /** The address says where a link leads, unless its text does so already. */
  #endLink(): void {
    const link = this.#link;
    if (!link) return;
    this.#link = undefined;
    const shown = this.#parts.slice(link.from).join('').trim();
    const bare = (address: string): string => address.replace(/^mailto:/i, '').replace(/\/$/, '');
    if (bare(shown) === bare(link.address)) return;
    this.#write(shown === '' ? link.address : `${this.#blank ? '' : ' '}(${link.address})`);
    this.#lineEmpty = false;
  }
}
