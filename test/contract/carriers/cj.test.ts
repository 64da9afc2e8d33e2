import { describe, expect, it } from "vitest";
import {
  type Carrier,
  CarrierRefusal,
  CarrierUnavailable,
  CarrierUncertain,
  type LabelPurchase,
  type LabelRequest,
  type LabelToVoid,
} from "../../../src/carriers/carrier.ts";
import { createCjCarrier } from "../../../src/carriers/cj/cj.ts";
import { cjSettingsSchema } from "../../../src/carriers/cj/settings.ts";
import { bought, carrierTools, testAddress, testBox } from "../../support/carrier-hosts/carrier-tools.ts";
import { CJ_ACCOUNT, startCjHost } from "../../support/carrier-hosts/cj-host.ts";
import { follow, statusAfter } from "../../support/carrier-hosts/follow.ts";
import { leaks } from "../../support/carrier-hosts/leaks.ts";
import { koreanRequest } from "../../support/carrier-hosts/places.ts";
import { testedHost } from "../../support/carrier-hosts/tested-host.ts";

const host = await testedHost(startCjHost);

function connect(settings: Record<string, unknown> = {}, tools = carrierTools()): Carrier {
  const parsed = cjSettingsSchema.parse({ baseUrl: host.url, ...CJ_ACCOUNT, ...settings });
  return createCjCarrier(parsed, tools);
}

const buy = (carrier = connect(), parts: Parameters<typeof koreanRequest>[0] = {}) =>
  bought(carrier, koreanRequest(parts));

function standing(reference: string) {
  return host.parcels.under(reference).filter(({ state }) => state === "bought");
}

