import { z } from "zod";
import { type CarrierFact, CarrierRefusal } from "../carrier.ts";
import { oneOrMore } from "../one-or-more.ts";
import type { StatusReader } from "../status-map.ts";
import { instantOf } from "../wall-clock.ts";
import { CJ, type CjClient, SEOUL } from "./client.ts";

const text = z.string().nullish();
const word = z
  .union([z.string(), z.number()])
  .nullish()
  .transform((value) => String(value ?? "").trim());
export const scanSchema = z.object({
  /** Empty: of a booking that has no number yet. */
  INVC_NO: word,
  CRG_ST: word,
  CRG_ST_NM: text,
  /** `2020-12-31` or `20201231` */
  SCAN_YMD: text,
  /** `10:34:02`, `103402` or `1034` */
  SCAN_HOUR: text,
  DEALT_BRAN_NM: text,
  /** Why it was not fetched, or not delivered. */
  NO_CLDV_RSN_CD: text,
  DETAIL_RSN: text,
});
export type Scan = z.output<typeof scanSchema>;

/** CJ's guide has a list; of a single scan there may be that one. */
const scansSchema = z.object({ DATA: oneOrMore(scanSchema) });

/** In words only: there is nothing about this number. */
const NOTHING = /(조회|데이터|자료|내역|운송장|결과).{0,20}없|no data|not found/i;

/** Every scan of one parcel. */
export async function scansOf(cj: CjClient, customerId: string, number: string): Promise<Scan[]> {
  try {
    const { DATA } = await cj.run("ReqOneGdsTrc", {
      operation: "track",
      data: { CLNTNUM: customerId, INVC_NO: number },
      shape: scansSchema,
      repeatable: true,
    });
    return DATA.map((scan) => ({ ...scan, INVC_NO: number }));
  } catch (error) {
    if (error instanceof CarrierRefusal && NOTHING.test(error.message)) return [];
    throw error;
  }
}

export function factsOf(scans: readonly Scan[], statusOf: StatusReader): CarrierFact[] {
  return scans.flatMap((scan) => {
    const digits = `${scan.SCAN_YMD ?? ""}${scan.SCAN_HOUR ?? ""}`.replace(/\D/g, "");
    const occurred_at = instantOf(digits, SEOUL);
    if (!occurred_at || !scan.INVC_NO || !scan.CRG_ST) return [];
    return [
      {
        carrier_code: CJ.code,
        tracking_number: scan.INVC_NO,
        ...statusOf(scan.CRG_ST),
        raw_code: scan.CRG_ST,
        description: [scan.CRG_ST_NM, scan.NO_CLDV_RSN_CD, scan.DETAIL_RSN].filter(Boolean).join(" "),
        location: scan.DEALT_BRAN_NM ?? "",
        occurred_at,
      },
    ];
  });
}
