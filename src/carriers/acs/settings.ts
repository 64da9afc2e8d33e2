import { z } from "zod";
import { hostUrl } from "../host-url.ts";
import { statusCorrectionsSchema } from "../status-map.ts";

export const acsSettingsSchema = z.strictObject({
  baseUrl: hostUrl("https://webservices.acscourier.net/ACSRestServices/api"),
  apiKey: z.string().min(1),
  companyId: z.string().min(1),
  companyPassword: z.string().min(1),
  userId: z.string().min(1),
  userPassword: z.string().min(1),
  /** What ACS charges on account, such as `2ΑΘ999999`. */
  billingCode: z.string().min(1),
  /** 2: the sender pays, 4: the recipient. */
  chargeType: z.literal([2, 4]).default(2),
  /** 1: for a thermal printer, 2: three on a page of A4. */
  printType: z.literal([1, 2]).default(1),
  /** What is inside, by ACS's list; parcels to Cyprus need it. */
  contentType: z.int().optional(),
  /**
   * From when on, by Athens's clock, the day's vouchers are put on a pickup list by themselves, such as `16:30`; later
   * ones soon after they are made. Left out: whoever is responsible says when.
   */
  closeDayAt: z
    .string()
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a time such as 16:30")
    .optional(),
  /** Corrections by the text of a checkpoint, or by the number of a shipment's status. */
  statuses: statusCorrectionsSchema,
});

export type AcsSettings = z.output<typeof acsSettingsSchema>;
