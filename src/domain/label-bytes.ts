import type { LabelFormat } from "./vocabulary.ts";

/** What came as a label is none, or only a part of one. */
class NotALabel extends Error {
  constructor(format: LabelFormat, problem: string) {
    super(`this is no ${format.toUpperCase()} label: ${problem}`);
    this.name = "NotALabel";
  }
}

const SIGNATURE = "\x89PNG\r\n\x1a\n";
/** PDF readers look for the last line this far from the end. */
const TAIL = 1024;

/**
 * Makes sure that a carrier's bytes are a whole label of the format that it promised, and gives them back unchanged.
 * Call it after base64 is decoded, which never complains by itself. Throws NotALabel.
 */
export function readLabelBytes<T extends Uint8Array>(format: LabelFormat, bytes: T): T {
  if (bytes.length === 0) throw new NotALabel(format, "it is empty");
  const problem = PROBLEMS[format](bytes);
  if (problem !== undefined) throw new NotALabel(format, problem);
  return bytes;
}

const PROBLEMS: Record<LabelFormat, (bytes: Uint8Array) => string | undefined> = {
  pdf: (bytes) => {
    if (!latin1(bytes.subarray(0, 5)).startsWith("%PDF-"))
      return `it begins with ${start(bytes)}, not with %PDF-`;
    const whole = /%%EOF[\s\0]*$/.test(latin1(bytes.subarray(-TAIL)));
    return whole ? undefined : "it does not end with %%EOF, so a part is missing";
  },
  /** Settings of the printer and pictures for it may stand before the label itself. */
  zpl: (bytes) => {
    const text = latin1(bytes).trim();
    if (!/^(\^XA|~|CT~)/i.test(text)) return `it begins with ${start(bytes)}, not with ^XA`;
    if (!/\^XA/i.test(text)) return "it has no ^XA";
    return /\^XZ[\s\0]*$/i.test(text) ? undefined : "it does not end with ^XZ, so a part is missing";
  },
  png: (bytes) => {
    if (latin1(bytes.subarray(0, 8)) !== SIGNATURE)
      return `it begins with ${start(bytes)}, not with PNG's signature`;
    const whole = latin1(bytes.subarray(-8, -4)) === "IEND";
    return whole ? undefined : "it does not end with IEND, so a part is missing";
  },
};

/** The first bytes, as far as they can be shown. */
function start(bytes: Uint8Array): string {
  return JSON.stringify(latin1(bytes.subarray(0, 16)).replace(/[^\x20-\x7e]/g, "."));
}

/** One letter a byte. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
