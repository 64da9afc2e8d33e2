import { type Address, addressLines } from "../domain/address.ts";
import type { LabelContent, LabelPage } from "../domain/label.ts";
import { isSscc } from "../domain/tracking-numbers.ts";
import { code128, ssccCode } from "./code128.ts";
import { qrCode } from "./qr-code.ts";
import { type Area, type Shape, SSCC_MODULES, TRACKING_MODULES, textBlock } from "./shapes.ts";
import { LINE, type Line } from "./typeset.ts";

/** Millimetres. */
export const PAGES: Record<LabelPage, { width: number; height: number }> = {
  "4x6": { width: 101.6, height: 152.4 },
  a6: { width: 105, height: 148 },
};

/** Printers do not reach the paper's edges. */
const MARGIN = 3;
const RULE = 0.375; // three dots of the usual printer
const PADDING = 1.25;
const CAPTION = 2.2;
const QR = 30;

/** A strip across the label. */
interface Row {
  /** "rest": what the others leave. */
  height: number | "rest";
  draw: (area: Area) => Shape[];
}

/** What stands where on one sheet, the same for every format. */
export function layoutLabel(content: LabelContent, page: LabelPage): Shape[] {
  const rows = rowsOf(content);
  const { width, height } = PAGES[page];
  const inner = { x: MARGIN, width: width - 2 * MARGIN };
  const taken = rows.reduce((sum, row) => sum + (row.height === "rest" ? 0 : row.height), 0);
  let y = MARGIN;
  return rows.flatMap((row, index) => {
    const rowHeight = row.height === "rest" ? height - 2 * MARGIN - taken : row.height;
    const rule: Shape = { kind: "rule", ...inner, y, height: RULE };
    const top = y + RULE + PADDING;
    y += rowHeight;
    const shapes = row.draw({ ...inner, y: top, height: y - top - PADDING / 2 });
    return index === 0 ? shapes : [rule, ...shapes];
  });
}

/** From the top down. The SSCC's code is the lowest, as GS1 wants it; without one there is more room for the others. */
function rowsOf(content: LabelContent): Row[] {
  const { sort_code = "", extra_lines = [], sscc = "" } = content;
  const heights = isSscc(sscc) ? { sender: 15, tracking: 24 } : { sender: 22, tracking: 46 };
  return [
    { height: 11, draw: (area) => carrier(area, content) },
    ...(sort_code === "" ? [] : [{ height: 12, draw: (area: Area) => sortCode(area, sort_code) }]),
    { height: heights.sender, draw: (area) => senderAndReferences(area, content) },
    { height: "rest", draw: (area) => recipient(area, content) },
    ...(extra_lines.length === 0 ? [] : [extras(extra_lines)]),
    { height: heights.tracking, draw: (area) => tracking(area, content.tracking_number) },
    ...(isSscc(sscc) ? [{ height: 40.5, draw: (area: Area) => ssccRow(area, sscc) }] : []),
  ];
}

function carrier(area: Area, { carrier_name, service }: LabelContent): Shape[] {
  const left = { ...area, width: area.width * 0.6 };
  const right = { ...area, x: area.x + area.width * 0.63, width: area.width * 0.37 };
  return [
    ...textBlock(left, [bold(carrier_name)], { largest: 7, smallest: 2.5 }),
    ...textBlock(right, [bold(service)], { largest: 7, smallest: 2.5 }, "right"),
  ];
}

function sortCode(area: Area, text: string): Shape[] {
  return textBlock(area, [bold(text)], { largest: 8, smallest: 3 }, "centre");
}

function senderAndReferences(area: Area, content: LabelContent): Shape[] {
  const { from, order_number, sequence_number, package_count, weight } = content;
  const left = { ...area, width: area.width * 0.55 };
  const right = { ...area, x: area.x + area.width * 0.6, width: area.width * 0.4 };
  const references = [
    bold(`PACKAGE ${sequence_number} OF ${package_count}`),
    bold(`${weight.toFixed(2)} KG`),
    regular(`ORDER ${order_number}`),
  ];
  return [
    ...captioned(left, "FROM", [...streetLines(from), placeLine(from)].map(regular), 2.6),
    ...textBlock(right, references, { largest: 3.8, smallest: 2 }),
  ];
}

function recipient(area: Area, { to, qr, tracking_number }: LabelContent): Shape[] {
  const payload = qr ?? tracking_number;
  const code = qrCode(payload);
  const side = Math.min(QR, area.height);
  const square = { ...area, x: area.x + area.width - side, width: side, height: side };
  const beside = { ...area, width: code ? area.width - side : area.width };
  return [
    ...captioned(beside, "SHIP TO", recipientLines(to), 6),
    ...(code ? [{ kind: "qr" as const, code, payload, ...square }] : []),
  ];
}

function recipientLines(to: Address): Line[] {
  const [name = "", ...street] = streetLines(to);
  const phone = to.phone === "" ? [] : [regular(`TEL ${to.phone}`)];
  return [bold(name), ...street.map(regular), bold(placeLine(to)), ...phone];
}

/** All but the place. */
function streetLines(address: Address): string[] {
  return addressLines({ ...address, postal_code: "", city: "", state: "", country: "" });
}

/** Where the postal code stands behind the town, as their post offices want it. */
const CODE_LAST = ["AU", "CA", "GB", "IE", "IN", "NZ", "US"];

function placeLine({ postal_code, city, state, country }: Address): string {
  const parts = CODE_LAST.includes(country) ? [city, state, postal_code] : [postal_code, city, state];
  return [parts.filter(Boolean).join(" "), country].filter(Boolean).join(", ");
}

function extras(lines: readonly string[]): Row {
  return {
    height: Math.min(14, 2 + 3.5 * lines.length),
    draw: (area) => textBlock(area, lines.map(regular), { largest: 3.4, smallest: 1.6 }),
  };
}

function tracking(area: Area, number: string): Shape[] {
  const code = code128(number);
  return barcodeAndText(area, number, code && { code, modules: TRACKING_MODULES });
}

function ssccRow(area: Area, sscc: string): Shape[] {
  return barcodeAndText(area, `(00) ${sscc}`, { code: ssccCode(sscc), modules: SSCC_MODULES });
}

const READABLE_TEXT = 5;

/** The text is below the bars: for people, when the bars can't be read. */
function barcodeAndText(
  area: Area,
  text: string,
  symbol: Pick<Shape & { kind: "barcode" }, "code" | "modules"> | undefined,
): Shape[] {
  const height = area.height - READABLE_TEXT - PADDING;
  const below = { ...area, y: area.y + height + 0.5, height: READABLE_TEXT + PADDING - 0.5 };
  const readable = textBlock(below, [bold(text)], { largest: 4.5, smallest: 1.5 }, "centre");
  return symbol ? [{ kind: "barcode", ...area, height, ...symbol }, ...readable] : readable;
}

function captioned(area: Area, caption: string, lines: readonly Line[], largest: number): Shape[] {
  const head = { ...area, height: CAPTION * LINE };
  const body = { ...area, y: area.y + head.height, height: area.height - head.height };
  return [
    ...textBlock(head, [regular(caption)], { largest: CAPTION, smallest: CAPTION }),
    ...textBlock(body, lines, { largest, smallest: 1.6 }),
  ];
}

function bold(text: string): Line {
  return { text, weight: "bold" };
}

function regular(text: string): Line {
  return { text, weight: "regular" };
}
