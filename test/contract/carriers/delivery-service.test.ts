import { describe, expect, it } from "vitest";
import { type Carrier, CarrierUnavailable, CarrierUncertain } from "../../../src/carriers/carrier.ts";
import { createDeliveryServiceCarrier } from "../../../src/carriers/delivery-service/delivery-service.ts";
import { deliveryServiceSettingsSchema } from "../../../src/carriers/delivery-service/settings.ts";
import { bought, carrierTools, testAddress, testBox } from "../../support/carrier-hosts/carrier-tools.ts";
import {
  DELIVERY_TOKEN,
  startDeliveryServiceHost,
} from "../../support/carrier-hosts/delivery-service-host.ts";
import { leaks } from "../../support/carrier-hosts/leaks.ts";
import { serbianRequest } from "../../support/carrier-hosts/places.ts";
import { testedHost } from "../../support/carrier-hosts/tested-host.ts";

const host = await testedHost(startDeliveryServiceHost);

function connect(settings: Record<string, unknown> = {}, tools = carrierTools()): Carrier {
  const parsed = deliveryServiceSettingsSchema.parse({
    baseUrl: host.url,
    token: DELIVERY_TOKEN,
    warehouseId: 3,
    userId: 12,
    ...settings,
  });
  return createDeliveryServiceCarrier(parsed, tools);
}

const buy = (carrier = connect(), parts: Parameters<typeof serbianRequest>[0] = {}) =>
  bought(carrier, serbianRequest(parts));

const nowhere = testAddress({});

