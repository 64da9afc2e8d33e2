import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  type Carrier,
  type CarrierFact,
  CarrierRefusal,
  CarrierUnavailable,
  CarrierUncertain,
  WebhookRejected,
} from "../../../src/carriers/carrier.ts";
import { createFedexCarrier } from "../../../src/carriers/fedex/fedex-carrier.ts";
import { fedexSettingsSchema } from "../../../src/carriers/fedex/settings.ts";
import {
  bought,
  carrierTools,
  labelRequest,
  testAddress,
  testBox,
} from "../../support/carrier-hosts/carrier-tools.ts";
import { FEDEX_ACCOUNT, fedexNumber, startFedexHost } from "../../support/carrier-hosts/fedex-host.ts";
import { follow, statusAfter } from "../../support/carrier-hosts/follow.ts";
import { testedHost } from "../../support/carrier-hosts/tested-host.ts";

const host = await testedHost(startFedexHost);

const { webhookSecret, ...account } = FEDEX_ACCOUNT;

function connect(settings: Record<string, unknown> = {}) {
  const tools = carrierTools();
  const parsed = fedexSettingsSchema.parse({
    ...account,
    baseUrl: host.url,
    webhookSecrets: ["fedex-webhook-security-token-of-next-month", webhookSecret],
    ...settings,
  });
  return { fedex: createFedexCarrier(parsed, tools), tools };
}

const buy = (fedex: Carrier = connect().fedex, parts: Parameters<typeof labelRequest>[0] = {}) =>
  bought(fedex, labelRequest(parts));

