import { setTimeout as delay } from "node:timers/promises";
import { equals, type Message } from "@bufbuild/protobuf";
import { sql } from "kysely";
import type { Order } from "../../../gen/wms/v1/orders_pb.js";
import { OrderStatus } from "../../../gen/wms/v1/orders_pb.js";
import { CONSUMER_GROUP, EVENTS } from "../../../src/domain/events.ts";
import { verify } from "../../../src/use-cases/maintenance/verify.ts";
import { until } from "../../support/until.ts";
import type { Cluster } from "./cluster.ts";
import type { Load } from "./load.ts";

const STREAMS = [...new Set(Object.values(EVENTS).map((event) => event.stream))];
const PUBLISHED_MS = 70_000;
/** The reconciler comes round every minute. */
const RECONCILED_MS = 75_000;

/**
 * The six invariants, against what the clients were told: S stock, R reservations, O orders, E effects, L letters,
 * T transitions. Every violation is a sentence that begins with its letter.
 */
export async function violations(
  cluster: Cluster,
  load: Load,
  options: { ordered: boolean } = { ordered: true },
): Promise<string[]> {
  load.witness.closed = true;
  await everythingPublished(cluster);
  const orders = await load.ownOrders();
  const found = await Promise.all([
    brokenLaws(cluster),
    wrongStock(cluster, load),
    wrongPicks(cluster, load),
    wrongInbox(cluster, load),
    wrongStreams(cluster, load, options),
    wrongReplays(load),
  ]);
  return [...wrongOrders(load, orders), ...found.flat()];
}

/** S, R, T and more: the service's own laws, over everything. */
async function brokenLaws({ db }: Cluster): Promise<string[]> {
  const verdicts = await verify(db);
  return verdicts.flatMap(({ name, violations: broken }) => broken.map((one) => `S/R/T ${name}: ${one}`));
}

/** S: what was placed is on the shelves, or went out with parcels. */
async function wrongStock({ db }: Cluster, { witness, world }: Load): Promise<string[]> {
  const { rows } = await sql<{ listing_id: bigint; here: number; gone: number }>`
    select listing_id, coalesce(here, 0)::int as here, coalesce(gone, 0)::int as gone
    from unnest(${world.listings}::bigint[]) as listing_id
    left join lateral (select sum(quantity) as here from product_locations p where p.listing_id = listing_id.listing_id) on true
    left join lateral (
      select sum(i.quantity) as gone from shipment_items i join shipments s on s.id = i.shipment_id
      where i.listing_id = listing_id.listing_id and s.status not in ('ready', 'cancelled')) on true`.execute(
    db,
  );
  return rows.flatMap(({ listing_id, here, gone }) => {
    const placed = witness.placed.get(listing_id) ?? 0;
    return placed === here + gone
      ? []
      : [`S listing ${listing_id}: ${placed} placed, ${here} here and ${gone} shipped`];
  });
}

/** E: each scan that was answered counts once. */
async function wrongPicks({ db }: Cluster, { witness }: Load): Promise<string[]> {
  const { rows } = await sql<{ id: bigint; picked: number }>`
    select id, quantity_picked as picked from picking_task_items
    where id = any(${[...witness.picked.keys()]}::bigint[])`.execute(db);
  const booked = new Map(rows.map(({ id, picked }) => [id, picked]));
  return [...witness.picked].flatMap(([id, told]) =>
    booked.get(id) === told ? [] : [`E item ${id}: ${told} picked, ${booked.get(id)} in the book`],
  );
}

/** O: each order is shipped or cancelled, as its people were told. */
function wrongOrders({ witness, orders: fed }: Load, orders: ReadonlyMap<bigint, Order>): string[] {
  return fed.flatMap(({ orderId, items }) => {
    const order = orders.get(orderId);
    if (!order) return [`O order ${orderId} is not there`];
    const reason = whatIsWrong(order, items, {
      shipped: witness.shippedOrders.has(orderId),
      cancelled: witness.cancelledOrders.has(orderId),
    });
    return reason ? [`O order ${orderId}: ${reason}`] : [];
  });
}

function whatIsWrong(
  order: Order,
  ordered: readonly { listingId: bigint; quantity: number }[],
  told: { shipped: boolean; cancelled: boolean },
): string | undefined {
  const units = order.items.reduce((sum, item) => sum + item.quantity, 0);
  const wanted = ordered.reduce((sum, item) => sum + item.quantity, 0);
  const shipped = order.items.reduce((sum, item) => sum + item.shippedQuantity, 0);
  const status = OrderStatus[order.status];
  if (units !== wanted) return `${units} units instead of ${wanted}`;
  if (told.cancelled && order.status !== OrderStatus.CANCELLED) return `was told cancelled, is ${status}`;
  if (order.status === OrderStatus.CANCELLED)
    return shipped > 0 || told.shipped ? `cancelled with ${shipped} units shipped` : undefined;
  if (!told.shipped) return `is ${status}, and nobody shipped it`;
  const stuck = order.items.filter((item) => item.quantity - item.cancelledQuantity !== item.shippedQuantity);
  return stuck.length > 0 ? `${stuck.length} lines neither shipped nor cancelled` : undefined;
}

