import { describe, expect, it } from "vitest";
import { createBexCarrier } from "../../../src/carriers/bex/bex.ts";
import { bexSettingsSchema } from "../../../src/carriers/bex/settings.ts";
import { type Carrier, CarrierUnavailable, CarrierUncertain } from "../../../src/carriers/carrier.ts";
import { BEX_ACCOUNT, startBexHost } from "../../support/carrier-hosts/bex-host.ts";
import { bought, carrierTools, testAddress, testBox } from "../../support/carrier-hosts/carrier-tools.ts";
import { follow, statusAfter } from "../../support/carrier-hosts/follow.ts";
import { leaks } from "../../support/carrier-hosts/leaks.ts";
import { serbianRequest } from "../../support/carrier-hosts/places.ts";
import { testedHost } from "../../support/carrier-hosts/tested-host.ts";

const host = await testedHost(startBexHost);

/** As one of the tables has it that contradict each other. */
const STATUSES = {
  "0": "label_created",
  "1": "in_transit",
  "2": "delivered",
  "3": "returned",
  "4": "in_transit",
  "5": "cancelled",
  isporučena: "delivered",
};

function connect(settings: Record<string, unknown> = {}, tools = carrierTools()): Carrier {
  const parsed = bexSettingsSchema.parse({
    baseUrl: host.url,
    ...BEX_ACCOUNT,
    statuses: STATUSES,
    ...settings,
  });
  return createBexCarrier(parsed, tools);
}

const buy = (carrier = connect(), parts: Parameters<typeof serbianRequest>[0] = {}) =>
  bought(carrier, serbianRequest(parts));

