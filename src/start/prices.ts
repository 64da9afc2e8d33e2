import type { Config } from "../config.ts";
import type { Database } from "../db/database.ts";
import type { CarrierRules } from "../domain/carrier-choice.ts";
import { type AskPrices, createPriceAsker } from "../use-cases/shipping/price-choice.ts";
import { openCarriers } from "./carriers.ts";
import type { WayOut } from "./outside.ts";

interface PriceSources extends WayOut {
  db: Database;
}

/** The carriers that name prices, where a rule chooses by them; undefined: none does. */
export async function openPrices(
  config: Config,
  rules: CarrierRules,
  sources: PriceSources,
): Promise<AskPrices | undefined> {
  if (!rules.some((rule) => rule.among)) return undefined;
  return createPriceAsker(await openCarriers(config, sources));
}
