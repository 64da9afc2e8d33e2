import { afterEach, describe, expect, it } from "vitest";
import {
  type Carrier,
  CarrierRefusal,
  CarrierUnavailable,
  CarrierUncertain,
  WebhookRejected,
} from "../../../src/carriers/carrier.ts";
import { upsSettingsSchema } from "../../../src/carriers/ups/settings.ts";
import { createUpsCarrier } from "../../../src/carriers/ups/ups-carrier.ts";
import {
  bought,
  carrierTools,
  labelRequest,
  testAddress,
  testBox,
} from "../../support/carrier-hosts/carrier-tools.ts";
import { follow, statusAfter } from "../../support/carrier-hosts/follow.ts";
import { testedHost } from "../../support/carrier-hosts/tested-host.ts";
import { pdfOf, startUpsHost, UPS_ACCOUNT, upsNumber } from "../../support/carrier-hosts/ups-host.ts";

const host = await testedHost(startUpsHost);

afterEach(() => host.writeLists(true));

const { webhookSecret, ...account } = UPS_ACCOUNT;

function connect(settings: Record<string, unknown> = {}) {
  const tools = carrierTools();
  const parsed = upsSettingsSchema.parse({
    ...account,
    baseUrl: host.url,
    webhookSecrets: ["ups-track-alert-credential-to-come", webhookSecret],
    ...settings,
  });
  return { ups: createUpsCarrier(parsed, tools), tools };
}

const buy = (ups: Carrier = connect().ups, parts: Parameters<typeof labelRequest>[0] = {}) =>
  bought(ups, labelRequest(parts));

function bytesOf(data: Uint8Array | undefined): Buffer {
  return Buffer.from(data ?? []);
}

