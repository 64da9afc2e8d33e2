import { apiCallHandlers } from "./api-call-handlers.ts";
import { carrierChoiceHandlers } from "./carrier-choice-handlers.ts";
import { catalogueHandlers } from "./catalogue-handlers.ts";
import { deadLetterHandlers } from "./dead-letter-handlers.ts";
import type { Deps, StreamDeps } from "./deps.ts";
import { inventoryHandlers } from "./inventory-handlers.ts";
import { operationsHandlers } from "./operations-handlers.ts";
import { orderHandlers } from "./order-handlers.ts";
import { packingHandlers } from "./packing-handlers.ts";
import { pickingHandlers } from "./picking-handlers.ts";
import type { Handlers } from "./router.ts";
import { shipmentHandlers } from "./shipment-handlers.ts";
import { watchHandlers } from "./watch-handlers.ts";

/** Every RPC of the contract. */
export function serviceHandlers(deps: Deps & StreamDeps): Handlers {
  return {
    warehouse: {
      ...catalogueHandlers(deps),
      ...inventoryHandlers(deps),
      ...orderHandlers(deps),
      ...pickingHandlers(deps),
      ...packingHandlers(deps),
      ...shipmentHandlers(deps),
      ...carrierChoiceHandlers(deps),
      ...watchHandlers(deps),
    },
    operations: { ...operationsHandlers(deps), ...deadLetterHandlers(deps), ...apiCallHandlers(deps) },
  };
}
