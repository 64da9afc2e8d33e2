import { type CarrierHost, readJson } from "../answers.ts";
import {
  type BoughtLabel,
  type Carrier,
  type CarrierCapabilities,
  CarrierRefusal,
  CarrierUncertain,
  type LabelPackage,
  type LabelPurchase,
  type LabelRequest,
} from "../carrier.ts";
import { jsonPost } from "../json-body.ts";
import { drawLabel } from "../own-label.ts";
import { createStatusReader } from "../status-map.ts";
import type { CarrierTools } from "../tools.ts";
import { createLotteHost, NOT_LINKED } from "./host.ts";
import { ask, track } from "./journey.ts";
import type { LotteSettings } from "./settings.ts";
import statuses from "./statuses.json" with { type: "json" };
import { bookedSchema, bookingOf, digitsOf, LOTTE, orderNumber, resultOf, takeWaybills } from "./waybills.ts";

const CAPABILITIES: CarrierCapabilities = {
  labelFormats: [],
  repeat: "lookup",
  voidsLabels: false,
  tracking: "poll",
  trackingBatchSize: 1,
  minPollSeconds: 2 * 3600,
  rateLimit: { calls: 10_000, seconds: 86_400 },
};

/** Boxes booked with Lotte in Korea under numbers from our range; there is nothing to cancel them with. */
export function createLotteCarrier(settings: LotteSettings, tools: CarrierTools): Carrier {
  const host = createLotteHost(settings, tools);
  const { customerCode } = settings;
  const statusOf = createStatusReader(statuses, settings.statuses);
  const draw = (request: LabelRequest, waybills: ReadonlyMap<number, string>): LabelPurchase => ({
    labels: request.packages.map((box) => labelOf(request, box, { waybills, settings, tools })),
  });
  return {
    ...LOTTE,
    capabilities: CAPABILITIES,
    createLabel: async (request) => {
      const waybills = await takeWaybills(request, settings, tools);
      await book(host, request, { waybills, settings, now: tools.now() });
      return draw(request, waybills);
    },
    findByReference: async (request) => {
      const waybills = await takeWaybills(request, settings, tools);
      for (const box of request.packages)
        if (!(await isBooked(host, customerCode, { request, box, waybills }))) return undefined;
      return draw(request, waybills);
    },
    track: (parcels) => track(host, parcels, { customerCode, statusOf }),
  };
}

interface BookedBox {
  request: LabelRequest;
  box: LabelPackage;
  waybills: ReadonlyMap<number, string>;
}

async function book(
  host: CarrierHost,
  request: LabelRequest,
  { waybills, ...rest }: { waybills: ReadonlyMap<number, string>; settings: LotteSettings; now: Date },
): Promise<void> {
  const body = bookingOf(request, waybills, rest);
  const call = { ...jsonPost("create_label", "api/pid/cus/714a/apiSndOut", body), buys: true };
  const { rtn_list } = readJson(await host.ask(call), { name: LOTTE.name, call, shape: bookedSchema });
  const refused: string[] = [];
  for (const [index, box] of request.packages.entries()) {
    const invNo = waybills.get(box.sequence_number) as string;
    const result = resultOf(rtn_list, { ordNo: orderNumber(request, box), invNo, index });
    if (!result) throw new CarrierUncertain(`Lotte said nothing of box ${box.sequence_number}`);
    const { rtnCd, rtnMsg } = result;
    const under = digitsOf(result.invNo) || invNo;
    if (rtnCd === "S" && under !== invNo)
      throw new CarrierUncertain(
        `Lotte booked box ${box.sequence_number} under ${under}, not under ${invNo}`,
      );
    if (rtnCd === "S" || ALREADY.test(rtnMsg ?? "")) continue;
    if (!(await isBookedBefore(host, rest.settings.customerCode, { request, box, waybills })))
      refused.push(`box ${box.sequence_number}: ${rtnMsg || rtnCd}`);
  }
  if (refused.length > 0) throw refusal(request, refused);
}

/** An order number that was booked before is refused, in words that aren't documented; under our number it is this very box. */
const ALREADY = /중복|이미|duplicate|already/i;

async function isBookedBefore(host: CarrierHost, customerCode: string, box: BookedBox): Promise<boolean> {
  try {
    return await isBooked(host, customerCode, box);
  } catch (error) {
    const text = `Lotte refused a box, and doesn't say whether it was booked before: ${String(error)}`;
    throw new CarrierUncertain(text, { cause: error });
  }
}

/** Boxes whose fellows were refused stay booked under their numbers, and will be again: only Lotte's staff cancels. */
function refusal({ packages, reference }: LabelRequest, refused: readonly string[]): CarrierRefusal {
  const others = packages.length - refused.length;
  const left =
    others > 0 ? `; ${others} other boxes of ${reference} are booked and need cancelling at Lotte` : "";
  return new CarrierRefusal(`Lotte refused ${refused.join("; ")}${left}`);
}

/** Whether Lotte has the box's order number under our waybill; without the right to track, nobody knows. */
async function isBooked(
  host: CarrierHost,
  customerCode: string,
  { request, box, waybills }: BookedBox,
): Promise<boolean> {
  try {
    const known = await ask(host, customerCode, { ordNo: orderNumber(request, box) });
    const numbers = (known?.result ?? []).map(({ invNo }) => digitsOf(invNo));
    return numbers.includes(waybills.get(box.sequence_number) as string);
  } catch (error) {
    if (error instanceof CarrierRefusal && error.code === NOT_LINKED) return false;
    throw error;
  }
}

function labelOf(
  request: LabelRequest,
  box: LabelPackage,
  {
    waybills,
    settings,
    tools,
  }: { waybills: ReadonlyMap<number, string>; settings: LotteSettings; tools: CarrierTools },
): BoughtLabel {
  const tracking_number = waybills.get(box.sequence_number) as string;
  const { labelFormat: format } = settings;
  return drawLabel(tools, { carrier_name: LOTTE.name, format, request, box, tracking_number });
}