describe("a UPS label", () => {
  it("comes with its bytes unchanged, from a list or from one by itself", async () => {
    for (const lists of [true, false]) {
      host.writeLists(lists);
      const { purchase, number } = await buy();
      expect(purchase.carrier_reference).toBe(number);
      expect(purchase.labels).toMatchObject([{ sequence_number: 1, tracking_number: number, format: "zpl" }]);
      expect(bytesOf(purchase.labels[0]?.data).equals(host.parcels.find(number)?.label as Buffer)).toBe(true);
    }
  });

  it("is bought for all boxes at once, in kilograms and centimetres or in pounds and inches", async () => {
    const packages = [
      testBox(1, { weight: 1.2, length: 25.4, width: 10, height: 5 }),
      testBox(2, { height: 0 }),
    ];
    const { purchase, request } = await buy(undefined, { packages });
    expect(purchase.labels.map(({ sequence_number }) => sequence_number)).toEqual([1, 2]);
    const parcels = host.parcels.under(request.reference);
    expect(parcels.map(({ number }) => number)).toEqual(
      purchase.labels.map((label) => label.tracking_number),
    );
    expect(parcels[0]?.details.weight).toEqual({ UnitOfMeasurement: { Code: "KGS" }, Weight: "1.2" });
    const imperial = await buy(connect({ units: "imperial" }).ups, { packages });
    const [first] = host.parcels.under(imperial.request.reference);
    expect(first?.details.weight).toEqual({ UnitOfMeasurement: { Code: "LBS" }, Weight: "2.65" });
    const asked = host.seen.filter(({ operation }) => operation === "create_label").at(-1)?.request.text;
    expect(asked).toContain(`"UnitOfMeasurement":{"Code":"IN"},"Length":"10"`);
  });

  it("as a PDF is made of one that is sold; when it can't be had, the ZPL is kept", async () => {
    const { ups } = connect({ labelFormat: "pdf" });
    for (const lists of [true, false]) {
      host.writeLists(lists);
      const { purchase, number } = await buy(ups);
      expect(purchase.labels[0]?.format).toBe("pdf");
      expect(bytesOf(purchase.labels[0]?.data).equals(pdfOf(number))).toBe(true);
    }
    for (const status of [400, 503]) {
      host.faults.plan(
        { kind: "status", when: "before", status },
        { operation: "recover_label", times: status === 503 ? 3 : 1 },
      );
      const { purchase, number } = await buy(connect({ labelFormat: "pdf" }).ups);
      expect(purchase.labels).toMatchObject([{ tracking_number: number, format: "zpl" }]);
    }
  });

  it("that can only be had as a picture is kept as ZPL", async () => {
    const LabelImage = { LabelImageFormat: { Code: "GIF" }, GraphicImage: "R0lGODdh" };
    const body = { LabelRecoveryResponse: { LabelResults: { TrackingNumber: null, LabelImage } } };
    host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "recover_label" });
    const { purchase, number } = await buy(connect({ labelFormat: "pdf" }).ups);
    expect(purchase.labels).toMatchObject([{ tracking_number: number, format: "zpl" }]);
  });

  it("to another country names its reference for the whole shipment", async () => {
    const to = testAddress({ ...labelRequest().to, country: "CA", state: "ON", postal_code: "M5V1J1" });
    const { request } = await buy(undefined, { to, service: "11" });
    expect(host.parcels.under(request.reference)).toHaveLength(1);
  });

  it("has a phone number and a postal code as long as UPS takes them", async () => {
    const to = { ...labelRequest().to, phone: "+1 (416) 555-0100", postal_code: "73301-0042" };
    await buy(undefined, {
      to: testAddress(to),
      from: testAddress({ ...labelRequest().from, phone: "n/a" }),
    });
    const asked = host.seen.filter(({ operation }) => operation === "create_label").at(-1)?.request.text;
    const { Shipper, ShipTo } = JSON.parse(asked ?? "").ShipmentRequest.Shipment;
    expect(ShipTo).toMatchObject({ Phone: { Number: "14165550100" }, Address: { PostalCode: "733010042" } });
    expect(Shipper).not.toHaveProperty("Phone");
  });

  it("is what UPS says it is", async () => {
    const forms = [
      [{ Code: "ZPL", Description: "ZPL" }, "zpl"],
      [{ Code: "PDF" }, "pdf"],
      [{ Code: "PNG" }, "png"],
      [{ Description: "none" }, "zpl"],
      [null, "zpl"],
    ] as const;
    for (const [ImageFormat, format] of forms) {
      const image = { GraphicImage: "XlhB\nXlha", ImageFormat };
      const one = { TrackingNumber: upsNumber(80_001), ShippingLabel: image };
      const ShipmentResults = { ShipmentIdentificationNumber: null, PackageResults: one };
      const body = { ShipmentResponse: { ShipmentResults } };
      host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "create_label" });
      const { labels, carrier_reference } = (await buy()).purchase;
      const [label] = labels;
      expect(carrier_reference).toBe(upsNumber(80_001));
      expect(label).toMatchObject({ tracking_number: upsNumber(80_001), format });
      expect(bytesOf(label?.data).toString()).toBe("^XA^XZ");
    }
  });

  it("is refused by the gateway in front as well", async () => {
    const errors = [{ code: "250002", message: "Invalid Authentication Information." }];
    for (const status of [200, 401]) {
      const answer = { status, body: { errors } };
      const times = status === 401 ? 2 : 1;
      host.faults.plan({ kind: "answer", when: "before", answer }, { operation: "create_label", times });
      await expect(buy()).rejects.toMatchObject({ name: "CarrierRefusal", code: "250002" });
    }
  });

  it("is refused with UPS's code and text", async () => {
    const to = testAddress({ ...labelRequest().to, postal_code: "00000" });
    const bad = buy(undefined, { to });
    await expect(bad).rejects.toBeInstanceOf(CarrierRefusal);
    await expect(bad).rejects.toMatchObject({
      code: "120802",
      message: expect.stringContaining("Address Validation Error on ShipTo address"),
    });
    const nowhere = testAddress({ ...labelRequest().to, country: "" });
    await expect(buy(undefined, { to: nowhere })).rejects.toThrow("UPS needs to.country");
  });

  it("whose answer is lost, or says nothing, may have been bought", async () => {
    const lost = [
      { kind: "cut", when: "after" },
      { kind: "status", when: "after", status: 500 },
      { kind: "answer", when: "after", answer: { body: "{" } },
      { kind: "answer", when: "after", answer: { body: { ShipmentResponse: { ShipmentResults: {} } } } },
    ] as const;
    for (const fault of lost) {
      host.faults.plan(fault, { operation: "create_label" });
      await expect(buy()).rejects.toBeInstanceOf(CarrierUncertain);
    }
    const one = { TrackingNumber: upsNumber(80_000), ShippingLabel: { GraphicImage: "XlhB" } };
    const ShipmentResults = { ShipmentIdentificationNumber: upsNumber(80_000), PackageResults: [one] };
    host.faults.plan(
      { kind: "answer", when: "before", answer: { body: { ShipmentResponse: { ShipmentResults } } } },
      { operation: "create_label" },
    );
    await expect(buy(undefined, { packages: [testBox(1), testBox(2)] })).rejects.toThrow(
      "1 labels for 2 boxes",
    );
  });

  it("was surely not bought when UPS is throttled or down", async () => {
    const { ups } = connect();
    host.faults.plan(
      { kind: "status", when: "before", status: 429, retryAfter: "3" },
      { operation: "create_label" },
    );
    await expect(buy(ups)).rejects.toMatchObject({ name: "CarrierUnavailable", retryAfterSeconds: 3 });
    host.faults.plan({ kind: "status", when: "before", status: 503 }, { operation: "create_label" });
    await expect(buy(ups)).rejects.toBeInstanceOf(CarrierUnavailable);
    const errors = [{ code: "10429", message: "Too many requests" }];
    host.faults.plan(
      { kind: "answer", when: "before", answer: { body: { response: { errors } } } },
      { operation: "create_label" },
    );
    await expect(buy(ups)).rejects.toBeInstanceOf(CarrierUnavailable);
  });
});

