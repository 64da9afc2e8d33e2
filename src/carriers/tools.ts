import type { LabelRenderer } from "../domain/label.ts";
import type { OutsideClient } from "../outside/outside-client.ts";

/** Numbers that a carrier gave us to number parcels ourselves, both ends included. */
export interface NumberRange {
  /** Such as `dexpress:TT`; two ranges of one name are the same counter. */
  name: string;
  first: bigint;
  last: bigint;
}

/** What every carrier is made with. */
export interface CarrierTools {
  /** HTTP to the carrier's host, with time-outs, breaker and audit. */
  outside: (options: { service: string; baseUrl: string; timeoutMs?: number }) => OutsideClient;
  /** For carriers that expect us to draw the label. */
  renderLabel: LabelRenderer;
  /** The next number of the range; the same key gets the same number again. Throws CarrierRefusal when none is left. */
  takeNumber: (range: NumberRange, key: string) => Promise<bigint>;
  now: () => Date;
}
