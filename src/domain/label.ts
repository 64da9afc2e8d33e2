import type { Address } from "./address.ts";
import type { LabelFormat } from "./vocabulary.ts";

/** Everything that stands on a parcel's label. */
export interface LabelContent {
  carrier_name: string;
  service: string;
  from: Address;
  to: Address;
  order_number: string;
  tracking_number: string;
  /** The box's own number in the supply chain, 18 digits: where the warehouse has a GS1 company prefix. */
  sscc?: string;
  /** What the QR code holds: a URL, say; left out: the tracking number. */
  qr?: string;
  /** The carrier's own code of the way to the door, printed large: such as `4W51 A-02`. */
  sort_code?: string;
  /** What the carrier wants to be printed besides, one line each: such as the name of the branch. */
  extra_lines?: string[];
  /** Package so-and-so of so many. */
  sequence_number: number;
  package_count: number;
  /** kg */
  weight: number;
}

export const LABEL_CONTENT_TYPES: Record<LabelFormat, string> = {
  zpl: "application/zpl",
  pdf: "application/pdf",
  png: "image/png",
};

/** The paper: 4 × 6 inches, or A6, 105 × 148 mm. */
export type LabelPage = "4x6" | "a6";
/** Dots an inch of the printer. */
export type LabelDpi = 203 | 300;

/** What a label is printed on. */
export interface LabelMedia {
  page: LabelPage;
  /** Of ZPL and PNG; a PDF has no dots. */
  dpi: LabelDpi;
}

export const USUAL_MEDIA: LabelMedia = { page: "4x6", dpi: 203 };

/** Draws labels on one sheet each, as one document; the same contents give the same bytes. A PNG shows one label only. */
export type LabelPrinter = (
  format: LabelFormat,
  contents: readonly LabelContent[],
  media: LabelMedia,
) => Uint8Array;

/** Draws a label for the usual printer; the same content gives the same bytes. */
export type LabelRenderer = (format: LabelFormat, content: LabelContent) => Uint8Array;
