/** Letters that no accent is taken off of. */
const LETTERS: Record<string, string> = {
  đ: "d",
  Đ: "D",
  ł: "l",
  Ł: "L",
  ø: "o",
  Ø: "O",
  ß: "ss",
  æ: "ae",
  Æ: "AE",
  œ: "oe",
  Œ: "OE",
  "·": "-",
  "–": "-",
  "—": "-",
  "’": "'",
  "‘": "'",
  "“": '"',
  "”": '"',
  "„": '"',
};

/** Text for fonts that have ASCII only: accents are taken off, what then remains unknown becomes `?`. Never fails. */
export function plainText(text: string): string {
  const bare = text.toWellFormed().normalize("NFKD").replace(/\p{M}/gu, "");
  return Array.from(bare)
    .map((letter) => LETTERS[letter] ?? (/^[\x20-\x7e]$/.test(letter) ? letter : replacement(letter)))
    .join("");
}

function replacement(letter: string): string {
  return /\s/.test(letter) ? " " : "?";
}

/** How wide a character of a fixed-width font is, for its height. */
export const CHARACTER_WIDTH = 0.6;

/** The size at which a text fits its width: as wanted, or smaller; what would be unreadably small is cut off. */
export function fitText(text: string, size: number, width: number): { text: string; size: number } {
  const needed = text.length * size * CHARACTER_WIDTH;
  if (needed <= width) return { text, size };
  const smaller = Math.max(size / 2, width / (text.length * CHARACTER_WIDTH));
  return { text: text.slice(0, Math.floor(width / (smaller * CHARACTER_WIDTH))), size: smaller };
}
