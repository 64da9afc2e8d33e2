import type { z } from "zod";
import {
  addressShape,
  bookShape,
  type CjBooking,
  cancelShape,
  checkData,
  confirmShape,
  dataOf,
  numberShape,
  tokenShape,
  traceShape,
  tracesShape,
} from "./cj-shapes.ts";
import { type HostRoute, type RunningHost, startHost } from "./host.ts";
import type { HostAnswer } from "./http-messages.ts";
import { createGivenTokens, type GivenTokens } from "./oauth.ts";
import { createParcelStore, type HostParcel, type HostScan, type ParcelStore } from "./parcel-store.ts";

/** Written from CJ's developer guide as customers relay it: POST of `{DATA}`, and a RESULT_CD in every 200. */
export const CJ_ACCOUNT = { customerId: "30200000", businessNumber: "1234567890" } as const;

interface Office {
  parcels: ParcelStore<CjBooking>;
  tokens: GivenTokens;
  /** `number status` of the scans that the customer has confirmed. */
  confirmed: Set<string>;
  numbers: number;
}

export interface CjHost extends RunningHost {
  readonly parcels: ParcelStore<CjBooking>;
  readonly tokens: GivenTokens;
}

export async function startCjHost(): Promise<CjHost> {
  const parcels = createParcelStore<CjBooking>();
  const office: Office = { parcels, tokens: createGivenTokens("cj"), confirmed: new Set(), numbers: 0 };
  const running = await startHost({
    code: "cj",
    routes: [
      tokenRoute(office),
      route({ operation: "refine_address", resource: "ReqAddrRfnSm", shape: addressShape }, refine),
      route({ operation: "take_number", resource: "ReqInvcNo", shape: numberShape }, () => number(office)),
      route({ operation: "create_label", resource: "RegBook", shape: bookShape }, (data) =>
        book(office, data),
      ),
      route({ operation: "void_label", resource: "CnclBook", shape: cancelShape }, (data) =>
        cancel(office, data),
      ),
      route({ operation: "track", resource: "ReqOneGdsTrc", shape: traceShape }, (data) =>
        trace(office, data),
      ),
      route({ operation: "track_all", resource: "ReqMssGdsTrc", shape: tracesShape }, (data) =>
        traceAll(office, data),
      ),
      route({ operation: "confirm_scans", resource: "RcvMssGdsTrcCnfrm", shape: confirmShape }, (data) =>
        confirm(office, data),
      ),
    ],
    authorize: (request) =>
      office.tokens.isGood({
        ...request,
        headers: { authorization: request.headers["cj-gateway-apikey"] ?? "" },
      })
        ? undefined
        : { status: 401, body: { RESULT_CD: "E", RESULT_DETAIL: "Unauthorized" } },
    refuse: ({ status, code, message }) => ({
      status,
      body: { RESULT_CD: code ?? "E", RESULT_DETAIL: message },
    }),
  });
  return { ...running, parcels, tokens: office.tokens };
}

function done(DATA: unknown, code = "S"): HostAnswer {
  return { body: { RESULT_CD: code, RESULT_DETAIL: "Success", DATA } };
}

function no(code: string, detail: string): HostAnswer {
  return { body: { RESULT_CD: code, RESULT_DETAIL: detail, DATA: null } };
}

interface Resource<Shape> {
  operation: string;
  resource: string;
  shape: z.ZodType<Shape>;
}

function route<Shape>(
  { operation, resource, shape }: Resource<Shape>,
  answer: (data: Shape) => HostAnswer,
): HostRoute {
  return {
    operation,
    method: "POST",
    path: `/${resource}`,
    check: (request) => checkData(request, shape),
    answer: (request) => answer(dataOf(request, shape)),
  };
}

function tokenRoute({ tokens }: Office): HostRoute {
  const asked = { operation: "fetch_token", resource: "ReqOneDayToken", shape: tokenShape };
  return {
    ...route(asked, ({ CUST_ID, BIZ_REG_NUM }) => {
      if (CUST_ID !== CJ_ACCOUNT.customerId || BIZ_REG_NUM !== CJ_ACCOUNT.businessNumber)
        return no("E", "고객 정보가 일치하지 않습니다");
      return done({
        TOKEN_NUM: tokens.give(86_400),
        TOKEN_EXPRTN_DTM: seoul(new Date(Date.now() + 86_400_000)),
      });
    }),
    open: true,
  };
}

/** The guide's own example of an address. */
function refine({ ADDRESS }: z.output<typeof addressShape>): HostAnswer {
  if (ADDRESS.includes("울릉도")) return no("-20009", "배송불가지역입니다");
  const DATA = {
    CLSFCD: "5D32",
    SUBCLSFCD: "1g",
    CLSFADDR: "서소문 58-12 대한통운",
    CLLDLVBRANCD: "1234",
    CLLDLVBRANNM: "중구소공",
    CLLDLVEMPNM: "홍길순",
    CLLDLVEMPNICKNM: "G03-01",
    RSPSDIV: "01",
    P2PCD: "",
  };
  if (ADDRESS.includes("제주")) return { body: { RESULT_CD: "-20010", RESULT_DETAIL: "배송지연지역", DATA } };
  return done(DATA);
}

