import type { Carriers } from "../carriers/carrier.ts";
import {
  CarrierSettingError,
  type ConfiguredCarrier,
  readCarrierSettings,
} from "../carriers/known-carriers.ts";
import { createCarriers } from "../carriers/registry.ts";
import { type Config, ConfigError } from "../config.ts";
import { takeCarrierNumber } from "../db/carrier-numbers.ts";
import { upsertCarriers } from "../db/carriers.ts";
import type { Database } from "../db/database.ts";
import { renderLabel } from "../labels/render.ts";
import type { Outside, OutsideCall } from "../outside/outside-client.ts";

interface CarriersOptions {
  db: Database;
  outside: Outside;
  record: (call: OutsideCall) => Promise<void>;
}

type CarrierConfig = Pick<Config, "CARRIERS" | "DELIVERY_URL">;

/** A wrong setting of a carrier stops the start, before anything else is begun. */
export function readCarriers({ CARRIERS, DELIVERY_URL }: CarrierConfig): ConfiguredCarrier[] {
  try {
    return readCarrierSettings(DELIVERY_URL ? withDeliveryService(CARRIERS, DELIVERY_URL) : CARRIERS);
  } catch (error) {
    if (error instanceof CarrierSettingError) throw new ConfigError(`CARRIERS: ${error.message}`);
    throw error;
  }
}

/** Where the delivery service is says enough to ship by it; whatever else is set about it stands with the carriers. */
function withDeliveryService(
  { delivery_service: given = {}, ...others }: CarrierConfig["CARRIERS"],
  baseUrl: string,
): CarrierConfig["CARRIERS"] {
  const isObject = typeof given === "object" && given !== null;
  return { ...others, delivery_service: isObject ? { baseUrl, ...given } : given };
}

/** The carriers of this process, made known to all. */
export async function openCarriers(config: Config, { db, ...wires }: CarriersOptions): Promise<Carriers> {
  const carriers = createCarriers(readCarriers(config), {
    ...wires,
    renderLabel,
    takeNumber: (range, key) => takeCarrierNumber(db, range, key),
    now: () => new Date(),
    mockSpeed: config.MOCK_CARRIER_SPEED,
  });
  await upsertCarriers(db, [...carriers.values()]);
  return carriers;
}
