import type { Law } from "./law.ts";
import { MESSAGE_LAWS } from "./laws-of-messages.ts";
import { ORDER_LAWS } from "./laws-of-orders.ts";
import { PARCEL_LAWS } from "./laws-of-parcels.ts";
import { STATUS_LAWS } from "./laws-of-statuses.ts";
import { STOCK_LAWS } from "./laws-of-stock.ts";

/** Every law, as an operator can have it checked on the living data, beside the busiest day. */
export const LAWS: readonly Law[] = [
  ...STOCK_LAWS,
  ...ORDER_LAWS,
  ...STATUS_LAWS,
  ...MESSAGE_LAWS,
  ...PARCEL_LAWS,
].sort((a, b) => a.number - b.number);
