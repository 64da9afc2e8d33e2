import { describe, expect, it } from "vitest";
import {
  type Carrier,
  CarrierRefusal,
  CarrierUnavailable,
  CarrierUncertain,
  type LabelRequest,
} from "../../../src/carriers/carrier.ts";
import { yunExpressSettingsSchema } from "../../../src/carriers/yun-express/settings.ts";
import { createYunExpressCarrier } from "../../../src/carriers/yun-express/yun-express.ts";
import {
  carrierTools,
  labelRequest,
  testAddress,
  testBox,
} from "../../support/carrier-hosts/carrier-tools.ts";
import { follow, statusAfter } from "../../support/carrier-hosts/follow.ts";
import { leaks } from "../../support/carrier-hosts/leaks.ts";
import { testedHost } from "../../support/carrier-hosts/tested-host.ts";
import { startYunExpressHost, YUN_EXPRESS_ACCOUNT } from "../../support/carrier-hosts/yun-express-host.ts";

const host = await testedHost(startYunExpressHost);

function connect(settings: Record<string, unknown> = {}, tools = carrierTools()): Carrier {
  const parsed = yunExpressSettingsSchema.parse({
    baseUrl: host.url,
    ...YUN_EXPRESS_ACCOUNT,
    productCode: "THZXR",
    declaredUnitPrice: 4.5,
    hsCodes: { "SKU-1": "610910" },
    ...settings,
  });
  return createYunExpressCarrier(parsed, tools);
}

/** From China to Germany. */
function exported(parts: Partial<LabelRequest> = {}): LabelRequest {
  return labelRequest({
    from: testAddress({ company: "Shop", street: "Road 1", city: "Shenzhen", state: "GD", country: "CN" }),
    to: testAddress({
      contact_name: "Erika Muster",
      street: "Teststraße 1",
      city: "Berlin",
      postal_code: "10115",
      country: "DE",
      phone: "+49 30 1234567",
      email: "erika@example.com",
    }),
    ...parts,
  });
}

async function buy(carrier = connect(), request = exported()) {
  const { labels } = await carrier.createLabel(request);
  return { request, labels, number: labels[0]?.tracking_number as string };
}

