import { describe, expect, it } from "vitest";
import { type Carrier, CarrierUnavailable, CarrierUncertain } from "../../../src/carriers/carrier.ts";
import { createLotteCarrier } from "../../../src/carriers/lotte/lotte.ts";
import { lotteSettingsSchema } from "../../../src/carriers/lotte/settings.ts";
import { bought, carrierTools, testAddress, testBox } from "../../support/carrier-hosts/carrier-tools.ts";
import { follow, statusAfter } from "../../support/carrier-hosts/follow.ts";
import { leaks } from "../../support/carrier-hosts/leaks.ts";
import { LOTTE_ACCOUNT, startLotteHost } from "../../support/carrier-hosts/lotte-host.ts";
import { koreanRequest } from "../../support/carrier-hosts/places.ts";
import { testedHost } from "../../support/carrier-hosts/tested-host.ts";

const host = await testedHost(startLotteHost);
let ranges = 0;

/** Each with numbers of its own, as each process would have by the database. */
function connect(settings: Record<string, unknown> = {}, tools = carrierTools()): Carrier {
  ranges += 1;
  const first = 12_345_678_901 + ranges * 1000;
  const parsed = lotteSettingsSchema.parse({
    baseUrl: host.url,
    ...LOTTE_ACCOUNT,
    numbers: { first, last: first + 999 },
    ...settings,
  });
  return createLotteCarrier(parsed, tools);
}

const buy = (carrier = connect(), parts: Parameters<typeof koreanRequest>[0] = {}) =>
  bought(carrier, koreanRequest(parts));

describe("a Lotte label", () => {
  it("is drawn by us, under a number of our range and its check digit", async () => {
    const numbers = { first: 12_345_678_901, last: 12_345_678_999 };
    const carrier = connect(
      { numbers },
      carrierTools(() => new Date("2026-01-15T20:00:00Z")),
    );
    const { labels, number, request } = await buy(carrier);
    expect(number).toBe("123456789013");
    expect(labels).toMatchObject([{ format: "zpl", content: { tracking_number: number } }]);
    expect(Buffer.from(labels[0]?.data as Uint8Array).toString("utf8")).toMatch(/^\^XA[^]*\^XZ\s*$/);
    expect(host.parcels.find(number)?.details).toEqual({
      jobCustCd: "012345",
      ustRtgSctCd: "01",
      ordSct: "1",
      fareSctCd: "03",
      ordNo: request.reference,
      invNo: number,
      snperNm: "시험상점",
      snperTel: "1566-1674",
      snperZipcd: "08500",
      snperAdr: "서울 금천구 디지털로 10",
      acperNm: "홍길동",
      acperTel: "+82 10-1234-5678",
      acperZipcd: "04527",
      acperAdr: "서울 중구 세종대로9길 53 101동 201호",
      boxTypCd: "C",
      gdsNm: "Goods",
      ispdQty: 1,
      pickReqYmd: "20260116", // in Seoul it is the next day
    });
  });

  it("is there for each box, each an order of its own", async () => {
    const { request, labels } = await buy(undefined, { packages: [testBox(1), testBox(2)] });
    const booked = [request.reference, `${request.reference}-2`].flatMap((one) => host.parcels.under(one));
    expect(booked.map(({ number }) => number)).toEqual(labels.map((label) => label.tracking_number));
    expect(new Set(booked).size).toBe(2);
    expect(host.calls("create_label")).toBeGreaterThan(0);
  });

  it("is refused in Lotte's words, and those beside it that stand are named", async () => {
    const to = testAddress({ ...koreanRequest().to, postal_code: "00000" });
    await expect(buy(undefined, { to })).rejects.toMatchObject({
      name: "CarrierRefusal",
      message: "Lotte refused box 1: 우편번호 오류",
    });
    const rtn_list = [
      { rtnCd: "S", rtnMsg: "정상" },
      { rtnCd: "E", rtnMsg: "박스타입 오류" },
    ];
    const answer = { body: { status: "success", rtn_list } };
    host.faults.plan({ kind: "answer", when: "before", answer }, { operation: "create_label" });
    const request = koreanRequest({ packages: [testBox(1), testBox(2)] });
    await expect(connect().createLabel(request)).rejects.toThrow(
      `Lotte refused box 2: 박스타입 오류; 1 other boxes of ${request.reference} are booked and need cancelling at Lotte`,
    );
    await expect(buy(connect({ customerCode: "999999" }))).rejects.toThrow(/거래처코드가 존재하지 않습니다/);
    await expect(buy(connect({ apiKey: "wrong" }))).rejects.toMatchObject({
      name: "CarrierRefusal",
      code: "EGTA4001",
    });
  });

  it("is known by its order number, whatever the order of the results", async () => {
    const request = koreanRequest({ packages: [testBox(1), testBox(2)] });
    const rtn_list = [
      { rtnCd: "E", rtnMsg: "박스타입 오류", ordNo: `${request.reference}-2` },
      { rtnCd: "S", rtnMsg: "정상", ordNo: request.reference },
    ];
    const answer = { body: { status: "success", rtn_list } };
    host.faults.plan({ kind: "answer", when: "before", answer }, { operation: "create_label" });
    await expect(connect().createLabel(request)).rejects.toThrow(/^Lotte refused box 2: 박스타입 오류;/);
  });

  it("that Lotte booked under another number is for a human", async () => {
    const answer = { body: { status: "success", rtn_list: { rtnCd: "S", invNo: "1111-2222-3334" } } };
    host.faults.plan({ kind: "answer", when: "before", answer }, { operation: "create_label" });
    await expect(buy()).rejects.toMatchObject({
      name: "CarrierUncertain",
      message: expect.stringMatching(/^Lotte booked box 1 under 111122223334, not under \d{12}$/),
    });
  });

  it("is refused by an error inside a 200", async () => {
    for (const body of [
      { status: "error", message: "필수값 누락" },
      { code: "EGTA5000", message: "필수값 누락" },
    ]) {
      host.faults.plan({ kind: "answer", when: "before", answer: { body } }, { operation: "create_label" });
      await expect(buy()).rejects.toMatchObject({
        name: "CarrierRefusal",
        message: expect.stringContaining("필수값 누락"),
      });
    }
  });

  it("is not asked for beyond Korea, or without what Lotte can't do without", async () => {
    const before = host.seen.length;
    const { to } = koreanRequest();
    await expect(buy(undefined, { to: testAddress({ ...to, country: "JP" }) })).rejects.toThrow(
      /in Korea \(KR\), not to "JP"/,
    );
    await expect(buy(undefined, { to: testAddress({ ...to, postal_code: "" }) })).rejects.toThrow(
      /postal_code/,
    );
    expect(host.seen.length).toBe(before);
    expect(() => connect({ numbers: { first: 1, last: 2 } })).toThrow(/first/);
  });

  it("was surely not bought when Lotte is throttled or out of reach", async () => {
    host.faults.plan({ kind: "status", when: "before", status: 429 }, { operation: "create_label" });
    await expect(buy()).rejects.toBeInstanceOf(CarrierUnavailable);
    await expect(buy(connect({ baseUrl: "http://127.0.0.1:1" }))).rejects.toBeInstanceOf(CarrierUnavailable);
  });

  it("is put on record without secrets or people", async () => {
    const tools = carrierTools();
    const { request } = await buy(connect({}, tools));
    expect(leaks(tools, { secrets: [LOTTE_ACCOUNT.apiKey], request })).toEqual([]);
  });
});

