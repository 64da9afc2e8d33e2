import { z } from "zod";
import { oneOrMore } from "../one-or-more.ts";
import { dateIn } from "../wall-clock.ts";
import { type CjClient, SEOUL } from "./client.ts";
import { type Scan, scanSchema } from "./scans.ts";

const PAGE = 500;
const MAX_PAGES = 200;
const DAY_MS = 86_400_000;
/** Yesterday's scans may be registered after midnight. */
const DAYS = 2;

const pageSchema = z.object({ DATA: oneOrMore(scanSchema) });
const confirmedSchema = z.object({ RESULT_CD: z.string() });

/**
 * Whatever was scanned since it was last asked, of all the customer's parcels. CJ forgets it when it is confirmed, so
 * what was got before something went wrong is given back all the same.
 */
export async function newScans(cj: CjClient, customerId: string, now: Date): Promise<Scan[]> {
  const scans: Scan[] = [];
  try {
    for (let ago = DAYS - 1; ago >= 0; ago--) {
      const day = dateIn(SEOUL, new Date(now.getTime() - ago * DAY_MS)).replaceAll("-", "");
      for await (const page of pagesOfDay(cj, customerId, day)) scans.push(...page);
    }
  } catch (error) {
    if (scans.length === 0) throw error;
  }
  return scans;
}

async function* pagesOfDay(cj: CjClient, customerId: string, day: string): AsyncGenerator<Scan[]> {
  for (let page = 0; page < MAX_PAGES; page++) {
    const { DATA } = await cj.run("ReqMssGdsTrc", {
      operation: "track_all",
      data: { CUST_ID: customerId, REQ_DT: day, SND_YN: "N" },
      shape: pageSchema,
      repeatable: true,
    });
    const numbered = DATA.filter(({ INVC_NO }) => INVC_NO !== "");
    if (numbered.length === 0) return;
    yield numbered;
    await confirm(cj, customerId, numbered);
    if (DATA.length < PAGE) return;
  }
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
