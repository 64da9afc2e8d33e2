import { type Address, addressLines } from "../domain/address.ts";
import type { LabelContent } from "../domain/label.ts";

/** A 4 × 6 inch label at 203 dots an inch: the common thermal printer's. */
export const WIDTH = 812;
export const HEIGHT = 1218;

export type Shape =
  /** `x`, `y`: the upper left corner. `size`: the height of the characters. */
  | { kind: "text"; x: number; y: number; size: number; width: number; text: string; bold?: boolean }
  | { kind: "line"; x: number; y: number; width: number; height: number }
  /** Centred within `width`, with the quiet zones that scanners need. */
  | { kind: "barcode"; x: number; y: number; width: number; height: number; text: string };

const MARGIN = 36;
const INNER = WIDTH - 2 * MARGIN;
const MAX_LINES = 6;

/** What stands where; the same for every format. */
export function layoutLabel(content: LabelContent): Shape[] {
  return [...sender(content), ...recipient(content.to), ...references(content), ...barcode(content)];
}

function sender({ carrier_name, service, from }: LabelContent): Shape[] {
  return [
    text(MARGIN, 30, 40, INNER, [carrier_name, service].filter(Boolean).join(" · "), true),
    line(84),
    text(MARGIN, 100, 22, INNER, "FROM"),
    ...addressLines(from)
      .slice(0, MAX_LINES)
      .map((part, index) => text(MARGIN, 128 + index * 27, 24, INNER, part)),
    line(306),
  ];
}

function recipient(to: Address): Shape[] {
  const phone = to.phone ? [text(MARGIN, 596, 26, INNER, to.phone)] : [];
  return [
    text(MARGIN, 322, 22, INNER, "SHIP TO"),
    ...addressLines(to)
      .slice(0, MAX_LINES)
      .map((part, index) => text(MARGIN, 352 + index * 40, 36, INNER, part, true)),
    ...phone,
    line(636),
  ];
}

function references({ order_number, sequence_number, package_count, weight }: LabelContent): Shape[] {
  return [
    text(MARGIN, 654, 26, INNER, `ORDER ${order_number}`),
    text(MARGIN, 692, 26, 400, `PACKAGE ${sequence_number} OF ${package_count}`, true),
    text(MARGIN + 420, 692, 26, INNER - 420, `${weight.toFixed(2)} KG`, true),
    line(736),
  ];
}

function barcode({ tracking_number }: LabelContent): Shape[] {
  return [
    { kind: "barcode", x: MARGIN, y: 776, width: INNER, height: 290, text: tracking_number },
    text(MARGIN, 1092, 40, INNER, tracking_number, true),
  ];
}

function text(x: number, y: number, size: number, width: number, value: string, bold = false): Shape {
  return { kind: "text", x, y, size, width, text: value, bold };
}

function line(y: number): Shape {
  return { kind: "line", x: MARGIN, y, width: INNER, height: 3 };
}
