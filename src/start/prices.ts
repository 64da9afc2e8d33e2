import type { Config } from "../config.ts";
import type { Database } from "../db/database.ts";
import type { CarrierRules } from "../domain/carrier-choice.ts";
import type { Logger } from "../logger.ts";
import type { OutsideMetrics } from "../telemetry/outside-metrics.ts";
import { type AskPrices, createPriceAsker } from "../use-cases/shipping/price-choice.ts";
import { openCarriers } from "./carriers.ts";
import { openOutside } from "./outside.ts";

interface PriceSources {
  db: Database;
  logger: Logger;
  outsideMetrics: OutsideMetrics;
}

/** The carriers that name prices, where a rule chooses by them; undefined: none does. */
export async function openPrices(
  config: Config,
  rules: CarrierRules,
  { db, logger, outsideMetrics: metrics }: PriceSources,
): Promise<AskPrices | undefined> {
  if (!rules.some((rule) => rule.among)) return undefined;
  const { outside, record } = openOutside({ db, logger, metrics });
  return createPriceAsker(await openCarriers(config, { db, outside, record }));
}
