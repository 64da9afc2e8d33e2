import { describe, expect, it } from "vitest";
import { createAcsCarrier } from "../../../src/carriers/acs/acs.ts";
import { acsSettingsSchema } from "../../../src/carriers/acs/settings.ts";
import {
  type Carrier,
  CarrierRefusal,
  CarrierUnavailable,
  CarrierUncertain,
} from "../../../src/carriers/carrier.ts";
import { ACS_ACCOUNT, startAcsHost } from "../../support/carrier-hosts/acs-host.ts";
import { bought, carrierTools, testAddress, testBox } from "../../support/carrier-hosts/carrier-tools.ts";
import { follow, statusAfter } from "../../support/carrier-hosts/follow.ts";
import { leaks } from "../../support/carrier-hosts/leaks.ts";
import { greekRequest } from "../../support/carrier-hosts/places.ts";
import { testedHost } from "../../support/carrier-hosts/tested-host.ts";

const host = await testedHost(startAcsHost);

function connect(settings: Record<string, unknown> = {}, tools = carrierTools()): Carrier {
  return createAcsCarrier(acsSettingsSchema.parse({ baseUrl: host.api, ...ACS_ACCOUNT, ...settings }), tools);
}

const buy = (carrier = connect(), parts: Parameters<typeof greekRequest>[0] = {}) =>
  bought(carrier, greekRequest(parts));

/** The next call goes well, whatever it is. */
function pass(times = 1): void {
  host.faults.plan({ kind: "slow", ms: 0 }, { times });
}

