import { readLabelBytes } from "../../domain/label-bytes.ts";
import { askEach } from "../ask-each.ts";
import {
  type BoughtLabel,
  type Carrier,
  type CarrierCapabilities,
  type CarrierFact,
  CarrierRefusal,
  CarrierUncertain,
  type LabelPackage,
  type LabelPurchase,
  type LabelRequest,
  type LabelToVoid,
} from "../carrier.ts";
import { createStatusReader, type StatusReader } from "../status-map.ts";
import type { CarrierTools } from "../tools.ts";
import { voidOnceMore } from "../void-again.ts";
import { ACS, type AcsClient, type AcsRow, createAcsClient, textOf } from "./client.ts";
import { factsOf } from "./journey.ts";
import { ATHENS, closeDay } from "./pickup-list.ts";
import { printVouchers } from "./prints.ts";
import type { AcsSettings } from "./settings.ts";
import statuses from "./statuses.json" with { type: "json" };
import { numbersOf, voucherOf } from "./vouchers.ts";

const CAPABILITIES: CarrierCapabilities = {
  labelFormats: ["pdf"],
  repeat: "lookup",
  voidsLabels: true,
  tracking: "poll",
  trackingBatchSize: 20,
  minPollSeconds: 1800,
  rateLimit: { calls: 10, seconds: 1 },
};

/** Vouchers of ACS in Greece, which become shipments when the day is closed: then they are on its pickup list. */
export function createAcsCarrier(settings: AcsSettings, tools: CarrierTools): Carrier {
  const acs = createAcsClient(settings, tools);
  const statusOf = createStatusReader(statuses, settings.statuses);
  return {
    ...ACS,
    capabilities: {
      ...CAPABILITIES,
      ...(settings.closeDayAt ? { closesDayAt: { time: settings.closeDayAt, zone: ATHENS } } : {}),
    },
    createLabel: async (request) => {
      const { value } = await acs.run("ACS_Create_Voucher", voucherOf(request, settings, tools.now()), {
        buys: true,
      });
      const main = textOf(value, "Voucher_No");
      if (!main) throw new CarrierUncertain("ACS's answer to ACS_Create_Voucher has no Voucher_No");
      return purchaseOf(request, await numbersOf(acs, main, request.packages.length), { acs, settings });
    },
    findByReference: (request) => findVouchers(request, { acs, settings }),
    voidLabel: (label) => deleteVouchers(label, acs),
    closeDay: (day) => closeDay(acs, day, { settings, now: tools.now() }),
    track: (parcels) => askEach(parcels, (number) => factsAbout(number, acs, statusOf)),
  };
}

interface Desk {
  acs: AcsClient;
  settings: AcsSettings;
}

async function purchaseOf(
  { packages }: LabelRequest,
  numbers: readonly string[],
  { acs, settings }: Desk,
): Promise<LabelPurchase> {
  const printed = await printVouchers(acs, numbers, settings);
  return { labels: packages.map((box, index) => labelOf(box, numbers[index] as string, printed)) };
}

function labelOf(
  { sequence_number }: LabelPackage,
  tracking_number: string,
  printed: ReadonlyMap<string, Buffer>,
): BoughtLabel {
  const data = printed.get(tracking_number);
  try {
    return {
      sequence_number,
      tracking_number,
      format: "pdf",
      data: readLabelBytes("pdf", data ?? Buffer.alloc(0)),
    };
  } catch (error) {
    const text = `ACS has made voucher ${tracking_number}, but not printed it: ${String(error)}`;
    throw new CarrierUncertain(text, { cause: error });
  }
}

/** ACS knows a reference only once its voucher is on a pickup list, so that finding nothing proves nothing. */
async function findVouchers(request: LabelRequest, desk: Desk): Promise<LabelPurchase> {
  const { rows } = await desk.acs.run("ACS_POD_FROM_REFERENCE_NO", {
    reference_no: request.reference,
    User_locals: "GR",
  });
  const numbers = rows.flatMap((row) =>
    Object.entries(row)
      .filter(([name, value]) => /voucher|pod/i.test(name) && /^\d{10}$/.test(String(value).trim()))
      .map(([, value]) => String(value).trim()),
  );
  const found = [...new Set(numbers)];
  if (found.length >= request.packages.length) return purchaseOf(request, found, desk);
  throw new CarrierUncertain(
    `ACS finds no voucher under ${request.reference}, but it finds only those on a pickup list: look for an unprinted one in its own list before buying again`,
  );
}

/** In words only: there is no such voucher, or no longer. */
const NO_SUCH = /δεν (βρέθηκ|υπάρχ)|ανύπαρκτ|not found|does not exist|no (data|records)/i;

/** Deleting the main voucher deletes those beside it. What is not on a pickup list can't be found by our reference. */
async function deleteVouchers({ tracking_numbers }: LabelToVoid, acs: AcsClient): Promise<void> {
  const [main] = tracking_numbers;
  if (main === undefined) return;
  await voidOnceMore(async () => {
    await acs.run("ACS_Delete_Voucher", { Voucher_No: main, Language: null });
  }, NO_SUCH);
}

async function factsAbout(
  tracking_number: string,
  acs: AcsClient,
  statusOf: StatusReader,
): Promise<CarrierFact[]> {
  const asked = { Voucher_No: tracking_number, Language: null };
  const [summary] = await rowsAbout(acs, "ACS_Trackingsummary", asked);
  if (!summary) return [];
  const checkpoints = await rowsAbout(acs, "ACS_TrackingDetails", asked);
  return factsOf({ tracking_number, summary, checkpoints }, statusOf);
}

/** A number that isn't known yet has no rows, or is refused for it. */
async function rowsAbout(
  acs: AcsClient,
  alias: string,
  asked: Readonly<Record<string, unknown>>,
): Promise<readonly AcsRow[]> {
  try {
    return (await acs.run(alias, asked)).rows;
  } catch (error) {
    if (error instanceof CarrierRefusal && NO_SUCH.test(error.message)) return [];
    throw error;
  }
}
