import bwip from "bwip-js/node";

/** What Code 128 can hold; anything else could not be scanned. */
const ENCODABLE = /^[\x20-\x7e]+$/;

/** Widths of bars and spaces in modules, beginning with a bar; undefined for text that Code 128 does not hold. */
export function code128(text: string): number[] | undefined {
  if (!ENCODABLE.test(text)) return undefined;
  const [symbol] = bwip.raw("code128", text, {});
  return symbol && "sbs" in symbol ? symbol.sbs : undefined;
}

export function moduleCount(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0);
}

/** Where the bars begin and how wide they are, in modules. */
export function barsOf(widths: readonly number[]): { start: number; width: number }[] {
  let position = 0;
  return widths.flatMap((width, index) => {
    const start = position;
    position += width;
    return index % 2 === 0 ? [{ start, width }] : [];
  });
}
