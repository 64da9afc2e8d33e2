import { describe, expect, it } from "vitest";
import {
  type Carrier,
  CarrierRefusal,
  CarrierUnavailable,
  CarrierUncertain,
  type WebhookContent,
  type WebhookDelivery,
  WebhookRejected,
} from "../../../src/carriers/carrier.ts";
import { createDExpressCarrier } from "../../../src/carriers/d-express/d-express.ts";
import { dExpressSettingsSchema } from "../../../src/carriers/d-express/settings.ts";
import { carrierTools, testAddress, testBox } from "../../support/carrier-hosts/carrier-tools.ts";
import { D_EXPRESS_ACCOUNT, startDExpressHost } from "../../support/carrier-hosts/d-express-host.ts";
import { statusAfter } from "../../support/carrier-hosts/follow.ts";
import { leaks } from "../../support/carrier-hosts/leaks.ts";
import { serbianRequest } from "../../support/carrier-hosts/places.ts";
import { testedHost } from "../../support/carrier-hosts/tested-host.ts";

const host = await testedHost(startDExpressHost);
let ranges = 0;

function connect(settings: Record<string, unknown> = {}, tools = carrierTools()): Carrier {
  const { username, password, clientId, passcode } = D_EXPRESS_ACCOUNT;
  ranges += 1;
  const parsed = dExpressSettingsSchema.parse({
    baseUrl: host.api,
    username,
    password,
    clientId,
    codes: { prefix: "TT", first: ranges * 1000, last: ranges * 1000 + 999 },
    passcodes: ["tajna-sifra-2027", passcode],
    ...settings,
  });
  return createDExpressCarrier(parsed, tools);
}

function hear(carrier: Carrier, delivery: WebhookDelivery): WebhookContent {
  return (carrier.parseWebhook as NonNullable<Carrier["parseWebhook"]>)(delivery);
}

function bodyOf(reference: string): Record<string, unknown> {
  return host.parcels.under(reference)[0]?.details as Record<string, unknown>;
}