describe("a YunExpress label", () => {
  it("comes with its bytes unchanged, the goods declared to customs", async () => {
    const goods = [
      { sku: "SKU-1", name: "T-shirt", quantity: 2, weight: 0.2 },
      { sku: "SKU-2", name: "Mug", quantity: 1, weight: null },
    ];
    const { labels, number, request } = await buy(
      connect({ iossNumber: "IM2760000001" }),
      exported({ goods }),
    );
    const parcel = host.parcels.find(number);
    expect(number).toMatch(/^YT\d{16}$/);
    expect(labels).toMatchObject([{ sequence_number: 1, format: "pdf", tracking_number: number }]);
    expect(Buffer.from(labels[0]?.data as Uint8Array).equals(parcel?.label as Buffer)).toBe(true);
    expect(parcel?.details).toMatchObject({
      customer_order_number: request.reference,
      weight_unit: "KG",
      packages: [{ length: 23, width: 15, height: 5, weight: 1.2 }],
      receiver: { first_name: "Erika Muster", country_code: "DE", address_lines: ["Teststraße 1"] },
      sender: { country_code: "CN", province: "GD" },
      declaration_info: [
        {
          name_en: "T-shirt",
          quantity: 2,
          unit_weight: 0.2,
          unit_price: 4.5,
          currency: "USD",
          hs_code: "610910",
        },
        { name_en: "Mug", quantity: 1, unit_weight: 0.8 },
      ],
      customs_number: { ioss_code: "IM2760000001" },
    });
  });

  it("may lie elsewhere, where no credentials go", async () => {
    const other = await startYunExpressHost();
    other.linkLabels();
    const { number, labels } = await buy(connect({ baseUrl: other.url }));
    expect(Buffer.from(labels[0]?.data as Uint8Array)).toEqual(other.parcels.find(number)?.label);
    expect(other.violations).toEqual([]);
    await other.close();
  });

  it("is refused in YunExpress's words", async () => {
    await expect(buy(connect({ productCode: "NONE" }))).rejects.toMatchObject({
      name: "CarrierRefusal",
      code: "0107",
      message: expect.stringContaining("运输方式不存在"),
    });
  });

  it("is not asked for without what customs want to know", async () => {
    const before = host.seen.length;
    await expect(buy(undefined, exported({ goods: [] }))).rejects.toThrow(/isn't known what is in this one/);
    await expect(buy(undefined, exported({ packages: [testBox(1), testBox(2)] }))).rejects.toThrow(
      /one box a shipment/,
    );
    const to = testAddress({ ...exported().to, phone: "" });
    await expect(buy(undefined, exported({ to }))).rejects.toThrow(/phone/);
    expect(host.seen.length).toBe(before);
    expect(() => connect({ declaredUnitPrice: undefined })).toThrow(/declaredUnitPrice/);
  });

  it.each([
    { kind: "cut", when: "after" },
    { kind: "status", when: "after", status: 500 },
    { kind: "answer", when: "after", answer: { body: "<html>" } },
    {
      kind: "answer",
      when: "after",
      answer: { body: { t: 1, success: true, code: "0", msg: "", result: null } },
    },
  ] as const)("whose answer is lost ($kind) is found by our number, and bought once", async (fault) => {
    const carrier = connect();
    const request = exported();
    host.faults.plan(fault, { operation: "create_label" });
    await expect(carrier.createLabel(request)).rejects.toBeInstanceOf(CarrierUncertain);
    const found = await carrier.findByReference?.(request);
    const [parcel, ...more] = host.parcels.under(request.reference);
    expect(more).toEqual([]);
    expect(found?.labels).toMatchObject([{ tracking_number: parcel?.number }]);
    expect(await carrier.createLabel(request)).toEqual(found);
    expect(host.parcels.under(request.reference)).toHaveLength(1);
  });

  it.each([
    ["0110", "客户订单号已存在", /has order wms-\S+ already, and doesn't show it/],
    ["02039066", "order number repeated", /has order wms-\S+ already, and doesn't show it/],
    ["02039015", "please try later", /02039015: please try later/], // it is at it
  ])("of which YunExpress says %s %s is for a human", async (code, msg, message) => {
    const body = { t: 1, success: false, code, msg, result: null };
    host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "create_label" });
    await expect(buy()).rejects.toMatchObject({
      name: "CarrierUncertain",
      message: expect.stringMatching(message),
    });
  });

  it("is what its bytes say, a picture as well", async () => {
    const png = Buffer.concat([
      Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
      Buffer.from("....IEND\xae\x42\x60\x82", "latin1"),
    ]);
    const result = { label_type: "PNG", label_string: `data:image/png;base64,${png.toString("base64")}` };
    const answer = { body: { success: true, result } };
    host.faults.plan({ kind: "answer", when: "before", answer }, { operation: "print_label" });
    const [label] = (await buy()).labels;
    expect(label?.format).toBe("png");
    expect(Buffer.from(label?.data ?? []).equals(png)).toBe(true);
  });

  it("that was never bought isn't found", async () => {
    expect(await connect().findByReference?.(exported())).toBeUndefined();
  });

  it("was surely not bought when YunExpress is throttled or out of reach", async () => {
    host.faults.plan(
      { kind: "status", when: "before", status: 429, retryAfter: "7" },
      { operation: "create_label" },
    );
    const throttled = expect(buy()).rejects;
    await throttled.toMatchObject({ name: "CarrierUnavailable", retryAfterSeconds: 7 });
    await expect(buy(connect({ baseUrl: "http://127.0.0.1:1" }))).rejects.toBeInstanceOf(CarrierUnavailable);
  });

  it("is known to be bought when only its print failed", async () => {
    const broken = {
      t: 1,
      success: true,
      result: { url: "", label_string: "JVBERi0xLjQK", label_type: "PDF" },
    };
    const missing = { t: 1, success: false, code: "0404", msg: "面单未生成", result: null };
    for (const body of [broken, missing]) {
      host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "print_label" });
      await expect(buy()).rejects.toMatchObject({
        name: "CarrierUncertain",
        message: expect.stringMatching(/^YunExpress has order YT\d{16}, but not given its label/),
      });
    }
  });

  it("is put on record without secrets or people", async () => {
    const tools = carrierTools();
    const { request } = await buy(connect({}, tools));
    const secrets = [
      YUN_EXPRESS_ACCOUNT.appSecret,
      YUN_EXPRESS_ACCOUNT.appId,
      YUN_EXPRESS_ACCOUNT.sourceKey,
      "yun-token",
    ];
    expect(leaks(tools, { secrets, request })).toEqual([]);
  });
});

