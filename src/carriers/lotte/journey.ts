import { z } from "zod";
import type { CarrierHost } from "../answers.ts";
import type { CarrierFact, TrackedParcel } from "../carrier.ts";
import { oneOrMore } from "../one-or-more.ts";
import type { StatusReader } from "../status-map.ts";
import { instantOf } from "../wall-clock.ts";
import { digitsOf, LOTTE, SEOUL } from "./waybills.ts";

const text = z.string().nullish();
const scanSchema = z.object({
  /** Two digits. */
  godsStatCd: z.union([z.string(), z.number()]).nullish(),
  godsStatNm: text,
  /** What happened, in a sentence. */
  status: text,
  scanYmd: text,
  /** `------`: nobody wrote down when. */
  scanTme: text,
  brnshpNm: text,
});
const answerSchema = z.object({
  tracking: oneOrMore(scanSchema),
  result: oneOrMore(z.object({ invNo: text })),
});
type Scan = z.output<typeof scanSchema>;

/** undefined: Lotte knows nothing of it. */
export async function ask(
  host: CarrierHost,
  customerCode: string,
  { invNo = "", ordNo = "" }: { invNo?: string; ordNo?: string },
) {
  const query = new URLSearchParams({ jobCustCd: customerCode, invNo, ordNo });
  const answer = await host.find({
    operation: "track",
    method: "GET",
    path: `api/pid/cus/806/custmer-view-tracking?${query.toString()}`,
  });
  return answer && answerSchema.parse(JSON.parse(answer.body.toString("utf8")));
}

export async function track(
  host: CarrierHost,
  parcels: readonly TrackedParcel[],
  { customerCode, statusOf }: { customerCode: string; statusOf: StatusReader },
): Promise<CarrierFact[]> {
  const facts: CarrierFact[] = [];
  for (const { tracking_number } of parcels) {
    const known = await ask(host, customerCode, { invNo: tracking_number });
    facts.push(...factsOf(known?.tracking ?? [], tracking_number, statusOf));
  }
  return facts;
}

/** Codes may be new without notice; their names then say what they mean. */
function factsOf(scans: readonly Scan[], tracking_number: string, statusOf: StatusReader): CarrierFact[] {
  return scans.flatMap((scan) => {
    const occurred_at = timeOf(scan, scans);
    const name = scan.godsStatNm?.trim() ?? "";
    const raw_code = String(scan.godsStatCd ?? "").trim() || name;
    if (!occurred_at || !raw_code) return [];
    return [
      {
        carrier_code: LOTTE.code,
        tracking_number,
        ...statusOf(raw_code, { name }),
        raw_code,
        description: [name, scan.status?.trim()].filter(Boolean).join(": "),
        location: scan.brnshpNm?.trim() ?? "",
        occurred_at,
      },
    ];
  });
}

/** Without a time of its own, it is as late as the last scan of its day: such entries complete something. */
function timeOf(scan: Scan, scans: readonly Scan[]): Date | undefined {
  const own = momentOf(scan);
  if (own) return own;
  const sameDay = scans
    .filter(({ scanYmd }) => scanYmd === scan.scanYmd)
    .flatMap((one) => momentOf(one) ?? []);
  if (sameDay.length > 0) return new Date(Math.max(...sameDay.map((at) => at.getTime())));
  return instantOf(digitsOf(scan.scanYmd), SEOUL);
}

function momentOf({ scanYmd, scanTme }: Scan): Date | undefined {
  const time = digitsOf(scanTme);
  return time.length >= 4 ? instantOf(`${digitsOf(scanYmd)}${time}`, SEOUL) : undefined;
}
