/** How large a picture is once decoded, told from the first bytes of its file. */
export interface PictureSize {
  /** What the bytes are, whatever was claimed of them. */
  readonly type: 'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp' | 'image/avif';
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

type Sides = Pick<PictureSize, 'width' | 'height'>;

/**
 * The size of a picture, read from its header without decoding anything: a file of 48 kB can be 20,000 pixels wide.
 * Where a format holds several pictures in one file, the largest width and height of them. Undefined for what is
 * none of the formats, is cut short, or says nothing certain of its size.
 * Of AVIF it is what the container says; the stream within may say otherwise, and a decoder believes that one.
 *
 * @example pictureSizeOf(bytes)?.width
 */
export function pictureSizeOf(data: Uint8Array): PictureSize | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  try {
    for (const { type, matches, sides } of FORMATS) {
      if (!matches(view)) continue;
      const found = sides(view);
      return found && found.width > 0 && found.height > 0 ? { type, ...found } : undefined;
    }
  } catch (error) {
    // a file that ends within its own header
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}

const FORMATS: readonly {
  type: PictureSize['type'];
  matches: (view: DataView) => boolean;
  sides: (view: DataView) => Sides | undefined;
}[] = [
  // PNG (third edition) §5.2 and §11.2.1: IHDR is the first chunk
  {
    type: 'image/png',
    matches: (view) => view.byteLength > 8 && view.getUint32(0) === 0x89504e47 && view.getUint32(4) === 0x0d0a1a0a,
    sides: (view) =>
      isNamed(view, 12, 'IHDR') ? { width: view.getUint32(16), height: view.getUint32(20) } : undefined,
  },
  {
    type: 'image/jpeg',
    matches: (view) => view.byteLength > 3 && view.getUint16(0) === 0xffd8 && view.getUint8(2) === 0xff,
    sides: jpegSides,
  },
  {
    type: 'image/gif',
    matches: (view) => isNamed(view, 0, 'GIF87a') || isNamed(view, 0, 'GIF89a'),
    sides: gifSides,
  },
  {
    type: 'image/webp',
    matches: (view) => isNamed(view, 0, 'RIFF') && isNamed(view, 8, 'WEBP'),
    sides: webpSides,
  },
  {
    type: 'image/avif',
    matches: (view) => isNamed(view, 4, 'ftyp') && isAvif(view),
    sides: avifSides,
  },
];

const larger = (a: Sides | undefined, b: Sides): Sides => ({
  width: Math.max(a?.width ?? 0, b.width),
  height: Math.max(a?.height ?? 0, b.height),
});

function isNamed(view: DataView, at: number, name: string): boolean {
  if (at + name.length > view.byteLength) return false;
  for (let index = 0; index < name.length; index += 1) {
    if (view.getUint8(at + index) !== name.charCodeAt(index)) return false;
  }
  return true;
}

/** ITU-T T.81 §B.1.1.3: SOF0 to SOF15, without the codes in between that mean DHT, JPG and DAC. */
const isFrameHeader = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

/** The pictures of a JPEG file: further ones may follow the first (CIPA DC-007), and gain maps of them are decoded with it. */
function jpegSides(view: DataView): Sides | undefined {
  let largest: Sides | undefined;
  let at = 0;
  for (;;) {
    const found = frameSides(view, at + 2);
    if (!found) return undefined;
    largest = larger(largest, found.sides);
    // within the entropy-coded data 0xff is followed by 0 or a restart marker (ITU-T T.81 §B.1.1.5)
    const next = indexOfPicture(view, found.end);
    if (next === undefined) return largest;
    at = next;
  }
}

/** ITU-T T.81 §B.2.2: height and width stand in the frame header, which is somewhere before the first scan. */
function frameSides(view: DataView, from: number): { sides: Sides; end: number } | undefined {
  let at = from;
  while (view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1; // a fill byte
      continue;
    }
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) {
      at += 2; // has no length
      continue;
    }
    const length = view.getUint16(at + 2);
    if (isFrameHeader(marker)) {
      // a height of 0 means that it comes after the scan
      return { sides: { height: view.getUint16(at + 5), width: view.getUint16(at + 7) }, end: at + 2 + length };
    }
    if (marker === 0xda || marker === 0xd9 || length < 2) return undefined;
    at += 2 + length;
  }
  return undefined;
}