describe("a D Express label", () => {
  it("bears a code of the range, and is announced in grams, millimetres and Latin letters", async () => {
    const request = serbianRequest({ packages: [testBox(1), testBox(2, { weight: 0.25 })] });
    const { labels } = await connect({ codes: { prefix: "AB", first: 41, last: 99 } }).createLabel(request);
    expect(labels.map((label) => label.tracking_number)).toEqual(["AB0000000041", "AB0000000042"]);
    expect(bodyOf(request.reference)).toMatchObject({
      CClientID: "UK16967",
      PuName: "Proba d.o.o.",
      PuAddress: "Industrijska",
      PuAddressNum: "5",
      PuTownID: 100_002,
      RName: "Ljiljana Džokić",
      RAddress: "Bulevar kralja Aleksandra",
      RAddressNum: "73a",
      RTownID: 100_001,
      RCPhone: "381641234567",
      Mass: 1450,
      PackageList: [
        { Code: "AB0000000041", Mass: 1200, DimX: 150, DimY: 230, DimZ: 50 },
        { Code: "AB0000000042", Mass: 250 },
      ],
    });
  });

  it.each([
    ["+381 (0)64 123-45-67", "381641234567"],
    ["00381 11 2345678", "381112345678"],
    ["+43 1 2345678", undefined],
  ])("names the phone %s as D Express wants it, or not at all", async (phone, RCPhone) => {
    const request = serbianRequest({ to: testAddress({ ...serbianRequest().to, phone }) });
    await connect().createLabel(request);
    expect(bodyOf(request.reference)["RCPhone"]).toBe(RCPhone);
  });

  it("is drawn by us, with the code on it", async () => {
    const { labels } = await connect().createLabel(serbianRequest());
    const [label] = labels;
    expect(label).toMatchObject({ format: "zpl", content: { carrier_name: "D Express" } });
    const text = Buffer.from(label?.data ?? []).toString("utf8");
    expect(text).toContain(label?.tracking_number);
    const pdf = await connect({ labelFormat: "pdf" }).createLabel(serbianRequest());
    expect(Buffer.from(pdf.labels[0]?.data ?? []).toString("latin1")).toMatch(/^%PDF-/);
  });

  it("finds the town by name and code, by the name alone, or is told which it is", async () => {
    const selo = testAddress({ ...serbianRequest().to, city: "Novo Selo", postal_code: "25230" });
    const kula = serbianRequest({ to: selo });
    await connect().createLabel(kula);
    expect(bodyOf(kula.reference)).toMatchObject({ RTownID: 100_004 });
    const cacak = serbianRequest({ to: testAddress({ ...selo, city: "CACAK", postal_code: "" }) });
    await connect().createLabel(cacak);
    expect(bodyOf(cacak.reference)).toMatchObject({ RTownID: 100_005 });
    const unclear = serbianRequest({ to: testAddress({ ...selo, postal_code: "99999" }) });
    await expect(connect().createLabel(unclear)).rejects.toMatchObject({
      name: "CarrierRefusal",
      message: expect.stringMatching(/several towns.*100003.*100004.*"towns"/),
    });
    await connect({ towns: { "99999": 100_003 } }).createLabel(unclear);
    expect(bodyOf(unclear.reference)).toMatchObject({ RTownID: 100_003 });
  });

  it("lists the towns once a day", async () => {
    let now = new Date("2026-01-15T08:00:00Z");
    const carrier = connect(
      {},
      carrierTools(() => now),
    );
    const before = host.calls("list_towns");
    await carrier.createLabel(serbianRequest());
    await carrier.createLabel(serbianRequest());
    expect(host.calls("list_towns")).toBe(before + 1);
    now = new Date("2026-01-16T09:00:00Z");
    await carrier.createLabel(serbianRequest());
    expect(host.calls("list_towns")).toBe(before + 2);
  });

  it("is refused in D Express's words, also inside a 200", async () => {
    const to = testAddress({ ...serbianRequest().to, street: "Nepostojeća 1" });
    await expect(connect().createLabel(serbianRequest({ to }))).rejects.toMatchObject({
      name: "CarrierRefusal",
      message: "D Express refused the shipment: Ulica ne postoji u naselju",
    });
    host.faults.plan({ kind: "status", when: "before", status: 400 }, { operation: "create_label" });
    await expect(connect().createLabel(serbianRequest())).rejects.toMatchObject({
      name: "CarrierRefusal",
      message: expect.stringContaining("The request is invalid. shipment: Injected fault"),
    });
    const wrong = connect({ password: "nije-ta" });
    await expect(wrong.createLabel(serbianRequest())).rejects.toBeInstanceOf(CarrierRefusal);
  });

  it("is not asked for what D Express can't carry, or can't find", async () => {
    const before = host.calls("create_label");
    const heavy = serbianRequest({ packages: [testBox(1, { weight: 34.5 })] });
    await expect(connect().createLabel(heavy)).rejects.toThrow(/up to 34 kg; box 1 has 34.5 kg/);
    const nowhere = serbianRequest({ to: testAddress({ ...serbianRequest().to, city: "Atlantida" }) });
    await expect(
      connect().createLabel({ ...nowhere, to: { ...nowhere.to, postal_code: "" } }),
    ).rejects.toThrow(/does not deliver to {2}Atlantida/);
    const homeless = serbianRequest({ to: testAddress({ ...serbianRequest().to, street: "" }) });
    await expect(connect().createLabel(homeless)).rejects.toThrow("D Express needs to.street");
    expect(host.calls("create_label")).toBe(before);
  });

  it("whose answer is lost is announced again under the same code, once", async () => {
    const carrier = connect();
    for (const fault of [
      { kind: "cut", when: "after" },
      { kind: "status", when: "after", status: 500 },
      { kind: "answer", when: "after", answer: { body: "<html>Bad gateway</html>" } },
    ] as const) {
      const request = serbianRequest();
      host.faults.plan(fault, { operation: "create_label" });
      await expect(carrier.createLabel(request)).rejects.toBeInstanceOf(CarrierUncertain);
      const { labels } = await carrier.createLabel(request);
      expect(host.parcels.under(request.reference).map((parcel) => parcel.number)).toEqual([
        labels[0]?.tracking_number,
      ]);
    }
    expect(carrier.capabilities.repeat).toBe("idempotent");
  });

  it("was surely not announced when D Express is throttled or out of reach", async () => {
    host.faults.plan(
      { kind: "status", when: "before", status: 429, retryAfter: "9" },
      { operation: "create_label" },
    );
    const throttled = await connect()
      .createLabel(serbianRequest())
      .catch((error: unknown) => error);
    expect(throttled).toBeInstanceOf(CarrierUnavailable);
    expect(throttled).toMatchObject({ retryAfterSeconds: 9 });
    const nobody = connect({ baseUrl: "http://127.0.0.1:1" });
    await expect(nobody.createLabel(serbianRequest())).rejects.toBeInstanceOf(CarrierUnavailable);
  });

  it("is put on record without secrets or people", async () => {
    const tools = carrierTools();
    const request = serbianRequest();
    await connect({}, tools).createLabel(request);
    const secrets = [D_EXPRESS_ACCOUNT.password, D_EXPRESS_ACCOUNT.passcode, D_EXPRESS_ACCOUNT.clientId];
    expect(leaks(tools, { secrets, request })).toEqual([]);
  });
});

