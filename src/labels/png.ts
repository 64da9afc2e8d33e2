import { crc32, deflateSync } from "node:zlib";
import type { LabelMedia } from "../domain/label.ts";
import { type Box, boxesOf, DOTS_PER_MM, sheetOf, toDots } from "./dots.ts";
import { type Picture, rasterText } from "./raster.ts";
import { type Shape, textStart } from "./shapes.ts";

const WHITE = 255;

/** Grey dots, one for each of the printer's. */
interface Canvas {
  width: number;
  height: number;
  dots: Uint8Array;
}

/** The label as a picture. */
export function pngLabel(shapes: readonly Shape[], media: LabelMedia): Uint8Array {
  const perMm = DOTS_PER_MM[media.dpi];
  const { width, height } = sheetOf(media);
  const canvas = { width, height, dots: new Uint8Array(width * height).fill(WHITE) };
  for (const shape of shapes) {
    const mark = toDots(shape, perMm);
    if (!mark) continue;
    for (const box of boxesOf(mark)) fillBox(canvas, box);
    const picture = mark.kind === "text" ? rasterText({ ...mark, x: textStart(mark) }) : undefined;
    if (picture) drawPicture(canvas, picture);
  }
  return encodePng(canvas, media.dpi);
}

function fillBox(canvas: Canvas, { x, y, width, height }: Box): void {
  drawPicture(canvas, { x, y, width, height, ink: new Uint8Array(width * height).fill(WHITE) });
}

function drawPicture({ width, height, dots }: Canvas, picture: Picture): void {
  for (const [index, ink] of picture.ink.entries()) {
    const x = picture.x + (index % picture.width);
    const y = picture.y + Math.floor(index / picture.width);
    if (x < 0 || x >= width || y < 0 || y >= height) continue;
    const at = y * width + x;
    dots[at] = Math.min(dots[at] as number, WHITE - ink);
  }
}

/** 8-bit greyscale. */
function encodePng({ width, height, dots }: Canvas, dpi: number): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8; // bits a dot; colour type 0, greyscale
  const perMeter = Math.round(dpi / 0.0254);
  const density = Buffer.alloc(9, 1);
  density.writeUInt32BE(perMeter, 0);
  density.writeUInt32BE(perMeter, 4);
  const rows = Buffer.alloc((width + 1) * height); // each begins with its filter: none
  for (let y = 0; y < height; y++) rows.set(dots.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
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
