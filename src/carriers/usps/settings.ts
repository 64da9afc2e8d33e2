import { z } from "zod";
import type { LabelFormat } from "../../domain/vocabulary.ts";
import { hostUrl } from "../host-url.ts";
import { statusCorrectionsSchema } from "../status-map.ts";

const text = z.string().trim().min(1);

/** USPS's names of the forms of a label that we can store, and ours. */
export const LABEL_FORMATS = {
  ZPL203DPI: "zpl",
  ZPL300DPI: "zpl",
  PDF: "pdf",
  PNG: "png",
} as const satisfies Record<string, LabelFormat>;

export const uspsSettingsSchema = z.strictObject({
  baseUrl: hostUrl("https://apis.usps.com"),
  clientId: text,
  clientSecret: text,
  /** Who pays, and whose labels they are; from the Business Customer Gateway. */
  crid: text,
  mid: text,
  manifestMid: text,
  accountType: z.enum(["EPS", "PERMIT"]).default("EPS"),
  accountNumber: text,
  /** The mail class of shipments for which no service is named. */
  service: text.default("USPS_GROUND_ADVANTAGE"),
  rateIndicator: text.default("SP"),
  processingCategory: text.default("MACHINABLE"),
  imageType: z.enum(["ZPL203DPI", "ZPL300DPI", "PDF", "PNG"]).default("ZPL203DPI"),
  /** By whose calendar parcels are mailed today. */
  timeZone: text.default("America/New_York"),
  /** v3 takes one number in a call, v3r2 takes 35. */
  trackingApi: z.enum(["v3", "v3r2"]).default("v3"),
  /** An app begins with about 60 calls an hour; USPS raises it on request. */
  callsPerHour: z.int().positive().default(60),
  /** Of the tracking subscription; two while one replaces the other. Empty: nothing is accepted. */
  webhookSecrets: z.array(text).default([]),
  statuses: statusCorrectionsSchema,
});

export type UspsSettings = z.infer<typeof uspsSettingsSchema>;
