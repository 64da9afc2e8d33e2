import { brotliDecompressSync } from "node:zlib";
import { ByteReader } from "./byte-reader.ts";
import { rebuildGlyphs } from "./woff2-glyphs.ts";

/** The names of tables that a WOFF2 file writes as a number; the rest of the list are not in any font of ours. */
const TAGS =
  "cmap head hhea hmtx maxp name OS/2 post cvt_ fpgm glyf loca prep CFF_ VORG EBDT EBLC gasp hdmx kern LTSH PCLT VDMX " +
  "vhea vmtx BASE GDEF GPOS GSUB EBSC JSTF MATH CBDT CBLC COLR CPAL SVG_ sbix acnt avar bdat bloc bsln cvar fdsc feat " +
  "fmtx fvar gvar hsty just lcar mort morx opbd prop trak Zapf Silf Glat Gloc Feat Sill";
const KNOWN_TAGS = TAGS.split(" ").map((tag) => tag.replace("_", " "));
/** In the directory: the tag is written out. */
const OTHER_TAG = 63;

interface Entry {
  tag: string;
  stored: number;
  transformed: boolean;
}

/**
 * Unpacks a web font (https://www.w3.org/TR/WOFF2/) into the plain font that it was made of. Done here because the
 * font libraries either don't read WOFF2 or can't vary the weight of what they read from it.
 */
export function unpackWoff2(file: Uint8Array): Buffer {
  const reader = new ByteReader(file);
  if (reader.take(4).toString("latin1") !== "wOF2") throw new Error("this is not a WOFF2 font");
  reader.at = 12;
  const count = reader.u16();
  reader.at = 20;
  const compressed = reader.u32();
  reader.at = 48;
  const directory = Array.from({ length: count }, () => readEntry(reader));
  const data = new ByteReader(brotliDecompressSync(reader.take(compressed)));
  const stored = new Map(directory.map((entry) => [entry.tag, { ...entry, bytes: data.take(entry.stored) }]));
  const tables = new Map(Array.from(stored, ([tag, { bytes }]) => [tag, bytes]));
  const glyphs = stored.get("glyf");
  if (glyphs?.transformed) {
    const { glyf, loca } = rebuildGlyphs(glyphs.bytes);
    tables.set("glyf", glyf).set("loca", loca);
    tables.set("head", withLongOffsets(tables.get("head") as Buffer));
  }
  if (stored.get("hmtx")?.transformed) throw new Error("a WOFF2 font with packed widths is not understood");
  return writeFont(tables);
}

function readEntry(reader: ByteReader): Entry {
  const flags = reader.u8();
  const number = flags & OTHER_TAG;
  const tag = number === OTHER_TAG ? reader.take(4).toString("latin1") : (KNOWN_TAGS[number] as string);
  const version = flags >> 6;
  const transformed = tag === "glyf" || tag === "loca" ? version === 0 : version !== 0;
  const length = reader.base128();
  return { tag, transformed, stored: transformed ? reader.base128() : length };
}

/** `indexToLocFormat`: the offsets of glyphs have four bytes. */
function withLongOffsets(head: Buffer): Buffer {
  const copy = Buffer.from(head);
  copy.writeInt16BE(1, 50);
  return copy;
}

/** A TrueType file: its directory, then the tables, each at a multiple of four. Nobody checks the check sums. */
function writeFont(tables: ReadonlyMap<string, Buffer>): Buffer {
  const header = Buffer.alloc(12 + 16 * tables.size);
  header.writeUInt32BE(0x00010000, 0);
  header.writeUInt16BE(tables.size, 4);
  const parts: Buffer[] = [header];
  let offset = header.length;
  for (const [index, [tag, bytes]] of Array.from(tables).entries()) {
    const at = 12 + 16 * index;
    header.write(tag, at, "latin1");
    header.writeUInt32BE(offset, at + 8);
    header.writeUInt32BE(bytes.length, at + 12);
    const padding = Buffer.alloc(-bytes.length & 3);
    parts.push(bytes, padding);
    offset += bytes.length + padding.length;
  }
  return Buffer.concat(parts);
}
