import { z } from "zod";
import { type CarrierHost, readJson } from "../answers.ts";
import type { CarrierFact, TrackedParcel } from "../carrier.ts";
import { oneOrMore } from "../one-or-more.ts";
import { stableUuid } from "../stable-uuid.ts";
import type { StatusReader } from "../status-map.ts";
import { factOf, statusCodeSchema } from "./activity.ts";
import { transaction } from "./ups-host.ts";

const text = z.string().nullish();

const activitySchema = z.object({
  date: text,
  time: text,
  gmtDate: text,
  gmtTime: text,
  gmtOffset: text,
  location: z
    .object({
      address: z.object({ city: text, stateProvince: text, countryCode: text, country: text }).nullish(),
    })
    .nullish(),
  status: z.object({ type: text, code: text, statusCode: statusCodeSchema, description: text }).nullish(),
});

const packageSchema = z.object({ trackingNumber: text, activity: oneOrMore(activitySchema) });

/** A number of which nothing is known is a shipment with a warning and without packages. */
const answerSchema = z.object({
  trackResponse: z.object({ shipment: oneOrMore(z.object({ package: oneOrMore(packageSchema) })) }),
});

type Package = z.infer<typeof packageSchema>;

/** One call for each parcel; what UPS knows nothing of is left out. */
export async function trackUps(
  host: CarrierHost,
  statusOf: StatusReader,
  parcels: readonly TrackedParcel[],
): Promise<CarrierFact[]> {
  const facts: CarrierFact[] = [];
  for (const { tracking_number } of parcels) {
    const call = {
      operation: "track",
      method: "GET",
      path: `api/track/v1/details/${encodeURIComponent(tracking_number)}?locale=en_US&returnSignature=false`,
      headers: transaction(stableUuid(`ups track ${tracking_number}`)),
    } as const;
    const answer = await host.find(call);
    if (!answer) continue;
    const { shipment } = readJson(answer, { name: "UPS", call, shape: answerSchema }).trackResponse;
    const packages = shipment.flatMap((one) => one.package);
    facts.push(
      ...packages.flatMap((one) => factsOf(ownNumber(one, packages, tracking_number), one, statusOf)),
    );
  }
  return facts;
}

/** A package may be known by another number as well; only among several does its own one tell it from the rest. */
function ownNumber({ trackingNumber }: Package, packages: readonly Package[], asked: string): string {
  return packages.length > 1 && trackingNumber ? trackingNumber : asked;
}

function factsOf(tracking_number: string, { activity }: Package, statusOf: StatusReader): CarrierFact[] {
  return activity.flatMap(({ status, location, ...times }) => {
    const { city, stateProvince, countryCode, country } = location?.address ?? {};
    const told = {
      tracking_number,
      statusCode: status?.statusCode,
      activityCode: status?.code,
      type: status?.type,
      isDelivered: true,
      description: status?.description,
      city,
      state: stateProvince,
      country: countryCode || country,
      times,
    };
    return factOf(told, statusOf);
  });
}
