import { z } from "zod";
import { hostUrl } from "../host-url.ts";
import { statusCorrectionsSchema } from "../status-map.ts";

const text = z.string().trim().min(1);
const customerNumber = z.string().regex(/^\d{1,10}$/, "must be a customer number of up to ten digits");

/** For customers with a contract; the shipping of customers without one is another API. */
export const canadaPostSettingsSchema = z.strictObject({
  baseUrl: hostUrl("https://soa-gw.canadapost.ca"),
  username: text,
  password: text,
  customerNumber,
  /** On whose behalf parcels are mailed. Left out: the customer's own. */
  mailedOnBehalfOf: customerNumber.optional(),
  contractId: z.string().regex(/^\d{1,10}$/, "must be a contract number of up to ten digits"),
  paymentMethod: text.default("Account"),
  service: text.default("DOM.EP"),
  labelFormat: z.enum(["pdf", "zpl"]).default("pdf"),
  /** Left out: each shipment is transmitted at once. Given: it waits in this group for a manifest, made elsewhere. */
  groupId: z.string().trim().min(1).max(32).optional(),
  /** Canada Post writes here about labels that are given back after they were transmitted. */
  refundEmail: z.email(),
  /** 20 a minute, or 500 for customers whose limit was raised. */
  trackingCallsPerMinute: z.int().positive().default(20),
  statuses: statusCorrectionsSchema,
});

export type CanadaPostSettings = z.infer<typeof canadaPostSettingsSchema>;