/** Where the next picture begins: after an end of image (FF D9) a start of image (FF D8). */
function indexOfPicture(view: DataView, from: number): number | undefined {
  let ended = false;
  for (let at = from; at + 3 < view.byteLength; at += 1) {
    if (view.getUint8(at) !== 0xff) continue;
    const marker = view.getUint8(at + 1);
    if (marker === 0xd9) ended = true;
    else if (ended && marker === 0xd8 && view.getUint8(at + 2) === 0xff) return at;
  }
  return undefined;
}

/** GIF89a §18 and §20: decoders widen the screen to a picture that does not fit it. */
function gifSides(view: DataView): Sides {
  const table = (flags: number): number => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  let largest: Sides = { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  let at = 13 + table(view.getUint8(10));
  while (at < view.byteLength) {
    const block = view.getUint8(at);
    if (block === 0x21) at += 2;
    else if (block === 0x2c) {
      largest = larger(largest, {
        width: view.getUint16(at + 1, true) + view.getUint16(at + 5, true),
        height: view.getUint16(at + 3, true) + view.getUint16(at + 7, true),
      });
      at += 10 + table(view.getUint8(at + 9)) + 1;
    } else break;
    // sub-blocks (§15), the last one empty; a file that ends within them is shown as far as it goes
    while (at < view.byteLength && view.getUint8(at) !== 0) at += view.getUint8(at) + 1;
    at += 1;
  }
  return largest;
}

/** RFC 9649 §2.5 to §2.7. A canvas that its picture does not fit is refused by decoders; the larger counts here. */
function webpSides(view: DataView): Sides | undefined {
  let largest: Sides | undefined;
  let at = 12;
  while (at + 8 <= view.byteLength) {
    const payload = at + 8;
    if (isNamed(view, at, 'VP8X')) {
      largest = larger(largest, { width: uint24(view, payload + 4) + 1, height: uint24(view, payload + 7) + 1 });
    } else if (isNamed(view, at, 'VP8L')) {
      const bits = view.getUint32(payload + 1, true);
      largest = larger(largest, { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 });
    } else if (isNamed(view, at, 'VP8 ')) {
      // RFC 6386 §9.1: the upper two bits of each are a scale
      const width = view.getUint16(payload + 6, true) & 0x3fff;
      largest = larger(largest, { width, height: view.getUint16(payload + 8, true) & 0x3fff });
    }
    const size = view.getUint32(at + 4, true);
    at = payload + size + (size % 2);
  }
  return largest;
}

const uint24 = (view: DataView, at: number): number => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);

interface Box {
  name: string;
  from: number;
  to: number;
}

/** ISO/IEC 14496-12 §4.2: a size and a name; 1 means that a longer size follows, 0 that it reaches to the end. */
function* boxes(view: DataView, from: number, to: number): Generator<Box> {
  let at = from;
  while (at + 8 <= to) {
    const size = view.getUint32(at);
    const name = String.fromCharCode(...[4, 5, 6, 7].map((byte) => view.getUint8(at + byte)));
    const head = size === 1 ? 16 : 8;
    const end = size === 0 ? to : at + (size === 1 ? Number(view.getBigUint64(at + 8)) : size);
    if (end < at + head) return;
    yield { name, from: at + head, to: Math.min(end, to) };
    at = end;
  }
}

/** AVIF §6: the brand is the major one or among the compatible ones. */
function isAvif(view: DataView): boolean {
  const end = Math.min(view.getUint32(0), view.byteLength);
  for (let at = 8; at + 4 <= end; at += 4) {
    if (isNamed(view, at, 'avif') || isNamed(view, at, 'avis')) return true;
  }
  return false;
}

/** ISO/IEC 23008-12 §6.5.3: each item has its extents (`ispe`). Image sequences, which have them elsewhere, are not read. */
function avifSides(view: DataView): Sides | undefined {
  let largest: Sides | undefined;
  const look = (from: number, to: number): boolean => {
    for (const box of boxes(view, from, to)) {
      if (box.name === 'moov') return false;
      if (box.name === 'ispe') {
        largest = larger(largest, { width: view.getUint32(box.from + 4), height: view.getUint32(box.from + 8) });
      }
      // `meta` has a version and flags before what it holds
      const inner = box.name === 'meta' ? 4 : box.name === 'iprp' || box.name === 'ipco' ? 0 : undefined;
      if (inner !== undefined && !look(box.from + inner, box.to)) return false;
    }
    return true;
  };
  return look(0, view.byteLength) ? largest : undefined;
}
