import bwip from "bwip-js/node";

/** Rows of modules, true is dark. */
export type QrCode = readonly (readonly boolean[])[];

/** Modules without ink around it. */
export const QUIET_MODULES = 4;
/** More would be too fine to be scanned off of a label. */
const READABLE = /^[\x20-\x7e]{1,150}$/;

/** With a sixth of it unreadable, it can still be read. Undefined for what it can't hold well. */
export function qrCode(text: string): QrCode | undefined {
  if (!READABLE.test(text)) return undefined;
  const [symbol] = bwip.raw("qrcode", text, "eclevel=M");
  if (!symbol || !("pixs" in symbol)) return undefined;
  const { pixs, pixx } = symbol;
  return Array.from({ length: pixs.length / pixx }, (_, row) =>
    Array.from(pixs.slice(row * pixx, (row + 1) * pixx), (pixel) => pixel === 1),
  );
}
