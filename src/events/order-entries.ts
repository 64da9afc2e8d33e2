import { z } from "zod";
import type { OrderEvent } from "../domain/order-event.ts";
import { ORDER_POLICIES, PRIORITIES } from "../domain/vocabulary.ts";

/** What a stream entry turned out to be. */
export type Decoded =
  | { kind: "event"; event: OrderEvent }
  | { kind: "foreign"; type: string } // not for us: other types may share the stream
  | { kind: "poison"; type: string; eventId: string; reason: string };

const MAX_ID = 2n ** 63n - 1n;
const MAX_LINES = 10_000;
const MAX_TEXT = 500;

const id = z.union([z.string(), z.number(), z.bigint()]).transform((value, context) => {
  const text = String(value).trim();
  const parsed = /^\d{1,19}$/.test(text) ? BigInt(text) : 0n;
  if (parsed > 0n && parsed <= MAX_ID) return parsed;
  context.addIssue({ code: "custom", message: `must be a positive id, not "${text.slice(0, 40)}"` });
  return z.NEVER;
});

const optionalId = id.nullish().transform((value) => value ?? null);

const quantity = z.union([z.string(), z.number(), z.bigint()]).transform((value, context) => {
  const units = Number(String(value).trim() || Number.NaN);
  if (Number.isInteger(units) && units >= 1 && units <= 1_000_000_000) return units;
  context.addIssue({
    code: "custom",
    message: `must be a whole number from 1 to 1000000000, not "${String(value).slice(0, 40)}"`,
  });
  return z.NEVER;
});

/** Postgres text holds no NUL. */
const text = z
  .string()
  .max(MAX_TEXT)
  .refine((value) => !value.includes("\0"), "must hold no NUL character");

const listOf = <Item extends z.ZodType>(item: Item) =>
  z
    .string()
    .transform((json, context): unknown => parseJson(json, context))
    .pipe(z.array(item).max(MAX_LINES));

const storefront = z
  .string()
  .optional()
  .transform((value) => (value && /^\d{1,18}$/.test(value) ? BigInt(value) : 0n));

const confirmed = z.object({
  order_id: id,
  storefront_id: storefront,
  order_number: text.default(""),
  items: listOf(z.object({ listing_id: id, quantity, warehouse_id: optionalId })).refine(
    (items) => items.length > 0,
    "must not be empty",
  ),
  ship_to: z
    .string()
    .default("{}")
    .transform((json, context): unknown => parseJson(json || "{}", context))
    .pipe(z.record(z.string().max(64), z.union([text, z.number(), z.bigint(), z.null()])))
    .transform(plainAddress),
  priority: z.enum(PRIORITIES).catch("normal"),
  policy: z.enum(ORDER_POLICIES).catch("backorder"),
});

const cancelled = z.object({
  order_id: id,
  reason: text.default(""),
  items: z
    .string()
    .optional()
    .transform((json) => json || "[]")
    .pipe(listOf(z.object({ listing_id: id, quantity }))),
});

/** Reads one entry of `listings:events:orders`: flat fields, lists as JSON text. */
export function decodeOrderEntry(entryId: string, fields: Record<string, string>): Decoded {
  const type = fields["type"] ?? "";
  const eventId = fields["event_id"] || entryId;
  if (type === "order.confirmed") {
    const read = confirmed.safeParse(fields);
    if (!read.success) return { kind: "poison", type, eventId, reason: explain(read.error) };
    return { kind: "event", event: { kind: "confirmed", eventId, entryId, order: read.data } };
  }
  if (type === "order.cancelled") {
    const read = cancelled.safeParse(fields);
    if (!read.success) return { kind: "poison", type, eventId, reason: explain(read.error) };
    return { kind: "event", event: { kind: "cancelled", eventId, entryId, ...read.data } };
  }
  if (type === "") return { kind: "poison", type, eventId, reason: "type: is missing" };
  return { kind: "foreign", type };
}

function explain(error: z.ZodError): string {
  return error.issues
    .slice(0, 3)
    .map((issue) => `${issue.path.join(".") || "entry"}: ${issue.message}`)
    .join("; ");
}

/** JSON whose integers may be larger than a JavaScript number holds. */
function parseJson(json: string, context: z.RefinementCtx): unknown {
  const keepBig = (_key: string, value: unknown, { source }: { source?: string }) =>
    typeof value === "number" &&
    !Number.isSafeInteger(value) &&
    source !== undefined &&
    /^-?\d+$/.test(source)
      ? BigInt(source)
      : value;
  try {
    return JSON.parse(json, keepBig as (this: unknown, key: string, value: unknown) => unknown);
  } catch {
    context.addIssue({ code: "custom", message: "is no JSON" });
    return z.NEVER;
  }
}

function plainAddress(parts: Record<string, string | number | bigint | null>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parts).flatMap(([key, value]) => (value === null ? [] : [[key, String(value)]])),
  );
}