describe("a label by way of the delivery service", () => {
  it("is drawn by us where the provider gives none", async () => {
    const { purchase, number } = await buy(undefined, { order_number: "815" });
    expect(purchase).toMatchObject({
      estimated_delivery_date: "2026-01-20",
      labels: [{ format: "zpl", content: { carrier_name: "PostExpress", tracking_number: number } }],
    });
    expect(host.parcels.find(number)?.details).toEqual({
      order_id: 815,
      warehouse_id: 3,
      provider: "PostExpress",
      from_address: {
        street: "Industrijska 5",
        city: "Novi Sad",
        postal_code: "21000",
        country: "RS",
        contact_name: "Ana Anić",
        phone: "+381 21 123-4567",
      },
      to_address: {
        street: "Булевар краља Александра 73а, stan 5",
        city: "Београд",
        postal_code: "11000",
        country: "RS",
        contact_name: "Љиљана Џокић",
        phone: "064 123 45 67",
      },
      package: { weight: 1.2, length: 23, width: 15, height: 5, description: "1 × Goods" },
      user_id: 12,
    });
  });

  it("is the provider's own where it has one, fetched without our token", async () => {
    const { purchase, number, request } = await buy(undefined, { service: "ACS" });
    const [label] = purchase.labels;
    expect(label).toMatchObject({ format: "pdf", tracking_number: number });
    expect(Buffer.from(label?.data as Uint8Array)).toEqual(host.parcels.find(number)?.label);
    expect(host.parcels.find(number)?.details).toMatchObject({ order_id: request.order_number });
  });

  it("goes to the address that the delivery service has for an order without one", async () => {
    const { number } = await buy(undefined, { to: nowhere, order_number: "4711" });
    expect(host.parcels.find(number)?.details.to_address).toMatchObject({
      street: "Knez Mihailova 1",
      contact_name: "Ana Anić",
    });
    await expect(buy(undefined, { to: nowhere, order_number: "4712" })).rejects.toMatchObject({
      name: "CarrierRefusal",
      message: "neither the order nor the delivery service has an address for 4712",
    });
  });

  it.each([
    {
      data: { id: 7, tracking_number: 5512345678, label_url: "", estimated_delivery: "0001-01-01T00:00:00Z" },
    },
    { success: true, data: { tracking_number: "5512345678", label_url: null, provider: "BEX" } },
    { id: "7", tracking_number: " 5512345678 ", estimated_delivery_date: null, status: "created", cost: 3 },
  ])("is read from an answer such as %j", async (body) => {
    host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "create_label" });
    const { purchase, number } = await buy();
    expect(number).toBe("5512345678");
    expect(purchase).not.toHaveProperty("estimated_delivery_date");
  });

  it("goes to an address that lies in an envelope, with its postal code as a number", async () => {
    const data = { street: "Glavna 1", city: "Niš", postal_code: 18000, country: "RS", contact_name: null };
    host.faults.plan(
      { kind: "answer", when: "before", answer: { body: { data } } },
      { operation: "find_address" },
    );
    const { number } = await buy(undefined, { to: nowhere });
    expect(host.parcels.find(number)?.details.to_address).toMatchObject({
      street: "Glavna 1",
      postal_code: "18000",
    });
  });

  it("is made for each box", async () => {
    const { purchase } = await buy(undefined, { packages: [testBox(1), testBox(2, { weight: 7 })] });
    const weights = purchase.labels.map(
      (label) => host.parcels.find(label.tracking_number)?.details.package.weight,
    );
    expect(weights).toEqual([1.2, 7]);
  });

  it("is refused in the delivery service's words", async () => {
    await expect(buy(undefined, { service: "Pigeon" })).rejects.toMatchObject({
      name: "CarrierRefusal",
      code: "unknown_provider",
      message: expect.stringContaining("no provider Pigeon"),
    });
    await expect(buy(connect({ token: "wrong" }))).rejects.toMatchObject({
      name: "CarrierRefusal",
      message: expect.stringContaining("who are you?"),
    });
    const to = testAddress({ ...serbianRequest().to, country: "" });
    await expect(buy(undefined, { to })).rejects.toThrow(/country/);
  });

  it.each([
    { kind: "cut", when: "after" },
    { kind: "status", when: "after", status: 502 },
    { kind: "answer", when: "after", answer: { body: "<html>" } },
    { kind: "answer", when: "after", answer: { status: 504, body: "<html>" } },
    { kind: "answer", when: "after", answer: { body: { id: 1, tracking_number: "" } } },
  ] as const)("whose answer is lost ($kind) is not asked for again: somebody has to look", async (fault) => {
    host.faults.plan(fault, { operation: "create_label" });
    await expect(buy()).rejects.toBeInstanceOf(CarrierUncertain);
    expect(connect().capabilities.repeat).toBe("never");
  });

  it("was surely not made when the service is throttled, down or out of reach", async () => {
    for (const status of [429, 503]) {
      host.faults.plan({ kind: "status", when: "before", status }, { operation: "create_label" });
      await expect(buy()).rejects.toBeInstanceOf(CarrierUnavailable);
    }
    await expect(buy(connect({ baseUrl: "http://127.0.0.1:1" }))).rejects.toBeInstanceOf(CarrierUnavailable);
    host.faults.plan(
      { kind: "status", when: "before", status: 503 },
      { operation: "find_address", times: 3 },
    );
    await expect(buy(undefined, { to: nowhere })).rejects.toBeInstanceOf(CarrierUnavailable);
  });

  it("whose fellow failed, or whose file can't be had, is named for whoever looks", async () => {
    host.faults.plan({ kind: "slow", ms: 1 }, { operation: "create_label" });
    host.faults.plan({ kind: "status", when: "before", status: 422 }, { operation: "create_label" });
    await expect(buy(undefined, { packages: [testBox(1), testBox(2)] })).rejects.toMatchObject({
      name: "CarrierUncertain",
      message: expect.stringMatching(/^the delivery service has made 90\d\d \(DS\d{10}\), and then: /),
    });
    for (const body of ["<html>", "%PDF-1.4 and no end"]) {
      host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "download_label" });
      await expect(buy(undefined, { service: "ACS" })).rejects.toMatchObject({
        name: "CarrierUncertain",
        message: expect.stringMatching(/^the delivery service has made 90\d\d/),
      });
    }
  });

  it("is put on record without secrets or people", async () => {
    const tools = carrierTools();
    const { request } = await buy(connect({}, tools), { service: "ACS" });
    expect(leaks(tools, { secrets: [DELIVERY_TOKEN], request })).toEqual([]);
  });

  it("can neither be cancelled nor followed there", () => {
    expect(connect()).not.toHaveProperty("voidLabel");
    expect(connect()).not.toHaveProperty("track");
    expect(connect().capabilities).toMatchObject({ voidsLabels: false, tracking: "none" });
  });
});
