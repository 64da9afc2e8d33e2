import type { LabelDpi, LabelMedia } from "../domain/label.ts";
import { barsOf, type Code128 } from "./code128.ts";
import { PAGES } from "./layout.ts";
import { type QrCode, QUIET_MODULES } from "./qr-code.ts";
import { dotsPerModule, type Shape } from "./shapes.ts";

/** Printers of 203 dots an inch have 8 a millimetre, and a little more in the name. */
export const DOTS_PER_MM: Record<LabelDpi, number> = { 203: 8, 300: 300 / 25.4 };

/** As printers' drivers give it: a dot more of length would be the next sheet's. */
const FOUR_BY_SIX = { 203: { width: 812, height: 1218 }, 300: { width: 1200, height: 1800 } };

/** The whole sheet, in dots. */
export function sheetOf({ page, dpi }: LabelMedia): { width: number; height: number } {
  if (page === "4x6") return FOUR_BY_SIX[dpi];
  const { width, height } = PAGES[page];
  return { width: Math.floor(width * DOTS_PER_MM[dpi]), height: Math.floor(height * DOTS_PER_MM[dpi]) };
}

/** In a printer's dots. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A shape where a printer puts it: everything but text begins at a whole dot and is so many whole dots wide. */
export type Mark =
  | (Shape & { kind: "text" })
  | ({ kind: "box" } & Box)
  | { kind: "barcode"; x: number; y: number; height: number; module: number; code: Code128 }
  | { kind: "qr"; x: number; y: number; module: number; code: QrCode; payload: string };

/** In a picture of a QR code, less can't be read by every phone, and more is not needed by any. In millimetres. */
const QR_MODULE = { smallest: 0.33, largest: 1 };

/** Undefined for a code that has no room here. */
export function toDots(shape: Shape, perMm: number): Mark | undefined {
  const dots = (millimetres: number) => Math.round(millimetres * perMm);
  switch (shape.kind) {
    case "text": {
      const [x, y] = [shape.x * perMm, shape.y * perMm];
      return { ...shape, x, y, size: shape.size * perMm, width: shape.width * perMm };
    }
    case "rule": {
      const [width, height] = [dots(shape.width), Math.max(1, dots(shape.height))];
      return { kind: "box", x: dots(shape.x), y: dots(shape.y), width, height };
    }
    case "barcode": {
      const module = dotsPerModule(shape, perMm);
      if (module === undefined) return undefined;
      const x = dots(shape.x + shape.width / 2) - Math.round((shape.code.modules * module) / 2);
      return { kind: "barcode", x, y: dots(shape.y), height: dots(shape.height), module, code: shape.code };
    }
    case "qr":
      return qrMark(shape, perMm);
  }
}

/** To the right edge and to the top of its square, which holds the quiet zone too. */
function qrMark({ code, payload, ...area }: Shape & { kind: "qr" }, perMm: number): Mark | undefined {
  const fitting = Math.floor((area.width * perMm) / (code.length + 2 * QUIET_MODULES));
  const module = Math.min(fitting, Math.floor(QR_MODULE.largest * perMm));
  if (module < QR_MODULE.smallest * perMm) return undefined;
  const inset = QUIET_MODULES * module;
  const x = Math.round((area.x + area.width) * perMm) - code.length * module - inset;
  return { kind: "qr", x, y: Math.round(area.y * perMm) + inset, module, code, payload };
}

/** What is black of it, without its text. */
export function boxesOf(mark: Mark): Box[] {
  if (mark.kind === "text") return [];
  if (mark.kind === "box") return [mark];
  const { x, y, module } = mark;
  if (mark.kind === "barcode")
    return barsOf(mark.code).map(({ start, width }) => ({
      x: x + start * module,
      y,
      width: width * module,
      height: mark.height,
    }));
  return mark.code.flatMap((row, index) =>
    runsOf(row).map(({ start, length }) => ({
      x: x + start * module,
      y: y + index * module,
      width: length * module,
      height: module,
    })),
  );
}

function runsOf(row: readonly boolean[]): { start: number; length: number }[] {
  const runs: { start: number; length: number }[] = [];
  row.forEach((dark, index) => {
    const last = runs.at(-1);
    if (dark && last && last.start + last.length === index) last.length++;
    else if (dark) runs.push({ start: index, length: 1 });
  });
  return runs;
}