/** E: one row of the inbox for each event, however often it came. */
async function wrongInbox({ db }: Cluster, { feeder }: Load): Promise<string[]> {
  const ids = [...feeder.eventIds];
  const { rows } = await sql<{ event_id: string }>`
    select event_id from processed_events
    where consumer = ${CONSUMER_GROUP} and event_id = any(${ids}::text[])`.execute(db);
  return rows.length === ids.length ? [] : [`L ${ids.length} events sent, ${rows.length} processed`];
}

interface StreamEntry {
  stream: string;
  event_id: string;
  aggregate_id: string;
  sequence: number;
}

/**
 * L: every committed event is on its stream, at the latest when the reconciler has come round. T: the load's own things'
 * events, when first seen, in the order of their numbers; unless a stream was trimmed: what is published again then
 * comes after what was left on it.
 */
async function wrongStreams(
  cluster: Cluster,
  load: Load,
  { ordered }: { ordered: boolean },
): Promise<string[]> {
  const deadline = performance.now() + RECONCILED_MS;
  for (;;) {
    const entries = await streamEntries(cluster);
    const lost = await missing(cluster, entries);
    if (lost.length > 0 && performance.now() < deadline) await delay(500);
    else if (!ordered) return lost.slice(0, 10);
    else return [...lost.slice(0, 10), ...reordered(entries, await ownAggregates(cluster, load))];
  }
}

/** As the events' `aggregate_id` names them. */
async function ownAggregates({ db }: Cluster, { orders }: Load): Promise<Set<string>> {
  const ids = orders.map(({ orderId }) => orderId);
  const { rows } = await sql<{ id: string }>`
    select 'order:' || id as id from unnest(${ids}::bigint[]) as id
    union all select 'fulfillment:' || id from fulfillments where order_id = any(${ids}::bigint[])
    union all select 'shipment:' || id from shipments where order_id = any(${ids}::bigint[])`.execute(db);
  return new Set(rows.map(({ id }) => id));
}

function streamEntries(cluster: Cluster): Promise<StreamEntry[]> {
  return cluster.withRedis(async (redis) => {
    const streams = await Promise.all(STREAMS.map((stream) => redis.xrange(stream, "-", "+")));
    return streams.flatMap((entries, nth) => entries.map(([, flat]) => entryOf(STREAMS[nth] ?? "", flat)));
  });
}

async function missing({ db }: Cluster, entries: readonly StreamEntry[]): Promise<string[]> {
  const there = new Set(entries.map(({ event_id }) => event_id));
  const { rows } = await sql<{ id: string; type: string }>`
    select id, type from outbox where stream = any(${STREAMS}::text[])`.execute(db);
  return rows.filter(({ id }) => !there.has(id)).map(({ id, type }) => `L ${type} ${id} is on no stream`);
}

function reordered(entries: readonly StreamEntry[], own: ReadonlySet<string>): string[] {
  const last = new Map<string, number>();
  const seen = new Set<string>();
  const found: string[] = [];
  for (const { stream, event_id, aggregate_id, sequence } of entries) {
    if (seen.has(event_id) || !own.has(aggregate_id)) continue;
    seen.add(event_id);
    const key = `${stream} ${aggregate_id}`;
    const before = last.get(key) ?? 0;
    if (sequence < before) found.push(`T ${key}: event ${sequence} came after ${before}`);
    last.set(key, Math.max(before, sequence));
  }
  return found;
}

function entryOf(stream: string, flat: readonly string[]): StreamEntry {
  const field = (name: string) => flat[flat.indexOf(name) + 1] ?? "";
  return {
    stream,
    event_id: field("event_id"),
    aggregate_id: field("aggregate_id"),
    sequence: Number(field("sequence")),
  };
}

/** E: the same request gets the same answer. */
async function wrongReplays({ witness }: Load): Promise<string[]> {
  const found: string[] = [];
  for (const { method, message, answer, client } of witness.replays) {
    const again = await client.call(method, message as never).catch((error: unknown) => error as Error);
    if (again instanceof Error) found.push(`E ${method.name} again: ${again.message}`);
    else if (!equals(method.output, answer, again as Message)) {
      const [then, now] = [answer, again].map((one) => JSON.stringify(one, plain));
      found.push(`E ${method.name} again gives another answer: ${then} then ${now}`);
    }
  }
  return found.slice(0, 5);
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

async function everythingPublished({ db }: Cluster): Promise<void> {
  await until(
    "everything is published",
    async () => {
      const { rows } = await sql`select from outbox where published_at is null limit 1`.execute(db);
      return rows.length === 0;
    },
    PUBLISHED_MS,
  );
}
