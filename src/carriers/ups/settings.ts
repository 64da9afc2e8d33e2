import { z } from "zod";
import { hostUrl } from "../host-url.ts";
import { statusCorrectionsSchema } from "../status-map.ts";

const text = z.string().trim().min(1);

export const upsSettingsSchema = z.strictObject({
  baseUrl: hostUrl("https://onlinetools.ups.com"),
  clientId: text,
  clientSecret: text,
  merchantId: text.optional(),
  /** The shipper number: it is billed. */
  accountNumber: text,
  /** The code of the service of shipments for which none is named: 03 is UPS Ground. */
  service: text.default("03"),
  packagingCode: text.default("02"),
  units: z.enum(["metric", "imperial"]).default("metric"),
  /** UPS sells labels as ZPL; a PDF is made of one that is sold, in a second call. */
  labelFormat: z.enum(["zpl", "pdf"]).default("zpl"),
  /** What Track Alert sends in its `credential` header; two while one replaces the other. Empty: nothing is accepted. */
  webhookSecrets: z.array(text).default([]),
  statuses: statusCorrectionsSchema,
});

export type UpsSettings = z.infer<typeof upsSettingsSchema>;