describe("an ACS label", () => {
  it("is a voucher and its print, unchanged", async () => {
    const { labels, number, request } = await buy();
    expect(number).toMatch(/^\d{10}$/);
    expect(labels).toMatchObject([{ sequence_number: 1, format: "pdf" }]);
    expect(Buffer.from(labels[0]?.data ?? []).equals(host.vouchers.find(number)?.label as Buffer)).toBe(true);
    expect(host.vouchers.under(request.reference)).toHaveLength(1);
  });

  it("is asked for with ACS's fields, by Athens's calendar, half a kilogram at least", async () => {
    const now = () => new Date("2026-01-15T22:30:00Z");
    await buy(connect({}, carrierTools(now)), { packages: [testBox(1, { weight: 0.2 })] });
    const asked = host.seen.filter(({ request }) => request.text.includes("ACS_Create_Voucher")).at(-1);
    expect(JSON.parse(asked?.request.text ?? "")).toMatchObject({
      ACSInputParameters: {
        Pickup_Date: "2026-01-16",
        Sender: "ESHOP",
        Recipient_Name: "Δοκιμή Παραλήπτης",
        Recipient_Address: "Π. Ράλλη",
        Recipient_Address_Number: "45",
        Recipient_Zipcode: "17778",
        Weight: 0.5,
        Item_Quantity: 1,
        Cod_Ammount: null,
      },
    });
  });

  it("of several boxes is one voucher with others beside it, each printed", async () => {
    const { labels } = await buy(undefined, { packages: [testBox(1), testBox(2), testBox(3)] });
    const numbers = labels.map(({ tracking_number }) => tracking_number);
    expect(new Set(numbers).size).toBe(3);
    expect(numbers.map((number) => host.vouchers.find(number)?.details.main)).toEqual(
      numbers.map(() => numbers[0]),
    );
    for (const { tracking_number, data } of labels)
      expect(Buffer.from(data).toString()).toContain(tracking_number);
  });

  it("is read in the other shape that is known of prints", async () => {
    const other = await startAcsHost();
    other.printBeside();
    const packages = [testBox(1), testBox(2)];
    const { labels } = await buy(connect({ baseUrl: other.api }), { packages });
    for (const { tracking_number, data } of labels)
      expect(Buffer.from(data).toString()).toContain(tracking_number);
    expect(other.violations).toEqual([]);
    await other.close();
  });

  it.each([
    [
      "nothing but base64",
      (pdf: Buffer) => ({ ACSValueOutput: [{ ACSObjectOutput: pdf.toString("base64") }] }),
    ],
    ["no list", (pdf: Buffer) => ({ ACSObjectOutput: { "7227889174": pdf.toString("base64") } })],
    ["padded", (pdf: Buffer) => ({ ACSObjectOutput: [{ " 7227889174": pdf.toString("base64") }] })],
    ["the bytes themselves", (pdf: Buffer) => ({ ACSObjectOutput: [{ "7227889174": [...pdf] }] })],
  ])("is read from a print that is %s", async (_, shapeOf) => {
    const pdf = Buffer.from("%PDF-1.4\n\xe2\n%%EOF\n", "latin1");
    const created = { ACSValueOutput: { Voucher_No: 7_227_889_174 } };
    for (const ACSOutputResponce of [created, shapeOf(pdf)])
      host.faults.plan({ kind: "answer", when: "before", answer: { body: { ACSOutputResponce } } });
    const { labels, number } = await buy();
    expect(number).toBe("7227889174");
    expect(Buffer.from(labels[0]?.data ?? []).equals(pdf)).toBe(true);
  });

  it("one of whose prints failed is known to be made, in ACS's words", async () => {
    const failed = { ACSExecution_HasError: true, ACSExecutionErrorMessage: "Άγνωστος εκτυπωτής" };
    const body = { ACSOutputResponce: { ACSValueOutput: [{ ACSObjectOutput: [failed] }] } };
    pass();
    host.faults.plan({ kind: "answer", when: "before", answer: { body } });
    const message = expect.stringContaining("Άγνωστος εκτυπωτής");
    await expect(buy()).rejects.toMatchObject({ name: "CarrierUncertain", message });
  });

  it("is refused in ACS's words, which stand in an answer that went well", async () => {
    const to = testAddress({ ...greekRequest().to, postal_code: "177" });
    await expect(buy(undefined, { to })).rejects.toMatchObject({
      name: "CarrierRefusal",
      message: expect.stringContaining("Μη αποδεκτός ταχ. Κωδικός ή χώρα προορισμού"),
    });
    host.faults.plan({
      kind: "answer",
      when: "before",
      answer: { body: { ACSExecution_HasError: true, ACSExecutionErrorMessage: "Invalid parameters" } },
    });
    await expect(buy()).rejects.toMatchObject({
      name: "CarrierRefusal",
      message: expect.stringContaining("Invalid parameters"),
    });
  });

  it.each(["Error_Message", "error_message", "Error_msg", "error_msg"])(
    "is refused by what stands under %s",
    async (name) => {
      const ACSOutputResponce = { ACSValueOutput: [{ [name]: " Λάθος " }], ACSTableOutput: {} };
      const body = { ACSExecution_HasError: false, ACSExecutionErrorMessage: "", ACSOutputResponce };
      host.faults.plan({ kind: "answer", when: "before", answer: { body } });
      const message = expect.stringContaining("Λάθος");
      await expect(buy()).rejects.toMatchObject({ name: "CarrierRefusal", message });
    },
  );

  it("without vouchers for all of its boxes is for a human", async () => {
    pass();
    host.faults.plan({ kind: "answer", when: "before", answer: { body: tableOf([]) } });
    await expect(buy(undefined, { packages: [testBox(1), testBox(2)] })).rejects.toMatchObject({
      name: "CarrierUncertain",
      message: expect.stringMatching(/^ACS made 1 vouchers for 2 boxes: \d{10}$/),
    });
  });

  it("is refused with a wrong key, and put off by one call too many", async () => {
    await expect(buy(connect({ apiKey: "wrong" }))).rejects.toMatchObject({
      name: "CarrierRefusal",
      code: "403",
    });
    host.faults.plan({ kind: "status", when: "before", status: 429 });
    const tooMany = await buy().catch((error: unknown) => error);
    expect(tooMany).toBeInstanceOf(CarrierUnavailable);
    expect(tooMany).toMatchObject({ retryAfterSeconds: 1 });
  });

  it("is not asked for where ACS doesn't go, or without what it needs", async () => {
    const before = host.seen.length;
    const abroad = testAddress({ ...greekRequest().to, country: "IT" });
    await expect(buy(undefined, { to: abroad })).rejects.toThrow(
      /in Greece \(GR\) and Cyprus \(CY\), not in "IT"/,
    );
    const cyprus = testAddress({ ...greekRequest().to, country: "CY" });
    await expect(buy(undefined, { to: cyprus })).rejects.toThrow(/"contentType"/);
    const silent = testAddress({ ...greekRequest().to, phone: "" });
    await expect(buy(undefined, { to: silent })).rejects.toThrow("ACS needs to.phone");
    expect(host.seen).toHaveLength(before);
  });

  it("whose answer is lost is looked for, and not bought again when the search proves nothing", async () => {
    const carrier = connect();
    const lost = [
      { kind: "cut", when: "after" },
      { kind: "status", when: "after", status: 500 },
      { kind: "answer", when: "after", answer: { body: "<html>" } },
    ] as const;
    for (const fault of lost) {
      const request = greekRequest();
      host.faults.plan(fault);
      await expect(carrier.createLabel(request)).rejects.toBeInstanceOf(CarrierUncertain);
      const sought = carrier.findByReference?.(request);
      await expect(sought).rejects.toThrow(/only those on a pickup list/);
      await expect(sought).rejects.toBeInstanceOf(CarrierUncertain);
      expect(host.vouchers.under(request.reference)).toHaveLength(1);
    }
    expect(carrier.capabilities.repeat).toBe("lookup");
  });

  it("is known to be made when only its print failed", async () => {
    pass();
    host.faults.plan({ kind: "status", when: "before", status: 406 });
    await expect(buy()).rejects.toMatchObject({
      name: "CarrierUncertain",
      message: expect.stringMatching(/^ACS has made the vouchers, but not given the print of \d{10}/),
    });
  });

  it("is put on record without secrets or people", async () => {
    const tools = carrierTools();
    const { request } = await buy(connect({}, tools));
    const { billingCode, ...account } = ACS_ACCOUNT;
    const secrets = Object.values(account);
    expect(JSON.stringify(tools.calls)).toContain(billingCode);
    expect(leaks(tools, { secrets, request })).toEqual([]);
  });
});

