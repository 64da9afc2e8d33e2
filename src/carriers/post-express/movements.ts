import { z } from "zod";
import type { TrackingStatus } from "../../domain/vocabulary.ts";
import { type CarrierFact, CarrierRefusal, CarrierUnavailable, type TrackedParcel } from "../carrier.ts";
import { oneOrMore } from "../one-or-more.ts";
import type { StatusReader } from "../status-map.ts";
import { instantOf } from "../wall-clock.ts";
import { POST_EXPRESS, type PostExpressClient } from "./client.ts";
import { BELGRADE } from "./manifest.ts";

const TRACKING = 63;

const text = z.string().nullish();
const movementSchema = z.object({
  Status: text,
  StatusSifra: text,
  Mesto: text,
  Datum: text,
  DatumKretanja: text,
  /** `D`: on its way back. */
  Retur: text,
});
type Movement = z.output<typeof movementSchema>;
const movementsSchema = z.object({ Kretanja: oneOrMore(movementSchema) });

/** Asks for one parcel after the other. What a movement looks like is known from other customers' programs only. */
export async function track(
  client: PostExpressClient,
  parcels: readonly TrackedParcel[],
  statusOf: StatusReader,
): Promise<CarrierFact[]> {
  const facts: CarrierFact[] = [];
  for (const { tracking_number } of parcels)
    facts.push(...factsIn(await movementsOf(client, tracking_number), tracking_number, statusOf));
  return facts;
}

/** Pošta's words for a number that has not been handed in yet. */
const NOT_YET = /nije (pronađena|pronadjena|primljena|prona)|није (пронађена|примљена)/i;

async function movementsOf(client: PostExpressClient, number: string): Promise<unknown> {
  const input = { VrstaUsluge: 1, EksterniBroj: "", PrijemniBroj: number };
  try {
    return await client.run({ operation: "track", kind: TRACKING, input });
  } catch (error) {
    if (error instanceof CarrierRefusal && NOT_YET.test(error.message)) return { Kretanja: [] };
    throw error;
  }
}

function factsIn(output: unknown, tracking_number: string, statusOf: StatusReader): CarrierFact[] {
  const read = movementsSchema.safeParse(output);
  if (!read.success)
    throw new CarrierUnavailable(`PostExpress tells of ${tracking_number} in a way that can't be read`);
  return read.data.Kretanja.flatMap((movement) => {
    const raw_code = movement.StatusSifra || movement.Status || "";
    const occurred_at = timeOf(movement);
    if (!raw_code || !occurred_at) return [];
    const mapped = statusOf(raw_code, { text: movement.Status ?? undefined });
    const back = movement.Retur === "D" ? ON_THE_WAY_BACK[mapped.status] : undefined;
    return [
      {
        carrier_code: POST_EXPRESS.code,
        tracking_number,
        ...mapped,
        ...(back ? { status: back } : {}),
        raw_code,
        description: movement.Status ?? "",
        location: movement.Mesto ?? "",
        occurred_at,
      },
    ];
  });
}

/** What a movement means when it leads to the sender. */
const ON_THE_WAY_BACK: Partial<Record<TrackingStatus, TrackingStatus>> = {
  in_transit: "return_to_sender",
  out_for_delivery: "return_to_sender",
  delivered: "returned",
};

/** `2026-01-15 10:30`, `2026-01-15T10:30:00`, or as Serbia writes dates: `15.01.2026. 10:30`. */
function timeOf({ DatumKretanja, Datum }: Movement): Date | undefined {
  const text = (DatumKretanja || Datum || "").replace(
    /^(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})\.?/,
    (_, day: string, month: string, year: string) =>
      [year, month.padStart(2, "0"), day.padStart(2, "0")].join("-"),
  );
  return instantOf(text, BELGRADE);
}
