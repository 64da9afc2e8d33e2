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
import { uspsSettingsSchema } from "../../../src/carriers/usps/settings.ts";
import { createUspsCarrier } from "../../../src/carriers/usps/usps-carrier.ts";
import {
  bought,
  carrierTools,
  labelRequest,
  testAddress,
  testBox,
} from "../../support/carrier-hosts/carrier-tools.ts";
import { follow, statusAfter } from "../../support/carrier-hosts/follow.ts";
import { testedHost } from "../../support/carrier-hosts/tested-host.ts";
import { startUspsHost, uspsNumber } from "../../support/carrier-hosts/usps-host.ts";
import { USPS_ACCOUNT } from "../../support/carrier-hosts/usps-shapes.ts";

const host = await testedHost(startUspsHost);

const { webhookSecret, ...account } = USPS_ACCOUNT;
const NOW = new Date("2026-01-16T03:30:00Z");

function connect(settings: Record<string, unknown> = {}, now = NOW) {
  const tools = carrierTools(() => now);
  const parsed = uspsSettingsSchema.parse({
    ...account,
    baseUrl: host.url,
    webhookSecrets: ["the-secret-that-comes-next-00000", webhookSecret],
    ...settings,
  });
  return { usps: createUspsCarrier(parsed, tools), tools };
}

const buy = (usps: Carrier = connect().usps, parts: Parameters<typeof labelRequest>[0] = {}) =>
  bought(usps, labelRequest(parts));

function lastLabelAsked(): {
  packageDescription: Record<string, unknown>;
  toAddress: Record<string, unknown>;
} {
  const asked = host.seen.filter(({ operation }) => operation === "create_label").at(-1);
  return JSON.parse(asked?.request.text ?? "");
}

