import { z } from "zod";
import { lotteDigit } from "../../domain/check-digits.ts";
import { personOf, requireParts, streetLines } from "../address-parts.ts";
import { CarrierRefusal, type LabelPackage, type LabelRequest } from "../carrier.ts";
import { oneOrMore } from "../one-or-more.ts";
import type { CarrierTools } from "../tools.ts";
import { dateIn } from "../wall-clock.ts";
import type { LotteSettings } from "./settings.ts";

export const LOTTE = { code: "lotte", name: "Lotte Global Logistics" } as const;
export const SEOUL = "Asia/Seoul";

function waybillNumber(digits: bigint): string {
  const payload = String(digits).padStart(11, "0");
  return `${payload}${lotteDigit(payload)}`;
}

/** A box keeps its number at every try, by sequence number of the box. */
export async function takeWaybills(
  { reference, packages }: LabelRequest,
  { customerCode, numbers: { first, last } }: LotteSettings,
  { takeNumber }: CarrierTools,
): Promise<Map<number, string>> {
  const range = { name: `${LOTTE.code}:${customerCode}`, first: BigInt(first), last: BigInt(last) };
  const waybills = new Map<number, string>();
  for (const { sequence_number } of packages)
    waybills.set(sequence_number, waybillNumber(await takeNumber(range, `${reference}-${sequence_number}`)));
  return waybills;
}

/** Lotte takes an order number once, so that each box has its own; the first bears the reference itself. */
export function orderNumber({ reference }: LabelRequest, { sequence_number }: LabelPackage): string {
  return sequence_number === 1 ? reference : `${reference}-${sequence_number}`;
}

/** The body of a booking: 01 is what goes out. */
export function bookingOf(
  request: LabelRequest,
  waybills: ReadonlyMap<number, string>,
  { settings, now }: { settings: LotteSettings; now: Date },
) {
  const { from, to, packages, goods } = request;
  requireParts(LOTTE.name, { from, to }, ["street", "postal_code", "phone"]);
  if (to.country !== "KR") throw new CarrierRefusal(`Lotte delivers in Korea (KR), not to "${to.country}"`);
  const names = goods.map(({ name }) => name).join(", ") || settings.content;
  return {
    snd_list: packages.map((box) => ({
      jobCustCd: settings.customerCode,
      ustRtgSctCd: "01",
      ordSct: "1",
      fareSctCd: settings.freight,
      ordNo: orderNumber(request, box),
      invNo: waybills.get(box.sequence_number) as string,
      ...partyOf("snper", from),
      ...partyOf("acper", to),
      boxTypCd: settings.boxType,
      gdsNm: names.slice(0, 200),
      ispdQty: Math.max(
        1,
        goods.reduce((sum, { quantity }) => sum + quantity, 0),
      ),
      pickReqYmd: dateIn(SEOUL, now).replaceAll("-", ""),
    })),
  };
}

function partyOf(side: "snper" | "acper", address: LabelRequest["to"]) {
  return {
    [`${side}Nm`]: personOf(address),
    [`${side}Tel`]: address.phone,
    [`${side}Zipcd`]: address.postal_code.replace(/\D/g, ""),
    [`${side}Adr`]: [address.state, address.city, ...streetLines(address)].filter(Boolean).join(" "),
  };
}

const text = z.string().nullish();
const resultSchema = z.object({ rtnCd: z.string(), rtnMsg: text, invNo: text, ordNo: text });
export const bookedSchema = z.object({ rtn_list: oneOrMore(resultSchema) });
type BookedBox = z.output<typeof resultSchema>;

/** What Lotte says of a box: under its order number or waybill where these are told, else in the order of the boxes. */
export function resultOf(
  results: readonly BookedBox[],
  { ordNo, invNo, index }: { ordNo: string; invNo: string; index: number },
): BookedBox | undefined {
  const named = results.find((one) => one.ordNo === ordNo || digitsOf(one.invNo) === invNo);
  const [inOrder] = results.slice(index, index + 1).filter((one) => !one.ordNo);
  return named ?? inOrder;
}

export function digitsOf(value: string | null | undefined): string {
  return (value ?? "").replace(/\D/g, "");
}
