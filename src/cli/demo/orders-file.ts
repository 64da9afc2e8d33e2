import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import type { Day, DayCancellation, DayOrder } from "./day.ts";

const items = z.array(z.object({ sku: z.string().trim().min(1), quantity: z.number().int() }));
const orderLine = z.object({
  order_number: z.coerce.string().min(1),
  country: z.string().default(""),
  items,
});
const cancellationLine = z.object({
  order_number: z.coerce.string().min(1),
  scope: z.string().default("partial"),
  items: items.default([]),
});

/**
 * Reads a day in JSON Lines: `{"order_number","confirmed_at","country","items":[{"sku","quantity"}]}`. Cancellations
 * come from their own file, or from the like-named one beside it. What can't be used is passed over and said.
 */
export async function readDay(ordersPath: string, cancellationsPath?: string): Promise<Day> {
  const complaints: string[] = [];
  const orders = new Map<string, DayOrder>();
  for (const order of await readLines(ordersPath, orderLine, complaints)) {
    const wanted = order.items.filter((item) => item.quantity > 0);
    if (wanted.length === 0) complaints.push(`order ${order.order_number}: no line with a quantity above 0`);
    else if (orders.has(order.order_number))
      complaints.push(`order ${order.order_number}: stands there twice`);
    else orders.set(order.order_number, { ...order, items: wanted });
  }
  const beside = cancellationsPath ?? besidePath(ordersPath);
  const records = beside ? await readLines(beside, cancellationLine, complaints) : [];
  const cancellations = records
    .filter((record) => orders.has(record.order_number))
    .map(
      ({ order_number, scope, items: some }): DayCancellation => ({
        order_number,
        items: scope === "full" ? [] : some.filter((item) => item.quantity > 0),
      }),
    )
    .filter((record, index) => records[index]?.scope === "full" || record.items.length > 0);
  return { orders: [...orders.values()], cancellations, complaints };
}

function besidePath(ordersPath: string): string | undefined {
  const path = join(dirname(ordersPath), basename(ordersPath).replace(/^orders-/, "cancellations-"));
  return path !== ordersPath && existsSync(path) ? path : undefined;
}

async function readLines<T extends z.ZodType>(
  path: string,
  shape: T,
  complaints: string[],
): Promise<z.infer<T>[]> {
  const lines = (await readFile(path, "utf8")).split("\n");
  return lines.flatMap((line, index): z.infer<T>[] => {
    if (line.trim() === "") return [];
    try {
      return [shape.parse(JSON.parse(line))];
    } catch (error) {
      const reason =
        error instanceof z.ZodError ? z.prettifyError(error).split("\n")[0] : (error as Error).message;
      complaints.push(`${basename(path)}:${index + 1}: ${reason}`);
      return [];
    }
  });
}
