import { z } from "zod";
import { hostUrl } from "../host-url.ts";
import { statusCorrectionsSchema } from "../status-map.ts";

export const dExpressSettingsSchema = z.strictObject({
  baseUrl: hostUrl("https://usersupport.dexpress.rs/ExternalApi"),
  /** Which credentials they are decides whether it is for real. */
  username: z.string().min(1),
  password: z.string().min(1),
  /** The contract's number. */
  clientId: z.string().regex(/^UK\d{5}$/, "must be UK and five digits"),
  /** The package codes that D Express has assigned: two letters, and from which number to which. */
  codes: z.strictObject({
    prefix: z.string().regex(/^[A-Z]{2}$/, "must be two capital letters"),
    first: z.int().min(0).max(9_999_999_999),
    last: z.int().min(0).max(9_999_999_999),
  }),
  /** What its notifications have to bring along; two while it is replaced. None: notifications are refused. */
  passcodes: z.array(z.string().min(8)).max(2).default([]),
  /** D Express's town ids by postal code, where its own list is ambiguous or to be overruled. */
  towns: z.record(z.string(), z.int()).default({}),
  /** What is in the parcels, as it is to stand in the announcement. */
  content: z.string().min(1).max(50).default("roba"),
  /** 1: today, 2: regular. */
  deliveryType: z.literal([1, 2]).default(2),
  /** Who pays: 0 the client, 1 where it is picked up, 2 the recipient. */
  paymentBy: z.literal([0, 1, 2]).default(0),
  /** 1: in cash, 2: by invoice. */
  paymentType: z.literal([1, 2]).default(2),
  labelFormat: z.enum(["zpl", "pdf"]).default("zpl"),
  statuses: statusCorrectionsSchema,
});

export type DExpressSettings = z.output<typeof dExpressSettingsSchema>;