describe("a UPS label given back", () => {
  it("takes all packages of its shipment with it, and may be given back again", async () => {
    const { ups } = connect();
    const { purchase, request } = await buy(ups, { packages: [testBox(1), testBox(2)] });
    const tracking_numbers = purchase.labels.map(({ tracking_number }) => tracking_number);
    await ups.voidLabel?.({ reference: request.reference, tracking_numbers });
    expect(tracking_numbers.map((number) => host.parcels.find(number)?.state)).toEqual(["voided", "voided"]);
    const { carrier_reference } = purchase;
    await ups.voidLabel?.({ reference: request.reference, tracking_numbers, carrier_reference });
    await ups.voidLabel?.({ reference: request.reference, tracking_numbers: [] });
  });

  it("that is under way, or unknown, is refused", async () => {
    const { ups } = connect();
    const { number, request } = await buy(ups);
    host.parcels.advance(number, 3);
    const given = (tracking_number: string) =>
      ups.voidLabel?.({ reference: request.reference, tracking_numbers: [tracking_number] });
    await expect(given(number)).rejects.toMatchObject({ name: "CarrierRefusal", code: "NOT_VOIDED" });
    await expect(given(upsNumber(70_000))).rejects.toMatchObject({ name: "CarrierRefusal", code: "190100" });
  });
});

