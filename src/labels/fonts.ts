import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import latin from "@fontsource-variable/noto-sans/unicode.json" with { type: "json" };
import korean from "@fontsource-variable/noto-sans-kr/unicode.json" with { type: "json" };
import chinese from "@fontsource-variable/noto-sans-sc/unicode.json" with { type: "json" };
import { create, type Font } from "fontkit";
import { unpackWoff2 } from "./woff2.ts";

export type Weight = "regular" | "bold";

/** In thousandths of the character size, upwards from the line that the letters stand on. */
export interface Glyph {
  advance: number;
  outline: readonly OutlineStep[];
}

export type OutlineStep =
  | { command: "moveTo"; args: [x: number, y: number] }
  | { command: "lineTo"; args: [x: number, y: number] }
  | { command: "quadraticCurveTo"; args: [cx: number, cy: number, x: number, y: number] }
  | { command: "closePath"; args: [] };

/** One file of a family, which is cut into many so that a browser loads only what it needs; and so do we. */
interface Part {
  file: string;
  ranges: readonly (readonly [first: number, last: number])[];
}

const WEIGHTS: Record<Weight, number> = { regular: 400, bold: 700 };
/** Shown for what no font has. */
const REPLACEMENT = 0xfffd;

/** Where two families have a letter, the first one's is taken: Latin, Greek and Cyrillic, then Chinese, then Korean. */
const PARTS: readonly Part[] = [
  ...partsOf("noto-sans", latin),
  ...partsOf("noto-sans-sc", chinese),
  ...partsOf("noto-sans-kr", korean),
];

/** All of Chinese would be hundreds of megabytes, so each memory is emptied when it is full: at 20 MB or so. */
const MAX_FILES = 64;
const MAX_GLYPHS = 2_000;

const require = createRequire(import.meta.url);
const opened = new Map<string, Record<Weight, Font>>();
const glyphs = new Map<string, Glyph>();

/** Never fails: what no font has is shown as U+FFFD. */
export function glyphOf(letter: string, weight: Weight): Glyph {
  const key = `${weight} ${letter}`;
  const known = glyphs.get(key);
  if (known) return known;
  const codePoint = letter.codePointAt(0) ?? REPLACEMENT;
  const glyph = readGlyph(codePoint, weight) ?? (readGlyph(REPLACEMENT, weight) as Glyph);
  if (glyphs.size === MAX_GLYPHS) glyphs.clear();
  glyphs.set(key, glyph);
  return glyph;
}

function readGlyph(codePoint: number, weight: Weight): Glyph | undefined {
  for (const { file, ranges } of PARTS) {
    if (!ranges.some(([first, last]) => codePoint >= first && codePoint <= last)) continue;
    const font = openFont(file)[weight];
    if (!font.hasGlyphForCodePoint(codePoint)) continue;
    const { advanceWidth, path } = font.glyphForCodePoint(codePoint);
    return { advance: advanceWidth, outline: path.commands as unknown as OutlineStep[] };
  }
  return undefined;
}

function openFont(file: string): Record<Weight, Font> {
  const known = opened.get(file);
  if (known) return known;
  const font = create(unpackWoff2(readFileSync(require.resolve(file)))) as Font;
  const weighing = (weight: Weight) => font.getVariation({ wght: WEIGHTS[weight] });
  const fonts = { regular: weighing("regular"), bold: weighing("bold") };
  if (opened.size === MAX_FILES) opened.clear();
  opened.set(file, fonts);
  return fonts;
}

/** `subsets`: by name, which letters are in it, as CSS writes it: `U+0000-00FF,U+0131`. */
function partsOf(family: string, subsets: Readonly<Record<string, string>>): Part[] {
  return Object.entries(subsets).map(([name, ranges]) => ({
    file: `@fontsource-variable/${family}/files/${family}-${name.replace(/[[\]]/g, "")}-wght-normal.woff2`,
    ranges: ranges.split(",").map(readRange),
  }));
}

function readRange(text: string): [first: number, last: number] {
  const [first = "", last = first] = text.replace("U+", "").split("-");
  return [Number.parseInt(first, 16), Number.parseInt(last, 16)];
}
