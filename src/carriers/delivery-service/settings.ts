import { z } from "zod";
import { hostAddressSchema } from "../host-url.ts";

export const deliveryServiceSettingsSchema = z.strictObject({
  /** Where the delivery service is. */
  baseUrl: hostAddressSchema,
  /** Through which of its providers it ships when an order names no service, such as `PostExpress`. */
  provider: z.string().min(1).default("PostExpress"),
  /** By which its shipments know this warehouse, and on whose behalf it asks. */
  warehouseId: z.int().positive().default(1),
  userId: z.int().nonnegative().default(0),
  /** Sent as a bearer when the service asks for one. */
  token: z.string().min(1).optional(),
  /** Of the labels that we draw, for providers that give none. */
  labelFormat: z.enum(["zpl", "pdf"]).default("zpl"),
});

export type DeliveryServiceSettings = z.output<typeof deliveryServiceSettingsSchema>;
