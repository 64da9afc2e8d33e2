import { z } from "zod";
import { dateIn } from "../wall-clock.ts";
import { type CjClient, SEOUL } from "./client.ts";
import { type Scan, scanSchema } from "./scans.ts";

const PAGE = 500;
const MAX_PAGES = 200;
const DAY_MS = 86_400_000;
/** Yesterday's scans may be registered after midnight. */
const DAYS = 2;

const pageSchema = z.object({ DATA: z.array(scanSchema).nullish() });
const confirmedSchema = z.object({ RESULT_CD: z.string() });

/** Whatever was scanned since it was last asked, of all the customer's parcels; CJ forgets it when it is confirmed. */
export async function newScans(cj: CjClient, customerId: string, now: Date): Promise<Scan[]> {
  const scans: Scan[] = [];
  for (let ago = DAYS - 1; ago >= 0; ago--) {
    const day = dateIn(SEOUL, new Date(now.getTime() - ago * DAY_MS)).replaceAll("-", "");
    scans.push(...(await newScansOfDay(cj, customerId, day)));
  }
  return scans;
}

async function newScansOfDay(cj: CjClient, customerId: string, day: string): Promise<Scan[]> {
  const scans: Scan[] = [];
  for (let page = 0; page < MAX_PAGES; page++) {
    const { DATA } = await cj.run("ReqMssGdsTrc", {
      operation: "track_all",
      data: { CUST_ID: customerId, REQ_DT: day, SND_YN: "N" },
      shape: pageSchema,
      repeatable: true,
    });
    if (!DATA || DATA.length === 0) return scans;
    scans.push(...DATA);
    await confirm(cj, customerId, DATA);
    if (DATA.length < PAGE) return scans;
  }
  return scans;
}

async function confirm(cj: CjClient, customerId: string, scans: readonly Scan[]): Promise<void> {
  const ARRAY = scans.map(({ INVC_NO, CRG_ST }) => ({ INVC_NO, CRG_ST }));
  await cj.run("RcvMssGdsTrcCnfrm", {
    operation: "confirm_scans",
    data: { CLNTNUM: customerId, ARRAY },
    shape: confirmedSchema,
    repeatable: true,
  });
}