describe("a USPS label", () => {
  const forms = { ZPL203DPI: "zpl", ZPL300DPI: "zpl", PDF: "pdf", PNG: "png" };

  it.each(Object.entries(forms))(
    "as %s comes with its bytes unchanged, in one object or in parts",
    async (imageType, format) => {
      for (const inParts of [false, true]) {
        host.answerInParts(inParts);
        const { purchase, number } = await buy(connect({ imageType }).usps);
        host.answerInParts(false);
        const parcel = host.parcels.find(number);
        expect(parcel?.details.inParts).toBe(inParts);
        expect(purchase.estimated_delivery_date).toBe("2026-01-17");
        expect(purchase.labels).toMatchObject([{ sequence_number: 1, tracking_number: number, format }]);
        expect(Buffer.from(purchase.labels[0]?.data ?? []).equals(parcel?.label as Buffer)).toBe(true);
      }
    },
  );

  it("is asked for in pounds and inches, for the day that it is at the sender's", async () => {
    await buy(undefined, { packages: [testBox(1, { weight: 1, length: 25.4, width: 2.54, height: 10 })] });
    const { packageDescription, toAddress } = lastLabelAsked();
    expect(packageDescription).toMatchObject({ weight: 2.205, length: 10, width: 1, height: 3.94 });
    expect(packageDescription).toMatchObject({
      mailClass: "USPS_GROUND_ADVANTAGE",
      mailingDate: "2026-01-15",
    });
    expect(toAddress).toMatchObject({
      firstName: "Ann",
      lastName: "Ex",
      secondaryAddress: "Apt 5",
      ZIPCode: "73301",
    });
    const to = testAddress({
      ...labelRequest().to,
      postal_code: "73301-0042",
      contact_name: "Ann",
      company: "Ex Inc",
    });
    await buy(undefined, { to, service: "PRIORITY_MAIL" });
    expect(lastLabelAsked().toAddress).toMatchObject({ firstName: "Ann", firm: "Ex Inc", ZIPPlus4: "0042" });
    expect(lastLabelAsked().packageDescription).toMatchObject({ mailClass: "PRIORITY_MAIL" });
  });

  it("is read from whatever parts USPS sends it in", async () => {
    const base64 = Buffer.from("%PDF-1.7\r\n\0\xff label", "latin1").toString("base64");
    const metadata = (number: string) =>
      JSON.stringify({ trackingNumber: number, postage: "10.99", commitment: "" });
    const parts = (boundary: string, lines: readonly string[], end = "\r\n") =>
      [...lines.map((line) => (line === "--" ? `--${boundary}` : line)), `--${boundary}--`, ""].join(end);
    const named = [
      "--",
      "Content-Disposition: form-data;\r\n name=labelMetadata",
      "",
      metadata("9201"),
      "--",
      'content-disposition: form-data; filename="labelImage.pdf"; name="labelImage"',
      "",
      base64.slice(0, 10),
      base64.slice(10),
    ];
    const unnamed = (image: string) => [
      "--",
      "Content-type: application/json",
      "",
      metadata("9202"),
      "--",
      "File Name: label.pdf",
      "Content-Type: application/pdf",
      "Content-Transfer-Encoding: encode",
      "",
      image,
    ];
    const answers = [
      ["multipart/form-data; boundary=abc", parts("abc", named)],
      [
        'multipart/form-data; charset=utf-8; boundary="a;b c"; type=x',
        `A preamble.\r\n${parts("a;b c", named)}`,
      ],
      ["Multipart/Mixed; boundary=abc; type=x", parts("abc", unnamed(base64), "\n")],
      ["multipart/form-data; boundary=other", `\r\n${parts("---=_abc", unnamed(base64))}`],
      ["text/plain", parts("abc", unnamed(base64))],
      ["multipart/form-data; boundary=abc", parts("abc", unnamed("%PDF-1.7\r\n\0\xff label"))],
    ] as const;
    for (const [type, text] of answers) {
      const answer = { headers: { "content-type": type }, body: Buffer.from(text, "latin1") };
      host.faults.plan({ kind: "answer", when: "before", answer }, { operation: "create_label" });
      const { purchase } = await buy();
      const [label] = purchase.labels;
      expect(label?.format).toBe("pdf");
      expect(label?.tracking_number).toMatch(/^920[12]$/);
      expect(Buffer.from(label?.data ?? []).toString("base64")).toBe(base64);
    }
  });

  it("is the same one, and bought once, however often it is asked for", async () => {
    const { usps } = connect();
    const { request, purchase } = await buy(usps, { packages: [testBox(1), testBox(2)] });
    expect(await connect().usps.createLabel(request)).toEqual(purchase);
    expect(new Set(purchase.labels.map(({ tracking_number }) => tracking_number)).size).toBe(2);
    expect(host.parcels.under(request.reference)).toHaveLength(2);
  });

  it("whose answer is lost may have been bought, and asking again gives it", async () => {
    const lost = [
      { kind: "cut", when: "after" },
      { kind: "status", when: "after", status: 500 },
      { kind: "answer", when: "after", answer: { body: "OK" } },
      {
        kind: "answer",
        when: "after",
        answer: { headers: { "content-type": "multipart/form-data" }, body: "--x\r\n" },
      },
    ] as const;
    for (const fault of lost) {
      const { usps } = connect();
      const request = labelRequest();
      host.faults.plan(fault, { operation: "create_label" });
      await expect(usps.createLabel(request)).rejects.toBeInstanceOf(CarrierUncertain);
      const { labels } = await usps.createLabel(request);
      expect(host.parcels.under(request.reference).map(({ number }) => number)).toEqual([
        labels[0]?.tracking_number,
      ]);
    }
  });

  it("is the same one after midnight as well, with those that were not bought before", async () => {
    const request = labelRequest({ packages: [testBox(1), testBox(2)] });
    host.faults.plan({ kind: "cut", when: "before" }, { operation: "create_label", skip: 1 });
    await expect(connect().usps.createLabel(request)).rejects.toBeInstanceOf(CarrierUncertain);
    const [first] = host.parcels.under(request.reference);
    const inDays = (days: number) => connect({}, new Date(NOW.getTime() + days * 86_400_000)).usps;
    const { labels } = await inDays(1).createLabel(request);
    expect(labels[0]?.tracking_number).toBe(first?.number);
    expect(host.parcels.under(request.reference)).toHaveLength(2);
    await expect(inDays(3).createLabel(request)).rejects.toMatchObject({ code: "160422" });
  });

  it("is refused with USPS's code and text; when that is a later box, the ones before it are bought", async () => {
    const to = testAddress({ ...labelRequest().to, postal_code: "00000" });
    await expect(buy(undefined, { to })).rejects.toMatchObject({
      name: "CarrierRefusal",
      code: "010005",
      message: expect.stringContaining("Address Not Found."),
    });
    for (const fault of [undefined, { kind: "status", when: "before", status: 503 }] as const) {
      const { usps } = connect();
      const request = labelRequest({ packages: [testBox(1), testBox(2, { weight: fault ? 1 : 40 })] });
      await usps.createLabel({ ...request, packages: [testBox(1)] });
      if (fault) host.faults.plan(fault, { operation: "create_label", skip: 1 });
      const error = await usps.createLabel(request).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(CarrierUncertain);
      const [first, ...more] = host.parcels.under(request.reference);
      expect((error as Error).message).toContain(`box 2, after ${first?.number} was bought`);
      expect((error as Error).message).toContain(fault ? "503" : "160062");
      expect(more).toEqual([]);
    }
  });

  it("is not asked for abroad, nor without what USPS can't do without", async () => {
    const before = host.calls("create_label");
    const to = testAddress({ ...labelRequest().to, country: "CA" });
    await expect(buy(undefined, { to })).rejects.toMatchObject({
      code: "INTERNATIONAL",
      message: expect.stringContaining("no value, country of origin and tariff code"),
    });
    await expect(buy(undefined, { to: { ...to, state: "", street: "" } })).rejects.toThrow(
      "USPS needs to.street, to.state",
    );
    expect(host.calls("create_label")).toBe(before);
  });

  it("was surely not bought when USPS is throttled or down", async () => {
    const { usps } = connect();
    host.faults.plan(
      { kind: "status", when: "before", status: 429, retryAfter: "60" },
      { operation: "create_label" },
    );
    await expect(buy(usps)).rejects.toMatchObject({ name: "CarrierUnavailable", retryAfterSeconds: 60 });
    host.faults.plan(
      { kind: "status", when: "before", status: 503, retryAfter: "9" },
      { operation: "create_label" },
    );
    await expect(buy(usps)).rejects.toMatchObject({ name: "CarrierUnavailable", retryAfterSeconds: 9 });
  });
});

