import { z } from "zod";
import type { CarrierHost } from "../answers.ts";
import type { CarrierFact, TrackedParcel } from "../carrier.ts";
import { parsedJson } from "../json-body.ts";
import type { StatusReader } from "../status-map.ts";
import { instantOf } from "../wall-clock.ts";

const text = z.string().nullish();
const stateSchema = z.object({
  status: z.union([z.number(), z.string()]).nullish(),
  statusText: text,
  /** `29.08.2024` */
  deliveryDate: text,
  note: text,
});
type State = z.output<typeof stateSchema>;

/** When a parcel was first seen in a state; the oldest are forgotten. */
const REMEMBERED = 50_000;

/**
 * Asks how parcels stand, one after the other. BEX tells the present state only, and not since when: unless it names
 * the day of the delivery, a state begins when this process sees it first.
 */
export function createStateReader(
  host: CarrierHost,
  { statusOf, now, code }: { statusOf: StatusReader; now: () => Date; code: string },
): (parcels: readonly TrackedParcel[]) => Promise<CarrierFact[]> {
  const seen = new Map<string, Date>();
  const firstSeen = (key: string) => {
    const at = seen.get(key) ?? now();
    seen.delete(key);
    seen.set(key, at);
    if (seen.size > REMEMBERED) seen.delete(seen.keys().next().value as string);
    return at;
  };
  const factOf = (tracking_number: string, state: State): CarrierFact[] => {
    const words = state.statusText?.trim() ?? "";
    const raw_code = String(state.status ?? "").trim() || words;
    if (!raw_code) return [];
    const mapped = statusOf(raw_code, { text: words });
    const delivered = mapped.status === "delivered" ? dayOf(state.deliveryDate) : undefined;
    return [
      {
        carrier_code: code,
        tracking_number,
        ...mapped,
        raw_code,
        description: [words, state.note].filter(Boolean).join(": "),
        location: "",
        occurred_at: delivered ?? firstSeen(`${tracking_number}/${raw_code}`),
      },
    ];
  };
  return async (parcels) => {
    const facts: CarrierFact[] = [];
    for (const { tracking_number } of parcels) {
      const query = new URLSearchParams({ shipmentid: tracking_number, mtype: "1", lang: "1" });
      const call = {
        operation: "track",
        method: "GET",
        path: `ship/api/Ship/getstate?${query.toString()}`,
      } as const;
      const answer = await host.find(call);
      if (answer) facts.push(...factOf(tracking_number, readState(answer.body.toString("utf8"))));
    }
    return facts;
  };
}

/** JSON, or nothing but the words, which may be a JSON text as well. */
function readState(body: string): State {
  const json = parsedJson(body);
  const read = stateSchema.safeParse(json);
  if (read.success) return read.data;
  const words = (typeof json === "string" ? json : body).trim().slice(0, 200);
  return NO_SUCH.test(words) ? {} : { statusText: words };
}

/** In words only: there is no such shipment. */
const NO_SUCH = /ne postoji|nije prona|не постоји|није прона|not found/i;

function dayOf(date: string | null | undefined): Date | undefined {
  const [, day = "", month = "", year] = /^(\d{1,2})\.(\d{1,2})\.(\d{4})/.exec(date ?? "") ?? [];
  if (year === undefined) return undefined;
  return instantOf(`${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`, "Europe/Belgrade");
}