describe("a YunExpress label given back", () => {
  it("is cancelled, and may be given back again", async () => {
    const carrier = connect();
    const { number, request } = await buy(carrier);
    const label = { reference: request.reference, tracking_numbers: [number] };
    host.faults.plan({ kind: "cut", when: "after" }, { operation: "void_label" });
    await carrier.voidLabel?.(label);
    expect(host.parcels.find(number)?.state).toBe("voided");
    await carrier.voidLabel?.(label);
  });

  it("is found by our number when nobody knows its own", async () => {
    const carrier = connect();
    const { number, request } = await buy(carrier);
    await carrier.voidLabel?.({ reference: request.reference, tracking_numbers: [] });
    expect(host.parcels.find(number)?.state).toBe("voided");
    await carrier.voidLabel?.({ reference: "wms-never-bought", tracking_numbers: [] });
  });

  it("that is in YunExpress's hands is refused", async () => {
    const carrier = connect();
    const { number, request } = await buy(carrier);
    host.parcels.advance(number, 1);
    const given = carrier.voidLabel?.({ reference: request.reference, tracking_numbers: [number] });
    await expect(given).rejects.toMatchObject({ name: "CarrierRefusal", code: "0305" });
  });
});

describe("a YunExpress parcel", () => {
  it("is followed to the door, in UTC, whatever the order and number of its scans", async () => {
    const other = await startYunExpressHost();
    const carrier = connect({ baseUrl: other.url });
    const { number } = await buy(carrier);
    other.parcels.disorder({ seed: 3, repeat: 2 });
    const statuses = [];
    for (let scan = 0; scan < 5; scan++) {
      other.parcels.advance(number, 1);
      statuses.push(statusAfter(await follow(carrier, number)));
    }
    expect(statuses).toEqual(["in_transit", "in_transit", "in_transit", "out_for_delivery", "delivered"]);
    const facts = await follow(carrier, number);
    expect(facts.find(({ status }) => status === "delivered")).toEqual({
      carrier_code: "yun_express",
      tracking_number: number,
      status: "delivered",
      raw_code: "DELIVERED",
      description: "Delivered",
      location: "Berlin, DE",
      occurred_at: new Date("2026-01-20T13:00:00Z"),
    });
    expect(other.violations).toEqual([]);
    await other.close();
  });

  it("that YunExpress doesn't know is left out, its fellows aren't", async () => {
    const carrier = connect();
    const { number } = await buy(carrier);
    host.parcels.advance(number, 1);
    expect(await follow(carrier, "YT0000000000000000", number)).toMatchObject([{ tracking_number: number }]);
    const unknown = { t: 1, success: false, code: "0201", msg: "订单不存在", result: null };
    host.faults.plan({ kind: "answer", when: "before", answer: { body: unknown } }, { operation: "track" });
    expect(await follow(carrier, number)).toEqual([]);
  });

  it("is as its whole stands when a node is new, and can be corrected by a setting", async () => {
    const { number } = await buy();
    const seized = { code: "SEIZED", text: "Seized", place: "", at: new Date("2026-01-19T00:00:00Z") };
    host.parcels.reroute(number, [{ ...seized, at: new Date("2026-01-18T00:00:00Z") }, seized]);
    host.parcels.advance(number);
    const facts = await follow(connect(), number);
    expect(facts).toMatchObject([
      { status: "exception", raw_code: "SEIZED" },
      { status: "unknown", raw_code: "SEIZED", unmapped: true },
    ]);
    const corrected = await follow(connect({ statuses: { SEIZED: "lost" } }), number);
    expect(corrected.map(({ status }) => status)).toEqual(["lost", "lost"]);
  });

  it("read from a published answer has its times and statuses right", async () => {
    const body = {
      t: 1_768_900_000_000,
      success: true,
      code: "0",
      msg: "success",
      result: [
        {
          order_number: "YT2500921272000001",
          package_status: "T",
          track_Info: {
            waybill_number: "YT2500921272000001",
            track_events: [
              {
                process_time: "2026-01-15T10:30:00",
                process_content: "Order received",
                process_city: "Shenzhen",
                process_country: "CN",
              },
              {
                process_utc_time: "2026-01-15T02:31:00",
                process_time: "2026-01-15T10:31:00",
                process_content: "到达",
                track_node_code: "FIRST_MILE_ARRIVE",
              },
              { process_time: "soon", process_content: "no time at all", track_node_code: "TRANSIT_IN" },
            ],
          },
        },
      ],
    };
    host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "track" });
    expect(await follow(connect(), "YT2500921272000001")).toMatchObject([
      {
        status: "unknown",
        raw_code: "Order received",
        location: "Shenzhen, CN",
        occurred_at: new Date("2026-01-15T02:30:00Z"),
      },
      { status: "in_transit", raw_code: "FIRST_MILE_ARRIVE", occurred_at: new Date("2026-01-15T02:31:00Z") },
    ]);
  });

  it.each([
    ["a single result, its name in small letters", (told: object) => ({ track_info: told })],
    ["a list of one", (told: object) => ({ track_Info: [told] })],
    ["the result itself", (told: object) => told],
  ])("is read from %s", async (_, shapeOf) => {
    const event = { process_utc_time: "2026-07-01T22:11:33.562Z", track_node_code: "TRANSIT_OUT" };
    const body = { success: true, result: { package_status: "T", ...shapeOf({ track_events: event }) } };
    host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "track" });
    expect(await follow(connect(), "YT1")).toMatchObject([
      { status: "in_transit", occurred_at: new Date("2026-07-01T22:11:33.562Z") },
    ]);
  });

  it("of which nothing happened yet, or nothing is known, has no facts", async () => {
    for (const result of [null, [], {}, { package_status: "F", track_Info: null }, { package_status: "N" }]) {
      const answer = { body: { success: true, code: "0", result } };
      host.faults.plan({ kind: "answer", when: "before", answer }, { operation: "track" });
      expect(await follow(connect(), "YT1")).toEqual([]);
    }
  });

  it("can't be asked about while YunExpress is down", async () => {
    host.faults.plan({ kind: "status", when: "before", status: 503 }, { operation: "track", times: 3 });
    await expect(follow(connect(), "YT1")).rejects.toBeInstanceOf(CarrierUnavailable);
  });
});

