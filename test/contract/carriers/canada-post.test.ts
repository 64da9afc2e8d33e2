import { describe, expect, it } from "vitest";
import { createCanadaPostCarrier } from "../../../src/carriers/canada-post/canada-post-carrier.ts";
import { canadaPostSettingsSchema } from "../../../src/carriers/canada-post/settings.ts";
import { type Carrier, CarrierUnavailable, CarrierUncertain } from "../../../src/carriers/carrier.ts";
import { startCanadaPostHost } from "../../support/carrier-hosts/canada-post-host.ts";
import { canadaPostNumber } from "../../support/carrier-hosts/canada-post-scans.ts";
import { CANADA_POST_ACCOUNT } from "../../support/carrier-hosts/canada-post-shapes.ts";
import {
  bought,
  carrierTools,
  labelRequest,
  testAddress,
  testBox,
} from "../../support/carrier-hosts/carrier-tools.ts";
import { follow, statusAfter } from "../../support/carrier-hosts/follow.ts";
import { testedHost } from "../../support/carrier-hosts/tested-host.ts";

const host = await testedHost(startCanadaPostHost);

function connect(settings: Record<string, unknown> = {}) {
  const tools = carrierTools();
  const parsed = canadaPostSettingsSchema.parse({ ...CANADA_POST_ACCOUNT, baseUrl: host.url, ...settings });
  return { carrier: createCanadaPostCarrier(parsed, tools), tools };
}

const OTTAWA = testAddress({
  contact_name: "Dock <A>",
  company: "Acme & Söhne",
  street: "1 Test Way",
  city: "Ottawa",
  state: "ON",
  postal_code: "k1a 0b1",
  country: "CA",
  phone: "6135550100",
});
const TORONTO = testAddress({
  contact_name: "Ann Ex",
  street: "2 Test St",
  city: "Toronto",
  state: "ON",
  postal_code: "M5V1J1",
  country: "CA",
});

function requestOf(parts: Parameters<typeof labelRequest>[0] = {}) {
  return labelRequest({ from: OTTAWA, to: TORONTO, ...parts });
}

const buy = (carrier: Carrier = connect().carrier, parts: Parameters<typeof requestOf>[0] = {}) =>
  bought(carrier, requestOf(parts));