describe("a CJ label", () => {
  it("is drawn by us, under CJ's number, with the sort codes that CJ's machines read", async () => {
    const { request, purchase, number } = await buy();
    const [label] = purchase.labels;
    expect(number).toMatch(/^\d{12}$/);
    expect(label).toMatchObject({
      sequence_number: 1,
      format: "zpl",
      content: {
        tracking_number: number,
        sort_code: "5D32-1g",
        extra_lines: ["서소문 58-12 대한통운", "중구소공-G03-01"],
      },
    });
    const zpl = Buffer.from(label?.data as Uint8Array).toString("utf8");
    expect(zpl).toMatch(/^\^XA[^]*\^XZ\s*$/);
    expect(zpl).toContain("5D32-1g");
    expect(standing(request.reference)).toMatchObject([
      {
        number,
        details: {
          FRT_DV_CD: "03",
          BOX_TYPE_CD: "02",
          MPCK_KEY: expect.stringMatching(new RegExp(`^\\d{8}_30200000_${request.reference}$`)),
          SENDR_TEL_NO1: "000",
          SENDR_TEL_NO2: "1566",
          SENDR_TEL_NO3: "1674",
          RCVR_NM: "홍길동",
          RCVR_TEL_NO1: "010",
          RCVR_TEL_NO2: "1234",
          RCVR_TEL_NO3: "5678",
          RCVR_ZIP_NO: "04527",
          RCVR_ADDR: "서울 중구 세종대로9길 53",
          RCVR_DETAIL_ADDR: "101동 201호",
          ARRAY: [{ MPCK_SEQ: "1", GDS_CD: "SKU-1", GDS_NM: "Goods", GDS_QTY: "1" }],
        },
      },
    ]);
  });

  it("is there for each box, each with its own number", async () => {
    const { request, purchase } = await buy(undefined, { packages: [testBox(1), testBox(2)] });
    const numbers = purchase.labels.map(({ tracking_number }) => tracking_number);
    expect(new Set(numbers).size).toBe(2);
    expect([request.reference, `${request.reference}-2`].flatMap(standing)).toMatchObject(
      numbers.map((number) => ({ number })),
    );
  });

  it("is not asked for where CJ doesn't deliver, or without what it can't do without", async () => {
    const { to } = koreanRequest();
    const island = testAddress({ ...to, city: "울릉도" });
    await expect(buy(undefined, { to: island })).rejects.toMatchObject({
      name: "CarrierRefusal",
      code: "-20009",
      message: expect.stringContaining("배송불가지역입니다"),
    });
    await expect(buy(undefined, { to: testAddress({ ...to, country: "JP" }) })).rejects.toThrow(
      /in Korea \(KR\), not to "JP"/,
    );
    await expect(buy(undefined, { to: testAddress({ ...to, phone: "" }) })).rejects.toThrow(/phone/);
    expect(() => connect({ businessNumber: "123-45-67890" })).toThrow(/ten digits/);
  });

  it("is booked where goods may be late", async () => {
    const to = testAddress({ ...koreanRequest().to, state: "제주" });
    expect((await buy(undefined, { to })).number).toMatch(/^\d{12}$/);
  });

  it("is refused in the words of CJ's database", async () => {
    await expect(buy(connect({ boxType: "99" }))).rejects.toMatchObject({
      name: "CarrierRefusal",
      code: "E",
      message: expect.stringContaining("ORA-01400"),
    });
  });

  it("whose fellow was refused is given back", async () => {
    const packages = [testBox(1), testBox(2)];
    const request = koreanRequest({ packages });
    const carrier = connect();
    const answer = { body: { RESULT_CD: "E", RESULT_DETAIL: "ORA-12899: value too large", DATA: null } };
    await carrier.createLabel(koreanRequest()); // so that the fault strikes the second booking of the next call
    host.faults.plan({ kind: "slow", ms: 1 }, { operation: "create_label" });
    host.faults.plan({ kind: "answer", when: "before", answer }, { operation: "create_label" });
    await expect(carrier.createLabel(request)).rejects.toThrow(/ORA-12899/);
    expect(host.parcels.under(request.reference)).toMatchObject([{ state: "voided" }]);
  });

  it("whose fellow was refused, and which isn't taken back, is for a human", async () => {
    const answer = { body: { RESULT_CD: "E", RESULT_DETAIL: "ORA-12899: value too large", DATA: null } };
    host.faults.plan({ kind: "slow", ms: 1 }, { operation: "create_label" });
    host.faults.plan({ kind: "answer", when: "before", answer }, { operation: "create_label" });
    host.faults.plan({ kind: "status", when: "before", status: 503 }, { operation: "void_label", times: 3 });
    await expect(buy(undefined, { packages: [testBox(1), testBox(2)] })).rejects.toMatchObject({
      name: "CarrierUncertain",
      message: expect.stringMatching(/^CJ refused a box, and did not take back \d{12}: .*ORA-12899/),
    });
  });

  it("was surely not bought when CJ is throttled or out of reach", async () => {
    host.faults.plan({ kind: "status", when: "before", status: 429 }, { operation: "create_label" });
    await expect(buy()).rejects.toBeInstanceOf(CarrierUnavailable);
    await expect(buy(connect({ baseUrl: "http://127.0.0.1:1" }))).rejects.toBeInstanceOf(CarrierUnavailable);
  });

  it("some of whose boxes are booked when CJ goes away is not forgotten", async () => {
    host.faults.plan({ kind: "slow", ms: 1 }, { operation: "create_label" });
    host.faults.plan({ kind: "status", when: "before", status: 429 }, { operation: "create_label" });
    await expect(buy(undefined, { packages: [testBox(1), testBox(2)] })).rejects.toMatchObject({
      name: "CarrierUncertain",
      message: expect.stringMatching(/^CJ has booked \d{12}, not the rest/),
    });
  });

  it("is put on record without secrets or people", async () => {
    const tools = carrierTools();
    const { request } = await buy(connect({}, tools));
    const secrets = [CJ_ACCOUNT.businessNumber, "cj-token"];
    expect(leaks(tools, { secrets, request })).toEqual([]);
  });
});

const LOST = [
  { kind: "cut", when: "after" },
  { kind: "status", when: "after", status: 500 },
  { kind: "answer", when: "after", answer: { body: "<html>" } },
] as const;

