import type { Address } from "../../domain/address.ts";
import { personOf, requireParts } from "../address-parts.ts";
import { CarrierRefusal, type LabelPackage, type LabelRequest } from "../carrier.ts";
import { CJ } from "./client.ts";
import { phoneParts } from "./korean-phone.ts";
import type { CjSettings } from "./settings.ts";

export interface BookedBox {
  /** CJ's number of the box; left out: it isn't known, or not needed. */
  invoice: string | undefined;
  /** YYYYMMDD in Seoul: a booking is known by its day as well. */
  day: string;
}

/** Under which a box is booked: the first box bears the reference itself. */
export function boxReference({ reference }: LabelRequest, { sequence_number }: LabelPackage): string {
  return sequence_number === 1 ? reference : `${reference}-${sequence_number}`;
}

export function checkAddresses({ from, to }: LabelRequest): void {
  requireParts(CJ.name, { from, to }, ["street", "phone"]);
  if (to.country !== "KR") throw new CarrierRefusal(`CJ delivers in Korea (KR), not to "${to.country}"`);
}

/** The data of RegBook, and of CnclBook, which wants all of it again. */
export function bookingOf(
  request: LabelRequest,
  box: LabelPackage,
  { settings, day, invoice = "" }: { settings: CjSettings } & BookedBox,
): Record<string, unknown> {
  const reference = boxReference(request, box);
  const { customerId } = settings;
  return {
    CUST_ID: customerId,
    RCPT_YMD: day,
    CUST_USE_NO: reference,
    RCPT_DV: "01",
    WORK_DV_CD: "01",
    REQ_DV_CD: "01",
    MPCK_KEY: `${day}_${customerId}_${reference}`,
    CAL_DV_CD: "01",
    FRT_DV_CD: settings.freight,
    CNTR_ITEM_CD: "01",
    BOX_TYPE_CD: settings.boxType,
    BOX_QTY: "1",
    CUST_MGMT_DLCM_CD: customerId,
    ...partiesOf(request),
    INVC_NO: invoice,
    PRT_ST: "02",
    REMARK_1: "",
    COD_YN: "N",
    DLV_DV: "01",
    ARRAY: goodsOf(request, settings),
  };
}

export function partiesOf({ from, to }: LabelRequest): Record<string, string> {
  return { ...partyOf("SENDR", from), ...partyOf("RCVR", to) };
}

export function isParty(field: string): boolean {
  return /^(SENDR|RCVR)_/.test(field);
}

/** An empty text is none at all to CJ's database, and most may not be missing. */
function partyOf(side: "SENDR" | "RCVR", address: Address): Record<string, string> {
  const [area, exchange, line] = phoneParts(address.phone);
  return {
    [`${side}_NM`]: personOf(address).slice(0, 100),
    [`${side}_TEL_NO1`]: area,
    [`${side}_TEL_NO2`]: exchange,
    [`${side}_TEL_NO3`]: line,
    [`${side}_CELL_NO1`]: area,
    [`${side}_CELL_NO2`]: exchange,
    [`${side}_CELL_NO3`]: line,
    [`${side}_ZIP_NO`]: address.postal_code.replace(/\D/g, "").slice(0, 6) || "000000",
    [`${side}_ADDR`]: addressLine(address).slice(0, 150),
    [`${side}_DETAIL_ADDR`]: address.street2.slice(0, 300) || "-",
  };
}

/** Korean addresses begin with what is largest. */
export function addressLine({ state, city, street }: Address): string {
  return [state, city, street].filter(Boolean).join(" ");
}

function goodsOf({ goods }: LabelRequest, { content }: CjSettings): object[] {
  const named = goods.length > 0 ? goods : [{ sku: "", name: content, quantity: 1 }];
  return named.map(({ sku, name, quantity }, index) => ({
    MPCK_SEQ: String(index + 1),
    GDS_CD: sku.slice(0, 20),
    GDS_NM: name.slice(0, 100),
    GDS_QTY: String(quantity),
  }));
}
