import { crc32, deflateSync } from "node:zlib";
import bwip from "bwip-js/node";
import { barsOf, code128, moduleCount } from "./code128.ts";
import { HEIGHT, type Shape, WIDTH } from "./layout.ts";
import { CHARACTER_WIDTH, fitText, plainText } from "./plain-text.ts";

const QUIET = 10;
const WHITE = 255;
/** The font's capitals fill three quarters of its height; below stands what hangs under the line. */
const ASCENT = 0.78;
/** OCR-B, which the barcode library brings along: made to be read by machines and people. */
const FONT = bwip.FontLib.lookup("OCR-B");

/** The label as a picture of grey dots, one for each of the printer's. */
export function pngLabel(shapes: readonly Shape[]): Uint8Array {
  const dots = new Uint8Array(WIDTH * HEIGHT).fill(WHITE);
  for (const shape of shapes) drawShape(dots, shape);
  return encodePng(dots);
}

function drawShape(dots: Uint8Array, shape: Shape): void {
  if (shape.kind === "line") return fillBox(dots, shape.x, shape.y, shape.width, shape.height);
  if (shape.kind === "text") return drawText(dots, shape);
  const widths = code128(shape.text);
  if (!widths) return;
  const modules = moduleCount(widths);
  const scale = Math.max(1, Math.min(4, Math.floor(shape.width / (modules + 2 * QUIET))));
  const left = shape.x + Math.round((shape.width - modules * scale) / 2);
  for (const { start, width } of barsOf(widths))
    fillBox(dots, left + start * scale, shape.y, width * scale, shape.height);
}

function drawText(dots: Uint8Array, { x, y, width, bold, ...shape }: Shape & { kind: "text" }): void {
  const { text, size } = fitText(plainText(shape.text), shape.size, width);
  const em = Math.round(size);
  const baseline = y + Math.round(em * ASCENT);
  for (const [index, letter] of Array.from(text).entries()) {
    const pen = x + Math.round(index * size * CHARACTER_WIDTH);
    const glyph = bwip.FontLib.getglyph(FONT, letter.charCodeAt(0), em, em);
    drawGlyph(dots, glyph, pen, baseline);
    if (bold) drawGlyph(dots, glyph, pen + 1, baseline);
  }
}

function drawGlyph(
  dots: Uint8Array,
  glyph: ReturnType<typeof bwip.FontLib.getglyph>,
  pen: number,
  baseline: number,
): void {
  for (let row = 0; row < glyph.height; row++) {
    for (let column = 0; column < glyph.width; column++) {
      const ink = glyph.bytes[glyph.offset + row * glyph.width + column] ?? 0;
      darken(dots, pen + glyph.left + column, baseline - glyph.top + row, ink);
    }
  }
}

function fillBox(dots: Uint8Array, x: number, y: number, width: number, height: number): void {
  for (let row = y; row < y + height; row++)
    for (let column = x; column < x + width; column++) darken(dots, column, row, WHITE);
}

function darken(dots: Uint8Array, x: number, y: number, ink: number): void {
  if (x < 0 || x >= WIDTH || y < 0 || y >= HEIGHT) return;
  const at = y * WIDTH + x;
  dots[at] = Math.min(dots[at] as number, WHITE - ink);
}

/** 8-bit greyscale at 203 dots an inch. */
function encodePng(dots: Uint8Array): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(WIDTH, 0);
  header.writeUInt32BE(HEIGHT, 4);
  header[8] = 8; // bits a dot; colour type 0, greyscale
  const perMeter = Math.round(203 / 0.0254);
  const density = Buffer.alloc(9, 1);
  density.writeUInt32BE(perMeter, 0);
  density.writeUInt32BE(perMeter, 4);
  const rows = Buffer.alloc((WIDTH + 1) * HEIGHT); // each begins with its filter: none
  for (let y = 0; y < HEIGHT; y++) rows.set(dots.subarray(y * WIDTH, (y + 1) * WIDTH), y * (WIDTH + 1) + 1);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const chunks = [
    chunk("IHDR", header),
    chunk("pHYs", density),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND"),
  ];
  return Buffer.concat([signature, ...chunks]);
}

function chunk(type: string, data = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  framed.set(body, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}