describe("a FedEx label", () => {
  it.each(["zpl", "pdf", "png"])("as %s comes with its bytes unchanged", async (labelFormat) => {
    const { purchase, number } = await buy(connect({ labelFormat }).fedex);
    const parcel = host.parcels.find(number);
    expect(purchase).toMatchObject({ carrier_reference: number, estimated_delivery_date: "2026-01-17" });
    expect(purchase.labels).toMatchObject([
      { sequence_number: 1, tracking_number: number, format: labelFormat },
    ]);
    expect(Buffer.from(purchase.labels[0]?.data ?? []).equals(parcel?.label as Buffer)).toBe(true);
  });

  it("is bought for all boxes at once, each with its own number and label", async () => {
    const before = host.calls("create_label");
    const boxes = [testBox(1), testBox(2, { weight: 0.25 }), testBox(3, { length: 0 })];
    const { purchase, request } = await buy(undefined, { packages: boxes });
    expect(host.calls("create_label")).toBe(before + 1);
    expect(purchase.labels.map(({ sequence_number }) => sequence_number)).toEqual([1, 2, 3]);
    expect(new Set(purchase.labels.map(({ tracking_number }) => tracking_number)).size).toBe(3);
    for (const { tracking_number, data } of purchase.labels)
      expect(Buffer.from(data).equals(host.parcels.find(tracking_number)?.label as Buffer)).toBe(true);
    expect(host.parcels.under(request.reference)).toHaveLength(3);
  });

  it("has names and a phone number as long as FedEx takes them", async () => {
    const long = { contact_name: "N".repeat(80), company: "C".repeat(40), phone: "+1 (901) 555-0100 ext 7" };
    await buy(undefined, { to: testAddress({ ...labelRequest().to, ...long }) });
    const asked = host.seen.filter(({ operation }) => operation === "create_label").at(-1)?.request.text;
    const [recipient] = JSON.parse(asked ?? "").requestedShipment.recipients;
    expect(recipient.contact).toMatchObject({ phoneNumber: "190155501007", companyName: "C".repeat(35) });
  });

  it("is the right one of the documents that came with it, whatever FedEx leaves out", async () => {
    const document = (contentType: string | null, text: string, more = {}) => ({
      contentType,
      docType: "PDF",
      encodedLabel: Buffer.from(text).toString("base64").replace(/.{4}/g, "$&\r\n"),
      ...more,
    });
    const answers = [
      [document("HAZMAT_LABEL", "%PDF other"), document("LABEL", "%PDF ours")],
      [
        document("AUXILIARY_LABEL", "", { encodedLabel: null, url: "https://x" }),
        document("RETURN_LABEL", "%PDF ours"),
      ],
      [document("COMMERCIAL_INVOICE", "%PDF other"), document("LABEL", "%PDF ours", { docType: null })],
      [document(null, "%PDF-ours", { docType: 7 })],
    ];
    for (const packageDocuments of answers) {
      const piece = {
        trackingNumber: "794953535000",
        deliveryDatestamp: "2026-01-17T12:00:00",
        packageDocuments,
      };
      const shipment = { masterTrackingNumber: null, serviceType: "FEDEX_GROUND", pieceResponses: [piece] };
      const body = {
        transactionId: "1",
        output: { transactionShipments: [shipment], alerts: [], errors: [] },
      };
      host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "create_label" });
      const { purchase } = await buy(
        connect({ labelFormat: packageDocuments.length > 1 ? "pdf" : "zpl" }).fedex,
      );
      expect(purchase).toEqual({
        labels: [
          {
            sequence_number: 1,
            tracking_number: "794953535000",
            format: "pdf",
            data: expect.toSatisfy((data: Buffer) => /^%PDF.ours$/.test(data.toString())),
          },
        ],
        carrier_reference: "794953535000",
        estimated_delivery_date: "2026-01-17",
      });
    }
  });

  it("that FedEx makes later may have been bought, as the job that it names", async () => {
    const body = { output: { jobId: "89sxxxxx233ae24ff31xxxxx" } };
    host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "create_label" });
    await expect(buy()).rejects.toMatchObject({
      name: "CarrierUncertain",
      message: expect.stringContaining("89sxxxxx233ae24ff31xxxxx"),
    });
  });

  it("is refused with FedEx's code and text", async () => {
    const to = testAddress({ ...labelRequest().to, postal_code: "00000" });
    const bad = buy(undefined, { to });
    await expect(bad).rejects.toBeInstanceOf(CarrierRefusal);
    await expect(bad).rejects.toMatchObject({
      code: "RECIPIENT.POSTALCODE.INVALID",
      message: expect.stringContaining("Recipient postal code is invalid."),
    });
  });

  it("is not asked for without what FedEx can't do without", async () => {
    const before = host.seen.length;
    const to = testAddress({ ...labelRequest().to, phone: "", city: "" });
    await expect(buy(undefined, { to })).rejects.toMatchObject({
      name: "CarrierRefusal",
      message: "FedEx needs to.city, to.phone",
    });
    const packages = Array.from({ length: 41 }, (_, index) => testBox(index + 1));
    await expect(buy(undefined, { packages })).rejects.toMatchObject({
      code: "TOO_MANY_BOXES",
      message: "FedEx takes at most 40 boxes in a shipment, not 41",
    });
    expect(host.seen).toHaveLength(before);
  });

  it("whose answer is lost, or says nothing, may have been bought", async () => {
    const lost = [
      { kind: "cut", when: "after" },
      { kind: "cut", when: "before" },
      { kind: "status", when: "after", status: 500 },
      { kind: "status", when: "after", status: 504 },
      { kind: "answer", when: "after", answer: { body: "<html>OK</html>" } },
      { kind: "answer", when: "after", answer: { body: { output: { transactionShipments: [] } } } },
    ] as const;
    for (const fault of lost) {
      const { fedex } = connect();
      host.faults.plan(fault, { operation: "create_label" });
      await expect(buy(fedex)).rejects.toBeInstanceOf(CarrierUncertain);
    }
  });

  it("that arrives too late may have been bought", async () => {
    host.faults.plan({ kind: "slow", ms: 2_500 }, { operation: "create_label" });
    await expect(buy()).rejects.toBeInstanceOf(CarrierUncertain);
  });

  it("was surely not bought when FedEx is throttled or down, and may be asked for again", async () => {
    const { fedex } = connect();
    host.faults.plan(
      { kind: "status", when: "before", status: 429, retryAfter: "7" },
      { operation: "create_label" },
    );
    const throttled = await buy(fedex).catch((error: unknown) => error);
    expect(throttled).toBeInstanceOf(CarrierUnavailable);
    expect(throttled).toMatchObject({ retryAfterSeconds: 7 });
    host.faults.plan({ kind: "status", when: "before", status: 503 }, { operation: "create_label" });
    await expect(buy(fedex)).rejects.toBeInstanceOf(CarrierUnavailable);
    expect((await buy(fedex)).purchase.labels).toHaveLength(1);
  });

  it("was surely not bought when nobody listens", async () => {
    const { fedex } = connect({ baseUrl: "http://127.0.0.1:1" });
    await expect(buy(fedex)).rejects.toBeInstanceOf(CarrierUnavailable);
  });

  it("is refused by an error inside a 200", async () => {
    const errors = [
      { code: "SYSTEM.UNEXPECTED.ERROR", message: "The system has experienced an unexpected problem." },
    ];
    host.faults.plan(
      { kind: "answer", when: "before", answer: { body: { errors } } },
      { operation: "create_label" },
    );
    await expect(buy()).rejects.toMatchObject({ name: "CarrierRefusal", code: "SYSTEM.UNEXPECTED.ERROR" });
  });
});

