import type { Carriers } from "./carrier.ts";
import { createMockCarrier, type MockCarrierOptions } from "./mock/mock-carrier.ts";

export interface CarrierSettings {
  mock: MockCarrierOptions;
}

/** The carriers that this installation is configured for. */
export function createCarriers({ mock }: CarrierSettings): Carriers {
  const carriers = [createMockCarrier(mock)];
  return new Map(carriers.map((carrier) => [carrier.code, carrier]));
}
