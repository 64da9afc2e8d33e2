import { z } from "zod";
import type { Address } from "../../domain/address.ts";
import type { CarrierHost } from "../answers.ts";
import { CarrierRefusal } from "../carrier.ts";
import { townKey } from "./serbian.ts";

const townsSchema = z.array(
  z.object({
    Id: z.int(),
    Name: z.string(),
    DName: z.string().nullish(),
    PttNo: z.union([z.number(), z.string()]).nullish(),
  }),
);
type Town = z.output<typeof townsSchema>[number];

const DAY_MS = 86_400_000;
const SINCE_EVER = "20000101000000";

/** Finds the ids that D Express has given to towns; its list is fetched once a day. */
export function createTownFinder(
  host: CarrierHost,
  { known, now }: { known: Readonly<Record<string, number>>; now: () => Date },
): (address: Address) => Promise<number> {
  let held: { towns: Town[]; at: number } | undefined;
  const list = async () => {
    if (held && now().getTime() - held.at < DAY_MS) return held.towns;
    const path = `data/towns?date=${SINCE_EVER}`;
    const towns = await host.askJson({ operation: "list_towns", method: "GET", path }, townsSchema);
    held = { towns, at: now().getTime() };
    return towns;
  };
  return async (address) => known[address.postal_code] ?? townOf(address, await list()).Id;
}

/** By name and postal code together, else by the name, else by the code, as long as that leaves one. */
function townOf({ city, postal_code }: Address, towns: readonly Town[]): Town {
  const name = townKey(city);
  const named = towns.filter((town) => [town.Name, town.DName].some((one) => townKey(one ?? "") === name));
  const coded = towns.filter((town) => String(town.PttNo ?? "") === postal_code);
  for (const found of [named.filter((town) => coded.includes(town)), named, coded])
    if (found.length === 1) return found[0] as Town;
  const candidates = (named.length > 0 ? named : coded).map(
    ({ Id, DName, Name }) => `${Id} ${DName ?? Name}`,
  );
  throw new CarrierRefusal(
    candidates.length === 0
      ? `D Express does not deliver to ${postal_code} ${city}: it is not in its list of towns`
      : `D Express has several towns for ${postal_code} ${city}: ${candidates.slice(0, 10).join(", ")}; name one in the setting "towns"`,
  );
}