describe("a Canada Post label", () => {
  it.each(["pdf", "zpl"])(
    "as %s comes with its bytes unchanged, from where its link leads",
    async (labelFormat) => {
      const { purchase, number } = await buy(connect({ labelFormat }).carrier);
      expect(purchase.labels).toMatchObject([
        { sequence_number: 1, tracking_number: number, format: labelFormat },
      ]);
      const data = Buffer.from(purchase.labels[0]?.data ?? []);
      expect(data.equals(host.parcels.find(number)?.label as Buffer)).toBe(true);
      expect(purchase).toMatchObject({ estimated_delivery_date: "2026-01-20" });
    },
  );

  it("says what it is about, whatever characters are in it", async () => {
    const to = { ...TORONTO, contact_name: `Ann "Ex" \u0007 & Ko`, street2: "<5>" };
    await buy(undefined, { to, packages: [testBox(1, { weight: 1.23456, length: 23.44, height: 0 })] });
    const sent = host.seen.filter(({ operation }) => operation === "create_label").at(-1)?.request.text;
    expect(sent).toContain("<company>Acme &amp; Söhne</company>");
    expect(sent).toContain("<name>Ann &quot;Ex&quot;  &amp; Ko</name>");
    expect(sent).toContain("<requested-shipping-point>K1A0B1</requested-shipping-point>");
    expect(sent).toContain("<weight>1.235</weight></parcel-characteristics>");
  });

  it("is not lost for a date that can't be read", async () => {
    for (const price of ["<shipment-price/>", "<shipment-price><service-standard/></shipment-price>", ""]) {
      const links = `<links><link rel="label" href="${host.url}/rs/artifact/k/0/0?p=2" media-type="application/pdf" index="0"/></links>`;
      const body = `<shipment-info><shipment-id>1</shipment-id><tracking-pin>123456789012</tracking-pin>${price}${links}</shipment-info>`;
      host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "create_label" });
      host.faults.plan(
        { kind: "answer", when: "before", answer: { body: "%PDF-1.4" } },
        { operation: "get_label" },
      );
      const { purchase } = await buy();
      expect(purchase).toEqual({
        labels: [
          {
            sequence_number: 1,
            tracking_number: "123456789012",
            format: "pdf",
            data: Buffer.from("%PDF-1.4"),
          },
        ],
      });
    }
  });

  it("that is still being drawn is asked for again", async () => {
    const before = host.calls("get_label");
    const { purchase } = await buy(undefined, { service: "DOM.XP" });
    expect(host.calls("get_label")).toBe(before + 3);
    expect(purchase.labels[0]?.data.length).toBeGreaterThan(0);
  });

  it("whose answer is lost is found by its reference, and not bought again", async () => {
    const lost = [
      [{ kind: "cut", when: "after" }, "create_label", 1],
      [{ kind: "status", when: "after", status: 500 }, "create_label", 1],
      [{ kind: "answer", when: "after", answer: { body: "<shipment-info>" } }, "create_label", 1],
      [{ kind: "answer", when: "after", answer: { status: 202 } }, "get_label", 4],
      [{ kind: "answer", when: "after", answer: { body: "" } }, "get_label", 4],
      [{ kind: "status", when: "before", status: 404 }, "get_label", 1],
      [{ kind: "cut", when: "before" }, "get_label", 3],
    ] as const;
    for (const [fault, operation, times] of lost) {
      const { carrier } = connect();
      const request = requestOf();
      host.faults.plan(fault, { operation, times });
      await expect(carrier.createLabel(request)).rejects.toBeInstanceOf(CarrierUncertain);
      const [parcel, ...more] = host.parcels.under(request.reference);
      expect(more).toEqual([]);
      expect((await carrier.findByReference?.(request))?.labels).toMatchObject([
        { sequence_number: 1, tracking_number: parcel?.number, format: "pdf" },
      ]);
    }
  });

  it("that was never bought is not found", async () => {
    const { carrier } = connect();
    expect(await carrier.findByReference?.(requestOf())).toBeUndefined();
    host.faults.plan({ kind: "status", when: "before", status: 404 }, { operation: "find_label" });
    expect(await carrier.findByReference?.(requestOf())).toBeUndefined();
    host.faults.plan({ kind: "status", when: "before", status: 500 }, { operation: "find_label", times: 3 });
    await expect(carrier.findByReference?.(requestOf())).rejects.toBeInstanceOf(CarrierUnavailable);
  });

  it("is one for each box; those that were bought before one was refused are found, the others can be bought", async () => {
    const { carrier } = connect();
    const request = requestOf({ packages: [testBox(1), testBox(2, { weight: 31 }), testBox(3)] });
    const refused = (await carrier.createLabel(request).catch((error: unknown) => error)) as Error;
    const [first] = host.parcels.under(request.reference);
    expect(refused).toBeInstanceOf(CarrierUncertain);
    expect(refused.message).toContain(`box 2, after ${first?.number} was bought`);
    expect(refused.message).toContain("9165");
    const found = await carrier.findByReference?.(request);
    expect(found?.labels).toMatchObject([{ sequence_number: 1, tracking_number: first?.number }]);
    const rest = { ...request, packages: [testBox(2), testBox(3)] };
    const { labels } = await carrier.createLabel(rest);
    expect(labels.map(({ sequence_number }) => sequence_number)).toEqual([2, 3]);
    expect((await carrier.findByReference?.(request))?.labels).toEqual([...(found?.labels ?? []), ...labels]);
    const references = [request.reference, `${request.reference}.2`, `${request.reference}.3`];
    for (const reference of references) expect(host.parcels.under(reference)).toHaveLength(1);
  });

  it("is refused with Canada Post's code and text, and not asked for when it can't be had", async () => {
    const to = { ...TORONTO, postal_code: "X0X 0X0" };
    await expect(buy(undefined, { to })).rejects.toMatchObject({
      name: "CarrierRefusal",
      code: "9111",
      message: expect.stringContaining("The destination postal code does not exist."),
    });
    const before = host.seen.length;
    await expect(buy(undefined, { to: { ...TORONTO, country: "US" } })).rejects.toMatchObject({
      code: "INTERNATIONAL",
      message: expect.stringContaining("no value, currency, country of origin and tariff code"),
    });
    await expect(buy(undefined, { to: { ...TORONTO, street2: "5".repeat(45) } })).rejects.toMatchObject({
      code: "ADDRESS_TOO_LONG",
      message: "Canada Post takes 44 characters in to.street2, not 45",
    });
    await expect(buy(undefined, { from: { ...OTTAWA, phone: "" } })).rejects.toThrow(
      "Canada Post needs from.phone",
    );
    expect(host.seen).toHaveLength(before);
    await expect(buy(connect({ password: "wrong" }).carrier)).rejects.toMatchObject({ code: "E002" });
  });

  it("was surely not bought when Canada Post is throttled, which it says in its own way, or down", async () => {
    const { carrier } = connect();
    host.faults.plan({ kind: "status", when: "before", status: 429 }, { operation: "create_label" });
    await expect(buy(carrier)).rejects.toMatchObject({ name: "CarrierUnavailable", retryAfterSeconds: 60 });
    host.faults.plan({ kind: "status", when: "before", status: 503 }, { operation: "create_label" });
    await expect(buy(carrier)).rejects.toBeInstanceOf(CarrierUnavailable);
  });
});

