import type { Database } from "../db/database.ts";
import type { CarrierRules } from "../domain/carrier-choice.ts";
import type { Lag } from "../domain/lag.ts";
import type { Logger } from "../logger.ts";
import type { LabelStore } from "../use-cases/packing/label-store.ts";
import type { AskPrices } from "../use-cases/shipping/price-choice.ts";

/** What every topic's handlers need. A topic that needs more extends it by intersection. */
export interface Deps {
  db: Database;
  logger: Logger;
  /** Where labels' bytes lie besides the database, if anywhere. */
  labelStore?: LabelStore | undefined;
  /** Who takes parcels for which nobody is named. Left out: the default. */
  carrierRules?: CarrierRules | undefined;
  /** Asks carriers for their prices, where rules choose by them. Left out: nobody is asked. */
  askPrices?: AskPrices | undefined;
}

export interface StreamDeps {
  /** How far consumer groups and relay are behind. Throws, soon, when the streams or the database can't be reached. */
  readStreamLag: () => Promise<Lag>;
}