describe("a FedEx label given back", () => {
  it("takes all boxes of its shipment with it, and may be given back again", async () => {
    const { fedex } = connect();
    const { purchase, request } = await buy(fedex, { packages: [testBox(1), testBox(2)] });
    const tracking_numbers = purchase.labels.map(({ tracking_number }) => tracking_number);
    const label = {
      reference: request.reference,
      tracking_numbers,
      carrier_reference: purchase.carrier_reference,
    };
    await fedex.voidLabel?.(label);
    expect(tracking_numbers.map((number) => host.parcels.find(number)?.state)).toEqual(["voided", "voided"]);
    await fedex.voidLabel?.({ ...label, carrier_reference: undefined });
  });

  it("that FedEx already has in its hands is refused, inside a 200", async () => {
    const { fedex } = connect();
    const { number, request } = await buy(fedex);
    host.parcels.advance(number, 2);
    const given = fedex.voidLabel?.({ reference: request.reference, tracking_numbers: [number] });
    await expect(given).rejects.toMatchObject({ name: "CarrierRefusal", code: "NOT_CANCELLED" });
  });

  it("is told by a text as well as by a yes or no", async () => {
    const label = { reference: "wms-1", tracking_numbers: ["794953535000"] };
    const give = (output: object) => {
      host.faults.plan(
        { kind: "answer", when: "before", answer: { body: { output } } },
        { operation: "void_label" },
      );
      return connect().fedex.voidLabel?.(label);
    };
    await give({ cancelledShipment: "true", cancelledHistory: "true", message: null });
    await expect(give({ cancelledShipment: "false", message: null })).rejects.toThrow("it gives no reason");
  });

  it("of which nothing is known to have been bought asks nobody", async () => {
    const before = host.seen.length;
    await connect().fedex.voidLabel?.({ reference: "wms-1", tracking_numbers: [] });
    expect(host.seen).toHaveLength(before);
  });

  it("may be given back again when the answer is lost", async () => {
    const { fedex } = connect();
    const { number, request } = await buy(fedex);
    host.faults.plan({ kind: "cut", when: "after" }, { operation: "void_label" });
    const label = { reference: request.reference, tracking_numbers: [number] };
    await expect(fedex.voidLabel?.(label)).rejects.toBeInstanceOf(CarrierUnavailable);
    await fedex.voidLabel?.(label);
    expect(host.parcels.find(number)?.state).toBe("voided");
  });
});

