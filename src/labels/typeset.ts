import { glyphOf, type Weight } from "./fonts.ts";

/** A line of text as it is to be shown. */
export interface Line {
  text: string;
  weight: Weight;
}

export interface Block {
  /** Millimetres. */
  width: number;
  height: number;
  /** Character sizes, in millimetres: as large as wanted, as small as can be read. */
  largest: number;
  smallest: number;
}

/** From one line's foot to the next one's, for a character size of one. */
export const LINE = 1.25;
/** How far below a line's top its letters stand, accents and all. */
export const ASCENT = 0.98;
const STEP = 0.1;
const ELLIPSIS = "…";

/** Longer than any label has room for. */
const LONGEST = 400;

/** One line of what is left when everything is taken off that can't be printed. */
export function clean(text: string): string {
  const composed = text.slice(0, LONGEST).toWellFormed().normalize("NFC");
  return composed
    .replace(/[\p{Cf}\p{Co}]/gu, "")
    .replace(/[\p{Cc}\s]+/gu, " ")
    .trim();
}

/** For a character size of one. */
export function widthOf(text: string, weight: Weight): number {
  let width = 0;
  for (const letter of text) width += glyphOf(letter, weight).advance;
  return width / 1000;
}

/** A size that is smaller by no more than this is taken where it saves a line: two letters on one look odd. */
const WORTH_A_LINE = 0.82;

/**
 * About the largest size at which all lines find room, long ones wrapped; at the smallest size, what finds no room is
 * left out, and an ellipsis shows it.
 */
export function fitBlock(
  lines: readonly Line[],
  { width, height, largest, smallest }: Block,
): { size: number; lines: Line[] } {
  const measured = lines.map(measure);
  const wrapAll = (size: number) => measured.flatMap((line) => wrap(line, width / size));
  let best: { size: number; lines: Line[] } | undefined;
  for (let size = largest; size > (best ? best.size * WORTH_A_LINE : smallest); size -= STEP) {
    const wrapped = wrapAll(size);
    if (best && wrapped.length < best.lines.length) return { size, lines: wrapped };
    if (!best && wrapped.length * size * LINE <= height) best = { size, lines: wrapped };
  }
  const room = Math.max(1, Math.floor(height / (smallest * LINE)));
  return best ?? { size: smallest, lines: cutOff(wrapAll(smallest), room, width / smallest) };
}

function cutOff(lines: readonly Line[], count: number, width: number): Line[] {
  const kept = lines.slice(0, count);
  const last = kept.pop();
  if (lines.length <= count || !last) return lines.slice(0, count);
  const letters = Array.from(last.text);
  do letters.pop();
  while (letters.length > 0 && widthOf(letters.join("") + ELLIPSIS, last.weight) > width);
  return [...kept, { ...last, text: letters.join("") + ELLIPSIS }];
}

/** What may begin a new line, and how wide it is: with the space behind it, and without. */
interface Piece {
  text: string;
  width: number;
  inked: number;
}

/** After spaces and dashes, and around Chinese characters, but not before their full stops. */
const PIECES =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}][\p{Pe}\p{Pf}\p{Po}]*|[^\s\-/\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]*[\s\-/]*/gu;

interface Measured {
  weight: Weight;
  pieces: readonly Piece[];
}

function measure({ text, weight }: Line): Measured {
  const pieces = clean(text).match(PIECES) ?? [];
  return { weight, pieces: pieces.map((piece) => pieceOf(piece, weight)) };
}

function pieceOf(text: string, weight: Weight): Piece {
  return { text, width: widthOf(text, weight), inked: widthOf(text.trimEnd(), weight) };
}

function wrap({ weight, pieces }: Measured, width: number): Line[] {
  const rows: string[] = [];
  let row = "";
  let taken = 0;
  for (const piece of pieces.flatMap((one) => (one.inked > width ? lettersOf(one, weight) : [one]))) {
    if (row !== "" && taken + piece.inked > width) {
      rows.push(row);
      row = "";
      taken = 0;
    }
    row += piece.text;
    taken += piece.width;
  }
  return [...rows, row].map((one) => ({ text: one.trim(), weight })).filter(({ text }) => text !== "");
}

/** A word that is wider than a line is broken anywhere. */
function lettersOf({ text }: Piece, weight: Weight): Piece[] {
  return Array.from(text, (letter) => pieceOf(letter, weight));
}
