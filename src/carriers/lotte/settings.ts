import { z } from "zod";
import { hostUrl } from "../host-url.ts";
import { statusCorrectionsSchema } from "../status-map.ts";

export const lotteSettingsSchema = z.strictObject({
  /** For trying out: https://devapigw.llogis.com:10100 */
  baseUrl: hostUrl("https://apigw.llogis.com:10100"),
  apiKey: z.string().min(1),
  /** Lotte's code of this customer (jobCustCd). */
  customerCode: z.string().min(1),
  /** The numbers that Lotte has assigned: eleven digits each, a check digit follows them. */
  numbers: z.strictObject({
    first: z.int().min(10_000_000_000).max(99_999_999_999),
    last: z.int().min(10_000_000_000).max(99_999_999_999),
  }),
  /** 01 prepaid, 02 the recipient pays, 03 on account. */
  freight: z.enum(["01", "02", "03"]).default("03"),
  boxType: z.enum(["A", "B", "C", "D", "E", "F"]).default("C"),
  /** What goods are called when it isn't known what is in the boxes. */
  content: z.string().min(1).default("상품"),
  labelFormat: z.enum(["zpl", "pdf"]).default("zpl"),
  statuses: statusCorrectionsSchema,
});

export type LotteSettings = z.output<typeof lotteSettingsSchema>;