describe("a FedEx parcel", () => {
  it("is followed to the door, in UTC, whatever the order and number of its scans", async () => {
    const { fedex } = connect();
    const { number } = await buy(fedex);
    expect(await follow(fedex, number)).toEqual([]);
    host.parcels.advance(number, 1);
    expect(statusAfter(await follow(fedex, number))).toBeUndefined();
    const statuses = [];
    for (let scan = 0; scan < 6; scan++) {
      host.parcels.advance(number, 1);
      statuses.push(statusAfter(await follow(fedex, number)));
    }
    expect(statuses).toEqual([
      "in_transit",
      "in_transit",
      "out_for_delivery",
      "in_transit",
      "out_for_delivery",
      "delivered",
    ]);
    const facts = await follow(fedex, number);
    expect(facts.map(({ raw_code }) => raw_code)).toEqual(["DL", "OD", "DE", "OD", "DP", "PU", "OC"]);
    expect(facts[0]).toEqual({
      carrier_code: "fedex",
      tracking_number: number,
      status: "delivered",
      raw_code: "DL",
      description: "Delivered",
      location: "Austin, TX, US",
      occurred_at: new Date("2026-01-18T11:00:00Z"),
    });
    expect(facts[2]).toMatchObject({
      status: "delivery_attempted",
      description: "Delivery exception: Customer not available or business closed",
    });
  });

  it("is asked about with thirty others at once, those that FedEx doesn't know left out", async () => {
    const { fedex } = connect();
    const { number } = await buy(fedex);
    host.parcels.advance(number);
    const before = host.calls("track");
    const others = Array.from({ length: 29 }, (_, index) => fedexNumber(50_000 + index));
    const facts = await follow(fedex, ...others, number);
    expect(host.calls("track")).toBe(before + 1);
    expect(new Set(facts.map(({ tracking_number }) => tracking_number))).toEqual(new Set([number]));
  });

  it("is told from others that bore its number before", async () => {
    const { fedex } = connect();
    const { number } = await buy(fedex);
    const long_ago = new Date("2024-06-01T12:00:00Z");
    const parcel = host.parcels.find(number);
    parcel?.details.former.push({
      shipDate: long_ago,
      scans: [{ code: "DL", text: "Delivered", place: "Reno, NV", at: new Date("2024-06-04T12:00:00Z") }],
    });
    host.parcels.advance(number, 2);
    expect(statusAfter(await follow(fedex, number))).toBe("in_transit");
    parcel?.details.former.push({
      shipDate: long_ago,
      scans: [{ code: "DL", text: "Delivered", place: "Reno, NV", at: new Date("2027-06-04T12:00:00Z") }],
    });
    const shipped_at = new Date("2026-01-15T20:00:00Z");
    expect(statusAfter((await fedex.track?.([{ tracking_number: number, shipped_at }])) ?? [])).toBe(
      "in_transit",
    );
  });

  it("keeps what moves nothing, tells what nobody knows, and can be corrected by a setting", async () => {
    const at = new Date("2026-01-16T00:00:00Z");
    const scans = ["RD", "RM", "ZZ"].map((code) => ({ code, text: code, place: "Reno, NV", at }));
    const { number } = await buy();
    host.parcels.reroute(number, scans);
    host.parcels.advance(number);
    const facts = await follow(connect().fedex, number);
    expect(facts.map(({ status }) => status)).toEqual(["unknown", "unknown", "unknown"]);
    expect(facts.filter(({ unmapped }) => unmapped).map(({ raw_code }) => raw_code)).toEqual(["ZZ"]);
    expect(statusAfter(facts)).toBeUndefined();
    const corrected = await follow(connect({ statuses: { ZZ: "lost" } }).fedex, number);
    expect(statusAfter(corrected)).toBe("lost");
  });

  it("read from a recorded answer has its numbers, times and statuses right", async () => {
    const scan = (date: string, eventType: string, more = {}) => ({
      date,
      eventType,
      eventDescription: eventType,
      exceptionCode: "",
      exceptionDescription: "",
      scanLocation: { streetLines: [""], city: "CLOVIS", stateOrProvinceCode: "CA", countryCode: "US" },
      derivedStatusCode: "IT",
      derivedStatus: "In transit",
      ...more,
    });
    const first = {
      trackingNumberInfo: { trackingNumber: "776000000007", trackingNumberUniqueId: "1~776000000007~FX" },
      dateAndTimes: [{ type: "SHIP", dateTime: "2024-04-24T00:00:00-06:00" }],
      scanEvents: [scan("2024-04-26T07:50:00-07:00", "AR")],
    };
    const second = {
      trackingNumberInfo: { trackingNumber: "776000000007", trackingNumberUniqueId: "2~776000000007~FX" },
      dateAndTimes: [{ type: "SHIP", dateTime: "2024-04-25T00:00:00-06:00" }],
      error: { code: "TRACKING.DATA.STALE", message: "Please try again." },
      scanEvents: [
        scan("2024-04-26T09:26:00-07:00", "DL", {
          scanLocation: { residential: false },
          derivedStatusCode: "DL",
        }),
        scan("2024-04-25T11:28:00", "DE", { exceptionCode: "A13", exceptionDescription: "Redirected" }),
        scan("2024-04-25T08:55:00-07:00", "QQ"),
        scan("2024-04-24T18:00:00", "Ow", { scanLocation: { city: "PARIS", countryCode: "FR" } }),
        scan("soon", "OD"),
      ],
    };
    const unknown = {
      trackingNumber: "39936862321",
      trackResults: [{ error: { code: "TRACKING.TRACKINGNUMBER.NOTFOUND", message: "Cannot be found." } }],
    };
    const completeTrackResults = [{ trackResults: [first, second] }, unknown, { trackResults: null }];
    const output = { completeTrackResults, alerts: "TRACKING.DATA.NOTFOUND -  Tracking data unavailable" };
    host.faults.plan(
      { kind: "answer", when: "before", answer: { body: { transactionId: "9ca3d632", output } } },
      { operation: "track" },
    );
    const facts = await follow(connect().fedex, "776000000007", "39936862321");
    expect(
      facts.map(({ raw_code, status, occurred_at }) => [raw_code, status, occurred_at.toISOString()]),
    ).toEqual([
      ["DL", "delivered", "2024-04-26T16:26:00.000Z"],
      ["DE", "exception", "2024-04-25T18:28:00.000Z"],
      ["QQ", "in_transit", "2024-04-25T15:55:00.000Z"],
      ["Ow", "in_transit", "2024-04-24T18:00:00.000Z"],
    ]);
    expect(facts.map(({ location }) => location)).toEqual([
      "",
      "CLOVIS, CA, US",
      "CLOVIS, CA, US",
      "PARIS, FR",
    ]);
  });
});