describe("a USPS label given back", () => {
  it("is cancelled before the manifest, claimed for a refund after it, and may be given back again", async () => {
    const { usps } = connect();
    const { purchase, request } = await buy(usps, { packages: [testBox(1), testBox(2)] });
    const tracking_numbers = purchase.labels.map(({ tracking_number }) => tracking_number);
    const second = host.parcels.find(tracking_numbers[1] as string);
    if (second) second.details.manifested = true;
    for (const _time of [1, 2]) await usps.voidLabel?.({ reference: request.reference, tracking_numbers });
    expect(tracking_numbers.map((number) => host.parcels.find(number)?.state)).toEqual(["voided", "voided"]);
  });

  it("that is under way is refused, the others are given back all the same", async () => {
    const { usps } = connect();
    const { purchase, request } = await buy(usps, { packages: [testBox(1), testBox(2)] });
    const tracking_numbers = purchase.labels.map(({ tracking_number }) => tracking_number);
    host.parcels.advance(tracking_numbers[0] as string, 2);
    const given = usps.voidLabel?.({ reference: request.reference, tracking_numbers });
    await expect(given).rejects.toThrow("cannot be submitted");
    expect(host.parcels.find(tracking_numbers[1] as string)?.state).toBe("voided");
  });
});

describe("a USPS parcel", () => {
  it("is followed to the door, in UTC, whatever the order and number of its scans", async () => {
    const { usps } = connect();
    const { number } = await buy(usps);
    const statuses = [];
    expect(await follow(usps, number, uspsNumber(90_000))).toEqual([]);
    for (let scan = 0; scan < 7; scan++) {
      host.parcels.advance(number, 1);
      if (scan === 3) host.parcels.disorder({ seed: 3, repeat: 2 });
      statuses.push(statusAfter(await follow(usps, number)));
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
    const delivered = (await follow(usps, number)).filter(({ status }) => status === "delivered");
    expect(delivered).toHaveLength(2);
    expect(delivered[0]).toEqual({
      carrier_code: "usps",
      tracking_number: number,
      status: "delivered",
      raw_code: "01",
      description: "Delivered, Left with Individual",
      location: "Austin, TX",
      occurred_at: new Date("2026-01-18T11:00:00Z"),
    });
  });

  it("with a code that nobody knows is where its category says, if that is about the newest scan", async () => {
    const { usps } = connect();
    const { number } = await buy(usps);
    const at = (hour: number) => new Date(Date.UTC(2026, 0, 16, hour));
    const scans = [
      { code: "X1", text: "Something new", place: "Reno, NV", at: at(1) },
      { code: "X2", text: "Something newer", place: "Reno, NV", at: at(2) },
    ];
    host.parcels.reroute(number, scans);
    host.parcels.advance(number);
    const parcel = host.parcels.find(number);
    if (parcel) parcel.details.category = "Delivery Attempt";
    const facts = (await follow(usps, number)).toSorted((a, b) => a.raw_code.localeCompare(b.raw_code));
    expect(facts[0]).toMatchObject({ raw_code: "X1", status: "unknown", unmapped: true });
    expect(facts.at(-1)).toMatchObject({ raw_code: "X2", status: "delivery_attempted" });
    expect(facts.at(-1)).not.toHaveProperty("unmapped");
  });

  it("read from a recorded answer has its times right, whichever of them are there", async () => {
    const body = {
      trackingNumber: "9400100000000000123453",
      statusCategory: "Delivered",
      emailEnabled: "true",
      onTime: "false",
      trackingEvents: [
        {
          eventType: "DELIVERED",
          eventTimestamp: "2026-01-15T09:04:00",
          GMTTimestamp: "2026-01-15T15:04:00Z",
          eventCode: "01",
        },
        {
          eventType: "OUT FOR DELIVERY",
          eventTimestamp: "2026-01-15T07:10:00Z",
          GMTOffset: "-7:00",
          eventCode: "OF",
        },
        {
          eventType: "ARRIVAL AT UNIT",
          eventTimestamp: "2026-01-15T06:00:00",
          eventCode: "07",
          eventCity: "AUSTIN",
          eventState: "TX",
        },
        {
          GMTTimestamp: "",
          eventTimestamp: "2026-01-15T05:00:00-05:00",
          GMTOffset: "-5:00",
          eventCode: "10",
        },
        { GMTTimestamp: "soon", eventTimestamp: "2026-01-15T01:00:00Z", GMTOffset: "+0530", eventCode: "10" },
        { eventTimestamp: "2026-01-14", GMTOffset: "-7:00", eventState: "CO", eventCode: "03" },
        {
          eventTimestamp: "2026-01-13T12:00:00",
          eventCity: "Paris",
          eventCountry: "FRANCE",
          eventCode: "ZZ",
        },
        { eventType: "REFUSED", GMTTimestamp: "2026-01-12T06:00:00.041Z", eventCode: "21" },
        { eventType: "NO TIME", eventCode: "10" },
      ],
    };
    host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "track" });
    const facts = await follow(connect().usps, "9400100000000000123453");
    expect(
      facts.map(({ raw_code, status, occurred_at }) => [raw_code, status, occurred_at.toISOString()]),
    ).toEqual([
      ["01", "delivered", "2026-01-15T15:04:00.000Z"],
      ["OF", "out_for_delivery", "2026-01-15T14:10:00.000Z"],
      ["07", "in_transit", "2026-01-15T12:00:00.000Z"],
      ["10", "in_transit", "2026-01-15T10:00:00.000Z"],
      ["10", "in_transit", "2026-01-14T19:30:00.000Z"],
      ["03", "in_transit", "2026-01-14T07:00:00.000Z"],
      ["ZZ", "unknown", "2026-01-13T12:00:00.000Z"],
      ["21", "return_to_sender", "2026-01-12T06:00:00.041Z"],
    ]);
  });

  it("is one of 35 in a call, where that is set, and says the same", async () => {
    const { usps } = connect();
    const batch = connect({ trackingApi: "v3r2" }).usps;
    expect([usps, batch].map(({ capabilities }) => capabilities.trackingBatchSize)).toEqual([1, 35]);
    expect(usps.capabilities.rateLimit).toEqual({ calls: 60, seconds: 3600 });
    const strange = uspsNumber(90_002);
    const numbers = [(await buy(usps)).number, (await buy(usps)).number];
    expect(await follow(batch, ...numbers)).toEqual([]);
    const told = (facts: readonly CarrierFact[]) =>
      [...new Set(facts.map((fact) => JSON.stringify(fact)))].toSorted();
    for (const number of numbers) host.parcels.advance(number, 5);
    const before = host.calls("track_batch");
    for (const asked of [numbers, [numbers[0] as string, strange]])
      expect(told(await follow(batch, ...asked))).toEqual(told(await follow(usps, ...asked)));
    expect(told(await follow(batch, ...numbers))).toHaveLength(10);
    expect(host.calls("track_batch")).toBe(before + 3);
  });

  it("is told of as far as USPS answers for a batch", async () => {
    const detail = {
      trackingNumber: "9401",
      trackingEvents: [{ eventCode: "01", GMTTimestamp: "2026-01-15T15:04:00Z" }],
    };
    const error = { code: "503", message: "Try later", errors: [] };
    const answers = [[detail], detail, [{ statusCode: "503", trackingNumber: "9402", error }, detail, {}]];
    for (const body of answers) {
      host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "track_batch" });
      const facts = await follow(connect({ trackingApi: "v3r2" }).usps, "9400100000000000123453", "9401");
      expect(facts.map(({ tracking_number }) => tracking_number)).toEqual(["9401"]);
    }
  });

  it("is asked about later when USPS is throttled, and no answer is no news", async () => {
    const { usps } = connect();
    host.faults.plan(
      { kind: "status", when: "before", status: 429, retryAfter: "1800" },
      { operation: "track" },
    );
    await expect(follow(usps, uspsNumber(90_001))).rejects.toMatchObject({
      name: "CarrierUnavailable",
      retryAfterSeconds: 1800,
    });
    host.faults.plan({ kind: "answer", when: "before", answer: { body: "<html>" } }, { operation: "track" });
    await expect(follow(usps, uspsNumber(90_001))).rejects.toBeInstanceOf(CarrierUnavailable);
  });
});