function number(office: Office): HostAnswer {
  office.numbers += 1;
  return done({ INVC_NO: String(680_000_000_000 + office.numbers) });
}

/** CJ's database knows a booking by the customer, the day, and the customer's number. */
function sameBooking(a: CjBooking | z.output<typeof cancelShape>, b: HostParcel<CjBooking>): boolean {
  const { CUST_ID, RCPT_YMD, CUST_USE_NO } = b.details;
  return a.CUST_ID === CUST_ID && a.RCPT_YMD === RCPT_YMD && a.CUST_USE_NO === CUST_USE_NO;
}

function book({ parcels }: Office, details: CjBooking): HostAnswer {
  if (details.CUST_ID !== CJ_ACCOUNT.customerId) return no("E", "등록되지 않은 고객입니다");
  if (details.BOX_TYPE_CD === "99") return no("E", "ORA-01400: cannot insert NULL into BOX_TYPE_CD");
  if (parcels.all().some((one) => one.state === "bought" && sameBooking(details, one)))
    return no("E", "ORA-00001: unique constraint (OPENDBADM.TB_RCPT_PK) violated");
  parcels.add({
    number: details.INVC_NO,
    reference: details.CUST_USE_NO,
    label: Buffer.alloc(0),
    scans: journey(),
    details,
  });
  return done(null);
}

/** A cancellation is written beside the booking, and wants to be all of it. */
function cancel({ parcels }: Office, data: z.output<typeof cancelShape>): HostAnswer {
  const same = parcels.all().filter((one) => sameBooking(data, one));
  const standing = same.find(({ state }) => state === "bought");
  if (same.length === 0) return no("E", "취소할 접수 정보가 존재하지 않습니다");
  if (!standing) return no("E", "ORA-00001: unique constraint (OPENDBADM.TB_RCPT_PK) violated");
  if (standing.happened > 1) return no("E", "이미 집화된 운송장입니다");
  standing.state = "voided";
  return done(null);
}

function trace({ parcels }: Office, { INVC_NO }: z.output<typeof traceShape>): HostAnswer {
  const parcel = parcels.find(INVC_NO);
  if (!parcel) return no("E", "조회된 데이터가 없습니다");
  return done(
    parcels.history(INVC_NO).map((scan) => {
      const wall = seoul(scan.at);
      const SCAN_YMD = wall.slice(0, 8).replace(/^(....)(..)/, "$1-$2-");
      return { ...scanOf(scan), SCAN_YMD, SCAN_HOUR: wall.slice(8).replace(/^(..)(..)/, "$1:$2:") };
    }),
  );
}

const PAGE = 500;

/** Every scan of that day, of all the customer's parcels, that was not confirmed. */
function traceAll({ parcels, confirmed }: Office, { REQ_DT }: z.output<typeof tracesShape>): HostAnswer {
  const scans = parcels.all().flatMap(({ number: INVC_NO }) =>
    parcels.history(INVC_NO).map((scan) => {
      const wall = seoul(scan.at);
      return { INVC_NO, ...scanOf(scan), SCAN_YMD: wall.slice(0, 8), SCAN_HOUR: wall.slice(8) };
    }),
  );
  const fresh = scans.filter(
    ({ INVC_NO, CRG_ST, SCAN_YMD }) => SCAN_YMD === REQ_DT && !confirmed.has(`${INVC_NO} ${CRG_ST}`),
  );
  return done(fresh.slice(0, PAGE));
}

function confirm({ confirmed }: Office, { ARRAY }: z.output<typeof confirmShape>): HostAnswer {
  for (const { INVC_NO, CRG_ST } of ARRAY) confirmed.add(`${INVC_NO} ${CRG_ST}`);
  return done(null);
}

function scanOf({ code, text, place }: HostScan) {
  return { CRG_ST: code, CRG_ST_NM: text, DEALT_BRAN_NM: place, NO_CLDV_RSN_CD: "", DETAIL_RSN: "" };
}

/** `20260115094404`, nine hours ahead of UTC all year. */
function seoul(at: Date): string {
  return new Date(at.getTime() + 9 * 3_600_000).toISOString().slice(0, 19).replace(/\D/g, "");
}

function journey(): HostScan[] {
  const at = (day: number, hour: number) => new Date(Date.UTC(2026, 0, day, hour, 30, 5));
  return [
    { code: "01", text: "집화지시", place: "금천", at: at(15, 1) },
    { code: "11", text: "집화처리", place: "금천", at: at(15, 9) },
    { code: "41", text: "간선상차", place: "옥천HUB", at: at(15, 16) },
    { code: "42", text: "간선하차", place: "중구", at: at(15, 21) },
    { code: "82", text: "배송출발", place: "중구소공", at: at(16, 1) },
    { code: "91", text: "배송완료", place: "중구소공", at: at(16, 5) },
  ];
}