describe("YunExpress's tokens", () => {
  it("are kept, renewed once when one is no longer taken", async () => {
    const carrier = connect();
    const before = host.tokens.given();
    await buy(carrier);
    await buy(carrier);
    expect(host.tokens.given() - before).toBe(1);
    host.tokens.expire();
    await buy(carrier);
    expect(host.tokens.given() - before).toBe(2);
  });

  it.each(["0200401002", "0200401102"])("are renewed when an answer of success says %s", async (code) => {
    const carrier = connect();
    await buy(carrier);
    const before = host.tokens.given();
    const body = { t: 1, success: false, code, message: "token is invalid" };
    const expire = (times: number) =>
      host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "track", times });
    expire(1);
    expect(await follow(carrier, "YT0000000000000000")).toEqual([]);
    expect(host.tokens.given() - before).toBe(1);
    expire(2);
    await expect(follow(carrier, "YT1")).rejects.toMatchObject({
      name: "CarrierRefusal",
      message: expect.stringContaining(`${code}: token is invalid`),
    });
  });

  it("that are never taken, or never given, are a refusal", async () => {
    host.faults.plan(
      { kind: "status", when: "before", status: 401 },
      { operation: "create_label", times: 2 },
    );
    await expect(buy()).rejects.toBeInstanceOf(CarrierRefusal);
    await expect(buy(connect({ appSecret: "wrong" }))).rejects.toMatchObject({
      name: "CarrierRefusal",
      code: "40001",
    });
  });
});