describe("a UPS parcel", () => {
  it("is followed to the door, in UTC, whatever the order and number of its scans", async () => {
    const { ups } = connect();
    const { number } = await buy(ups);
    expect(await follow(ups, number, "1Z1")).toEqual([]);
    const statuses = [];
    for (let scan = 0; scan < 7; scan++) {
      host.parcels.advance(number, 1);
      if (scan === 3) host.parcels.disorder({ seed: 11, repeat: 3 });
      host.writeLists(scan % 2 === 0);
      statuses.push(statusAfter(await follow(ups, number)));
    }
    expect(statuses).toEqual([
      undefined,
      "in_transit",
      "in_transit",
      "out_for_delivery",
      "in_transit",
      "available_for_pickup",
      "delivered",
    ]);
    const delivered = (await follow(ups, number)).filter(({ status }) => status === "delivered");
    expect(delivered).toHaveLength(3);
    expect(delivered[0]).toEqual({
      carrier_code: "ups",
      tracking_number: number,
      status: "delivered",
      raw_code: "011",
      description: "Delivered",
      location: "Austin, TX, US",
      occurred_at: new Date("2026-01-18T11:07:04Z"),
    });
  });

  it("read from a recorded answer has its codes before its types, and its times right", async () => {
    const activity = [
      {
        date: "20210210",
        time: "071356",
        status: { type: "X", code: "SR", statusCode: "003", description: " Released " },
      },
      {
        gmtDate: "20210210",
        gmtTime: "74700",
        gmtOffset: "-05:00",
        status: { type: "I", statusCode: "021" },
      },
      { date: "20210209", time: "60000", gmtOffset: "-05:00", status: { type: "D", statusCode: "999" } },
      { date: "20210209", time: "050000", status: { type: "I", code: "OT", statusCode: "998" } },
      { date: "20210209", time: "040000", status: { type: "Q", code: "QQ" } },
      { date: "20210209", time: "030000", gmtOffset: "", status: { type: "D", statusCode: 34 } },
      {
        date: "20210208",
        time: "120000",
        gmtDate: "",
        gmtTime: "",
        location: { address: { city: "RENO", stateProvince: "NV", country: "US" } },
        status: { type: "I", statusCode: "", code: "AR" },
      },
      { date: "", time: "", status: { type: "D", statusCode: "011" } },
    ];
    const other = {
      trackingNumber: "1ZOTHER",
      activity: { gmtDate: "20210211", gmtTime: "000001", status: { type: "D" } },
    };
    const answers = [
      [{ package: [{ trackingNumber: "1Z023E2X0214323462", activity }] }],
      [{ package: [{ trackingNumber: "1Z023E2X0214323462", activity }, other] }],
    ];
    for (const [index, shipment] of answers.entries()) {
      host.faults.plan(
        { kind: "answer", when: "before", answer: { body: { trackResponse: { shipment } } } },
        { operation: "track" },
      );
      const asked = index === 0 ? "92419900000033499522966220" : "1Z023E2X0214323462";
      const facts = await follow(connect().ups, asked);
      const told = facts.map((fact) => [fact.raw_code, fact.status, fact.occurred_at.toISOString()]);
      expect(told.slice(0, 7)).toEqual([
        ["003", "label_created", "2021-02-10T07:13:56.000Z"],
        ["021", "out_for_delivery", "2021-02-10T07:47:00.000Z"],
        ["999", "delivered", "2021-02-09T11:00:00.000Z"],
        ["998", "out_for_delivery", "2021-02-09T05:00:00.000Z"],
        ["QQ", "unknown", "2021-02-09T04:00:00.000Z"],
        ["034", "returned", "2021-02-09T03:00:00.000Z"],
        ["AR", "in_transit", "2021-02-08T20:00:00.000Z"],
      ]);
      expect(facts[0]?.tracking_number).toBe(asked);
      expect(facts.filter(({ unmapped }) => unmapped).map(({ raw_code }) => raw_code)).toEqual(["QQ"]);
      expect(facts.slice(7).map(({ tracking_number, status }) => [tracking_number, status])).toEqual(
        index === 0 ? [] : [["1ZOTHER", "delivered"]],
      );
    }
  });

  it("that UPS has never heard of is no news, also when it says so with a 404; a fault is not", async () => {
    const { ups } = connect();
    expect(await follow(ups, upsNumber(60_000))).toEqual([]);
    host.faults.plan({ kind: "status", when: "before", status: 404 }, { operation: "track" });
    expect(await follow(ups, upsNumber(60_000))).toEqual([]);
    host.faults.plan({ kind: "status", when: "before", status: 403, code: "250002" }, { operation: "track" });
    await expect(follow(ups, upsNumber(60_000))).rejects.toBeInstanceOf(CarrierRefusal);
    host.faults.plan({ kind: "status", when: "before", status: 500 }, { operation: "track", times: 3 });
    await expect(follow(ups, upsNumber(60_000))).rejects.toBeInstanceOf(CarrierUnavailable);
  });
});

describe("UPS's tokens", () => {
  it("are fetched once for many calls, once more when UPS no longer takes one, and never shown", async () => {
    const { ups, tools } = connect({ merchantId: "merchant" });
    const before = host.tokens.given();
    await Promise.all([buy(ups), buy(ups)]);
    host.tokens.expire();
    await Promise.all([buy(ups), buy(ups)]);
    expect(host.tokens.given()).toBe(before + 2);
    const recorded = JSON.stringify(tools.calls);
    const basic = Buffer.from(`${account.clientId}:${account.clientSecret}`).toString("base64");
    for (const secret of [account.clientSecret, "ups-token-", basic]) expect(recorded).not.toContain(secret);
    await expect(buy(connect({ clientSecret: "wrong" }).ups)).rejects.toMatchObject({ code: "250003" });
  });

  it("that are never taken are a refusal, after two tries", async () => {
    const before = host.calls("create_label");
    host.faults.plan(
      { kind: "status", when: "before", status: 401 },
      { operation: "create_label", times: 2 },
    );
    await expect(buy()).rejects.toMatchObject({ name: "CarrierRefusal", code: "250002" });
    expect(host.calls("create_label")).toBe(before + 2);
  });
});

