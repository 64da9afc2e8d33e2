import { expect, it } from "vitest";
import { Random } from "../../../src/cli/demo/random.ts";
import type { Cluster } from "./cluster.ts";
import { violations } from "./invariants.ts";
import { Load, USUAL_LOAD } from "./load.ts";

/** FAULT_SEEDS and FAULT_ORDERS make the run as long as one likes; what is not set is the short form. */
export const SEEDS = seedsOf(process.env["FAULT_SEEDS"] ?? "1");
const ORDERS = Number(process.env["FAULT_ORDERS"] ?? USUAL_LOAD.orders);
const ROW_MS = 240_000 + ORDERS * 500;

export interface Scene {
  cluster: Cluster;
  load: Load;
  random: Random;
}

export interface RowOptions {
  /** Redis really loses what it had: the Listings service has to send again what we never got. */
  losesStreams?: boolean;
  /** It leaves later events where earlier ones were lost. */
  losesOrder?: boolean;
  orders?: number;
  perSecond?: number;
}

/**
 * One row of the catalogue: under load, `inject` does the damage and checks what is special about it. Then everything
 * is healed, the work must come to its end, no process may have crashed, and the six invariants must hold.
 */
export function faultRow(
  row: number,
  title: string,
  cluster: () => Cluster,
  inject: (scene: Scene) => Promise<void>,
  {
    losesStreams = false,
    losesOrder = false,
    orders = ORDERS,
    perSecond = USUAL_LOAD.perSecond,
  }: RowOptions = {},
): void {
  it.each(SEEDS)(
    `row ${row}: ${title} (seed %i)`,
    async (seed) => {
      const here = cluster();
      const crashesBefore = here.crashes.length;
      const load = await Load.start(here, { ...USUAL_LOAD, seed, orders, perSecond });
      let healed = false;
      try {
        await inject({ cluster: here, load, random: new Random(seed + row) });
        await here.heal();
        healed = true;
        const ms = await load.finish({ resend: losesStreams });
        console.log(
          `row ${row}, seed ${seed}: ${orders} orders, settled ${Math.round(ms)} ms after the fault`,
        );
      } catch (error) {
        console.error(here.logs());
        throw error;
      } finally {
        if (!healed) await here.heal();
        if (!healed) await load.finish({ resend: true }).catch(() => {});
      }
      const found = await violations(here, load, { ordered: !losesOrder });
      load.close();
      expect(found).toEqual([]);
      expect(here.crashes.slice(crashesBefore)).toEqual([]);
    },
    ROW_MS,
  );
}

/** `5`: seeds 1 to 5. `7,9`: these. */
function seedsOf(text: string): number[] {
  if (text.includes(",")) return text.split(",").filter(Boolean).map(Number);
  return Array.from({ length: Number(text) }, (_, nth) => nth + 1);
}
