import { code128, moduleCount } from "./code128.ts";
import { HEIGHT, type Shape, WIDTH } from "./layout.ts";
import { fitText } from "./plain-text.ts";

/** Modules without ink that a scanner needs on both sides of a code. */
const QUIET = 10;

/** The label as the printer's own language, in UTF-8 (^CI28). */
export function zplLabel(shapes: readonly Shape[]): Uint8Array {
  const body = shapes.map(zplShape).filter(Boolean);
  return Buffer.from(
    ["^XA", "^CI28", `^PW${WIDTH}`, `^LL${HEIGHT}`, "^LH0,0", ...body, "^XZ", ""].join("\n"),
  );
}

function zplShape(shape: Shape): string {
  if (shape.kind === "line")
    return `^FO${shape.x},${shape.y}^GB${shape.width},${shape.height},${shape.height}^FS`;
  if (shape.kind === "text") {
    const { text, size } = fitText(shape.text, shape.size, shape.width);
    const height = Math.round(size);
    return `^FO${shape.x},${shape.y}^A0N,${height},${shape.bold ? height : Math.round(size * 0.9)}${field(text)}`;
  }
  const widths = code128(shape.text);
  if (!widths) return "";
  const modules = moduleCount(widths);
  const scale = Math.max(1, Math.min(4, Math.floor(shape.width / (modules + 2 * QUIET))));
  const x = shape.x + Math.round((shape.width - modules * scale) / 2);
  return `^FO${x},${shape.y}^BY${scale}^BCN,${shape.height},N,N,N,A${field(shape.text)}`;
}

/** A data field in which every byte that means something to the printer, or is not ASCII, is written as hex. */
function field(text: string): string {
  const bytes = Array.from(Buffer.from(text.toWellFormed(), "utf8"));
  const hex = (byte: number) => `_${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  const escaped = bytes.map((byte) => (isPlain(byte) ? String.fromCharCode(byte) : hex(byte))).join("");
  return `^FH_^FD${escaped}^FS`;
}

/** ^ and ~ begin commands, _ begins an escape, > chooses Code 128 subsets, \ begins a soft hyphen. */
function isPlain(byte: number): boolean {
  return byte >= 0x20 && byte <= 0x7e && !"^~_>\\".includes(String.fromCharCode(byte));
}