describe("a BEX label", () => {
  it("comes with its bytes unchanged, each box with its own number", async () => {
    const { labels, request } = await buy(undefined, { packages: [testBox(1), testBox(2, { weight: 0.4 })] });
    for (const { tracking_number, data, format } of labels) {
      expect(format).toBe("pdf");
      expect(Buffer.from(data).equals(host.parcels.find(tracking_number)?.label as Buffer)).toBe(true);
    }
    const [first, second] = labels.map(({ tracking_number }) => host.parcels.find(tracking_number));
    expect(first).toMatchObject({
      reference: `${request.reference}-1`,
      details: {
        shipmentCategory: 3,
        shipmentWeight: 1.2,
        tasks: [
          { type: 1, nameType: 3, name1: "104455" },
          {
            type: 2,
            name1: "Љиљана Џокић",
            place: "Београд",
            street: "Булевар краља Александра",
            houseNumber: 73,
            apartment: "а",
          },
        ],
      },
    });
    expect(second).toMatchObject({ details: { shipmentCategory: 1 } });
  });

  it("is refused in BEX's words, all boxes or none", async () => {
    await expect(buy(connect({ clientId: "1" }))).rejects.toMatchObject({
      name: "CarrierRefusal",
      message: "BEX refused the shipment: Nepoznat klijent",
    });
    const boxes = [testBox(1), testBox(2, { weight: 60 })];
    const request = serbianRequest({ packages: boxes });
    await expect(connect().createLabel(request)).rejects.toThrow(/Masa je veća od 50 kg/);
    expect(host.parcels.under(`${request.reference}-1`)).toMatchObject([{ state: "voided" }]);
    await expect(buy(connect({ token: "wrong" }))).rejects.toMatchObject({ name: "CarrierRefusal" });
  });

  it("is known by a number that is a text, in an answer for one", async () => {
    const pdf = Buffer.from("%PDF-1.4\n%%EOF");
    const booked = { shipmentsResultList: { state: true, shipmentId: "180923999", err: null } };
    const printed = { state: true, parcelLabel: pdf.toString("base64") };
    for (const body of [booked, printed])
      host.faults.plan({ kind: "answer", when: "before", answer: { body } });
    const { number, labels } = await buy();
    expect(number).toBe("180923999");
    expect(Buffer.from(labels[0]?.data ?? [])).toEqual(pdf);
  });

  it.each([
    ["a number that is none", [{ state: true, shipmentId: 0, err: "" }]],
    ["no result", []],
  ])("that was booked, with %s, is for a human", async (_, shipmentsResultList) => {
    const body = { reqstate: true, reqerr: "", shipmentsResultList };
    host.faults.plan({ kind: "answer", when: "before", answer: { body } });
    await expect(buy()).rejects.toMatchObject({
      name: "CarrierUncertain",
      message: "BEX says that it has booked 1 boxes, and gives these numbers: none",
    });
  });

  it("whose fellow was refused, and which isn't taken back, is for a human", async () => {
    host.faults.plan({ kind: "status", when: "before", status: 503 }, { operation: "void_label", times: 3 });
    const boxes = [testBox(1), testBox(2, { weight: 60 })];
    await expect(buy(undefined, { packages: boxes })).rejects.toMatchObject({
      name: "CarrierUncertain",
      message: expect.stringMatching(/^BEX refused some of the boxes, and did not take back \d+/),
    });
  });

  it("may have been bought when the answer is lost, so that it is not bought again blindly", async () => {
    for (const fault of [
      { kind: "cut", when: "after" },
      { kind: "status", when: "after", status: 500 },
      { kind: "answer", when: "after", answer: { body: "<html>" } },
    ] as const) {
      host.faults.plan(fault, { operation: "create_label" });
      await expect(buy()).rejects.toBeInstanceOf(CarrierUncertain);
    }
    expect(connect().capabilities.repeat).toBe("never");
  });

  it("was surely not bought when BEX is throttled or out of reach", async () => {
    host.faults.plan({ kind: "status", when: "before", status: 429 }, { operation: "create_label" });
    await expect(buy()).rejects.toBeInstanceOf(CarrierUnavailable);
    await expect(buy(connect({ baseUrl: "http://127.0.0.1:1" }))).rejects.toBeInstanceOf(CarrierUnavailable);
  });

  it("is known to be bought when only its print failed", async () => {
    const broken = { state: false, parcelLabel: "", err: "Nema etikete" };
    const halved = { state: true, parcelLabel: "JVBERi0xLjQK" };
    for (const [body, why] of [
      [broken, "Nema etikete"],
      [halved, "%%EOF"],
    ] as const) {
      const answer = { body };
      host.faults.plan({ kind: "answer", when: "before", answer }, { operation: "print_label" });
      await expect(buy()).rejects.toMatchObject({
        name: "CarrierUncertain",
        message: expect.stringMatching(
          new RegExp(`^BEX has booked shipment \\d+, but not printed its label: .*${why}`),
        ),
      });
    }
  });

  it("needs to know what BEX's states mean", () => {
    expect(() => connect({ statuses: {} })).toThrow(/BEX's own table/);
    expect(() => bexSettingsSchema.parse({ ...BEX_ACCOUNT })).toThrow(/statuses/);
  });

  it("is not asked for beyond Serbia", async () => {
    const to = testAddress({ ...serbianRequest().to, country: "ZA" });
    await expect(buy(undefined, { to })).rejects.toThrow(/in Serbia \(RS\), not in "ZA"/);
  });

  it("is put on record without secrets or people", async () => {
    const tools = carrierTools();
    const { request } = await buy(connect({}, tools));
    const secrets = [BEX_ACCOUNT.token, BEX_ACCOUNT.clientId];
    expect(leaks(tools, { secrets, request })).toEqual([]);
  });
});

describe("a BEX label given back", () => {
  it("is deleted, and may be given back again", async () => {
    const carrier = connect();
    const { number, request } = await buy(carrier);
    const label = { reference: request.reference, tracking_numbers: [number] };
    host.faults.plan({ kind: "cut", when: "after" }, { operation: "void_label" });
    await carrier.voidLabel?.(label);
    expect(host.parcels.find(number)?.state).toBe("voided");
    await carrier.voidLabel?.(label);
    await carrier.voidLabel?.({ reference: "wms-0", tracking_numbers: [] });
  });

  it("that is on its way is refused", async () => {
    const carrier = connect();
    const { number, request } = await buy(carrier);
    host.parcels.advance(number, 1);
    const given = carrier.voidLabel?.({ reference: request.reference, tracking_numbers: [number] });
    await expect(given).rejects.toMatchObject({
      name: "CarrierRefusal",
      message: `BEX did not delete shipment ${number}: Pošiljka se ne može obrisati`,
    });
  });
});

describe("a BEX parcel", () => {
  it("is followed to the door, each state from when it was first seen", async () => {
    let now = new Date("2026-01-15T10:00:00Z");
    const carrier = connect(
      {},
      carrierTools(() => now),
    );
    const { number } = await buy(carrier);
    const statuses = [];
    for (let scan = 0; scan < 3; scan++) {
      host.parcels.advance(number, 1);
      now = new Date(now.getTime() + 3_600_000);
      statuses.push(statusAfter(await follow(carrier, number)));
      const [again] = await follow(carrier, number);
      now = new Date(now.getTime() + 3_600_000);
      expect(await follow(carrier, number)).toEqual([again]);
    }
    expect(statuses).toEqual(["in_transit", "in_transit", "delivered"]);
    expect(await follow(carrier, number)).toEqual([
      {
        carrier_code: "bex",
        tracking_number: number,
        status: "delivered",
        raw_code: "2",
        description: "isporučena: Potpisao: Ana Anić",
        location: "",
        occurred_at: new Date("2026-01-15T23:00:00Z"), // the 16th in Belgrade
      },
    ]);
  });

  it("is understood when BEX answers with words alone", async () => {
    const other = await startBexHost();
    const carrier = connect({ baseUrl: other.url });
    const { number } = await buy(carrier);
    other.speakPlainly();
    other.parcels.advance(number, 2);
    expect(await follow(carrier, number)).toMatchObject([
      { status: "unknown", unmapped: true, raw_code: "u transportu" },
    ]);
    other.parcels.advance(number);
    expect(await follow(carrier, number)).toMatchObject([{ status: "delivered", raw_code: "isporučena" }]);
    await other.close();
  });

  it.each([
    ["a text with escapes", '"isporu\\u010dena"', [{ status: "delivered", raw_code: "isporučena" }]],
    ["a number as text", { status: "2", statusText: "Isporučena" }, [{ status: "delivered", raw_code: "2" }]],
    [
      "a day without zeros",
      { status: 2, deliveryDate: "1.7.2026" },
      [{ status: "delivered", occurred_at: new Date("2026-06-30T22:00:00Z") }],
    ],
    ["a state that is new to us", { status: 9 }, [{ status: "unknown", unmapped: true, raw_code: "9" }]],
    ["words for nothing there", "Pošiljka ne postoji", []],
    ["no state at all", { state: false, err: "Pošiljka nije pronađena" }, []],
  ])("is understood from %s", async (_, body, facts) => {
    host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "track" });
    expect(await follow(connect(), "180923112")).toMatchObject(facts);
  });

  it("that BEX doesn't know is left out", async () => {
    expect(await follow(connect(), "1")).toEqual([]);
  });
});
