import bwip from "bwip-js/node";
import { Paper } from "./paper.ts";

/** What one `^XA … ^XZ` prints: its dots, and the texts that the printer's own font would draw, which has no dots here. */
export interface PrintedSheet {
  paper: Paper;
  texts: { x: number; y: number; height: number; text: string }[];
}

interface Field {
  x: number;
  y: number;
  kind: "text" | "barcode" | "qr" | undefined;
  height: number;
  magnification: number;
  /** Of a barcode: A packs by itself, N does as it is told. */
  mode: "A" | "N";
}

/** What ^BY says, which the printer remembers from one label to the next. */
interface BarDefaults {
  module: number;
  height: number;
}

const SETS: Record<string, number> = { ":": 104, ";": 105 };
const SWITCHES: Record<string, number> = { "6": 100, "5": 99, "8": 102 };

/** A printer for the part of ZPL that our labels use. Whatever else is in it, it refuses. */
export function printZpl(bytes: Uint8Array): PrintedSheet[] {
  const text = Buffer.from(bytes).toString("utf8");
  const bars: BarDefaults = { module: 2, height: 400 }; // whatever was printed before
  return text
    .split("^XZ")
    .slice(0, -1)
    .map((sheet) => printSheet(sheet.trim(), bars));
}

function printSheet(text: string, bars: BarDefaults): PrintedSheet {
  if (!text.startsWith("^XA")) throw new Error(`a label begins with ${text.slice(0, 20)}`);
  const size = { width: numberAfter(text, "^PW"), height: numberAfter(text, "^LL") };
  const sheet: PrintedSheet = { paper: new Paper(size.width, size.height), texts: [] };
  let field: Field = newField([0, 0], 0);
  for (const [, prefix, name = "", rest = ""] of text.matchAll(/([\^~])([A-Z][A-Z0-9])([^^~]*)/g)) {
    const numbers = rest.split(",").map(Number);
    if (prefix === "~") throw new Error(`a control command: ~${name}`);
    if (name === "FO" || name === "FT") field = newField(numbers, bars.module);
    else if (name === "BY") {
      [bars.module, , bars.height] = numbers as [number, number, number];
      field.magnification = bars.module;
    } else if (name === "GB") drawBox(sheet.paper, field, numbers);
    else if (name === "GF") drawGraphic(sheet.paper, field, rest);
    else if (name === "A0") field = { ...field, kind: "text", height: numbers[1] as number };
    else if (name === "BC") field = { ...field, kind: "barcode", ...readBarcode(rest) };
    else if (name === "BQ")
      // lower by the height in ^BY, as the firmware does it
      field = { ...field, kind: "qr", y: field.y + bars.height, magnification: numbers[2] as number };
    else if (name === "FD") drawField(sheet, field, unescape(rest));
    else if (!["XA", "CI", "PW", "LL", "LH", "FB", "FH", "FS"].includes(name))
      throw new Error(`^${name}${rest}`);
  }
  return sheet;
}

function newField([x = 0, y = 0]: readonly number[], magnification: number): Field {
  return { x, y, kind: undefined, height: 0, magnification, mode: "N" };
}

function numberAfter(text: string, command: string): number {
  return Number.parseInt(text.slice(text.indexOf(command) + command.length), 10);
}

function readBarcode(rest: string): Pick<Field, "height" | "mode"> {
  const [, height, mode] = /^N,(\d+),N,N,N,([AN])$/.exec(rest) ?? [];
  if (mode !== "A" && mode !== "N") throw new Error(`^BC${rest}`);
  return { height: Number(height), mode };
}

