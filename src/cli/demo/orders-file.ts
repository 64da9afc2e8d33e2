import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { type Day, type DayCancellation, type DayOrder, skuKey } from "./day.ts";

const MAX_LINES = 10_000;
const MAX_QUANTITY = 1_000_000;

const word = (max: number) =>
  z
    .union([z.string(), z.number()], "must be text or a number")
    .transform((value) => String(value).trim())
    .pipe(
      z
        .string()
        .min(1, "must not be empty")
        .max(max)
        .regex(/^\P{Cc}*$/u, "must hold no control characters"),
    );
const item = z.object({ sku: word(64), quantity: z.int().min(1, "must be above 0").max(MAX_QUANTITY) });
const items = z.array(z.unknown(), "must be a list").max(MAX_LINES);
const orderRecord = z.object({
  order_number: word(100),
  country: z.string().max(100).nullish().catch(""),
  items,
});
const cancellationRecord = z.object({
  order_number: word(100),
  scope: z.string().nullish(),
  items: items.nullish(),
});

const anyRecord = z.object(
  { order: z.unknown().optional(), cancellation: z.unknown().optional(), event: z.unknown().optional() },
  "must be an object",
);

type Kind = "order" | "cancellation";

/**
 * Reads a day in JSON Lines: `{"order_number","confirmed_at","country","items":[{"sku","quantity"}]}`. Cancellations
 * come from their own file, or from the like-named one beside it; `{"order","cancellation"}` is both. What can't be
 * used is passed over and said.
 */
export async function readDay(ordersPath: string, cancellationsPath?: string): Promise<Day> {
  const reader = new DayReader();
  await reader.read(ordersPath, "order");
  const beside = cancellationsPath ?? besidePath(ordersPath);
  if (beside) await reader.read(beside, "cancellation");
  return reader.day();
}

function besidePath(ordersPath: string): string | undefined {
  const path = join(dirname(ordersPath), basename(ordersPath).replace(/^orders-/, "cancellations-"));
  return path !== ordersPath && existsSync(path) ? path : undefined;
}

class DayReader {
  readonly #orders = new Map<string, DayOrder>();
  readonly #cancellations: { at: string; cancellation: DayCancellation }[] = [];
  readonly #complaints: string[] = [];

  async read(path: string, kind: Kind): Promise<void> {
    const text = await readFile(path, "utf8");
    for (const [index, line] of text
      .replace(/^\uFEFF/, "")
      .split("\n")
      .entries()) {
      const at = `${basename(path)}:${index + 1}`;
      if (line.trim() !== "") this.#attempt(at, () => this.#take(at, JSON.parse(line), kind));
    }
  }

  day(): Day {
    const cancellations = this.#cancellations.flatMap(
      ({ at, cancellation }) => this.#fit(at, cancellation) ?? [],
    );
    return { orders: [...this.#orders.values()], cancellations, complaints: this.#complaints };
  }

  #take(at: string, record: unknown, kind: Kind): void {
    const { order, cancellation, event } = anyRecord.parse(record);
    if (order !== undefined) this.#addOrder(at, order);
    if (cancellation !== undefined) this.#addCancellation(at, cancellation);
    if (order !== undefined || cancellation !== undefined) return;
    if (kind === "cancellation" || event === "order.cancelled") this.#addCancellation(at, record);
    else this.#addOrder(at, record);
  }

  #addOrder(at: string, record: unknown): void {
    const { order_number, country, items: raw } = orderRecord.parse(record);
    if (this.#orders.has(order_number)) throw new Error(`order ${order_number} stands there twice`);
    const wanted = this.#items(at, raw);
    if (wanted.length === 0) throw new Error(`order ${order_number} has no line that can be used`);
    this.#orders.set(order_number, { order_number, country: country ?? "", items: wanted });
  }

  #addCancellation(at: string, record: unknown): void {
    const { order_number, scope, items: raw } = cancellationRecord.parse(record);
    const whole = scope === "full" || !raw?.length;
    const some = whole ? [] : this.#items(at, raw);
    if (!whole && some.length === 0) throw new Error("has no line that can be used");
    this.#cancellations.push({ at, cancellation: { order_number, items: some } });
  }

  #items(at: string, raw: readonly unknown[]): { sku: string; quantity: number }[] {
    return raw.flatMap((one, index) => {
      const read = item.safeParse(one);
      if (read.success) return [read.data];
      this.#complaints.push(`${at}: items[${index}] ${reasonOf(read.error)}`);
      return [];
    });
  }

  /** Only what was ordered can be taken back. */
  #fit(at: string, { order_number, items: some }: DayCancellation): DayCancellation | undefined {
    const order = this.#orders.get(order_number);
    const ordered = new Set(order?.items.map(({ sku }) => skuKey(sku)));
    const known = some.filter(({ sku }) => ordered.has(skuKey(sku)));
    if (order && (some.length === 0 || known.length > 0)) return { order_number, items: known };
    this.#complaints.push(`${at}: cancels what nobody ordered (order ${order_number})`);
    return undefined;
  }

  #attempt(at: string, take: () => void): void {
    try {
      take();
    } catch (error) {
      this.#complaints.push(`${at}: ${reasonOf(error)}`);
    }
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof z.ZodError)) return (error as Error).message;
  const [issue] = error.issues;
  return [issue?.path.join("."), issue?.message].filter(Boolean).join(": ");
}