describe("a CJ label whose answer was lost", () => {
  it.each(LOST)("($kind) is booked already when it is booked again, and keeps its number", async (fault) => {
    const carrier = connect();
    const request = koreanRequest();
    host.faults.plan(fault, { operation: "create_label" });
    await expect(carrier.createLabel(request)).rejects.toBeInstanceOf(CarrierUncertain);
    expect(await carrier.findByReference?.(request)).toBeUndefined();
    const { labels } = await carrier.createLabel(request);
    expect(standing(request.reference)).toMatchObject([{ number: labels[0]?.tracking_number }]);
    expect(host.parcels.under(request.reference)).toHaveLength(1);
  });

  it("is cancelled by a process that never knew its number, also days later, and booked anew", async () => {
    const request = koreanRequest();
    const lost = connect(
      {},
      carrierTools(() => new Date(Date.now() - 2 * 86_400_000)),
    );
    host.faults.plan({ kind: "cut", when: "after" }, { operation: "create_label" });
    await expect(lost.createLabel(request)).rejects.toBeInstanceOf(CarrierUncertain);

    const carrier = connect();
    expect(await carrier.findByReference?.(request)).toBeUndefined();
    expect(standing(request.reference)).toEqual([]);
    const { labels } = await carrier.createLabel(request);
    expect(standing(request.reference)).toMatchObject([{ number: labels[0]?.tracking_number }]);
  });

  it("is never passed off as another number's", async () => {
    const request = koreanRequest();
    host.faults.plan({ kind: "cut", when: "after" }, { operation: "create_label" });
    await expect(connect().createLabel(request)).rejects.toBeInstanceOf(CarrierUncertain);
    await expect(connect().createLabel(request)).rejects.toMatchObject({
      name: "CarrierUncertain",
      message: `CJ has ${request.reference} already, under a number that nobody here knows`,
    });
    expect(standing(request.reference)).toHaveLength(1);
  });

  it("can't be looked for while CJ is down", async () => {
    host.faults.plan({ kind: "status", when: "before", status: 503 }, { operation: "void_label", times: 3 });
    await expect(connect().findByReference?.(koreanRequest())).rejects.toBeInstanceOf(CarrierUnavailable);
  });
});

function given(request: LabelRequest, { labels, carrier_reference }: LabelPurchase): LabelToVoid {
  const tracking_numbers = labels.map((one) => one.tracking_number);
  return {
    reference: request.reference,
    tracking_numbers,
    carrier_reference,
    request: () => Promise.resolve(request),
  };
}