describe("a Canada Post label given back", () => {
  it("is voided before it is transmitted, and may be given back again", async () => {
    const { carrier } = connect({ groupId: "2026-01-15" });
    const { purchase, request } = await buy(carrier, { packages: [testBox(1), testBox(2)] });
    const tracking_numbers = purchase.labels.map(({ tracking_number }) => tracking_number);
    for (const _time of [1, 2]) await carrier.voidLabel?.({ reference: request.reference, tracking_numbers });
    expect(tracking_numbers.map((number) => host.parcels.find(number)?.state)).toEqual(["voided", "voided"]);
    expect(host.parcels.find(tracking_numbers[0] as string)?.details.refund).toBe(false);
  });

  it("is claimed for a refund after it was transmitted, and may be given back again", async () => {
    const { carrier } = connect();
    const { number, request } = await buy(carrier);
    for (const _time of [1, 2])
      await carrier.voidLabel?.({ reference: request.reference, tracking_numbers: [number] });
    expect(host.parcels.find(number)?.details.refund).toBe(true);
    const used = await buy(carrier);
    host.parcels.advance(used.number, 1);
    const given = carrier.voidLabel?.({ reference: used.request.reference, tracking_numbers: [used.number] });
    await expect(given).rejects.toMatchObject({ name: "CarrierRefusal", code: "7290" });
  });

  it("is found although we never learned its number, and although others of its shipment are gone", async () => {
    const { carrier } = connect({ groupId: "2026-01-15" });
    const { purchase, request } = await buy(carrier, { packages: [testBox(1), testBox(2), testBox(3)] });
    const [first, ...others] = purchase.labels.map((label) => host.parcels.find(label.tracking_number));
    if (first) first.state = "voided";
    await carrier.voidLabel?.({ reference: request.reference, tracking_numbers: [] });
    expect(others.map((parcel) => parcel?.state)).toEqual(["voided", "voided"]);
    const foreign = await buy(carrier);
    await carrier.voidLabel?.({ reference: "bought-by-hand", tracking_numbers: [foreign.number] });
    expect(host.parcels.find(foreign.number)?.state).toBe("voided");
  });

  it("that was transmitted in the meantime is claimed for a refund; an empty list of messages is a no", async () => {
    const { carrier } = connect({ groupId: "2026-01-15" });
    const { number, request } = await buy(carrier);
    const late =
      '<messages xmlns="m"><message><code>8064</code><description>Too late</description></message></messages>';
    host.faults.plan(
      { kind: "answer", when: "before", answer: { status: 400, body: late } },
      { operation: "void_label" },
    );
    await carrier.voidLabel?.({ reference: request.reference, tracking_numbers: [number] });
    expect(host.parcels.find(number)?.details.refund).toBe(true);
    const other = await buy(carrier);
    const empty =
      '<?xml version="1.0" encoding="UTF-8"?><messages xmlns="http://www.canadapost.ca/ws/messages"/>';
    host.faults.plan(
      { kind: "answer", when: "before", answer: { body: empty } },
      { operation: "void_label" },
    );
    const given = carrier.voidLabel?.({
      reference: other.request.reference,
      tracking_numbers: [other.number],
    });
    await expect(given).rejects.toThrow("it gives no reason");
  });
});

