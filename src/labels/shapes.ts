import type { Code128 } from "./code128.ts";
import { QUIET_MODULES } from "./code128.ts";
import type { Weight } from "./fonts.ts";
import type { QrCode } from "./qr-code.ts";
import { ASCENT, type Block, fitBlock, LINE, type Line, widthOf } from "./typeset.ts";

/** A place on the paper, from its upper left corner, in millimetres. */
export interface Area {
  x: number;
  y: number;
  width: number;
  height: number;
}

export type Alignment = "left" | "centre" | "right";

/** Something to be drawn. All lengths are in millimetres. */
export type Shape =
  /** `y` is where the letters stand. `size`: of a character. Aligned within `width`. */
  | {
      kind: "text";
      x: number;
      y: number;
      size: number;
      weight: Weight;
      text: string;
      width: number;
      align: Alignment;
    }
  | ({ kind: "rule" } & Area)
  /** Centred within its width. */
  | ({ kind: "barcode"; code: Code128; modules: ModuleSize } & Area)
  /** In the upper right corner of its area, which is a square. */
  | ({ kind: "qr"; code: QrCode; payload: string } & Area);

/** How wide the thinnest bar has to be, and how wide it may get. */
interface ModuleSize {
  smallest: number;
  largest: number;
}

/** A bar of GS1 logistics labels has 0.495 mm or more; four dots of the usual printer have 0.5. */
export const SSCC_MODULES: ModuleSize = { smallest: 0.495, largest: 0.55 };
export const TRACKING_MODULES: ModuleSize = { smallest: 0.25, largest: 0.5 };

/**
 * How many of a printer's dots a module gets, a whole number, so that all bars are as wide as they should be; undefined
 * when the code doesn't fit in a way that can be scanned.
 */
export function dotsPerModule(
  { code, modules, width }: Shape & { kind: "barcode" },
  dotsPerMm: number,
): number | undefined {
  const smallest = Math.ceil(modules.smallest * dotsPerMm - 1e-9);
  const largest = Math.floor(modules.largest * dotsPerMm + 1e-9);
  const fitting = Math.floor((width * dotsPerMm) / (code.modules + 2 * QUIET_MODULES));
  const dots = Math.min(largest, fitting);
  return dots >= smallest ? dots : undefined;
}

/** Lines of text from the area's top down, as large as they fit. */
export function textBlock(
  area: Area,
  lines: readonly Line[],
  sizes: Pick<Block, "largest" | "smallest">,
  align: Alignment = "left",
): Shape[] {
  const { size, lines: fitting } = fitBlock(lines, { ...area, ...sizes });
  return fitting.map((line, index) => ({
    kind: "text",
    ...line,
    x: area.x,
    y: area.y + size * (index * LINE + ASCENT),
    size,
    width: area.width,
    align,
  }));
}

/** Where the first letter of a text begins. */
export function textStart({ text, weight, x, size, width, align }: Shape & { kind: "text" }): number {
  const free = align === "left" ? 0 : width - widthOf(text, weight) * size;
  return align === "centre" ? x + free / 2 : x + free;
}