describe("a CJ label given back", () => {
  it("is cancelled with all that was booked, and may be given back again", async () => {
    const carrier = connect();
    const { request, purchase } = await buy(carrier, { packages: [testBox(1), testBox(2)] });
    host.faults.plan({ kind: "cut", when: "after" }, { operation: "void_label" });
    await carrier.voidLabel?.(given(request, purchase));
    expect([request.reference, `${request.reference}-2`].flatMap(standing)).toEqual([]);
    await connect().voidLabel?.(given(request, purchase));
  });

  it("leaves nothing of who sends and receives it with us", async () => {
    const { purchase } = await buy();
    expect(purchase.carrier_reference).toContain("INVC_NO");
    expect(purchase.carrier_reference).not.toMatch(/홍길동|5678|세종대로|04527|SENDR|RCVR/);
  });

  it("that is in CJ's hands is refused", async () => {
    const carrier = connect();
    const { request, purchase, number } = await buy(carrier);
    host.parcels.advance(number, 2);
    await expect(carrier.voidLabel?.(given(request, purchase))).rejects.toThrow(/이미 집화된 운송장입니다/);
  });

  it("of which only the number is known can't be cancelled, and says so", async () => {
    const carrier = connect();
    const label = { reference: "wms-1", tracking_numbers: ["680000000001"] };
    await expect(carrier.voidLabel?.(label)).rejects.toThrow(/cancel 680000000001 in CJ's own list/);
    await carrier.voidLabel?.({ reference: "wms-1", tracking_numbers: [] });
  });
});

describe("a CJ parcel", () => {
  it("is followed to the door, in UTC, whatever the order and number of its scans", async () => {
    const other = await startCjHost();
    const carrier = connect({ baseUrl: other.url });
    const { number } = await buy(carrier);
    other.parcels.disorder({ seed: 5, repeat: 2 });
    const statuses = [];
    for (let scan = 0; scan < 6; scan++) {
      other.parcels.advance(number, 1);
      statuses.push(statusAfter(await follow(carrier, number)));
    }
    expect(statuses.slice(1)).toEqual([
      "in_transit",
      "in_transit",
      "in_transit",
      "out_for_delivery",
      "delivered",
    ]);
    const facts = await follow(carrier, number);
    expect(facts.find(({ status }) => status === "delivered")).toEqual({
      carrier_code: "cj",
      tracking_number: number,
      status: "delivered",
      raw_code: "91",
      description: "배송완료",
      location: "중구소공",
      occurred_at: new Date("2026-01-16T05:30:05Z"),
    });
    expect(other.violations).toEqual([]);
    await other.close();
  });

  it("of which CJ knows nothing is left out", async () => {
    expect(await follow(connect(), "680000999999")).toEqual([]);
    expect(connect().capabilities.minPollSeconds).toBe(3 * 3600);
  });

  it("keeps the reason why it was not fetched, tells what nobody knows, and can be corrected", async () => {
    const DATA = [
      {
        INVC_NO: "680000000000",
        CRG_ST: "12",
        CRG_ST_NM: "미집하",
        SCAN_YMD: "20201215",
        SCAN_HOUR: "0944",
        NO_CLDV_RSN_CD: "07",
        DETAIL_RSN: "상품미준비",
      },
      { CRG_ST: "99", CRG_ST_NM: "기타", SCAN_YMD: "2020-12-31", SCAN_HOUR: "10:34:02" },
      { CRG_ST: "91", CRG_ST_NM: "배송완료", SCAN_YMD: "", SCAN_HOUR: "" },
    ];
    const answer = { body: { RESULT_CD: "S00", RESULT_DETAIL: "Success", DATA } };
    host.faults.plan({ kind: "answer", when: "before", answer }, { operation: "track", times: 2 });
    expect(await follow(connect(), "680000000000")).toMatchObject([
      {
        status: "label_created",
        description: "미집하 07 상품미준비",
        occurred_at: new Date("2020-12-15T00:44:00Z"),
      },
      { status: "unknown", unmapped: true, raw_code: "99", occurred_at: new Date("2020-12-31T01:34:02Z") },
    ]);
    const [, corrected] = await follow(connect({ statuses: { "99": "exception" } }), "680000000000");
    expect(corrected).toMatchObject({ status: "exception" });
  });

  it("among many is heard of once CJ has news, each by itself no more than once a day", async () => {
    const other = await startCjHost();
    let now = new Date("2026-01-15T17:00:00Z"); // 2 o'clock on the 16th in Seoul
    const carrier = connect(
      { baseUrl: other.url },
      carrierTools(() => now),
    );
    const numbers: string[] = [];
    for (let count = 0; count < 21; count++) {
      const { number } = await buy(carrier);
      numbers.push(number);
      other.parcels.advance(number, 3);
    }
    const first = await follow(carrier, ...numbers);
    expect(new Set(first.map((fact) => fact.tracking_number)).size).toBe(21);
    expect(other.calls("track")).toBe(21);

    now = new Date("2026-01-15T21:00:00Z");
    expect(await follow(carrier, ...numbers)).toEqual([]);
    for (const number of numbers) other.parcels.advance(number, 1);
    const news = await follow(carrier, ...numbers);
    expect(news.map(({ raw_code }) => raw_code)).toEqual(Array.from(numbers, () => "42"));
    expect(other.calls("track")).toBe(21);

    now = new Date("2026-01-16T17:00:00Z");
    await follow(carrier, ...numbers);
    expect(other.calls("track")).toBe(42);
    expect(other.violations).toEqual([]);
    await other.close();
  });

  it("is not lost when CJ goes away after it has told of it, or tells of bookings without numbers", async () => {
    const other = await startCjHost();
    const carrier = connect(
      { baseUrl: other.url },
      carrierTools(() => new Date("2026-01-15T17:00:00Z")),
    );
    const numbers = Array.from({ length: 21 }, (_, index) => String(690_000_000_000 + index));
    const scan = { CRG_ST: 91, CRG_ST_NM: "배송완료", SCAN_YMD: "20260116", SCAN_HOUR: "013000" };
    const DATA = [
      { ...scan, INVC_NO: null },
      { ...scan, INVC_NO: Number(numbers[0]) },
    ];
    const answer = { body: { RESULT_CD: "S200", RESULT_DETAIL: "Success.", DATA } };
    other.faults.plan({ kind: "answer", when: "before", answer }, { operation: "track_all" });
    other.faults.plan({ kind: "status", when: "before", status: 503 }, { operation: "track_all", times: 3 });
    expect(await follow(carrier, ...numbers)).toMatchObject([
      { tracking_number: numbers[0], status: "delivered", occurred_at: new Date("2026-01-15T16:30:00Z") },
    ]);
    await other.close();
  });

  it("that CJ refuses to tell of, in garbled words, costs the others nothing", async () => {
    const { number } = await buy();
    host.parcels.advance(number);
    const answer = { body: { RESULT_CD: "E", RESULT_DETAIL: "\ufffd\ufffd\ufffd", DATA: null } };
    host.faults.plan({ kind: "answer", when: "before", answer }, { operation: "track" });
    const facts = await follow(connect(), "690000000001", number);
    expect(new Set(facts.map((fact) => fact.tracking_number))).toEqual(new Set([number]));
  });

  it("among hundreds of news is found on a later page", async () => {
    const other = await startCjHost();
    const carrier = connect(
      { baseUrl: other.url },
      carrierTools(() => new Date("2026-01-15T17:00:00Z")),
    );
    const { number } = await buy(carrier);
    const at = new Date("2026-01-15T16:00:00Z");
    const scans = Array.from({ length: 601 }, (_, index) => ({
      code: String(index % 100).padStart(2, "0"),
      text: "",
      place: "",
      at,
    }));
    other.parcels.reroute(number, scans);
    other.parcels.advance(number);
    const asked = [number, ...Array.from({ length: 20 }, (_, index) => String(690_000_000_000 + index))];
    await follow(carrier, ...asked);
    expect(other.calls("track_all")).toBeGreaterThan(2);
    expect(other.violations).toEqual([]);
    await other.close();
  });
});

describe("CJ's tokens", () => {
  it("are kept for a day, renewed once when one is no longer taken", async () => {
    let now = new Date();
    const carrier = connect(
      {},
      carrierTools(() => now),
    );
    const before = host.tokens.given();
    await buy(carrier);
    await buy(carrier);
    expect(host.tokens.given() - before).toBe(1);
    now = new Date(now.getTime() + 5000);
    host.tokens.expire();
    await buy(carrier);
    expect(host.tokens.given() - before).toBe(2);
    now = new Date(now.getTime() + 86_400_000);
    await buy(carrier);
    expect(host.tokens.given() - before).toBe(3);
  });

  it("are renewed when an answer of success says that one is no longer taken", async () => {
    let now = new Date();
    const carrier = connect(
      {},
      carrierTools(() => now),
    );
    await buy(carrier);
    const before = host.tokens.given();
    now = new Date(now.getTime() + 5000);
    const answer = { body: { RESULT_CD: "E401", RESULT_DETAIL: "발급된 인증키를 확인 해주세요" } };
    host.faults.plan({ kind: "answer", when: "before", answer }, { operation: "create_label" });
    expect((await buy(carrier)).number).toMatch(/^\d{12}$/);
    expect(host.tokens.given() - before).toBe(1);
  });

  it("are not asked for twice in a second", async () => {
    const now = new Date();
    const carrier = connect(
      {},
      carrierTools(() => now),
    );
    await buy(carrier);
    host.tokens.expire();
    await expect(buy(carrier)).rejects.toMatchObject({ name: "CarrierUnavailable", retryAfterSeconds: 60 });
  });

  it("that are never given are a refusal", async () => {
    await expect(buy(connect({ businessNumber: "0000000000" }))).rejects.toBeInstanceOf(CarrierRefusal);
  });
});
