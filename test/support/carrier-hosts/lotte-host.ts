import { z } from "zod";
import { type HostRoute, type RunningHost, startHost } from "./host.ts";
import { checkJson, type HostAnswer } from "./http-messages.ts";
import { createParcelStore, type HostScan, type ParcelStore } from "./parcel-store.ts";

/** Written from what is published of Lotte's gateway: bookings under our numbers, and tracking by ours or the order's. */
export const LOTTE_ACCOUNT = { apiKey: "lotte-key-0123456789", customerCode: "012345" } as const;

type Sending = z.output<typeof sendingSchema>;

interface Office {
  parcels: ParcelStore<Sending>;
  /** The customer's code is registered for tracking. */
  linked: boolean;
}

export interface LotteHost extends RunningHost {
  readonly parcels: ParcelStore<Sending>;
  unlink(): void;
}

export async function startLotteHost(): Promise<LotteHost> {
  const office: Office = { parcels: createParcelStore<Sending>(), linked: true };
  const running = await startHost({
    code: "lotte",
    routes: [bookRoute(office), trackRoute(office)],
    authorize: ({ headers }) =>
      headers["authorization"] === `IgtAK ${LOTTE_ACCOUNT.apiKey}`
        ? undefined
        : { status: 401, body: { code: "EGTA4001", message: "유효하지 않은 인증키입니다" } },
    refuse: ({ status, code, message }) => ({ status, body: { code: code ?? `EGTA${status}`, message } }),
  });
  return {
    ...running,
    parcels: office.parcels,
    unlink: () => {
      office.linked = false;
    },
  };
}

const sendingSchema = z.strictObject({
  jobCustCd: z.string().min(1),
  ustRtgSctCd: z.enum(["01", "02"]),
  ordSct: z.enum(["1", "2", "3"]),
  fareSctCd: z.enum(["01", "02", "03"]),
  ordNo: z.string().min(1),
  /** Eleven digits, and what is left of them after division by seven. */
  invNo: z
    .string()
    .refine((text) => /^\d{12}$/.test(text) && Number(text.slice(0, 11)) % 7 === Number(text[11])),
  snperNm: z.string().min(1),
  snperTel: z.string().min(1),
  snperZipcd: z.string().regex(/^\d{5,6}$/),
  snperAdr: z.string().min(1),
  acperNm: z.string().min(1),
  acperTel: z.string().min(1),
  acperZipcd: z.string().regex(/^\d{5,6}$/),
  acperAdr: z.string().min(1),
  boxTypCd: z.enum(["A", "B", "C", "D", "E", "F"]),
  gdsNm: z.string().min(1),
  ispdQty: z.int().positive(),
  pickReqYmd: z.string().regex(/^\d{8}$/),
});
const bookSchema = z.strictObject({ snd_list: z.array(sendingSchema).min(1) });

function bookRoute({ parcels }: Office): HostRoute {
  return {
    operation: "create_label",
    method: "POST",
    path: "/api/pid/cus/714a/apiSndOut",
    check: (request) => checkJson(request, bookSchema),
    answer: ({ text }) => {
      const { snd_list } = bookSchema.parse(JSON.parse(text));
      return {
        body: { status: "success", message: "", rtn_list: snd_list.map((one) => book(parcels, one)) },
      };
    },
  };
}

/** Each box is answered for by itself. */
function book(parcels: ParcelStore<Sending>, details: Sending) {
  const { ordNo, invNo, jobCustCd } = details;
  const no = (rtnMsg: string) => ({ rtnCd: "E", rtnMsg, ordNo, invNo });
  if (jobCustCd !== LOTTE_ACCOUNT.customerCode) return no("거래처코드가 존재하지 않습니다");
  if (details.acperZipcd === "00000") return no("우편번호 오류");
  if (parcels.under(ordNo).length > 0) return no("주문번호 등록 불가");
  if (parcels.find(invNo)) return no("운송장번호 등록 불가");
  parcels.add({ number: invNo, reference: ordNo, label: Buffer.alloc(0), scans: journey(), details });
  return { rtnCd: "S", rtnMsg: "정상", ordNo, invNo };
}

function trackRoute(office: Office): HostRoute {
  return {
    operation: "track",
    method: "GET",
    path: "/api/pid/cus/806/custmer-view-tracking",
    check: ({ query }) => [
      ...(query.get("jobCustCd") ? [] : ["jobCustCd is missing"]),
      ...(query.get("invNo") || query.get("ordNo") ? [] : ["neither invNo nor ordNo is given"]),
    ],
    answer: ({ query }) => track(office, query),
  };
}

function track({ parcels, linked }: Office, query: URLSearchParams): HostAnswer {
  const no = (code: string, message: string) => ({ body: { code, message, result: [], tracking: [] } });
  if (!linked) return no("EGTA4011", "연동 등록되지 않은 거래처입니다");
  const ordNo = query.get("ordNo") ?? "";
  const parcel = parcels.find(query.get("invNo") ?? "") ?? parcels.under(ordNo)[0];
  if (!parcel) return no("E", ordNo ? "주문번호에 대한 운송장 번호가 없습니다" : "운송장 정보가 없습니다");
  return {
    body: {
      code: "S",
      message: "",
      result: [{ invNo: parcel.number, ordNo: parcel.reference }],
      tracking: parcels.history(parcel.number).map(entryOf),
    },
  };
}

/** Nobody notes the time of a sign-off at the door. */
function entryOf({ code, text, place, at }: HostScan) {
  const wall = new Date(at.getTime() + 9 * 3_600_000).toISOString();
  return {
    godsStatCd: code,
    godsStatNm: text,
    scanYmd: wall.slice(0, 10).replaceAll("-", ""),
    scanTme: code === "45" ? "------" : wall.slice(11, 16).replace(":", ""),
    brnshpNm: place,
    status: "",
  };
}

function journey(): HostScan[] {
  const at = (day: number, hour: number, minute = 0) => new Date(Date.UTC(2026, 0, day, hour, minute));
  return [
    { code: "12", text: "운송장등록", place: "금천", at: at(15, 1) },
    { code: "10", text: "집하", place: "금천", at: at(15, 9) },
    { code: "20", text: "구간발송", place: "군포터미널", at: at(15, 15) },
    { code: "21", text: "구간도착", place: "중구", at: at(15, 20) },
    { code: "40", text: "배달전", place: "중구", at: at(16, 1) },
    { code: "41", text: "배달완료", place: "중구", at: at(16, 6, 12) },
    { code: "45", text: "인수자등록", place: "중구", at: at(16, 6, 12) },
  ];
}
