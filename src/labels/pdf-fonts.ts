import { type Glyph, glyphOf, type OutlineStep, type Weight } from "./fonts.ts";
import type { PdfFile } from "./pdf-file.ts";

interface UsedGlyph extends Glyph {
  letter: string;
}

/** As many as one byte can tell apart. */
const GLYPHS_A_FONT = 256;

/**
 * The letters that a document shows, in fonts made of just these (Type 3): drawn as outlines, so that they look the
 * same everywhere, and with their meaning, so that they can be searched and copied.
 */
export class PdfFonts {
  readonly #codes = new Map<string, number>();
  readonly #used: UsedGlyph[] = [];

  /** Operators that show the text, between BT and ET. */
  show(text: string, weight: Weight, size: string): string {
    let current: number | undefined;
    let shown = "";
    for (const letter of text) {
      const code = this.#codeOf(letter, weight);
      const font = Math.floor(code / GLYPHS_A_FONT);
      if (font !== current) shown += `${current === undefined ? "" : "> Tj "}/F${font} ${size} Tf <`;
      shown += hex(code % GLYPHS_A_FONT, 2);
      current = font;
    }
    return current === undefined ? "" : `${shown}> Tj`;
  }

  #codeOf(letter: string, weight: Weight): number {
    const key = `${weight} ${letter}`;
    const known = this.#codes.get(key);
    if (known !== undefined) return known;
    const code = this.#used.push({ letter, ...glyphOf(letter, weight) }) - 1;
    this.#codes.set(key, code);
    return code;
  }

  /** The entries of a resource dictionary, when all pages are drawn. */
  addTo(file: PdfFile): string {
    const fonts: string[] = [];
    for (let first = 0; first < this.#used.length; first += GLYPHS_A_FONT) {
      const font = addFont(file, this.#used.slice(first, first + GLYPHS_A_FONT));
      fonts.push(`/F${fonts.length} ${font} 0 R`);
    }
    return fonts.join(" ");
  }
}

function addFont(file: PdfFile, glyphs: readonly UsedGlyph[]): number {
  const procedures = glyphs.map((glyph, code) => `/g${code} ${file.addStream(drawingOf(glyph))} 0 R`);
  const names = glyphs.map((_, code) => `/g${code}`).join(" ");
  const widths = glyphs.map(({ advance }) => Math.round(advance)).join(" ");
  return file.add(
    `<< /Type /Font /Subtype /Type3 /FontBBox [0 0 0 0] /FontMatrix [0.001 0 0 0.001 0 0] ` +
      `/CharProcs << ${procedures.join(" ")} >> /Encoding << /Type /Encoding /Differences [0 ${names}] >> ` +
      `/FirstChar 0 /LastChar ${glyphs.length - 1} /Widths [${widths}] /ToUnicode ${file.addStream(meaningsOf(glyphs))} 0 R ` +
      `/Resources << >> >>`,
  );
}

/** d1: it has no colour of its own. Its box comes first, then its outline, filled. */
function drawingOf({ advance, outline }: Glyph): string {
  const xs = outline.flatMap(({ args }) => args.filter((_, index) => index % 2 === 0));
  const ys = outline.flatMap(({ args }) => args.filter((_, index) => index % 2 === 1));
  const box = [Math.min(0, ...xs), Math.min(0, ...ys), Math.max(0, ...xs), Math.max(0, ...ys)];
  const head = `${Math.round(advance)} 0 ${box.map(Math.round).join(" ")} d1`;
  return outline.length === 0 ? head : `${head}\n${pathOf(outline)}\nf`;
}

/** PDF has cubic curves only, our fonts quadratic ones. */
function pathOf(outline: readonly OutlineStep[]): string {
  let [x, y] = [0, 0];
  const operators = outline.map((step) => {
    if (step.command === "closePath") return "h";
    if (step.command !== "quadraticCurveTo") {
      [x, y] = step.args;
      return `${rounded([x, y])} ${step.command === "moveTo" ? "m" : "l"}`;
    }
    const [cx, cy, toX, toY] = step.args;
    const third = (from: number, to: number) => from + ((to - from) * 2) / 3;
    const curve = [third(x, cx), third(y, cy), third(toX, cx), third(toY, cy), toX, toY];
    [x, y] = [toX, toY];
    return `${rounded(curve)} c`;
  });
  return operators.join("\n");
}

function rounded(numbers: readonly number[]): string {
  return numbers.map((number) => Math.round(number)).join(" ");
}

/** A CMap from codes to Unicode. It can hold a hundred lines a block. */
function meaningsOf(glyphs: readonly UsedGlyph[]): string {
  const lines = glyphs.map(({ letter }, code) => `<${hex(code, 2)}> <${utf16(letter)}>`);
  const blocks: string[] = [];
  for (let first = 0; first < lines.length; first += 100) {
    const block = lines.slice(first, first + 100);
    blocks.push(`${block.length} beginbfchar`, ...block, "endbfchar");
  }
  return [
    "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
    "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
    "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
    "1 begincodespacerange <00> <FF> endcodespacerange",
    ...blocks,
    "endcmap CMapName currentdict /CMap defineresource pop end end",
  ].join("\n");
}

function utf16(letter: string): string {
  return Array.from({ length: letter.length }, (_, index) => hex(letter.charCodeAt(index), 4)).join("");
}

function hex(number: number, digits: number): string {
  return number.toString(16).toUpperCase().padStart(digits, "0");
}
