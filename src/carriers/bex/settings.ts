import { z } from "zod";
import { TRACKING_STATUSES } from "../../domain/vocabulary.ts";
import { hostUrl } from "../host-url.ts";

export const bexSettingsSchema = z.strictObject({
  baseUrl: hostUrl("https://api.bex.rs:62502"),
  token: z.string().min(1),
  /** BEX's number of this client, by which it knows where to fetch the parcels. */
  clientId: z.string().min(1),
  /** What BEX's status numbers, or texts, mean. Tables that are about contradict each other, so ask BEX for its own. */
  statuses: z
    .record(z.string(), z.enum(TRACKING_STATUSES))
    .refine(
      (statuses) => Object.keys(statuses).length > 0,
      'must have BEX\'s own table, such as {"1": "in_transit"}',
    ),
  serviceSpeed: z.int().default(1),
  shipmentType: z.int().default(1),
  /** The category of the tariff; left out: by weight, as BEX sorts packages. */
  category: z.int().optional(),
  /** The kind of contents, by BEX's list. */
  contents: z.int().default(1),
  /** Who pays how; 6: the client, by bank transfer. */
  payType: z.int().default(6),
  /** 4: a page of A4, 6: a page of A6. */
  labelPageSize: z.literal([4, 6]).default(6),
});

export type BexSettings = z.output<typeof bexSettingsSchema>;
