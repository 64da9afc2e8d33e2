import { z } from "zod";
import { hostUrl } from "../host-url.ts";
import { statusCorrectionsSchema } from "../status-map.ts";

export const yunExpressSettingsSchema = z.strictObject({
  baseUrl: hostUrl("https://openapi.yunexpress.cn"),
  appId: z.string().min(1),
  appSecret: z.string().min(1),
  sourceKey: z.string().min(1),
  /** The product that is booked when an order names no service. */
  productCode: z.string().min(1),
  /** What one unit is declared to be worth, for customs; we don't know the price of goods. */
  declaredUnitPrice: z.number().positive(),
  declaredCurrency: z.string().length(3).default("USD"),
  /** By SKU: the goods' number in the harmonised system, where the country asks for it. */
  hsCodes: z.record(z.string(), z.string()).default({}),
  /** The sender's number for VAT of low values, for parcels to the European Union. */
  iossNumber: z.string().optional(),
  /** Whether the query is signed with the path; customers' programs differ. */
  signQuery: z.boolean().default(false),
  statuses: statusCorrectionsSchema,
});

export type YunExpressSettings = z.output<typeof yunExpressSettingsSchema>;
