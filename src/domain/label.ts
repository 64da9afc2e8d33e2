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

/** Draws a label; the same content gives the same bytes. */
export type LabelRenderer = (format: LabelFormat, content: LabelContent) => Uint8Array;
