import { z } from "zod";
import type { LabelContent } from "../../domain/label.ts";
import type { LabelRequest } from "../carrier.ts";
import { addressLine } from "./booking.ts";
import type { CjClient } from "./client.ts";
import type { CjSettings } from "./settings.ts";

const text = z.string().nullish();
const refinedSchema = z.object({
  DATA: z.object({
    /** The terminal. */
    CLSFCD: z.string().trim().min(1),
    SUBCLSFCD: text,
    /** The address in short. */
    CLSFADDR: text,
    /** The branch that delivers, and who of it. */
    CLLDLVBRANNM: text,
    CLLDLVEMPNICKNM: text,
    P2PCD: text,
  }),
});

const MAX_ADDRESS = 100;

/** Asks how CJ's machines and people find the door: it has to be printed, and an address that has none is refused. */
export async function sortingOf(
  cj: CjClient,
  { to }: LabelRequest,
  { customerId }: CjSettings,
): Promise<Pick<LabelContent, "sort_code" | "extra_lines">> {
  const ADDRESS = [addressLine(to), to.street2].filter(Boolean).join(" ").slice(0, MAX_ADDRESS);
  const { DATA } = await cj.run("ReqAddrRfnSm", {
    operation: "refine_address",
    data: { CLNTNUM: customerId, CLNTMGMCUSTCD: customerId, ADDRESS },
    shape: refinedSchema,
    repeatable: true,
  });
  return {
    sort_code: joined("-", [DATA.CLSFCD, DATA.SUBCLSFCD]),
    extra_lines: [
      joined(" ", [DATA.CLSFADDR]),
      joined("-", [DATA.CLLDLVBRANNM, DATA.CLLDLVEMPNICKNM]),
      joined(" ", [DATA.P2PCD]),
    ].filter(Boolean),
  };
}

function joined(between: string, parts: readonly (string | null | undefined)[]): string {
  return parts
    .map((part) => part?.trim())
    .filter(Boolean)
    .join(between);
}