/** `^FH_`: what follows an underscore is a byte. */
function unescape(data: string): string {
  const bytes = data.replace(/_([0-9A-F]{2})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  return bytes.replace(/\n$/, "");
}

function drawBox(
  paper: Paper,
  { x, y }: Field,
  [width = 0, height = 0, border = 1]: readonly number[],
): void {
  if (border < Math.min(width, height)) throw new Error("a hollow box");
  paper.fill(x, y, width, height);
}

function drawField(
  { paper, texts }: PrintedSheet,
  { kind, x, y, height, magnification, mode }: Field,
  data: string,
): void {
  if (kind === "text") texts.push({ x, y, height, text: data });
  else if (kind === "barcode") drawBars(paper, { x, y, height, module: magnification }, symbolOf(mode, data));
  else if (kind === "qr") drawQr(paper, { x, y, module: magnification }, data);
  else throw new Error(`data for no field: ${data}`);
}

function drawBars(
  paper: Paper,
  { x, y, height, module }: { x: number; y: number; height: number; module: number },
  widths: readonly number[],
): void {
  let position = x;
  for (const [index, width] of widths.entries()) {
    if (index % 2 === 0) paper.fill(position, y, width * module, height);
    position += width * module;
  }
}

/** The widths of bars and spaces. */
function symbolOf(mode: Field["mode"], data: string): readonly number[] {
  const raw = codewordsOf(data).map((value) => `^${String(value).padStart(3, "0")}`);
  const [symbol] = mode === "A" ? bwip.raw("code128", data, "") : bwip.raw("code128", raw.join(""), "raw");
  return symbol && "sbs" in symbol ? symbol.sbs : [];
}

/** Mode N: `>` and a sign choose the set; set C takes pairs of digits. */
function codewordsOf(data: string): number[] {
  const words: number[] = [];
  let set = 104;
  for (let at = 0; at < data.length; ) {
    const sign = data[at] as string;
    const code =
      sign === ">" ? (SETS[data[at + 1] as string] ?? SWITCHES[data[at + 1] as string]) : undefined;
    if (code !== undefined) {
      words.push(code);
      if (code !== 102) set = code === 104 || code === 100 ? 104 : 105;
      at += 2;
    } else if (set === 105) {
      const pair = data.slice(at, at + 2);
      if (!/^\d\d$/.test(pair)) throw new Error(`set C has no ${pair}`);
      words.push(Number(pair));
      at += 2;
    } else {
      words.push(sign.charCodeAt(0) - 32);
      at += data.startsWith(">0", at) ? 2 : 1;
    }
  }
  return words;
}

function drawQr(
  paper: Paper,
  { x, y, module }: { x: number; y: number; module: number },
  data: string,
): void {
  const [, level, payload = ""] = /^([HQML])A,(.*)$/s.exec(data) ?? [];
  const [symbol] = bwip.raw("qrcode", payload, `eclevel=${level}`);
  if (!symbol || !("pixs" in symbol)) throw new Error(`no QR code: ${data}`);
  symbol.pixs.forEach((pixel, index) => {
    const column = index % symbol.pixx;
    const row = Math.floor(index / symbol.pixx);
    if (pixel) paper.fill(x + column * module, y + row * module, module, module);
  });
}

/** `^GFA,bytes,bytes,bytes a row,data`, packed as Zebra's manual says. */
function drawGraphic(paper: Paper, { x, y }: Field, rest: string): void {
  const [, total, same, perRow, data = ""] = /^A,(\d+),(\d+),(\d+),(.*)/s.exec(rest) ?? [];
  const digits = 2 * Number(perRow);
  if (total !== same || Number(total) % Number(perRow) !== 0) throw new Error(`^GF${rest.slice(0, 30)}`);
  const rows = unpack(data.trim(), digits);
  if (rows.length * Number(perRow) !== Number(total))
    throw new Error(`${rows.length} rows in ^GF${rest.slice(0, 30)}`);
  rows.forEach((row, down) => {
    const bits = Array.from(row, (digit) => Number.parseInt(digit, 16).toString(2).padStart(4, "0")).join("");
    for (const { index } of bits.matchAll(/1/g)) paper.blacken(x + index, y + down);
  });
}

function unpack(data: string, digits: number): string[] {
  const rows: string[] = [];
  let row = "";
  let count = 0;
  const end = () => {
    if (row.length !== digits) throw new Error(`a row of ${row.length} digits instead of ${digits}`);
    rows.push(row);
    row = "";
  };
  for (const sign of data) {
    if (row.length === digits) end();
    if (/[G-Y]/.test(sign)) count += sign.charCodeAt(0) - 70;
    else if (/[g-z]/.test(sign)) count += (sign.charCodeAt(0) - 102) * 20;
    else if (sign === ":") rows.push(rows.at(-1) as string);
    else if (sign === "," || sign === "!") row = row.padEnd(digits, sign === "," ? "0" : "F");
    else {
      row += sign.repeat(count || 1);
      count = 0;
    }
  }
  if (row !== "") end();
  return rows;
}
