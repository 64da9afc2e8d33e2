import type { LabelMedia } from "../domain/label.ts";
import type { Code128 } from "./code128.ts";
import { DOTS_PER_MM, type Mark, sheetOf, toDots } from "./dots.ts";
import { rasterText } from "./raster.ts";
import { type Shape, textStart } from "./shapes.ts";
import { graphicField } from "./zpl-graphic.ts";

/**
 * All that the font in every printer surely has, but the backslash, which means something to ^FB. The rest depends on the
 * printer's fonts and firmware, so that text is sent as a picture.
 */
const BUILT_IN = /^[\x20-\x5b\x5d-\x7e]*$/;

/** The label in the printer's own language, in UTF-8 (^CI28). */
export function zplLabel(shapes: readonly Shape[], media: LabelMedia): Uint8Array {
  const { width, height } = sheetOf(media);
  const marks = shapes.flatMap((shape) => toDots(shape, DOTS_PER_MM[media.dpi]) ?? []);
  const body = marks.map(command).filter((line) => line !== "");
  return Buffer.from(
    ["^XA", "^CI28", `^PW${width}`, `^LL${height}`, "^LH0,0", ...body, "^XZ", ""].join("\n"),
  );
}

function command(mark: Mark): string {
  const { x, y } = mark;
  switch (mark.kind) {
    case "text":
      return BUILT_IN.test(mark.text) ? builtInText(mark) : pictureText(mark);
    case "box":
      return `^FO${x},${y}^GB${mark.width},${mark.height},${Math.min(mark.width, mark.height)}^FS`;
    case "barcode":
      return `^FO${x},${y}^BY${mark.module},3,${mark.height}${barcode(mark)}`;
    case "qr": // M: mends a sixth of it; A: the printer chooses how to pack it
      return `^FO${x},${y - SINK}^BY2,3,${SINK}^BQN,2,${Math.min(10, mark.module)}${field(`MA,${mark.payload}`)}`;
  }
}

/** Printers put a QR code lower by the height in ^BY, which else would be the one of the barcode before, on any label. */
const SINK = 1;

/** ^FT: from the line that the letters stand on. The built-in font is narrower than ours, so what fits ours fits it. */
function builtInText({ x, y, size, width, align, text }: Mark & { kind: "text" }): string {
  const height = Math.round(size);
  const block = align === "left" ? "" : `^FB${Math.round(width)},1,0,${align === "centre" ? "C" : "R"}`;
  return `^FT${Math.round(x)},${Math.round(y)}^A0N,${height},${height}${block}${field(text)}`;
}

function pictureText(mark: Mark & { kind: "text" }): string {
  const picture = rasterText({ ...mark, x: textStart(mark) });
  if (!picture) return "";
  return `^FO${Math.max(0, picture.x)},${Math.max(0, picture.y)}${graphicField(picture)}^FS`;
}

const START = { B: ">:", C: ">;" };
const SWITCH = { B: ">6", C: ">5" };

/**
 * Mode A: the printer packs digits in pairs, as we have reckoned. Mode N: each change of sets is written out, where there
 * is FNC1, or the sign that announces such a change.
 */
function barcode({ height, code }: Mark & { kind: "barcode" }): string {
  const text = code.segments.map((segment) => segment.text).join("");
  const [mode, data] = code.gs1 || text.includes(">") ? ["N", writtenOut(code)] : ["A", text];
  return `^BCN,${height},N,N,N,${mode}${field(data)}`;
}

function writtenOut({ segments, gs1 }: Code128): string {
  const parts = segments.map(({ set, text }, index) => {
    const invocation = index === 0 ? START[set] + (gs1 ? ">8" : "") : SWITCH[set];
    return invocation + text.replaceAll(">", ">0");
  });
  return parts.join("");
}

/** A data field in which every sign that means something to the printer is written as hex. */
function field(text: string): string {
  const hex = (sign: string) => `_${sign.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
  return `^FH_^FD${text.replace(/[\^~_\\]/g, hex)}^FS`;
}