describe("a Lotte label whose answer was lost", () => {
  it.each([
    { kind: "cut", when: "after" },
    { kind: "status", when: "after", status: 500 },
    { kind: "answer", when: "after", answer: { body: "<html>" } },
    { kind: "answer", when: "after", answer: { body: { status: "success", rtn_list: [] } } },
  ] as const)("($kind) is found by its order number, and stays one", async (fault) => {
    const carrier = connect();
    const request = koreanRequest({ packages: [testBox(1), testBox(2)] });
    host.faults.plan(fault, { operation: "create_label" });
    await expect(carrier.createLabel(request)).rejects.toBeInstanceOf(CarrierUncertain);
    const found = await carrier.findByReference?.(request);
    expect(found?.labels.map((label) => label.tracking_number)).toEqual(
      [request.reference, `${request.reference}-2`].map((one) => host.parcels.under(one)[0]?.number),
    );
    // Lotte says no to both, under numbers that are theirs already.
    expect(await carrier.createLabel(request)).toEqual(found);
    expect(host.parcels.under(request.reference)).toHaveLength(1);
  });

  it("that was never bought isn't found", async () => {
    expect(await connect().findByReference?.(koreanRequest())).toBeUndefined();
  });

  it("that stands under another number is not passed off as ours", async () => {
    const request = koreanRequest();
    await connect().createLabel(request);
    expect(await connect().findByReference?.(request)).toBeUndefined();
    await expect(connect().createLabel(request)).rejects.toThrow(/주문번호 등록 불가/);
  });

  it("is left to a human when Lotte neither books nor shows it", async () => {
    const carrier = connect();
    const { request } = await buy(carrier);
    host.faults.plan({ kind: "status", when: "before", status: 503 }, { operation: "track", times: 3 });
    await expect(carrier.createLabel(request)).rejects.toBeInstanceOf(CarrierUncertain);
  });

  it("is booked again, under its number, where nobody may track", async () => {
    const other = await startLotteHost();
    other.unlink();
    const carrier = connect({ baseUrl: other.url });
    const request = koreanRequest();
    other.faults.plan({ kind: "cut", when: "after" }, { operation: "create_label" });
    await expect(carrier.createLabel(request)).rejects.toBeInstanceOf(CarrierUncertain);
    expect(await carrier.findByReference?.(request)).toBeUndefined();
    const said = { rtnCd: "E", rtnMsg: "이미 등록된 주문번호입니다" };
    const answer = { body: { status: "success", rtn_list: [said] } };
    other.faults.plan({ kind: "answer", when: "before", answer }, { operation: "create_label" });
    const { labels } = await carrier.createLabel(request);
    expect(other.parcels.under(request.reference)).toMatchObject([{ number: labels[0]?.tracking_number }]);
    await other.close();
  });
});

