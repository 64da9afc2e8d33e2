import { z } from "zod";
import { type CarrierFact, CarrierRefusal, CarrierUnavailable, type TrackedParcel } from "../carrier.ts";
import type { StatusReader } from "../status-map.ts";
import { instantOf } from "../wall-clock.ts";
import { POST_EXPRESS, type PostExpressClient } from "./client.ts";
import { BELGRADE } from "./manifest.ts";

const TRACKING = 63;

const text = z.string().nullish();
const movementsSchema = z.object({
  Kretanja: z
    .array(
      z.object({
        Status: text,
        StatusSifra: text,
        Mesto: text,
        Datum: text,
        DatumKretanja: text,
        /** `D`: on its way back. */
        Retur: text,
      }),
    )
    .nullish(),
});

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
  return (read.data.Kretanja ?? []).flatMap((movement) => {
    const raw_code = movement.StatusSifra || movement.Status || "";
    const occurred_at = instantOf(movement.DatumKretanja || movement.Datum || "", BELGRADE);
    if (!raw_code || !occurred_at) return [];
    const mapped = statusOf(raw_code, { text: movement.Status ?? undefined });
    const back = movement.Retur === "D" && mapped.status === "delivered";
    return [
      {
        carrier_code: POST_EXPRESS.code,
        tracking_number,
        ...mapped,
        ...(back ? { status: "returned" as const } : {}),
        raw_code,
        description: movement.Status ?? "",
        location: movement.Mesto ?? "",
        occurred_at,
      },
    ];
  });
}
