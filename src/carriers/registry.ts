import type { LabelRenderer } from "../domain/label.ts";
import type { Outside, OutsideCall } from "../outside/outside-client.ts";
import { ruleOf } from "../outside/redaction-rules.ts";
import { type Carrier, CarrierRefusal, type Carriers } from "./carrier.ts";
import type { ConfiguredCarrier } from "./known-carriers.ts";
import { createMockCarrier } from "./mock/mock-carrier.ts";
import { recordedMock } from "./mock/recorded-mock.ts";
import type { CarrierTools, NumberRange } from "./tools.ts";

export interface CarrierSurroundings {
  outside: Outside;
  /** Puts on record what the simulated carrier does, which calls nobody. */
  record: (call: OutsideCall) => Promise<void>;
  renderLabel: LabelRenderer;
  /** Undefined: the range has no number left. */
  takeNumber(range: NumberRange, key: string): Promise<bigint | undefined>;
  now: () => Date;
  mockSpeed: number;
}

/** The carriers that this installation is configured for, and always the simulated one. */
export function createCarriers(
  configured: readonly ConfiguredCarrier[],
  around: CarrierSurroundings,
): Carriers {
  const { mockSpeed: speed, renderLabel, now, record } = around;
  const mock = recordedMock(createMockCarrier({ speed, renderLabel, now }), record);
  const carriers = [mock, ...configured.map((one) => createConfigured(one, around))];
  return new Map(carriers.map((carrier) => [carrier.code, carrier]));
}

function createConfigured({ build, settings }: ConfiguredCarrier, around: CarrierSurroundings): Carrier {
  const secrets = secretsOf(settings);
  let carrier: Carrier | undefined;
  const tools: CarrierTools = {
    // The carrier's own table says how often it may be called; it is there once the carrier is.
    outside: (options) =>
      around.outside({ ...options, secrets, rateLimit: () => carrier?.capabilities.rateLimit ?? null }),
    renderLabel: around.renderLabel,
    takeNumber: async (range, key) => {
      const number = await around.takeNumber(range, key);
      if (number !== undefined) return number;
      throw new CarrierRefusal(`the range ${range.name} has no number left`, "NO_NUMBER_LEFT");
    },
    now: around.now,
  };
  carrier = build(tools);
  assertKeepsPromises(carrier);
  return carrier;
}

function assertKeepsPromises(carrier: Carrier): void {
  if (carrier.capabilities.repeat === "lookup" && !carrier.findByReference)
    throw new Error(`carrier ${carrier.code} says that it looks up purchases, and can't`);
}

/** Whatever stands under a secret name in the settings, however deep. */
function secretsOf(settings: unknown, secret = false): string[] {
  if (typeof settings === "string" || typeof settings === "number") return secret ? [String(settings)] : [];
  if (typeof settings !== "object" || settings === null) return [];
  return Object.entries(settings).flatMap(([name, one]) =>
    secretsOf(one, secret || ruleOf(name) === "secret"),
  );
}