describe("what UPS pushes", () => {
  it("is taken with the credential that we gave, and says what the poll says", async () => {
    const { ups } = connect();
    const { number } = await buy(ups);
    for (let scan = 0; scan < 7; scan++) {
      host.parcels.advance(number, 1);
      const pushed = ups.parseWebhook?.(host.push(number)).facts ?? [];
      expect(pushed).toHaveLength(1);
      expect(await follow(ups, number)).toContainEqual(pushed[0]);
    }
  });

  it("is read from the documented examples; a D before the delivery is the last mile", () => {
    const { ups } = connect();
    const event = (parts: object) => {
      const status = { type: "I", code: "OT", description: "Out for Delivery", descriptionCode: 21 };
      const body = {
        trackingNumber: "1Z204W4R0308071865",
        localActivityDate: "20240423",
        localActivityTime: "091519",
        activityLocation: { city: "Charlotte", stateProvince: "NC", postalCode: "30004", country: "US" },
        activityStatus: status,
        gmtActivityDate: "20240423",
        gmtActivityTime: "131519",
        ...parts,
      };
      const delivery = {
        ...deliveryOf({ credential: webhookSecret }),
        body: Buffer.from(JSON.stringify(body)),
      };
      return ups.parseWebhook?.(delivery).facts[0];
    };
    expect(event({})).toEqual({
      carrier_code: "ups",
      tracking_number: "1Z204W4R0308071865",
      status: "out_for_delivery",
      raw_code: "021",
      description: "Out for Delivery",
      location: "Charlotte, NC, US",
      occurred_at: new Date("2024-04-23T13:15:19Z"),
    });
    const loaded = { type: "D", code: "LV", description: "Loaded on Delivery Vehicle" };
    expect(event({ activityStatus: loaded })).toMatchObject({ status: "out_for_delivery", raw_code: "LV" });
    const delivered = { activityStatus: { ...loaded, code: "FS" }, actualDeliveryDate: "20240423" };
    expect(event(delivered)).toMatchObject({ status: "delivered", raw_code: "FS" });
    const local = { gmtActivityDate: undefined, gmtActivityTime: undefined, gmtOffset: "-04.00" };
    expect(event(local)).toMatchObject({ occurred_at: new Date("2024-04-23T13:15:19Z") });
    const bare = { gmtActivityDate: "", gmtActivityTime: "", gmtOffset: "", scheduledDeliveryDate: "" };
    expect(event(bare)).toMatchObject({ occurred_at: new Date("2024-04-23T13:15:19Z") });
    const pickedUp = { type: "P", code: "", description: "Pickup Scan", descriptionCode: "" };
    expect(event({ trackingNumber: " 1Z204W4R0308071865", activityStatus: pickedUp })).toMatchObject({
      tracking_number: "1Z204W4R0308071865",
      status: "in_transit",
      raw_code: "P",
    });
  });

  it("is refused without the credential, with another, or in no known shape", async () => {
    const { ups } = connect();
    const { number } = await buy(ups);
    host.parcels.advance(number, 2);
    const good = host.push(number);
    const bad = [
      { ...good, headers: {} },
      { ...good, headers: { credential: "" } },
      { ...good, headers: { credential: `${webhookSecret}!` } },
      { ...good, headers: { credential: webhookSecret.toUpperCase() } },
      { ...good, headers: { authorization: good.headers["credential"] as string } },
      { ...good, body: Buffer.from("{}") },
      { ...good, body: Buffer.from("[") },
    ];
    for (const delivery of bad) expect(() => ups.parseWebhook?.(delivery)).toThrow(WebhookRejected);
    expect(() => connect({ webhookSecrets: [] }).ups.parseWebhook?.(good)).toThrow(WebhookRejected);
    const bearer = { authorization: `Bearer ${webhookSecret}`, "x-api-key": account.clientId };
    expect(() => ups.parseWebhook?.({ ...good, headers: bearer })).toThrow(
      "an OAuth token, and we give out none",
    );
    expect(ups.parseWebhook?.(good).facts).toHaveLength(1);
  });
});

function deliveryOf(headers: Record<string, string>) {
  return { method: "POST", path: "/", headers, body: new Uint8Array(), received_at: new Date() };
}
