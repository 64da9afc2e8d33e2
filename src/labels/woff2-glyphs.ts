import { ByteReader } from "./byte-reader.ts";

/** What WOFF2 takes glyphs apart into; all are read in step, glyph by glyph. */
interface Streams {
  contours: ByteReader;
  points: ByteReader;
  flags: ByteReader;
  coordinates: ByteReader;
  composites: ByteReader;
  boxes: ByteReader;
  hasBox: (glyph: number) => boolean;
}

/** As the difference from the point before. */
interface Step {
  x: number;
  y: number;
  onCurve: boolean;
}

/** Puts the outlines of a WOFF2 font together again (section 5.1), as a TrueType font has them, without hints. */
export function rebuildGlyphs(packed: Uint8Array): { glyf: Buffer; loca: Buffer } {
  const { count, streams } = openStreams(packed);
  const glyphs = Array.from({ length: count }, (_, glyph) => rebuildGlyph(streams, glyph));
  const loca = Buffer.alloc(4 * (count + 1));
  let offset = 0;
  for (const [index, { length }] of glyphs.entries()) {
    offset += length;
    loca.writeUInt32BE(offset, 4 * (index + 1));
  }
  return { glyf: Buffer.concat(glyphs), loca };
}

function openStreams(packed: Uint8Array): { count: number; streams: Streams } {
  const header = new ByteReader(packed);
  header.at = 4;
  const count = header.u16();
  header.at = 8;
  const sizes = Array.from({ length: 7 }, () => header.u32());
  const parts = sizes.map((size) => header.take(size));
  const [contours, points, flags, coordinates, composites, boxes] = parts.map((part) => new ByteReader(part));
  const bits = parts[5] as Buffer;
  const hasBox = (glyph: number) => ((bits[glyph >> 3] as number) & (0x80 >> (glyph & 7))) !== 0;
  (boxes as ByteReader).at = 4 * Math.ceil(count / 32); // the boxes come after the bits
  return { count, streams: { contours, points, flags, coordinates, composites, boxes, hasBox } as Streams };
}

function rebuildGlyph(streams: Streams, glyph: number): Buffer {
  const contours = streams.contours.i16();
  const box = streams.hasBox(glyph) ? streams.boxes.take(8) : Buffer.alloc(8); // nobody reads the box of a simple glyph
  if (contours === 0) return Buffer.alloc(0);
  return contours < 0 ? composite(streams, box) : simple(streams, contours, box);
}

const MORE_PARTS = 0x20;
const HAS_HINTS = 0x100;

/** Made of other glyphs. */
function composite({ composites, coordinates }: Streams, box: Buffer): Buffer {
  const start = composites.at;
  let flags: number;
  let hinted = 0;
  do {
    flags = composites.u16();
    hinted |= flags & HAS_HINTS;
    composites.take(2 + (flags & 1 ? 4 : 2) + scaleBytes(flags));
  } while (flags & MORE_PARTS);
  const { at } = composites;
  composites.at = start;
  const parts = Buffer.from(composites.take(at - start));
  if (hinted) coordinates.packed16();
  return Buffer.concat([Buffer.from([0xff, 0xff]), box, parts, Buffer.alloc(hinted ? 2 : 0)]);
}

function scaleBytes(flags: number): number {
  if (flags & 0x08) return 2;
  if (flags & 0x40) return 4;
  return flags & 0x80 ? 8 : 0;
}

function simple(streams: Streams, contours: number, box: Buffer): Buffer {
  const ends = Buffer.alloc(2 * contours);
  let count = 0;
  for (let contour = 0; contour < contours; contour++) {
    count += streams.points.packed16();
    ends.writeUInt16BE(count - 1, 2 * contour);
  }
  const steps = Array.from({ length: count }, () => readStep(streams));
  streams.coordinates.packed16(); // the length of its hints
  const head = Buffer.alloc(2);
  head.writeInt16BE(contours);
  return Buffer.concat([head, box, ends, Buffer.alloc(2), writeSteps(steps)]);
}

/** All flags, then all x, then all y, of two bytes each. */
function writeSteps(steps: readonly Step[]): Buffer {
  const bytes = Buffer.alloc(5 * steps.length);
  for (const [index, { x, y, onCurve }] of steps.entries()) {
    bytes.writeUInt8(onCurve ? 1 : 0, index);
    bytes.writeInt16BE(x, steps.length + 2 * index);
    bytes.writeInt16BE(y, 3 * steps.length + 2 * index);
  }
  return bytes;
}

/** The flag says how many bits the two differences have, what is added to them, and their signs (section 5.2). */
function readStep({ flags, coordinates }: Streams): Step {
  const flag = flags.u8();
  const onCurve = flag < 128;
  const code = flag & 127;
  const sign = (bit: number) => (code & bit ? 1 : -1);
  if (code < 10) return { x: 0, y: sign(1) * (((code & 14) << 7) + coordinates.u8()), onCurve };
  if (code < 20) return { x: sign(1) * ((((code - 10) & 14) << 7) + coordinates.u8()), y: 0, onCurve };
  if (code < 84) {
    const base = code - 20;
    const byte = coordinates.u8();
    const x = 1 + (base & 0x30) + (byte >> 4);
    const y = 1 + ((base & 0x0c) << 2) + (byte & 15);
    return { x: sign(1) * x, y: sign(2) * y, onCurve };
  }
  if (code < 120) {
    const base = code - 84;
    const x = 1 + (Math.floor(base / 12) << 8) + coordinates.u8();
    const y = 1 + (((base % 12) >> 2) << 8) + coordinates.u8();
    return { x: sign(1) * x, y: sign(2) * y, onCurve };
  }
  if (code < 124) {
    const [first, middle, last] = [coordinates.u8(), coordinates.u8(), coordinates.u8()];
    return {
      x: sign(1) * ((first << 4) + (middle >> 4)),
      y: sign(2) * (((middle & 15) << 8) + last),
      onCurve,
    };
  }
  const [x, y] = [coordinates.u16(), coordinates.u16()];
  return { x: sign(1) * x, y: sign(2) * y, onCurve };
}
