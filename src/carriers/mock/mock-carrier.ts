import type { LabelRenderer } from "../../domain/label.ts";
import type {
  BoughtLabel,
  Carrier,
  CarrierCapabilities,
  CarrierFact,
  LabelPackage,
  LabelPurchase,
  LabelRequest,
  TrackedParcel,
} from "../carrier.ts";
import { drawLabel } from "../own-label.ts";
import { journeyOf } from "./timeline.ts";
import { isMockTrackingNumber, mockTrackingNumber } from "./tracking-number.ts";

export const MOCK_CARRIER = { code: "mock", name: "Mock carrier (simulated)" } as const;

export interface MockCarrierOptions {
  /** How many times faster than life its parcels travel. */
  speed: number;
  /** Like many carriers, it leaves the drawing of labels to its customers. */
  renderLabel: LabelRenderer;
  now?: () => Date;
}

const CAPABILITIES: CarrierCapabilities = {
  labelFormats: ["zpl"],
  repeat: "idempotent",
  voidsLabels: true,
  takesAnyAddress: true,
  tracking: "poll",
  trackingBatchSize: 500,
  minPollSeconds: 0,
  rateLimit: null,
};

const HOUR = 3_600_000;
const TYPICAL_DAYS = 2;

/**
 * A simulated carrier. It keeps no state: numbers and labels follow from the reference, a parcel's journey from its
 * number and the time it was handed over. So any process can ask it, and buying again gives the first purchase.
 */
export function createMockCarrier({
  speed,
  renderLabel,
  now = () => new Date(),
}: MockCarrierOptions): Carrier {
  return {
    ...MOCK_CARRIER,
    capabilities: CAPABILITIES,
    createLabel: async (request) => purchase(request, renderLabel, now()),
    voidLabel: async () => {},
    track: async (parcels) => parcels.flatMap((parcel) => factsOf(parcel, speed, now())),
  };
}

function purchase(request: LabelRequest, renderLabel: LabelRenderer, now: Date): LabelPurchase {
  const promised = new Date(now.getTime() + TYPICAL_DAYS * 24 * HOUR);
  return {
    labels: request.packages.map((box) => labelOf(request, box, renderLabel)),
    estimated_delivery_date: promised.toISOString().slice(0, 10),
  };
}

function labelOf(request: LabelRequest, box: LabelPackage, renderLabel: LabelRenderer): BoughtLabel {
  const tracking_number = mockTrackingNumber(request.reference, box.sequence_number);
  const label = { carrier_name: MOCK_CARRIER.name, format: "zpl" as const, request, box, tracking_number };
  return drawLabel({ renderLabel }, label);
}

/** The scans that lie in the past; nothing of a parcel that it did not get, or that is not its own. */
function factsOf({ tracking_number, shipped_at }: TrackedParcel, speed: number, now: Date): CarrierFact[] {
  if (shipped_at === null || !isMockTrackingNumber(tracking_number)) return [];
  return journeyOf(tracking_number)
    .map(({ hours, ...scan }) => ({
      ...scan,
      carrier_code: MOCK_CARRIER.code,
      tracking_number,
      occurred_at: new Date(shipped_at.getTime() + Math.round((hours * HOUR) / speed)),
    }))
    .filter((fact) => fact.occurred_at <= now);
}
