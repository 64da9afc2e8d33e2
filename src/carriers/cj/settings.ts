import { z } from "zod";
import { hostUrl } from "../host-url.ts";
import { statusCorrectionsSchema } from "../status-map.ts";

export const cjSettingsSchema = z.strictObject({
  /** For trying out: https://dxapi-dev.cjlogistics.com:5054 */
  baseUrl: hostUrl("https://dxapi.cjlogistics.com:5052"),
  customerId: z.string().min(1),
  /** The registration of the business that is billed, digits only. */
  businessNumber: z.string().regex(/^\d{10}$/, "must be ten digits"),
  /** 01 tiny, 02 small, 03 medium, 04 large, 05 odd. */
  boxType: z
    .string()
    .regex(/^\d{2}$/)
    .default("02"),
  /** 01 prepaid, 02 the recipient pays, 03 on account. */
  freight: z.enum(["01", "02", "03"]).default("03"),
  /** What goods are called when it isn't known what is in the boxes. */
  content: z.string().min(1).default("상품"),
  labelFormat: z.enum(["zpl", "pdf"]).default("zpl"),
  statuses: statusCorrectionsSchema,
});

export type CjSettings = z.output<typeof cjSettingsSchema>;
