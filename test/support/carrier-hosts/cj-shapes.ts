import { z } from "zod";
import { checkJson, type HostRequest } from "./http-messages.ts";

/** The bodies that CJ's developer guide asks for; an empty text is NULL to its database. */
const given = (max: number) => z.string().min(1).max(max);

const partyShape = <Side extends "SENDR" | "RCVR">(side: Side) => ({
  [`${side}_NM`]: given(100),
  [`${side}_TEL_NO1`]: z.string().regex(/^\d{2,4}$/),
  [`${side}_TEL_NO2`]: z.string().regex(/^\d{1,4}$/),
  [`${side}_TEL_NO3`]: z.string().regex(/^\d{4}$/),
  [`${side}_ZIP_NO`]: z.string().regex(/^\d{5,6}$/),
  [`${side}_ADDR`]: given(150),
  [`${side}_DETAIL_ADDR`]: given(300),
});

const booking = z.looseObject({
  TOKEN_NUM: given(100),
  CUST_ID: given(10),
  RCPT_YMD: z.string().regex(/^\d{8}$/),
  CUST_USE_NO: given(50),
  RCPT_DV: z.enum(["01", "02"]),
  WORK_DV_CD: z.string().regex(/^\d{2}$/),
  MPCK_KEY: given(100),
  CAL_DV_CD: z.string().regex(/^\d{2}$/),
  FRT_DV_CD: z.enum(["01", "02", "03"]),
  CNTR_ITEM_CD: z.string().regex(/^\d{2}$/),
  BOX_TYPE_CD: z.string().regex(/^\d{2}$/),
  BOX_QTY: z.string().regex(/^\d+$/),
  CUST_MGMT_DLCM_CD: given(10),
  ...partyShape("SENDR"),
  ...partyShape("RCVR"),
  INVC_NO: z.string().regex(/^(\d{12})?$/),
  PRT_ST: z.enum(["01", "02", "03"]),
  DLV_DV: z.string().regex(/^\d{2}$/),
  ARRAY: z
    .array(
      z.looseObject({
        MPCK_SEQ: z.string().regex(/^\d+$/),
        GDS_NM: given(100),
        GDS_QTY: z.string().regex(/^\d+$/),
      }),
    )
    .min(1),
});

export type CjBooking = z.output<typeof bookShape>;

export const tokenShape = z.strictObject({ CUST_ID: given(10), BIZ_REG_NUM: z.string().regex(/^\d{10}$/) });
export const addressShape = z.strictObject({
  TOKEN_NUM: given(100),
  CLNTNUM: given(10),
  CLNTMGMCUSTCD: given(10),
  ADDRESS: given(100),
});
export const numberShape = z.strictObject({ TOKEN_NUM: given(100), CLNTNUM: given(10) });
export const bookShape = booking.extend({ REQ_DV_CD: z.literal("01") });
export const cancelShape = booking.extend({ REQ_DV_CD: z.literal("02") });
export const traceShape = z.strictObject({ TOKEN_NUM: given(100), CLNTNUM: given(10), INVC_NO: given(12) });
export const tracesShape = z.strictObject({
  TOKEN_NUM: given(100),
  CUST_ID: given(10),
  REQ_DT: z.string().regex(/^\d{8}$/),
  SND_YN: z.enum(["Y", "N"]),
});
export const confirmShape = z.strictObject({
  TOKEN_NUM: given(100),
  CLNTNUM: given(10),
  ARRAY: z.array(z.strictObject({ INVC_NO: given(12), CRG_ST: z.string().regex(/^\d{2}$/) })).max(500),
});

export function dataOf<Shape>({ text }: HostRequest, shape: z.ZodType<Shape>): Shape {
  return shape.parse((JSON.parse(text) as { DATA: unknown }).DATA);
}

/** The token stands in a header and in the body, and is the same. */
export function checkData(request: HostRequest, shape: z.ZodType): string[] {
  const issues = checkJson(request, z.strictObject({ DATA: shape }));
  if (issues.length > 0) return issues;
  const { TOKEN_NUM } = dataOf(request, z.looseObject({ TOKEN_NUM: z.string().optional() }));
  return TOKEN_NUM === request.headers["cj-gateway-apikey"] ? [] : ["TOKEN_NUM is not the header's"];
}
