import type { z } from "zod";
import { WebhookRejected } from "./carrier.ts";

/** Reads a delivery, or what is in it. One that isn't as documented is refused, so that the carrier notices. */
export function readDelivery<Shape>(body: Uint8Array | string, shape: z.ZodType<Shape>): Shape {
  try {
    return shape.parse(JSON.parse(typeof body === "string" ? body : Buffer.from(body).toString("utf8")));
  } catch (error) {
    throw new WebhookRejected(`the delivery is not as documented: ${String(error).slice(0, 500)}`);
  }
}