describe("USPS's tokens", () => {
  it("are two for a label, fetched once, and both renewed once when either is too old", async () => {
    const { usps, tools } = connect();
    const given = () => [host.tokens.given(), host.payments.given()];
    const [access = 0, payment = 0] = given();
    await Promise.all([buy(usps), buy(usps)]);
    expect(given()).toEqual([access + 1, payment + 1]);
    host.payments.expire();
    await Promise.all([buy(usps), buy(usps)]);
    expect(given()).toEqual([access + 2, payment + 2]);
    host.tokens.expire();
    await buy(usps);
    expect(given()).toEqual([access + 3, payment + 3]);
    const recorded = JSON.stringify(tools.calls);
    for (const secret of [account.clientSecret, "usps-token-", "usps-payment-token-"])
      expect(recorded).not.toContain(secret);
  });

  it("that are good for nothing say so", async () => {
    const body = { access_token: "empty-handed", expires_in: 28_799, scope: "" };
    host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "fetch_token" });
    await expect(buy()).rejects.toMatchObject({ name: "CarrierRefusal", code: "NO_SCOPE" });
    await expect(buy(connect({ clientSecret: "wrong" }).usps)).rejects.toBeInstanceOf(CarrierRefusal);
  });

  it("that are refused say why", async () => {
    const body = { error: "invalid_client", error_description: "The credentials are wrong.", error_uri: "" };
    host.faults.plan(
      { kind: "answer", when: "before", answer: { status: 401, body } },
      { operation: "fetch_token" },
    );
    await expect(buy()).rejects.toMatchObject({
      code: "invalid_client",
      message: "USPS answered fetch_token with 401 invalid_client: The credentials are wrong.",
    });
  });

  it("that could not be fetched leave nothing in doubt", async () => {
    for (const operation of ["fetch_token", "fetch_payment_token"]) {
      host.faults.plan({ kind: "cut", when: "after" }, { operation, times: 3 });
      await expect(buy()).rejects.toBeInstanceOf(CarrierUnavailable);
    }
  });
});

