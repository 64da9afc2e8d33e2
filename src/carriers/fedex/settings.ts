import { z } from "zod";
import { hostUrl } from "../host-url.ts";
import { statusCorrectionsSchema } from "../status-map.ts";

const text = z.string().trim().min(1);

/** FedEx gives out keys by project; Ship and Track are two of them, unless one project has both. */
const projectSchema = z.strictObject({ clientId: text, clientSecret: text });

export const fedexSettingsSchema = projectSchema.extend({
  baseUrl: hostUrl("https://apis.fedex.com"),
  accountNumber: text,
  /** Left out: the project above may track as well. */
  tracking: projectSchema.optional(),
  /** The customer's own key below a reseller's project. */
  child: z.strictObject({ key: text, secret: text }).optional(),
  service: text.default("FEDEX_GROUND"),
  pickupType: text.default("USE_SCHEDULED_PICKUP"),
  packagingType: text.default("YOUR_PACKAGING"),
  labelFormat: z.enum(["zpl", "pdf", "png"]).default("zpl"),
  /** Security tokens of the webhook project; two while one replaces the other. Empty: nothing is accepted. */
  webhookSecrets: z.array(text).default([]),
  statuses: statusCorrectionsSchema,
});

export type FedexSettings = z.infer<typeof fedexSettingsSchema>;
