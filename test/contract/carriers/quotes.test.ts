import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createCanadaPostCarrier } from "../../../src/carriers/canada-post/canada-post-carrier.ts";
import { canadaPostSettingsSchema } from "../../../src/carriers/canada-post/settings.ts";
import { type Carrier, CarrierRefusal, CarrierUnavailable } from "../../../src/carriers/carrier.ts";
import { createFedexCarrier } from "../../../src/carriers/fedex/fedex-carrier.ts";
import { fedexSettingsSchema } from "../../../src/carriers/fedex/settings.ts";
import { upsSettingsSchema } from "../../../src/carriers/ups/settings.ts";
import { createUpsCarrier } from "../../../src/carriers/ups/ups-carrier.ts";
import { uspsSettingsSchema } from "../../../src/carriers/usps/settings.ts";
import { createUspsCarrier } from "../../../src/carriers/usps/usps-carrier.ts";
import { startCanadaPostHost } from "../../support/carrier-hosts/canada-post-host.ts";
import { CANADA_POST_ACCOUNT } from "../../support/carrier-hosts/canada-post-shapes.ts";
import {
  carrierTools,
  labelRequest,
  testAddress,
  testBox,
} from "../../support/carrier-hosts/carrier-tools.ts";
import { FEDEX_ACCOUNT, startFedexHost } from "../../support/carrier-hosts/fedex-host.ts";
import type { RunningHost } from "../../support/carrier-hosts/host.ts";
import { startUpsHost, UPS_ACCOUNT } from "../../support/carrier-hosts/ups-host.ts";
import { startUspsHost } from "../../support/carrier-hosts/usps-host.ts";
import { USPS_ACCOUNT } from "../../support/carrier-hosts/usps-shapes.ts";

const canadian = (city: string, postal_code: string) =>
  testAddress({ street: "1 Test Way", city, state: "ON", postal_code, country: "CA", company: "Acme" });

const { webhookSecret: _fedex, ...fedexAccount } = FEDEX_ACCOUNT;
const { webhookSecret: _ups, ...upsAccount } = UPS_ACCOUNT;
const { webhookSecret: _usps, ...uspsAccount } = USPS_ACCOUNT;

interface Tested {
  name: string;
  start: () => Promise<RunningHost>;
  create: (baseUrl: string) => Carrier;
  ends: object;
  /** Of a box of 1.2 kg; of that and one of 0.5 kg; by another service. */
  quotes: [one: object, two: object, other: object];
  service: string;
}

const CARRIERS: Tested[] = [
  {
    name: "FedEx",
    start: startFedexHost,
    create: (baseUrl) =>
      createFedexCarrier(fedexSettingsSchema.parse({ ...fedexAccount, baseUrl }), carrierTools()),
    ends: {},
    quotes: [
      { service: "FEDEX_GROUND", amount: "10.40", currency: "USD", days: null },
      { service: "FEDEX_GROUND", amount: "19.40", currency: "USD", days: null },
      { service: "PRIORITY_OVERNIGHT", amount: "10.40", currency: "USD", days: null },
    ],
    service: "PRIORITY_OVERNIGHT",
  },
  {
    name: "UPS",
    start: startUpsHost,
    create: (baseUrl) =>
      createUpsCarrier(upsSettingsSchema.parse({ ...upsAccount, baseUrl }), carrierTools()),
    ends: {},
    quotes: [
      { service: "03", amount: "9.54", currency: "USD", days: 2 },
      { service: "03", amount: "17.19", currency: "USD", days: 2 },
      { service: "02", amount: "9.54", currency: "USD", days: 2 },
    ],
    service: "02",
  },
  {
    name: "USPS",
    start: startUspsHost,
    create: (baseUrl) =>
      createUspsCarrier(uspsSettingsSchema.parse({ ...uspsAccount, baseUrl }), carrierTools()),
    ends: {},
    quotes: [
      { service: "USPS_GROUND_ADVANTAGE", amount: "8.97", currency: "USD", days: null },
      { service: "USPS_GROUND_ADVANTAGE", amount: "15.62", currency: "USD", days: null },
      { service: "PRIORITY_MAIL", amount: "8.97", currency: "USD", days: null },
    ],
    service: "PRIORITY_MAIL",
  },
  {
    name: "Canada Post",
    start: startCanadaPostHost,
    create: (baseUrl) =>
      createCanadaPostCarrier(
        canadaPostSettingsSchema.parse({ ...CANADA_POST_ACCOUNT, baseUrl }),
        carrierTools(),
      ),
    ends: { from: canadian("Ottawa", "K1A 0B1"), to: canadian("Toronto", "m5v 1j1") },
    quotes: [
      { service: "DOM.EP", amount: "12.66", currency: "CAD", days: 2 },
      { service: "DOM.EP", amount: "24.53", currency: "CAD", days: 2 },
      { service: "DOM.XP", amount: "12.66", currency: "CAD", days: 2 },
    ],
    service: "DOM.XP",
  },
];

describe.each(CARRIERS)("$name's prices", ({ start, create, ends, quotes, service }) => {
  let host: RunningHost;
  let carrier: Carrier;

  beforeAll(async () => {
    host = await start();
    carrier = create(host.url);
  });
  afterAll(() => host.close());
  afterEach(() => {
    expect(host.violations).toEqual([]);
    expect(host.faults.pending()).toBe(0);
  });

  const quote = (parts: object = {}) =>
    (carrier.quote as NonNullable<Carrier["quote"]>)(labelRequest({ ...ends, ...parts }));

  it("are what the account pays, for the boxes together and by the service", async () => {
    expect(await quote()).toEqual([quotes[0]]);
    expect(await quote({ packages: [testBox(1), testBox(2, { weight: 0.5 })] })).toEqual([quotes[1]]);
    expect(await quote({ service })).toEqual([quotes[2]]);
    expect(host.calls("create_label")).toBe(0);
  });

  it("are not asked for where the address says too little", async () => {
    const before = host.seen.length;
    await expect(quote({ to: testAddress({ country: "US" }) })).rejects.toThrow(CarrierRefusal);
    expect(host.seen.length).toBe(before);
  });

  it("are refused in the carrier's words, or not to be had for now", async () => {
    host.faults.plan({ kind: "status", when: "before", status: 400 }, { operation: "quote" });
    await expect(quote()).rejects.toMatchObject({
      name: "CarrierRefusal",
      message: expect.stringContaining("Injected fault"),
    });
    host.faults.plan({ kind: "status", when: "before", status: 503 }, { operation: "quote", times: 3 });
    await expect(quote()).rejects.toThrow(CarrierUnavailable);
    host.faults.clear();
  });

  it.each(["{}", "<x/>", "not at all", ""])("that can't be read (%j) are none", async (body) => {
    host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "quote" });
    await expect(quote()).rejects.toThrow(CarrierUnavailable);
  });
});