describe("an ACS label found by its reference", () => {
  it("is the voucher on the pickup list", async () => {
    const literal = {
      ACSExecution_HasError: false,
      ACSExecutionErrorMessage: "",
      ACSOutputResponce: {
        ACSValueOutput: [{ Error_Message: null }],
        ACSTableOutput: { Table_Data: [{ Voucher_No: "7227889174", Reference_Key1: "wms-1" }] },
      },
    };
    const pdf = Buffer.from("%PDF-1.4\n%%EOF");
    const printed = {
      ACSExecution_HasError: false,
      ACSExecutionErrorMessage: "",
      ACSOutputResponce: { ACSObjectOutput: [{ "7227889174": pdf.toString("base64") }] },
    };
    for (const body of [literal, printed])
      host.faults.plan({ kind: "answer", when: "before", answer: { body } });
    const found = await connect().findByReference?.(greekRequest({ reference: "wms-1" }));
    expect(found?.labels).toMatchObject([{ tracking_number: "7227889174", format: "pdf" }]);
    expect(Buffer.from(found?.labels[0]?.data ?? []).equals(pdf)).toBe(true);
  });
});

describe("an ACS label given back", () => {
  it("takes those beside it along, and may be given back again", async () => {
    const carrier = connect();
    const { labels, request } = await buy(carrier, { packages: [testBox(1), testBox(2)] });
    const tracking_numbers = labels.map(({ tracking_number }) => tracking_number);
    const label = { reference: request.reference, tracking_numbers };
    await carrier.voidLabel?.(label);
    expect(tracking_numbers.map((number) => host.vouchers.find(number)?.state)).toEqual(["voided", "voided"]);
    await carrier.voidLabel?.(label);
  });

  it("that is on a pickup list is refused", async () => {
    const carrier = connect();
    const { number, request } = await buy(carrier);
    host.closeDay();
    const given = carrier.voidLabel?.({ reference: request.reference, tracking_numbers: [number] });
    await expect(given).rejects.toBeInstanceOf(CarrierRefusal);
    await expect(given).rejects.toThrow(/λίστα παραλαβής/);
  });

  it("of which nothing is known to have been bought asks nobody", async () => {
    const before = host.seen.length;
    await connect().voidLabel?.({ reference: "wms-1", tracking_numbers: [] });
    expect(host.seen).toHaveLength(before);
  });
});