describe("FedEx's tokens", () => {
  it("are fetched once for many calls, and once more when FedEx no longer takes one", async () => {
    const { fedex } = connect();
    const before = host.tokens.given();
    await Promise.all([buy(fedex), buy(fedex), buy(fedex)]);
    expect(host.tokens.given()).toBe(before + 1);
    host.tokens.expire();
    await Promise.all([buy(fedex), buy(fedex), buy(fedex)]);
    expect(host.tokens.given()).toBe(before + 2);
  });

  it("that are never taken are a refusal, after two tries", async () => {
    const { fedex } = connect();
    const before = host.calls("create_label");
    host.faults.plan(
      { kind: "status", when: "before", status: 401 },
      { operation: "create_label", times: 2 },
    );
    await expect(buy(fedex)).rejects.toMatchObject({ name: "CarrierRefusal", code: "NOT.AUTHORIZED.ERROR" });
    expect(host.calls("create_label")).toBe(before + 2);
  });

  it("are not given for wrong credentials, and the place that gives them may be throttled", async () => {
    await expect(buy(connect({ clientSecret: "wrong" }).fedex)).rejects.toBeInstanceOf(CarrierRefusal);
    host.faults.plan({ kind: "status", when: "before", status: 403 }, { operation: "fetch_token" });
    const throttled = await buy().catch((error: unknown) => error);
    expect(throttled).toBeInstanceOf(CarrierUnavailable);
    expect(throttled).toMatchObject({ retryAfterSeconds: 600 });
  });

  it("of two projects are kept apart, and none is ever put on record", async () => {
    const { fedex, tools } = connect({
      tracking: { clientId: account.clientId, clientSecret: account.clientSecret },
    });
    const before = host.tokens.given();
    const { number } = await buy(fedex);
    await follow(fedex, number);
    expect(host.tokens.given()).toBe(before + 2);
    const recorded = JSON.stringify(tools.calls);
    expect(tools.calls.length).toBeGreaterThanOrEqual(4);
    for (const secret of [account.clientSecret, "fedex-token-"]) expect(recorded).not.toContain(secret);
  });
});

