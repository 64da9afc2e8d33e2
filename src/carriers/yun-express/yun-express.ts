import { z } from "zod";
import { readLabelBytes } from "../../domain/label-bytes.ts";
import { type CarrierHost, readJson } from "../answers.ts";
import {
  type BoughtLabel,
  type Carrier,
  type CarrierCapabilities,
  CarrierRefusal,
  CarrierUncertain,
  type LabelPurchase,
  type LabelRequest,
  type LabelToVoid,
} from "../carrier.ts";
import { jsonPost } from "../json-body.ts";
import { formatOfLabel } from "../label-format.ts";
import { createStatusReader } from "../status-map.ts";
import type { CarrierTools } from "../tools.ts";
import { createYunExpressHosts, YUN_EXPRESS, type YunExpressHosts } from "./client.ts";
import { findTracked, track } from "./journey.ts";
import { orderOf } from "./order.ts";
import type { YunExpressSettings } from "./settings.ts";
import statuses from "./statuses.json" with { type: "json" };

const CAPABILITIES: CarrierCapabilities = {
  labelFormats: ["pdf"],
  repeat: "lookup",
  voidsLabels: true,
  tracking: "poll",
  trackingBatchSize: 1,
  minPollSeconds: 3600,
  rateLimit: null,
};

const waybillSchema = z.object({
  result: z.object({ waybill_number: z.string().trim().min(1), customer_order_number: z.string().nullish() }),
});
const labelSchema = z.object({
  result: z.object({ url: z.string().nullish(), label_string: z.string().nullish() }),
});

/** Orders of YunExpress's open platform, under their waybill number: the last mile's own number may come later. */
export function createYunExpressCarrier(settings: YunExpressSettings, tools: CarrierTools): Carrier {
  const hosts = createYunExpressHosts(settings, tools);
  const statusOf = createStatusReader(statuses, settings.statuses);
  return {
    ...YUN_EXPRESS,
    capabilities: CAPABILITIES,
    createLabel: async (request) => {
      const order = orderOf(request, settings);
      return purchaseOf(hosts, request, await createOrder(hosts.api, order));
    },
    findByReference: async (request) => {
      const waybill = await findWaybill(hosts.api, request.reference);
      return waybill === undefined ? undefined : purchaseOf(hosts, request, waybill);
    },
    voidLabel: (label) => cancel(hosts.api, label),
    track: (parcels) => track(hosts.api, parcels, statusOf),
  };
}

/** An order number that was used before is refused; then the order stands already, and is ours. */
async function createOrder(host: CarrierHost, order: ReturnType<typeof orderOf>): Promise<string> {
  const call = { ...jsonPost("create_label", "v1/order/package/create", order), buys: true };
  try {
    return readJson(await host.ask(call), { name: YUN_EXPRESS.name, call, shape: waybillSchema }).result
      .waybill_number;
  } catch (error) {
    if (!(error instanceof CarrierRefusal)) throw error;
    const waybill = await findWaybill(host, order.customer_order_number);
    if (waybill !== undefined) return waybill;
    if (error.code === ORDERED_BEFORE || ALREADY.test(error.message))
      throw hidden(order.customer_order_number, error);
    throw error;
  }
}

const ORDERED_BEFORE = "02039066";
const ALREADY = /重复|已存在|already|duplicate/i;

function hidden(reference: string, cause: CarrierRefusal): CarrierUncertain {
  const text = `YunExpress says that it has order ${reference} already, and doesn't show it: ${cause.message}`;
  return new CarrierUncertain(text, { cause });
}

/** YunExpress takes our own number in place of its; what it says when there is none has not been seen. */
async function findWaybill(host: CarrierHost, reference: string): Promise<string | undefined> {
  const path = `v1/order/info/get?order_number=${encodeURIComponent(reference)}`;
  try {
    const call = { operation: "find_label", method: "GET", path } as const;
    const { result } = await host.askJson(call, waybillSchema);
    return result.customer_order_number === reference ? result.waybill_number : undefined;
  } catch (error) {
    if (error instanceof CarrierRefusal) return undefined;
    throw error;
  }
}

async function purchaseOf(
  hosts: YunExpressHosts,
  { packages }: LabelRequest,
  tracking_number: string,
): Promise<LabelPurchase> {
  try {
    const label = await fetchLabel(hosts, tracking_number);
    return {
      labels: packages.map(({ sequence_number }) => ({ sequence_number, tracking_number, ...label })),
    };
  } catch (error) {
    const text = `YunExpress has order ${tracking_number}, but not given its label: ${String(error)}`;
    throw new CarrierUncertain(text, { cause: error });
  }
}

/** A PDF; some products have a picture. */
async function fetchLabel(
  { api, open }: YunExpressHosts,
  number: string,
): Promise<Pick<BoughtLabel, "format" | "data">> {
  const path = `v1/order/label/get?order_number=${encodeURIComponent(number)}`;
  const call = { operation: "print_label", method: "GET", path } as const;
  const { label_string, url } = (await api.askJson(call, labelSchema)).result;
  const data = label_string
    ? Buffer.from(label_string.replace(/^data:[^,]*,/, ""), "base64")
    : (await open.ask({ operation: "download_label", method: "GET", path: url ?? "" })).body;
  const format = formatOfLabel(data) ?? "pdf";
  return { format, data: readLabelBytes(format, data) };
}

/** Nothing is cancelled that was never ordered; an order that is cancelled already stays so. */
async function cancel(host: CarrierHost, { reference, tracking_numbers }: LabelToVoid): Promise<void> {
  const [given] = tracking_numbers;
  const waybill_number = given ?? (await findWaybill(host, reference));
  if (waybill_number === undefined) return;
  try {
    const call = jsonPost("void_label", "v1/order/cancel", { waybill_number });
    await host.ask({ ...call, repeatable: true });
  } catch (error) {
    if (!(error instanceof CarrierRefusal)) throw error;
    const tracked = await findTracked(host, waybill_number);
    if (tracked?.package_status !== "C") throw error;
  }
}
