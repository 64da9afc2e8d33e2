import type { Picture } from "./raster.ts";

/** From here on a dot is black: it can't be grey. */
const BLACK = 128;

/** `^GF`: a picture as the printer's own graphic field, its rows packed as Zebra's manual says. */
export function graphicField({ width, height, ink }: Omit<Picture, "x" | "y">): string {
  const perRow = Math.ceil(width / 8);
  const rows = Array.from({ length: height }, (_, y) => {
    const dots = ink.subarray(y * width, (y + 1) * width);
    const bytes = new Uint8Array(perRow);
    dots.forEach((dot, x) => {
      if (dot >= BLACK) bytes[x >> 3] = (bytes[x >> 3] as number) | (0x80 >> (x & 7));
    });
    return Buffer.from(bytes).toString("hex").toUpperCase();
  });
  const packed = rows.map((row, index) => (row === rows[index - 1] ? ":" : packRow(row)));
  const total = perRow * height;
  return `^GFA,${total},${total},${perRow},${packed.join("")}`;
}

/** A comma: zeros to the end of the row. An exclamation mark: ones. */
function packRow(row: string): string {
  const end = /(0+|F+)$/.exec(row)?.[0] ?? "";
  if (end.length < 2) return packRuns(row);
  return packRuns(row.slice(0, -end.length)) + (end.startsWith("0") ? "," : "!");
}

function packRuns(row: string): string {
  return row.replace(/(.)\1+/g, (run, digit: string) => countOf(run.length) + digit);
}

/** G to Y: 1 to 19 times. g to z: 20 to 400 times. They add up. */
function countOf(length: number): string {
  const most = "z".repeat(Math.floor(length / 400));
  const rest = length % 400;
  const twenties = Math.floor(rest / 20);
  const ones = rest % 20;
  const letter = (base: string, count: number) =>
    count === 0 ? "" : String.fromCharCode(base.charCodeAt(0) + count - 1);
  return most + letter("g", twenties) + letter("G", ones);
}
