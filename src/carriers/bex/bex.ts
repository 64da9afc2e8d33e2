import type { z } from "zod";
import { readLabelBytes } from "../../domain/label-bytes.ts";
import { type CarrierHost, createCarrierHost } from "../answers.ts";
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
import { withHeaders } from "../fixed-headers.ts";
import { jsonPost, parsedJson } from "../json-body.ts";
import { createStatusReader } from "../status-map.ts";
import type { CarrierTools } from "../tools.ts";
import type { BexSettings } from "./settings.ts";
import { bookedSchema, labelSchema, shipmentsOf } from "./shipments.ts";
import { createStateReader } from "./state.ts";

const BEX = { code: "bex", name: "BEX" } as const;

const CAPABILITIES: CarrierCapabilities = {
  labelFormats: ["pdf"],
  repeat: "never",
  voidsLabels: true,
  tracking: "poll",
  trackingBatchSize: 1,
  minPollSeconds: 3600,
  rateLimit: null,
};

/** Shipments of BEX in Serbia. */
export function createBexCarrier(settings: BexSettings, tools: CarrierTools): Carrier {
  const host = createCarrierHost({
    client: withHeaders(tools.outside({ service: BEX.code, baseUrl: settings.baseUrl }), {
      "X-AUTH-TOKEN": settings.token,
    }),
    name: BEX.name,
    readError: () => undefined,
    now: tools.now,
  });
  const { statuses: codes } = settings;
  const statusOf = createStatusReader({ codes, fallbacks: { text: codes } });
  const track = createStateReader(host, { statusOf, now: tools.now, code: BEX.code });
  return {
    ...BEX,
    capabilities: CAPABILITIES,
    createLabel: (request) => book(host, request, settings),
    voidLabel: (label) => remove(host, label, track),
    track,
  };
}

async function book(host: CarrierHost, request: LabelRequest, settings: BexSettings): Promise<LabelPurchase> {
  const body = shipmentsOf(request, settings);
  const call = { ...jsonPost("create_label", "ship/api/Ship/postShipments", body), buys: true };
  const numbers = await numbersIn(host, await host.askJson(call, bookedSchema), request);
  const labels: BoughtLabel[] = [];
  for (const [index, { sequence_number }] of request.packages.entries())
    labels.push(
      await printOne(host, { sequence_number, tracking_number: numbers[index] as string }, settings),
    );
  return { labels };
}

/** As many numbers as boxes, or none of them stands; that is for sure only when BEX says no. */
async function numbersIn(
  host: CarrierHost,
  { reqstate, reqerr, shipmentsResultList: results }: z.output<typeof bookedSchema>,
  { packages }: LabelRequest,
): Promise<string[]> {
  const numbers = results.flatMap(({ state, shipmentId }) =>
    state && Number(shipmentId) > 0 ? [String(shipmentId)] : [],
  );
  if (numbers.length === packages.length) return numbers;
  if (reqstate !== false && results.every(({ state }) => state))
    throw new CarrierUncertain(
      `BEX says that it has booked ${packages.length} boxes, and gives these numbers: ${numbers.join(", ") || "none"}`,
    );
  await giveBack(host, numbers);
  const reasons = [reqerr, ...results.map(({ err }) => err)].filter(Boolean);
  throw new CarrierRefusal(`BEX refused the shipment: ${reasons.join("; ") || "no reason given"}`);
}

async function printOne(
  host: CarrierHost,
  { sequence_number, tracking_number }: Pick<BoughtLabel, "sequence_number" | "tracking_number">,
  { labelPageSize }: BexSettings,
): Promise<BoughtLabel> {
  const query = `pageSize=${labelPageSize}&pagePosition=1&shipmentId=${tracking_number}&parcelNo=1`;
  const path = `ShipDNF/Ship/getLabelWithProperties?${query}`;
  try {
    const printed = await host.askJson({ operation: "print_label", method: "GET", path }, labelSchema);
    if (!printed.state) throw new Error(printed.err || "no reason given");
    const data = readLabelBytes("pdf", Buffer.from(printed.parcelLabel ?? "", "base64"));
    return { sequence_number, tracking_number, format: "pdf", data };
  } catch (error) {
    const text = `BEX has booked shipment ${tracking_number}, but not printed its label: ${String(error)}`;
    throw new CarrierUncertain(text, { cause: error });
  }
}

/** A box whose fellow was refused stays here. */
async function giveBack(host: CarrierHost, numbers: readonly string[]): Promise<void> {
  try {
    for (const number of numbers) await removeOne(host, number);
  } catch (error) {
    const text = `BEX refused some of the boxes, and did not take back ${numbers.join(", ")}: ${String(error)}`;
    throw new CarrierUncertain(text, { cause: error });
  }
}

/** BEX can't be asked what there is under our reference. */
async function remove(
  host: CarrierHost,
  { tracking_numbers }: LabelToVoid,
  track: NonNullable<Carrier["track"]>,
): Promise<void> {
  for (const tracking_number of tracking_numbers) {
    try {
      await removeOne(host, tracking_number);
    } catch (error) {
      // What a repeated deletion is told isn't known, but how the shipment stands is.
      const facts = await track([{ tracking_number, shipped_at: null }]);
      if (!facts.some(({ status }) => status === "cancelled")) throw error;
    }
  }
}

async function removeOne(host: CarrierHost, number: string): Promise<void> {
  const body = { shipmentId: Number(number) };
  const answer = await host.find({
    ...jsonPost("void_label", "ship/api/Ship/delete", body),
    repeatable: true,
  });
  const said = answer ? labelSchema.partial().safeParse(parsedJson(answer.body)) : undefined;
  if (said?.success && said.data.state === false && said.data.err)
    throw new CarrierRefusal(`BEX did not delete shipment ${number}: ${said.data.err}`);
}