describe("ACS's day", () => {
  const now = () => new Date("2026-01-15T22:30:00Z"); // the 16th in Athens, a Friday
  const pickups = ({ vouchers }: typeof host) => vouchers.all().map(({ details }) => details.closed);

  it("is closed with all that was made for it, and again with what was made since", async () => {
    const other = await startAcsHost();
    const carrier = connect({ baseUrl: other.api }, carrierTools(now));
    expect(await carrier.closeDay?.({})).toEqual({ day: "2026-01-16", list_number: null, printed: [] });
    await buy(carrier, { packages: [testBox(1), testBox(2)] });
    const closed = await carrier.closeDay?.({});
    expect(closed).toMatchObject({ list_number: expect.stringMatching(/^\d{10}$/), printed: [] });
    expect(Buffer.from(closed?.list ?? []).toString()).toContain(`list ${closed?.list_number}`);
    await buy(carrier);
    expect(await carrier.closeDay?.({ day: "2026-01-15" })).toMatchObject({ list_number: null });
    expect(pickups(other)).toEqual([true, true, false]);
    other.faults.plan({ kind: "slow", ms: 0 });
    other.faults.plan({ kind: "answer", when: "before", answer: { body: { ACSOutputResponce: {} } } });
    const unprinted = await carrier.closeDay?.({});
    expect(unprinted).not.toHaveProperty("list");
    expect(pickups(other)).toEqual([true, true, true]);
    expect(other.violations).toEqual([]);
    await other.close();
  });

  it("is not closed over vouchers that were never printed, unless they are to be printed first", async () => {
    const other = await startAcsHost();
    const carrier = connect({ baseUrl: other.api }, carrierTools(now));
    other.faults.plan({ kind: "cut", when: "after" });
    await expect(buy(carrier)).rejects.toBeInstanceOf(CarrierUncertain);
    await buy(carrier);
    const [lost] = other.vouchers.all();
    await expect(carrier.closeDay?.({})).rejects.toMatchObject({
      name: "CarrierRefusal",
      code: "UNPRINTED",
      message: `ACS does not close 2026-01-16: vouchers ${lost?.number} were never printed; print them, or delete them in ACS's own tool`,
    });
    expect(pickups(other)).toEqual([false, false]);
    expect(await carrier.closeDay?.({ print: true })).toMatchObject({ printed: [lost?.number] });
    expect(pickups(other)).toEqual([true, true]);
    expect(other.violations).toEqual([]);
    await other.close();
  });

  it("can't be closed while ACS is away, or by strangers, and closes itself when it is told when", async () => {
    host.faults.plan({ kind: "status", when: "before", status: 429 });
    await expect(connect().closeDay?.({})).rejects.toBeInstanceOf(CarrierUnavailable);
    await expect(connect({ apiKey: "wrong" }).closeDay?.({})).rejects.toBeInstanceOf(CarrierRefusal);
    expect(connect().capabilities.closesDayAt).toBeUndefined();
    const closesDayAt = { time: "16:30", zone: "Europe/Athens" };
    expect(connect({ closeDayAt: "16:30" }).capabilities).toMatchObject({ closesDayAt });
    expect(() => connect({ closeDayAt: "4 pm" })).toThrow(/a time such as 16:30/);
  });

  it("is never a Sunday", async () => {
    const sunday = () => new Date("2026-01-18T10:00:00Z");
    const { number } = await buy(connect({}, carrierTools(sunday)));
    expect(host.vouchers.find(number)?.details.pickup).toBe("2026-01-19");
  });
});