describe("a D Express parcel", () => {
  it("is followed to the door by notifications of both kinds", async () => {
    const carrier = connect();
    const request = serbianRequest();
    const code = (await carrier.createLabel(request)).labels[0]?.tracking_number as string;
    const facts = [];
    const statuses = [];
    for (let scan = 0; scan < 6; scan++) {
      host.parcels.advance(code, 1);
      facts.push(...hear(carrier, host.notify(code, { method: scan % 2 === 0 ? "PUT" : "POST" })).facts);
      statuses.push(facts.at(-1)?.status);
    }
    expect(statuses).toEqual([
      "label_created",
      "in_transit",
      "out_for_delivery",
      "delivery_attempted",
      "out_for_delivery",
      "delivered",
    ]);
    expect(statusAfter(facts)).toBe("delivered");
    expect(facts[5]).toEqual({
      carrier_code: "d_express",
      tracking_number: code,
      status: "delivered",
      raw_code: "1",
      description: "Pošiljka je isporučena primaocu",
      location: "",
      occurred_at: new Date("2026-01-17T11:00:00Z"),
    });
  });

  it("is told of in the documented form, by summer time too", () => {
    const body = {
      cc: D_EXPRESS_ACCOUNT.passcode,
      nID: 12_345_678,
      code: "TT0000000001",
      rID: "ORDER-1234",
      sID: 1,
      dt: "20260428143000",
    };
    const heard = hear(connect(), deliveryOf(body, "2026-04-28T12:30:20Z"));
    expect(heard.delivery_id).toBe("12345678");
    expect(heard.facts[0]).toMatchObject({
      tracking_number: "TT0000000001",
      status: "delivered",
      occurred_at: new Date("2026-04-28T12:30:00Z"),
    });
  });

  it.each([
    ["20260329023000", "2026-03-29T00:30:00Z"], // no clock showed it
    ["20261025023000", "2026-10-25T00:30:00Z"], // it was shown twice
    ["202601171200", "2026-01-17T11:00:00Z"],
  ])("is told of as a form as well, at %s by Belgrade's clock", (dt, at) => {
    const form = { cc: D_EXPRESS_ACCOUNT.passcode, nID: "7", code: "TT0000000001", sID: "30", dt };
    const delivery: WebhookDelivery = {
      ...deliveryOf({}, "2026-12-01T00:00:00Z"),
      headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
      body: Buffer.from(new URLSearchParams(form).toString()),
    };
    expect(hear(connect(), delivery).facts).toMatchObject([
      { status: "in_transit", raw_code: "30", occurred_at: new Date(at) },
    ]);
  });

  it("whose delivery is reversed is trouble that somebody has to look into", () => {
    const [fact] = hear(connect(), notified({ sID: "-1" })).facts;
    expect(fact).toMatchObject({
      status: "exception",
      unmapped: true, // so that somebody is told
      raw_code: "-1",
      description: expect.stringMatching(/^Storno isporuke.*somebody has to ask D Express/),
    });
  });

  it.each([
    ["-13", "lost"],
    ["-2", "cancelled"],
    ["20", "returned"],
    ["21", "return_to_sender"],
    ["22", "in_transit"],
    ["105", "exception"],
    ["830", "available_for_pickup"],
    ["843", "delivered"],
  ])("in state %s is %s", (sID, status) => {
    expect(hear(connect(), notified({ sID })).facts[0]).toMatchObject({ status, raw_code: sID });
  });

  it("in a state that is new to us is kept as it was told, unless the settings know better", () => {
    expect(hear(connect(), notified({ sID: "777" })).facts[0]).toMatchObject({
      status: "unknown",
      unmapped: true,
      raw_code: "777",
      description: "D Express status 777",
    });
    const taught = connect({ statuses: { "777": "in_transit" } });
    expect(hear(taught, notified({ sID: "777" })).facts[0]).toMatchObject({ status: "in_transit" });
  });

  it("is not told of by anybody else", () => {
    const forged: WebhookDelivery[] = [
      notified({ cc: "nije-ta-sifra" }),
      notified({ cc: "" }),
      notified({ cc: `${D_EXPRESS_ACCOUNT.passcode} ` }),
      notified({ dt: "20260117120600" }), // six minutes ahead
      notified({ dt: "yesterday" }),
      notified({ nID: "" }),
      notified({ code: "" }),
      notified({ sID: "one" }),
      { ...notified({}), body: Buffer.from("{") },
      { ...notified({}), body: Buffer.from("[]") },
    ];
    for (const delivery of forged) expect(() => hear(connect(), delivery)).toThrow(WebhookRejected);
    expect(() => hear(connect({ passcodes: [] }), notified({ cc: "" }))).toThrow(WebhookRejected);
    expect(hear(connect(), notified({ cc: "tajna-sifra-2027" })).facts).toHaveLength(1);
  });
});

function notified(fields: Record<string, string>): WebhookDelivery {
  const all = {
    cc: D_EXPRESS_ACCOUNT.passcode,
    nID: "1",
    code: "TT0000000001",
    rID: "wms-1",
    sID: "3",
    dt: "20260117120000",
    ...fields,
  };
  return deliveryOf(all, "2026-01-17T11:00:00Z");
}

function deliveryOf(fields: object, received_at: string): WebhookDelivery {
  return {
    method: "POST",
    path: "/webhooks/carriers/d_express",
    headers: {},
    body: Buffer.from(JSON.stringify(fields)),
    received_at: new Date(received_at),
  };
}

it("can't cancel, nor be asked", () => {
  const carrier = connect();
  expect(carrier).not.toHaveProperty("voidLabel");
  expect(carrier).not.toHaveProperty("track");
  expect(carrier.capabilities).toMatchObject({ voidsLabels: false, tracking: "push", labelFormats: [] });
  expect(connect({ passcodes: [] }).capabilities.tracking).toBe("none");
  expect(() => connect({ clientId: "UK1" })).toThrow(/UK and five digits/);
});
