import { z } from "zod";
import { KNOWN_CARRIER_CODES } from "../carriers/known-carriers.ts";
import { type Config, ConfigError } from "../config.ts";
import {
  asksForNothing,
  type CarrierRule,
  type CarrierRules,
  DEFAULT_RULES,
} from "../domain/carrier-choice.ts";
import type { Candidate } from "../domain/cheapest-quote.ts";
import { VOLUMETRIC_DIVISOR } from "../domain/parcel.ts";

const CODES = ["mock", ...KNOWN_CARRIER_CODES];
const MAX_RULES = 1_000;

const words = <T extends z.ZodType<string>>(one: T) => z.array(one).min(1).optional();
const word = z.string().trim().min(1);
const measure = z.number().positive().optional();

const conditions = z.strictObject({
  countries: words(z.string().regex(/^[A-Z]{2}$/, "must be two capital letters, such as RS")),
  warehouses: words(word),
  storefronts: words(z.union([word, z.int().positive()]).transform(String)),
  services: words(word),
  min_weight_kg: measure,
  max_weight_kg: measure,
  max_length_cm: measure,
  max_length_plus_girth_cm: measure,
});

const taker = {
  carrier_code: z.enum(CODES, `must be one of ${CODES.join(", ")}`),
  service: z.string().trim().default(""),
};
const asked = {
  name: z.string().default(""),
  when: conditions.default({}),
  volumetric_divisor: z.number().positive().default(VOLUMETRIC_DIVISOR),
};
const competition = z
  .strictObject({
    ...asked,
    prefer: z.literal("cheapest", 'must be "cheapest", beside `among`'),
    among: z.array(z.strictObject(taker)).min(2, "must name two carriers at least, the preferred one first"),
  })
  .transform(({ prefer: _, among, ...rule }): CarrierRule => {
    const [first, ...others] = among as [Candidate, ...Candidate[]];
    return { ...rule, ...first, among: [first, ...others] };
  });

const rule = z.unknown().transform((given, context): CarrierRule => {
  const competes = typeof given === "object" && given !== null && ("among" in given || "prefer" in given);
  const read = (competes ? competition : z.strictObject({ ...asked, ...taker })).safeParse(given);
  if (read.success) return read.data;
  for (const { path, message } of read.error.issues) context.addIssue({ code: "custom", path, message });
  return z.NEVER;
});

const rules = z.array(rule).min(1, "must have a rule at least").max(MAX_RULES);

/** Wrong rules stop the start, before anything else is begun. */
export function readCarrierRules({ CARRIER_RULES }: Pick<Config, "CARRIER_RULES">): CarrierRules {
  if (CARRIER_RULES === undefined) return DEFAULT_RULES;
  const read = rules.safeParse(CARRIER_RULES);
  if (!read.success) throw new ConfigError(`CARRIER_RULES: ${wordsOf(read.error)}`);
  const last = read.data.findIndex(asksForNothing) + 1;
  if (last === 0)
    throw new ConfigError(
      "CARRIER_RULES: the last rule must have no `when`: it takes what no other rule takes",
    );
  if (last < read.data.length)
    throw new ConfigError(
      `CARRIER_RULES: rule ${last} has no \`when\`, so that no rule after it is ever asked`,
    );
  return read.data;
}

function wordsOf({ issues: [issue] }: z.ZodError): string {
  const [place, ...path] = issue?.path ?? [];
  const where = typeof place === "number" ? [`rule ${place + 1}`, ...path.map(String)].join(".") : "";
  return [where, issue?.message ?? "is wrong"].filter(Boolean).join(": ");
}
