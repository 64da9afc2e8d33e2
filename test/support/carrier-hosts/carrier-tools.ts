import type { Carrier, LabelPackage, LabelRequest } from "../../../src/carriers/carrier.ts";
import type { CarrierTools } from "../../../src/carriers/tools.ts";
import { type Address, readAddress } from "../../../src/domain/address.ts";
import { renderLabel } from "../../../src/labels/render.ts";
import { createOutside, type OutsideCall } from "../../../src/outside/outside-client.ts";

/** What a carrier is made with, and every call of its that was put on record. */
export interface RecordedTools extends CarrierTools {
  readonly calls: OutsideCall[];
}

export function carrierTools(now: () => Date = () => new Date()): RecordedTools {
  const calls: OutsideCall[] = [];
  const taken = new Map<string, bigint>();
  const record = async (call: OutsideCall) => void calls.push(call);
  return {
    calls,
    outside: (options) => createOutside({ record })({ timeoutMs: 2_000, ...options }),
    renderLabel,
    takeNumber: async ({ name, first }, key) => {
      const known = taken.get(`${name} ${key}`);
      if (known !== undefined) return known;
      const number = first + BigInt([...taken.keys()].filter((one) => one.startsWith(`${name} `)).length);
      taken.set(`${name} ${key}`, number);
      return number;
    },
    now,
  };
}

export function testAddress(parts: Partial<Address>): Address {
  return { ...readAddress({}), ...parts };
}

export function testBox(sequence_number: number, parts: Partial<LabelPackage> = {}): LabelPackage {
  return { sequence_number, weight: 1.2, length: 23, width: 15, height: 5, ...parts };
}

let requests = 0;

/** A parcel within the United States, unless told otherwise; each has a reference of its own. */
export function labelRequest(parts: Partial<LabelRequest> = {}): LabelRequest {
  requests += 1;
  return {
    reference: `wms-${process.pid}-${requests}`,
    service: "",
    order_number: `ORDER-${requests}`,
    from: testAddress({
      contact_name: "Dock A",
      company: "Acme",
      street: "1 Test Way",
      city: "Memphis",
      state: "TN",
      postal_code: "38101",
      country: "US",
      phone: "9015550100",
    }),
    to: testAddress({
      contact_name: "Ann Ex",
      street: "2 Test St",
      street2: "Apt 5",
      city: "Austin",
      state: "TX",
      postal_code: "73301",
      country: "US",
      phone: "4165550100",
      email: "ann@example.com",
    }),
    packages: [testBox(1)],
    goods: [{ sku: "SKU-1", name: "Goods", quantity: 1, weight: 1 }],
    ...parts,
  };
}

/** A label of the carrier's, with what was asked for and the first box's number. */
export async function bought(carrier: Carrier, request: LabelRequest) {
  const purchase = await carrier.createLabel(request);
  const { labels } = purchase;
  return { request, purchase, labels, number: labels[0]?.tracking_number as string };
}