describe("a Lotte parcel", () => {
  it("is followed to the door, in UTC, whatever the order and number of its scans", async () => {
    const other = await startLotteHost();
    const carrier = connect({ baseUrl: other.url });
    const { number } = await buy(carrier);
    other.parcels.disorder({ seed: 11, repeat: 2 });
    const statuses = [];
    for (let scan = 0; scan < 7; scan++) {
      other.parcels.advance(number, 1);
      statuses.push(statusAfter(await follow(carrier, number)));
    }
    expect(statuses.slice(1)).toEqual([
      "in_transit",
      "in_transit",
      "in_transit",
      "out_for_delivery",
      "delivered",
      "delivered",
    ]);
    const facts = await follow(carrier, number);
    const delivered = {
      carrier_code: "lotte",
      tracking_number: number,
      status: "delivered",
      location: "중구",
      occurred_at: new Date("2026-01-16T06:12:00Z"),
    };
    expect(facts).toContainEqual({ ...delivered, raw_code: "41", description: "배달완료" });
    // Nobody wrote down when, so it is as late as the last scan of the day.
    expect(facts).toContainEqual({ ...delivered, raw_code: "45", description: "인수자등록" });
    expect(other.violations).toEqual([]);
    await other.close();
  });

  it("that Lotte doesn't know is left out; a customer who may not track is told so", async () => {
    expect(await follow(connect(), "123456789013")).toEqual([]);
    const other = await startLotteHost();
    other.unlink();
    await expect(follow(connect({ baseUrl: other.url }), "123456789013")).rejects.toMatchObject({
      name: "CarrierRefusal",
      code: "EGTA4011",
    });
    await other.close();
  });

  it("is understood by name when a code is new, tells what nobody knows, and can be corrected", async () => {
    const tracking = [
      { godsStatCd: "77", godsStatNm: "미배달", scanYmd: "20260116", scanTme: "1830", brnshpNm: "중구" },
      { godsStatCd: "09", godsStatNm: "집하취소", scanYmd: "20260115", scanTme: "090000", brnshpNm: "" },
      { godsStatCd: "78", godsStatNm: "확인중", scanYmd: "20260117", scanTme: "------", brnshpNm: null },
      { godsStatCd: "41", godsStatNm: "배달완료", scanYmd: "", scanTme: "------", brnshpNm: "" },
    ];
    const answer = { body: { code: "S", message: "", tracking } };
    host.faults.plan({ kind: "answer", when: "before", answer }, { operation: "track", times: 2 });
    expect(await follow(connect(), "123456789013")).toMatchObject([
      { status: "delivery_attempted", raw_code: "77", occurred_at: new Date("2026-01-16T09:30:00Z") },
      { status: "cancelled", raw_code: "09", occurred_at: new Date("2026-01-15T00:00:00Z") },
      { status: "unknown", unmapped: true, raw_code: "78", occurred_at: new Date("2026-01-16T15:00:00Z") },
    ]);
    const corrected = await follow(connect({ statuses: { "78": "exception" } }), "123456789013");
    expect(corrected[2]).toMatchObject({ status: "exception" });
  });

  it("can't be asked about while Lotte is down", async () => {
    host.faults.plan({ kind: "status", when: "before", status: 503 }, { operation: "track", times: 3 });
    await expect(follow(connect(), "123456789013")).rejects.toBeInstanceOf(CarrierUnavailable);
  });
});

it("Lotte can't cancel, and says so", () => {
  const carrier = connect();
  expect(carrier).not.toHaveProperty("voidLabel");
  expect(carrier.capabilities).toMatchObject({ voidsLabels: false, labelFormats: [], repeat: "lookup" });
});