describe("a Canada Post parcel", () => {
  it("is followed to the door, in UTC, whatever the order and number of its scans", async () => {
    const { carrier } = connect();
    const { number } = await buy(carrier);
    const statuses = [];
    expect(await follow(carrier, number, canadaPostNumber(90_000))).toEqual([]);
    for (let scan = 0; scan < 8; scan++) {
      host.parcels.advance(number, 1);
      if (scan === 3) host.parcels.disorder({ seed: 5, repeat: 2 });
      statuses.push(statusAfter(await follow(carrier, number)));
    }
    expect(statuses).toEqual([
      undefined,
      "in_transit",
      "in_transit",
      "out_for_delivery",
      "in_transit",
      "available_for_pickup",
      "available_for_pickup",
      "delivered",
    ]);
    const facts = await follow(carrier, number);
    expect(facts.map(({ raw_code }) => raw_code)).not.toContain("0020");
    expect(facts.find(({ raw_code }) => raw_code === "1482")).toMatchObject({ status: "delivery_attempted" });
    expect(facts.find(({ raw_code }) => raw_code === "1496")).toEqual({
      carrier_code: "canada_post",
      tracking_number: number,
      status: "delivered",
      raw_code: "1496",
      description: "Item successfully delivered",
      location: "TORONTO, ON",
      occurred_at: new Date("2026-01-18T11:00:00Z"),
    });
  });

  it("read from a recorded answer has its times and statuses right", async () => {
    const event = (code: string, zone: string, description: string, province = "QC") => `<occurrence>
      <event-identifier>${code}</event-identifier><event-date>2026-07-02</event-date><event-time>12:00:00</event-time>
      <event-time-zone>${zone}</event-time-zone><event-description>${description}</event-description>
      <event-site>SAINTE-FOY</event-site><event-province>${province}</event-province></occurrence>`;
    const events = [
      event("20", "EDT", "Signature image recorded for Online viewing"),
      event("0174", "EST", "Item out for delivery"),
      event("1409", "EDT", "Item successfully delivered"),
      event("0150", "NDT", "Item refused by recipient"),
      event("0181", "PDT", "Attempted delivery; no one home"),
      event("1415", "", "Recipient not located. Item being returned to sender", "BC"),
      event("1421", "ISRAEL", "Item delivered to sender", ""),
      event("1411", "CST", "Item on hold at customer&apos;s request"),
      event("7777", "UTC", "Something of which nobody knows"),
      event("3002", "MST", "Electronic information submitted by shipper"),
      event("1479", "MST", "Final notice; item will be returned to sender if not collected within 10 days"),
    ];
    const body = `<tracking-detail xmlns="http://www.canadapost.ca/ws/track-v2"><pin>7023210039414604</pin>
      <significant-events>${events.join("")}</significant-events></tracking-detail>`;
    const recorded = { kind: "answer", when: "before", answer: { body } } as const;
    host.faults.plan(recorded, { operation: "track", times: 2 });
    const facts = await follow(connect().carrier, "7023210039414604");
    expect(facts.filter(({ unmapped }) => unmapped).map(({ raw_code }) => raw_code)).toEqual(["7777"]);
    const told = facts.map((fact) => [
      fact.raw_code,
      fact.status,
      fact.occurred_at.toISOString().slice(11, 16),
    ]);
    expect(told).toEqual([
      ["0174", "out_for_delivery", "17:00"],
      ["1409", "delivered", "16:00"],
      ["0150", "exception", "14:30"],
      ["0181", "delivery_attempted", "19:00"],
      ["1415", "return_to_sender", "19:00"],
      ["1421", "returned", "12:00"],
      ["1411", "exception", "18:00"],
      ["7777", "in_transit", "12:00"],
      ["3002", "label_created", "19:00"],
      ["1479", "available_for_pickup", "19:00"],
    ]);
    const corrected = await follow(
      connect({ statuses: { "174": "exception", "7777": "lost" } }).carrier,
      "7023210039414604",
    );
    expect(corrected.map(({ status }) => status)).toEqual(expect.arrayContaining(["exception", "lost"]));
    expect(corrected.filter(({ unmapped }) => unmapped)).toEqual([]);
  });

  it("is where Canada Post's own table says, by number and words", async () => {
    const told: [string, string, string][] = [
      ["3000", "Electronic information submitted by shipper", "label_created"],
      ["3002", "Return label created", "label_created"],
      ["0100", "Item processed", "in_transit"],
      ["0115", "Item transferred to partner", "in_transit"],
      ["0621", "Delivery delayed to next business day", "in_transit"],
      ["1301", "Item accepted at the Post Office.", "in_transit"],
      ["4202", "International item has left the origin country and is en route to Canada", "in_transit"],
      ["0500", "Out for delivery", "out_for_delivery"],
      [
        "0156",
        "Final Notice; Item will be returned to sender if not collected within 10 days",
        "available_for_pickup",
      ],
      ["1405", "Delivered to automated parcel locker", "available_for_pickup"],
      ["1407", "Item available for pick-up", "available_for_pickup"],
      ["1406", "Item picked up from automated parcel locker", "delivered"],
      ["1441", "Delivered to community mailbox or parcel locker", "delivered"],
      ["1465", "Delivered to mailroom", "delivered"],
      ["1443", "Attempted delivery. Item rescheduled for delivery next business day.", "delivery_attempted"],
      ["0117", "Item on Hold.Documentation irregularity.", "exception"],
      ["1487", "Item being returned to Canadian Customs for appeal of duties", "exception"],
      ["0710", "Item arrived in Canada damaged. Sent for further processing.", "exception"],
      ["1415", "Item being returned to Sender. Incomplete address.", "return_to_sender"],
      ["1417", "Item refused by recipient. Item being returned to sender.", "return_to_sender"],
      ["2600", "Item has been returned and is enroute to the Sender", "return_to_sender"],
      ["0021", "Signature unavailable; verbal signature.", ""],
      ["2001", "Photo available", ""],
    ];
    const occurrences = told.map(
      ([
        code,
        words,
      ]) => `<occurrence><event-identifier>${code}</event-identifier><event-date>2026-01-02</event-date>
        <event-description>${words}</event-description></occurrence>`,
    );
    const body = `<tracking-detail><significant-events>${occurrences.join("")}</significant-events></tracking-detail>`;
    host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "track" });
    const facts = await follow(connect().carrier, "7023210039414604");
    expect(facts.map(({ raw_code, description, status }) => [raw_code, description, status])).toEqual(
      told.filter(([, , status]) => status !== ""),
    );
    expect(facts.filter(({ unmapped }) => unmapped)).toEqual([]);
  });

  it("is read from XML in all its forms", async () => {
    const inside = `<t:event-identifier>1496</t:event-identifier><t:event-date>2026-01-02</t:event-date>
      <t:event-time>23:30</t:event-time><t:event-time-zone xsi:nil="true"/><t:event-site><![CDATA[Fish & Chips]]></t:event-site>
      <t:event-province>NL</t:event-province><t:event-retail-name/>
      <t:event-description>Livr&#233; &amp; sign&#xE9;\r\n</t:event-description>`;
    const events = [
      `<t:significant-events><t:occurrence>${inside}</t:occurrence></t:significant-events>`,
      '<t:significant-events xsi:nil="true"/>',
      "<t:significant-events>\n  </t:significant-events>",
      "",
    ];
    const facts = [];
    for (const one of events) {
      const body = `\uFEFF<?xml version="1.0" encoding="UTF-8"?>\n<!-- v2 --><t:tracking-detail xmlns:t="http://www.canadapost.ca/ws/track-v2"
        xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><t:pin>1</t:pin>${one}</t:tracking-detail>`;
      host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "track" });
      facts.push(...(await follow(connect().carrier, "7023210039414604")));
    }
    expect(facts).toEqual([
      {
        carrier_code: "canada_post",
        tracking_number: "7023210039414604",
        status: "delivered",
        raw_code: "1496",
        description: "Livré & signé",
        location: "Fish & Chips, NL",
        occurred_at: new Date("2026-01-03T03:00:00Z"),
      },
    ]);
  });

  it("is not asked about more often than Canada Post allows", async () => {
    const { carrier } = connect({ trackingCallsPerMinute: 2 });
    await follow(carrier, canadaPostNumber(90_001), canadaPostNumber(90_002));
    const before = host.calls("track");
    const refused = await follow(carrier, canadaPostNumber(90_003)).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(CarrierUnavailable);
    expect((refused as CarrierUnavailable).retryAfterSeconds).toBeGreaterThan(5);
    expect(host.calls("track")).toBe(before);
    host.faults.plan({ kind: "status", when: "before", status: 429 }, { operation: "track", times: 3 });
    await expect(follow(connect().carrier, canadaPostNumber(90_003))).rejects.toMatchObject({
      retryAfterSeconds: 60,
    });
  });

  it("is never told with its credentials on record", async () => {
    const { carrier, tools } = connect();
    const { number } = await buy(carrier);
    await follow(carrier, number);
    const { username, password } = CANADA_POST_ACCOUNT;
    const basic = Buffer.from(`${username}:${password}`).toString("base64");
    for (const secret of [password, basic]) expect(JSON.stringify(tools.calls)).not.toContain(secret);
  });
});