describe("an ACS parcel", () => {
  it("is followed to the door in UTC, from Greek words and Athens's clock", async () => {
    const carrier = connect();
    const { number } = await buy(carrier);
    expect(await follow(carrier, number)).toEqual([]);
    const statuses = [];
    for (let scan = 0; scan < 5; scan++) {
      host.vouchers.advance(number, 1);
      statuses.push(statusAfter(await follow(carrier, number)));
    }
    expect(statuses).toEqual(["in_transit", "in_transit", "in_transit", "out_for_delivery", "delivered"]);
    const facts = await follow(carrier, number);
    expect(facts[0]).toEqual({
      carrier_code: "acs",
      tracking_number: number,
      status: "delivered",
      raw_code: "ΠΑΡΑΔΟΣΗ",
      description: "ΠΑΡΑΔΟΣΗ",
      location: "ΛΑΜΙΑ",
      occurred_at: new Date("2026-01-16T09:00:00.153Z"),
    });
    expect(facts.at(-1)).toMatchObject({
      status: "delivered",
      raw_code: "4",
      description: "Η αποστολή παρεδόθη στον προορισμό της.",
      occurred_at: new Date("2026-01-16T09:00:00.153Z"),
    });
  });

  it("is in the same state however its checkpoints are shuffled and repeated", async () => {
    const carrier = connect();
    const { number } = await buy(carrier);
    host.vouchers.advance(number);
    host.vouchers.disorder({ seed: 20_260_115, repeat: 3 });
    expect(statusAfter(await follow(carrier, number))).toBe("delivered");
  });

  it.each([
    [1, "ΑΠ3", "exception"],
    [2, "ΛΣ3", "exception"],
    [3, "ΑΣ1", "delivery_attempted"],
    [5, "ΑΔ3", "in_transit"],
    [6, "", "return_to_sender"],
    [7, "", "return_to_sender"],
  ])("of status %i %s is %s", async (status, reason, expected) => {
    const carrier = connect();
    const { number } = await buy(carrier);
    host.vouchers.advance(number, 3);
    const voucher = host.vouchers.find(number);
    if (voucher) voucher.details.standing = { status, reason };
    const facts = await follow(carrier, number);
    expect(facts.at(-1)).toMatchObject({
      status: expected,
      raw_code: reason ? `${status} ${reason}` : String(status),
    });
  });

  it("that was handed back to the sender is returned", async () => {
    const carrier = connect();
    const { number } = await buy(carrier);
    host.vouchers.advance(number);
    const voucher = host.vouchers.find(number);
    if (voucher) voucher.details.returned = true;
    const facts = await follow(carrier, number);
    expect(statusAfter(facts)).toBe("returned");
    expect(facts.map(({ status }) => status)).not.toContain("delivered");
  });

  it("that is said to be delivered by one number, and not by another, is where its checkpoints say", async () => {
    const bodies = [
      tableOf([{ shipment_status: 4, delivery_flag: 0, returned_flag: 0 }]),
      tableOf([checkpoint("2026-01-15T10:00:00", "ΑΦΙΞΗ ΣΕ ΚΑΤΑΣΤΗΜΑ", "ΛΑΜΙΑ")]),
    ];
    for (const body of bodies) host.faults.plan({ kind: "answer", when: "before", answer: { body } });
    expect(await follow(connect(), "7227889174")).toMatchObject([{ status: "in_transit" }]);
  });

  it.each([
    ["delivered", { shipment_status: 5, delivery_flag: 1, returned_flag: 0 }],
    ["delivered", { shipment_status: "4", delivery_flag: "1", returned_flag: "0" }],
    ["returned", { shipment_status: 7, delivery_flag: 1, returned_flag: 1 }],
    ["return_to_sender", { shipment_status: 7, delivery_flag: 0, returned_flag: 1 }],
  ])("is %s when the summary says %o", async (status, flags) => {
    const ACSOutputResponse = { ACSTableOutput: { Table_Data: [{ ...flags, delivery_date: "2026-07-21" }] } };
    for (const body of [{ ACSOutputResponse }, tableOf([])])
      host.faults.plan({ kind: "answer", when: "before", answer: { body } });
    const occurred_at = new Date("2026-07-20T21:00:00Z"); // midnight in Athens, in summer
    expect(await follow(connect(), "7227889174")).toMatchObject([{ status, occurred_at }]);
  });

  it.each(["Δεν βρέθηκαν δεδομένα με αυτά τα κριτήρια.", "Το voucher δεν υπάρχει"])(
    "of which ACS says %s is left out",
    async (Error_Message) => {
      const body = { ACSOutputResponce: { ACSValueOutput: [{ Error_Message }] } };
      host.faults.plan({ kind: "answer", when: "before", answer: { body } });
      expect(await follow(connect(), "7227889174")).toEqual([]);
    },
  );

  it("that ACS refuses to tell of costs the others nothing, until it refuses us", async () => {
    const carrier = connect();
    const { number } = await buy(carrier);
    host.vouchers.advance(number);
    const body = { ACSOutputResponce: { ACSValueOutput: [{ Error_Message: "Λάθος" }] } };
    const refuse = (times: number) =>
      host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { times });
    refuse(2);
    const facts = await follow(carrier, "7227889174", "7227889185", number);
    expect(new Set(facts.map((fact) => fact.tracking_number))).toEqual(new Set([number]));
    refuse(3);
    const told = follow(carrier, "7227889174", "7227889185", "7227889196", number);
    await expect(told).rejects.toBeInstanceOf(CarrierRefusal);
  });

  it("reads ACS's own example, word by word", async () => {
    const summary = {
      voucher_no: 7_227_889_174,
      acs_station_origin: "ΑΘ",
      acs_station_origin_descr: "ΑΘΗΝΑ",
      acs_station_destination: "ΑΘ",
      acs_station_destination_descr: "ΑΘΗΝΑ",
      pickup_date: "2018-12-21T00:00:00",
      delivery_flag: 1,
      returned_flag: 0,
      delivery_date: "2018-12-21T00:00:00",
      consignee: "XXXXXXXXX",
      non_delivery_reason_code: "",
      delivery_date_expected: "2018-12-24T00:00:00",
      delivery_info: "Η αποστολή παρεδόθη στον προορισμό της. Ημερομηνία: 21/12/2018 Όνομα: XXXXXX",
      shipment_status: 4,
    };
    const checkpoints = [
      checkpoint("2019-01-11T15:38:44.153", "ΑΝΑΧΩΡΗΣΗ ΛΑΜΙΑ", "HUB Π.ΡΑΛΛΗ"),
      checkpoint("2019-01-12T11:37:56.247", "ΑΦΙΞΗ ΣΕ ΚΑΤΑΣΤΗΜΑ", "ΛΑΜΙΑ"),
      checkpoint("2019-01-12T11:37:56.247", "ΚΑΤΑΝΟΜΗ ΣΕ COURIER", "ΛΑΜΙΑ"),
      checkpoint("2019-01-12T13:37:00", "ΠΑΡΑΔΟΣΗ", "ΛΑΜΙΑ"),
    ];
    for (const rows of [[summary], checkpoints])
      host.faults.plan({ kind: "answer", when: "before", answer: { body: tableOf(rows) } });
    const facts = await follow(connect(), "7227889174");
    expect(facts.map(({ status, occurred_at }) => [status, occurred_at.toISOString()])).toEqual([
      ["in_transit", "2019-01-11T13:38:44.153Z"],
      ["in_transit", "2019-01-12T09:37:56.247Z"],
      ["out_for_delivery", "2019-01-12T09:37:56.247Z"],
      ["delivered", "2019-01-12T11:37:00.000Z"],
      ["delivered", "2019-01-12T11:37:00.000Z"],
    ]);
  });

  it("whose checkpoint is new to us is kept in its own words, unless the settings know better", async () => {
    const bodies = [
      tableOf([{ shipment_status: 5, delivery_flag: 0, returned_flag: 0 }]),
      tableOf([checkpoint("2026-01-15T10:00:00", "Εκτελωνισμός", "ΑΘΗΝΑ")]),
    ];
    const told = async (carrier: Carrier) => {
      for (const body of bodies) host.faults.plan({ kind: "answer", when: "before", answer: { body } });
      return (await follow(carrier, "7227889174"))[0];
    };
    expect(await told(connect())).toMatchObject({
      status: "unknown",
      unmapped: true,
      raw_code: "ΕΚΤΕΛΩΝΙΣΜΟΣ",
      description: "Εκτελωνισμός",
    });
    expect(await told(connect({ statuses: { ΕΚΤΕΛΩΝΙΣΜΟΣ: "in_transit" } }))).toMatchObject({
      status: "in_transit",
    });
  });
});

function checkpoint(checkpoint_date_time: string, checkpoint_action: string, checkpoint_location: string) {
  return { checkpoint_date_time, checkpoint_action, checkpoint_location, checkpoint_notes: " " };
}

function tableOf(rows: readonly object[]): object {
  return {
    ACSExecution_HasError: false,
    ACSExecutionErrorMessage: "",
    ACSOutputResponce: { ACSValueOutput: [{ Error_Message: null }], ACSTableOutput: { Table_Data: rows } },
  };
}
