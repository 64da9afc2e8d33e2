import bwip from "bwip-js/node";

/** Signs of one of the three sets: B has all of ASCII's letters, C takes digits in pairs. */
export interface Segment {
  set: "B" | "C";
  text: string;
}

/** A barcode, in what it says and in what is seen of it. */
export interface Code128 {
  segments: readonly Segment[];
  /** Begins with the sign FNC1, which makes it a GS1-128. */
  gs1: boolean;
  /** Of bars and spaces in modules, beginning with a bar. */
  widths: readonly number[];
  modules: number;
}

/** Modules without ink that a scanner needs on both sides. */
export const QUIET_MODULES = 10;
/** What set B holds; anything else could not be scanned. */
const ENCODABLE = /^[\x20-\x7e]+$/;
const SWITCH_TO = { B: 100, C: 99 };
const START_IN = { B: 104, C: 105 };
const FNC1 = 102;

/** Undefined for text that the sets do not hold. */
export function code128(text: string): Code128 | undefined {
  return ENCODABLE.test(text) ? encode(segmentsOf(text), false) : undefined;
}

/** A Serial Shipping Container Code of 18 digits, behind its application identifier 00. */
export function ssccCode(sscc: string): Code128 {
  return encode([{ set: "C", text: `00${sscc}` }], true);
}

/**
 * Digits go in pairs where that is shorter: at either end from four of them, in between from six. An odd one stays in
 * the set before, or at the start, behind the pairs.
 */
function segmentsOf(text: string): Segment[] {
  const segments: Segment[] = [];
  const add = (set: Segment["set"], part: string) => {
    const last = segments.at(-1);
    if (part !== "" && last?.set === set) last.text += part;
    else if (part !== "") segments.push({ set, text: part });
  };
  for (const { 0: run, index } of text.matchAll(/\d+|\D+/g)) {
    const atStart = index === 0;
    const atEnd = index + run.length === text.length;
    const odd = run.length % 2;
    const inPairs =
      /\d/.test(run) && (run.length >= (atStart || atEnd ? 4 : 6) || (atStart && atEnd && !odd));
    if (!inPairs) add("B", run);
    else if (odd && atStart) {
      add("C", run.slice(0, -1));
      add("B", run.slice(-1));
    } else {
      add("B", run.slice(0, odd));
      add("C", run.slice(odd));
    }
  }
  return segments;
}

function encode(segments: readonly Segment[], gs1: boolean): Code128 {
  const codewords = segments.flatMap(({ set, text }, index) => [
    index === 0 ? START_IN[set] : SWITCH_TO[set],
    ...(gs1 && index === 0 ? [FNC1] : []),
    ...valuesOf(set, text),
  ]);
  // The library adds the check symbol and the stop.
  const raw = codewords.map((value) => `^${String(value).padStart(3, "0")}`).join("");
  const [symbol] = bwip.raw("code128", raw, "raw");
  const widths = symbol && "sbs" in symbol ? symbol.sbs : [];
  return { segments, gs1, widths, modules: widths.reduce((sum, width) => sum + width, 0) };
}

function valuesOf(set: Segment["set"], text: string): number[] {
  if (set === "C") return Array.from(text.matchAll(/\d\d/g), ([pair]) => Number(pair));
  return Array.from(text, (sign) => sign.charCodeAt(0) - 32);
}

/** Where the bars begin and how wide they are, in modules. */
export function barsOf({ widths }: Code128): { start: number; width: number }[] {
  let position = 0;
  return widths.flatMap((width, index) => {
    const start = position;
    position += width;
    return index % 2 === 0 ? [{ start, width }] : [];
  });
}
