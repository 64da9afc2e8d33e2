import { Counter, type Registry } from "prom-client";

export type CountDelivery = (carrier_code: string, outcome: string) => void;

/** What came of what carriers' hosts sent. */
export function createWebhookMetrics(registry: Registry): CountDelivery {
  const deliveries = new Counter({
    name: "wms_webhook_deliveries_total",
    help: "Deliveries of carriers' hosts by outcome: taken, repeated, rejected (not the carrier's, or not now), unavailable.",
    labelNames: ["carrier_code", "outcome"],
    registers: [registry],
  });
  return (carrier_code, outcome) => deliveries.inc({ carrier_code, outcome });
}
