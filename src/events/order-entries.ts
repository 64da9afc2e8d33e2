import { z } from "zod";
import type { OrderEvent } from "../domain/order-event.ts";
import { ORDER_POLICIES, PRIORITIES } from "../domain/vocabulary.ts";

/** What a stream entry turned out to be. */
export type Decoded =
  | { kind: "event"; event: OrderEvent }
  | { kind: "foreign"; type: string } // not for us: other types share the stream
  | { kind: "poison"; type: string; eventId: string; reason: string };

const OUR_TYPES = new Set(["order.confirmed", "order.cancelled"]);
const MAX_ID = 2n ** 63n - 1n;
const MAX_UNITS = 1_000_000_000;
const MAX_LINES = 10_000;
const MAX_TEXT = 500;
const MAX_JSON = 2_000_000;
const MAX_EVENT_ID = 200;
/** Ours are a dozen, and producers may add some. */
export const MAX_FIELDS = 1_000;

/** Ids and numbers come as JSON numbers or as text, depending on the producer's language. */
const number = z
  .union([z.string(), z.number(), z.bigint()], "is missing, or no number")
  .transform((value) => String(value).trim());

const id = number.transform(toId);

/** Left out, null, empty and 0 mean that there is none. */
const optionalId = number
  .nullish()
  .transform((text, context) => (!text || text === "0" ? null : toId(text, context)));

const quantity = number.transform((text, context) => {
  const units = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (units >= 1 && units <= MAX_UNITS) return units;
  const message = `must be a whole number from 1 to ${MAX_UNITS}, not "${text.slice(0, 40)}"`;
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});

/** Postgres text holds no NUL. */
const text = z
  .string()
  .max(MAX_TEXT, `must be at most ${MAX_TEXT} characters`)
  .refine((value) => !value.includes("\0"), "must hold no NUL character");

const listOf = <Item extends z.ZodType>(item: Item) =>
  json.pipe(z.array(item, "must be a list").max(MAX_LINES, `must have at most ${MAX_LINES} entries`));

const json = z.string("is missing").transform((source, context): unknown => {
  const problem = source.length > MAX_JSON ? `must be at most ${MAX_JSON} characters` : undefined;
  const value = problem === undefined ? parseJson(source) : undefined;
  if (value !== undefined) return value;
  context.addIssue({ code: "custom", message: problem ?? "must be JSON" });
  return z.NEVER;
});

/** Missing or empty: the default. Anything else must be one of the words. */
const wordOf = <const Word extends string>(words: readonly Word[], missing: Word) =>
  z
    .string()
    .default("")
    .transform((value) => value.trim().toLowerCase() || missing)
    .pipe(z.enum(words, `must be one of ${words.join(", ")}`));

const confirmed = z.object({
  order_id: id,
  storefront_id: optionalId.transform((value) => value ?? 0n),
  order_number: text.default(""),
  items: listOf(z.object({ listing_id: id, quantity, warehouse_id: optionalId })).refine(
    (items) => items.length > 0,
    "must not be empty",
  ),
  ship_to: z
    .string()
    .default("")
    .transform((source) => source.trim() || "{}")
    .pipe(json)
    .pipe(z.record(text, z.unknown(), "must be an object"))
    .transform(plainParts)
    .pipe(z.record(text, text)),
  priority: wordOf(PRIORITIES, "normal"),
  policy: wordOf(ORDER_POLICIES, "backorder"),
});

const cancelled = z.object({
  order_id: id,
  reason: text.default(""),
  items: z
    .string()
    .default("")
    .transform((source) => source.trim() || "[]")
    .pipe(listOf(z.object({ listing_id: id, quantity }))),
});

/** Reads one entry of `listings:events:orders`: flat fields, lists as JSON text. Fields that are not ours are passed over. */
export function decodeOrderEntry(entryId: string, fields: Record<string, string>): Decoded {
  const type = fields["type"] ?? "";
  const eventId = fields["event_id"] || entryId;
  const isKeepable = eventId.length <= MAX_EVENT_ID && !eventId.includes("\0");
  const poison = (reason: string): Decoded => ({
    kind: "poison",
    type,
    eventId: isKeepable ? eventId : entryId, // a letter that comes back is known by it
    reason,
  });
  if (type === "") return poison("type: is missing");
  if (!OUR_TYPES.has(type)) return { kind: "foreign", type };
  if (Object.keys(fields).length > MAX_FIELDS) return poison(`fields: must be at most ${MAX_FIELDS}`);
  if (!isKeepable) return poison(`event_id: must be at most ${MAX_EVENT_ID} characters, none of them NUL`);
  if (type === "order.confirmed") {
    const read = confirmed.safeParse(fields);
    if (!read.success) return poison(explain(read.error));
    return { kind: "event", event: { kind: "confirmed", eventId, entryId, order: read.data } };
  }
  const read = cancelled.safeParse(fields);
  if (!read.success) return poison(explain(read.error));
  return { kind: "event", event: { kind: "cancelled", eventId, entryId, ...read.data } };
}

/** Under which id an entry would be known, were it taken; undefined: it is not for us. Reads no more of it than that. */
export function identifyOrderEntry(entryId: string, fields: Record<string, string>): string | undefined {
  const type = fields["type"] ?? "";
  if (type !== "" && !OUR_TYPES.has(type)) return undefined;
  const eventId = fields["event_id"] || entryId;
  return eventId.includes("\0") ? entryId : eventId;
}

const SHOWN = 3;

/** The fields that are wrong, by their paths, such as `items[2].quantity`. */
function explain(error: z.ZodError): string {
  const reasons = error.issues.slice(0, SHOWN).map((issue) => {
    const path = issue.path
      .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
      .join("");
    return `${path.slice(1)}: ${issue.message}`;
  });
  const more = error.issues.length - SHOWN;
  return reasons.join("; ") + (more > 0 ? `; and ${more} more` : "");
}

function toId(text: string, context: z.RefinementCtx): bigint {
  const parsed = /^\d{1,19}$/.test(text) ? BigInt(text) : 0n;
  if (parsed > 0n && parsed <= MAX_ID) return parsed;
  context.addIssue({ code: "custom", message: `must be a positive id, not "${text.slice(0, 40)}"` });
  return z.NEVER;
}

/** JSON whose integers may be larger than a JavaScript number holds; undefined when it is none. */
function parseJson(source: string): unknown {
  const keepBig = (_key: string, value: unknown, { source: digits }: { source?: string }) =>
    typeof value === "number" &&
    !Number.isSafeInteger(value) &&
    digits !== undefined &&
    /^-?\d+$/.test(digits)
      ? BigInt(digits)
      : value;
  try {
    return JSON.parse(source, keepBig as (this: unknown, key: string, value: unknown) => unknown);
  } catch {
    return undefined;
  }
}

/**
 * The parts of an address that are plain; what else a producer may add to it is not ours. JSON can write half of a
 * character, which Postgres refuses: who cut a text in two has not made it a bad order.
 */
function plainParts(parts: Record<string, unknown>): Record<string, string> {
  const plain = Object.entries(parts).filter(([, value]) =>
    ["string", "number", "bigint"].includes(typeof value),
  );
  return Object.fromEntries(
    plain.map(([name, value]) => [name.toWellFormed(), String(value).toWellFormed()]),
  );
}
