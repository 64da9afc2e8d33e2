import { z } from "zod";
import type { CarrierHost } from "../answers.ts";
import type { CarrierFact, TrackedParcel } from "../carrier.ts";
import { zoneOfState } from "../state-time-zones.ts";
import type { MappedStatus, StatusReader } from "../status-map.ts";
import { instantOf } from "../wall-clock.ts";

const text = z.string().nullish();

const scanSchema = z.object({
  date: text,
  eventType: text,
  eventDescription: text,
  exceptionCode: text,
  exceptionDescription: text,
  derivedStatusCode: text,
  scanLocation: z.object({ city: text, stateOrProvinceCode: text, countryCode: text }).nullish(),
});

/** What FedEx says of one parcel, whether asked or by itself. */
export const trackResultSchema = z.object({
  trackingNumberInfo: z.object({ trackingNumber: text }).nullish(),
  dateAndTimes: z.array(z.object({ type: text, dateTime: text })).nullish(),
  scanEvents: z.array(scanSchema).nullish(),
});

/** Of one number. More than one result: it was given to more than one parcel, one after the other. */
export const completeResultSchema = z.object({
  trackingNumber: text,
  trackResults: z.array(trackResultSchema).nullish(),
});

const answerSchema = z.object({ output: z.object({ completeTrackResults: z.array(completeResultSchema) }) });

type Scan = z.infer<typeof scanSchema>;
type TrackResult = z.infer<typeof trackResultSchema>;

export async function trackFedex(
  host: CarrierHost,
  statusOf: StatusReader,
  parcels: readonly TrackedParcel[],
): Promise<CarrierFact[]> {
  if (parcels.length === 0) return [];
  const trackingInfo = parcels.map(({ tracking_number: trackingNumber }) => ({
    trackingNumberInfo: { trackingNumber },
  }));
  const call = {
    operation: "track",
    method: "POST",
    path: "track/v1/trackingnumbers",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ includeDetailedScans: true, trackingInfo }),
    repeatable: true,
  } as const;
  const { output } = await host.askJson(call, answerSchema);
  const shipped = new Map(parcels.map(({ tracking_number, shipped_at }) => [tracking_number, shipped_at]));
  return output.completeTrackResults.flatMap((complete) => {
    const number = numberOf(complete);
    const result = ourParcel(complete.trackResults ?? [], shipped.get(number) ?? null);
    return result && number ? factsOf(number, result, statusOf) : [];
  });
}

/** FedEx says it once or twice. */
export function numberOf({ trackingNumber, trackResults }: z.infer<typeof completeResultSchema>): string {
  return trackingNumber || trackResults?.[0]?.trackingNumberInfo?.trackingNumber || "";
}

/** Our clock and FedEx's calendar may differ by so much about when a parcel left. */
const SHIP_DATE_TOLERANCE_MS = 3 * 86_400_000;

/**
 * Numbers come round again: of several parcels that bear one, ours didn't leave before we shipped it, and is the one
 * that was scanned last.
 */
function ourParcel(results: readonly TrackResult[], shipped_at: Date | null): TrackResult | undefined {
  const scanned = results.filter((result) => (result.scanEvents ?? []).length > 0);
  const earliest = (shipped_at?.getTime() ?? Number.NEGATIVE_INFINITY) - SHIP_DATE_TOLERANCE_MS;
  const recent = scanned.filter((result) => shipDate(result) >= earliest);
  return (recent.length > 0 ? recent : scanned).toSorted((a, b) => newestScan(b) - newestScan(a))[0];
}

function shipDate(result: TrackResult): number {
  const stated = (result.dateAndTimes ?? []).find(({ type }) => type === "SHIP")?.dateTime;
  return instantOf(stated ?? "", "UTC")?.getTime() ?? newestScan(result);
}

function newestScan({ scanEvents }: TrackResult): number {
  return Math.max(...(scanEvents ?? []).map((scan) => momentOf(scan)?.getTime() ?? 0));
}

/** FedEx leaves out the offset now and then; then it is the time on the wall where the parcel is. */
function momentOf({ date, scanLocation }: Scan): Date | undefined {
  const { countryCode, stateOrProvinceCode } = scanLocation ?? {};
  return instantOf(date ?? "", zoneOfState(countryCode, stateOrProvinceCode));
}

/** A scan without a time that can be read says nothing of where the parcel is. */
export function factsOf(
  tracking_number: string,
  { scanEvents }: TrackResult,
  statusOf: StatusReader,
): CarrierFact[] {
  return (scanEvents ?? []).flatMap((scan) => {
    const occurred_at = momentOf(scan);
    if (!occurred_at) return [];
    return [
      {
        carrier_code: "fedex",
        tracking_number,
        ...statusOfScan(scan, statusOf),
        raw_code: scan.eventType ?? "",
        description: describe(scan),
        location: placeOf(scan),
        occurred_at,
      },
    ];
  });
}

/** DE alone covers all that can go wrong at the door: its exception code tells an absence from a refusal. */
function statusOfScan(
  { eventType, exceptionCode, derivedStatusCode }: Scan,
  statusOf: StatusReader,
): MappedStatus {
  const exact = statusOf(`${eventType}/${exceptionCode}`);
  return exact.unmapped
    ? statusOf(eventType ?? "", { derivedStatusCode: derivedStatusCode ?? undefined })
    : exact;
}

function describe({ eventDescription, exceptionDescription }: Scan): string {
  return [eventDescription, exceptionDescription]
    .map((part) => part?.trim())
    .filter(Boolean)
    .join(": ");
}

function placeOf({ scanLocation }: Scan): string {
  const { city, stateOrProvinceCode, countryCode } = scanLocation ?? {};
  return [city, stateOrProvinceCode, countryCode].filter(Boolean).join(", ");
}