describe("what USPS pushes", () => {
  it("is taken when it is signed and fresh, and says what the poll says", async () => {
    const { usps } = connect();
    const { number } = await buy(usps);
    host.parcels.advance(number, 4);
    const content = usps.parseWebhook?.(host.push(number));
    const order = (facts: readonly CarrierFact[] = []) =>
      facts.map((fact) => JSON.stringify(fact)).toSorted();
    expect(order(content?.facts)).toEqual(order(await follow(usps, number)));
  });

  it("is refused when it is forged, altered, unsigned, stale, from the future, or in no known shape", async () => {
    const { usps } = connect();
    const { number } = await buy(usps);
    host.parcels.advance(number, 2);
    const made = new Date("2026-02-01T12:00:00Z");
    const good = host.push(number, made);
    const received = (seconds: number) => ({
      ...good,
      received_at: new Date(made.getTime() + seconds * 1000),
    });
    for (const seconds of [0, 299, -299])
      expect(usps.parseWebhook?.(received(seconds)).facts).toHaveLength(4);
    const text = Buffer.from(good.body).toString();
    const resigned = (timestamp: string, payload: string) => ({
      ...good,
      headers: {
        "x-hmac": createHmac("sha256", webhookSecret)
          .update(timestamp + payload)
          .digest("base64"),
      },
      body: Buffer.from(JSON.stringify({ timestamp, payload })),
    });
    const bad = [
      received(301),
      received(-301),
      { ...good, headers: {} },
      { ...good, headers: { "x-hmac": createHmac("sha256", "other").update(text).digest("base64") } },
      { ...good, headers: { "x-hmac": "AAAA" } },
      { ...good, body: Buffer.from(text.replace("Accepted", "Rejected")) },
      { ...good, body: Buffer.from(text.replace(made.toISOString(), "2026-02-01T12:00:01.000Z")) },
      { ...good, body: Buffer.from("not JSON") },
      resigned(made.toISOString(), `{"trackingNumber":"1"}`),
      resigned("yesterday", `{}`),
    ];
    for (const delivery of bad) expect(() => usps.parseWebhook?.(delivery)).toThrow(WebhookRejected);
    const seconds = String(made.getTime() / 1000);
    const payload = `{"trackingNumber":"9400","trackingEvents":[]}`;
    expect(usps.parseWebhook?.(resigned(seconds, payload)).facts).toEqual([]);
    expect(usps.parseWebhook?.(resigned(`${seconds}000`, `[${payload}]`)).facts).toEqual([]);
    for (const timestamp of ["2026-02-01T12:00:00", "2026-02-01T07:00:00.5-05:00", made.toUTCString()])
      expect(usps.parseWebhook?.(resigned(timestamp, payload)).facts).toEqual([]);
  });
});