describe("what FedEx pushes", () => {
  it.each(["base64", "hex"] as const)(
    "is taken when it is signed in %s, and says what the poll says",
    async (form) => {
      const { fedex } = connect();
      const { number } = await buy(fedex);
      host.parcels.advance(number);
      host.parcels.disorder({ seed: 7, repeat: 1 });
      const content = fedex.parseWebhook?.(host.push(number, form));
      const polled = await follow(fedex, number);
      const byTime = (a: CarrierFact, b: CarrierFact) => a.occurred_at.getTime() - b.occurred_at.getTime();
      expect(content?.facts.toSorted(byTime)).toEqual(polled.toSorted(byTime));
      expect(content?.delivery_id).toBeUndefined();
    },
  );

  it("may come in any of the envelopes that a tracking answer has", async () => {
    const { fedex } = connect();
    const result = {
      trackingNumberInfo: { trackingNumber: "776000000007" },
      scanEvents: [{ date: "2026-01-16T09:00:00-06:00", eventType: "OD", eventDescription: "Out" }],
    };
    const complete = { trackingNumber: "776000000007", trackResults: [result] };
    for (const envelope of [
      { output: { completeTrackResults: [complete] } },
      {
        transactionId: "1",
        outputMetaData: [],
        output: { completeTrackResults: [{ trackResults: [result] }] },
      },
      { completeTrackResults: [complete] },
      complete,
      { trackResults: [{ ...result, trackingNumber: "776000000007" }] },
      result,
    ]) {
      const body = Buffer.from(JSON.stringify(envelope));
      const signature = createHmac("sha256", webhookSecret).update(body).digest("base64");
      const delivery = { ...host.push(anyNumber()), headers: { "fdx-signature": signature }, body };
      expect(fedex.parseWebhook?.(delivery).facts).toMatchObject([
        {
          tracking_number: "776000000007",
          status: "out_for_delivery",
          occurred_at: new Date("2026-01-16T15:00:00Z"),
        },
      ]);
    }
  });

  it("is refused when it is forged, altered, unsigned, or in no known shape", () => {
    const { fedex } = connect();
    const good = host.push(anyNumber());
    const forged = createHmac("sha256", "somebody-else").update(good.body).digest("base64");
    const altered = Buffer.from(good.body);
    altered[altered.length - 3] = (altered.at(-3) ?? 0) ^ 1;
    const nonsense = Buffer.from("{}");
    const signed = createHmac("sha256", webhookSecret).update(nonsense).digest("base64");
    const bad = [
      { ...good, headers: {} },
      { ...good, headers: { "fdx-signature": "" } },
      { ...good, headers: { "fdx-signature": forged } },
      { ...good, headers: { "fdx-signature": "00" } },
      { ...good, body: altered },
      { ...good, body: new Uint8Array() },
      { ...good, body: nonsense, headers: { "fdx-signature": signed } },
    ];
    for (const delivery of bad) expect(() => fedex.parseWebhook?.(delivery)).toThrow(WebhookRejected);
    expect(() => connect({ webhookSecrets: [] }).fedex.parseWebhook?.(good)).toThrow(WebhookRejected);
    expect(fedex.parseWebhook?.(good).facts).toEqual([]); // it has not been scanned yet
  });
});

function anyNumber(): string {
  return host.parcels.all()[0]?.number as string;
}
