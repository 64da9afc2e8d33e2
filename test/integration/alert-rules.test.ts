import { readFile } from "node:fs/promises";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ALERT_RULES } from "../../src/db/alert-rules.ts";
import { raiseAlert } from "../../src/db/alerts.ts";
import { insertDeadLetters } from "../../src/db/dead-letters.ts";
import { addJob } from "../../src/db/jobs.ts";
import { appendEvents } from "../../src/db/outbox.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { insertDelivery } from "../../src/db/webhooks.ts";
import { event, ORDER_STREAM } from "../../src/domain/events.ts";
import { reserveInventory } from "../../src/use-cases/inventory/reserve-inventory.ts";
import { listAlerts } from "../../src/use-cases/maintenance/alerts.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { assignPickingTask } from "../../src/use-cases/picking/assign-picking-task.ts";
import { assignTracking } from "../../src/use-cases/shipping/assign-tracking.ts";
import { createShipment } from "../../src/use-cases/shipping/create-shipment.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { OPERATOR, pickedOrder, readyParcel, shippedParcel, startPacking } from "../support/parcels.ts";
import {
  confirmed,
  freshCall,
  makeListings,
  makeWarehouses,
  place,
  type TestWarehouse,
} from "../support/world.ts";

let base: TestDatabase;
let warehouse: TestWarehouse;

const ITEMS = [{ listing_id: 1n, quantity: 2 }];

beforeEach(async () => {
  base = await testDatabase();
  [warehouse] = (await makeWarehouses(base.db)) as [TestWarehouse];
  await makeListings(base.db, [1n, 2n]);
  await place(base.db, warehouse, 1n, 100);
});
afterEach(() => base.close());

/** Lets so many seconds pass for one thing: what it says of its times moves back. */
async function age(table: string, columns: string[], seconds: number): Promise<void> {
  const moved = columns.map((name) => `${name} = ${name} - interval '${seconds} seconds'`);
  await sql.raw(`update ${table} set ${moved.join(", ")}`).execute(base.db);
}

async function poison(event_type = "order.confirmed", reason = "no luck"): Promise<void> {
  const entry_id = `${(await sql<{ n: bigint }>`select count(*) as n from dead_letters`.execute(base.db)).rows[0]?.n}-1`;
  const letter = { stream: ORDER_STREAM, entry_id, event_id: entry_id, event_type, payload: {}, reason };
  await inTransaction(base.db, (trx) => insertDeadLetters(trx, [{ ...letter, trace: "", attempts: 8 }]));
}

async function job(attempts: string, created: string): Promise<void> {
  await inTransaction(base.db, (trx) => addJob(trx, "buy_label", { shipment_id: "1" }));
  await sql
    .raw(
      `update graphile_worker._private_jobs set attempts = ${attempts}, created_at = ${created}, last_error = 'no carrier'`,
    )
    .execute(base.db);
}

async function told(status: string, raw_code: string, is_unmapped = false): Promise<void> {
  await sql`
    insert into tracking_events (shipment_id, carrier_code, tracking_number, status, raw_code, occurred_at, source,
      dedupe_key, is_unmapped)
    select id, carrier_code, tracking_number, ${status}, ${raw_code}, now(), 'poll', gen_random_uuid()::text,
      ${is_unmapped}::boolean
    from shipments`.execute(base.db);
}

interface Scene {
  /** Just below the threshold. */
  before(): Promise<unknown>;
  /** And now above it. */
  after(): Promise<unknown>;
  labels: Record<string, unknown>;
  value: unknown;
  words: RegExp;
}

const anAge = (seconds: number) => expect.closeTo(seconds, -2);

const scenes: Record<string, Scene> = {
  dead_letters_open: {
    before: async () => {},
    after: () => poison(),
    labels: { stream: ORDER_STREAM, event_type: "order.confirmed" },
    value: 1,
    words: /1 dead letters of listings:events:orders \(order.confirmed\), the latest: no luck/,
  },
  outbox_late: {
    before: () =>
      inTransaction(base.db, (trx) => appendEvents(trx, [event("shipment.created", { shipment_id: 5 })])),
    after: () => age("outbox", ["created_at"], 100),
    labels: {},
    value: anAge(100),
    words: /2 committed events are not published, the oldest/,
  },
  job_dead: {
    before: () => job("max_attempts - 1", "now()"),
    after: () => job("max_attempts", "now()"),
    labels: { task: "buy_label" },
    value: 2,
    words: /2 buy_label jobs have failed for the last time, the latest \d+: no carrier/,
  },
  job_failing: {
    before: () => job("3", "now() - interval '23 hours'"),
    after: () => job("3", "now() - interval '25 hours'"),
    labels: { task: "buy_label" },
    value: anAge(25 * 3600),
    words: /2 buy_label jobs fail and fail/,
  },
  picking_task_stuck: {
    before: async () => {
      await takeOrderEvents(base.db, [confirmed(7n, ITEMS)]);
      await assignPickingTask(base.db, freshCall(), { task_id: 1n, worker_id: 7n, actor: OPERATOR });
      await age("picking_tasks", ["updated_at"], 3_500);
    },
    after: () => age("picking_tasks", ["updated_at"], 200),
    labels: { task_id: "1", order_id: "7", worker_id: "7", warehouse_id: "1" },
    value: anAge(3_700),
    words: /picking task 1 of order 7, which worker 7 has, is assigned and does not move/,
  },
  packing_task_stuck: {
    before: async () => {
      await startPacking(base.db, await pickedOrder(base.db, 7n, ITEMS));
      await age("packing_tasks", ["updated_at"], 4_000); // its items were touched just now
    },
    after: () => age("packing_task_items", ["updated_at"], 3_700),
    labels: { task_id: "1", order_id: "7", worker_id: "7", warehouse_id: "1" },
    value: anAge(3_700),
    words: /packing task 1 of order 7/,
  },
  order_waiting: {
    before: async () => {
      await takeOrderEvents(base.db, [confirmed(7n, ITEMS)]);
      await age("fulfillments", ["created_at"], 86_000);
    },
    after: () => age("fulfillments", ["created_at"], 1_000),
    labels: { order_id: "7", fulfillment_id: "1", warehouse_id: "1", status: "planning" },
    value: anAge(87_000),
    words: /order 7 is not shipped, its fulfillment 1 is planning/,
  },
  backorder_waiting: {
    before: async () => {
      await takeOrderEvents(base.db, [confirmed(7n, [{ listing_id: 2n, quantity: 1 }])]);
      await age("fulfillments", ["created_at"], 3 * 86_400 - 500);
    },
    after: () => age("fulfillments", ["created_at"], 1_000),
    labels: { order_id: "7", fulfillment_id: "1" },
    value: anAge(3 * 86_400 + 500),
    words: /order 7 waits for stock/,
  },
  reservation_overdue: {
    before: async () => {
      const hold = { listing_id: 1n, warehouse_id: warehouse.id, quantity: 1, order_id: 9n };
      const expires_at = new Date(Date.now() + 60_000);
      await reserveInventory(base.db, freshCall(), { ...hold, expires_at });
      await age("wms_reservations", ["expires_at"], 900);
    },
    after: () => age("wms_reservations", ["expires_at"], 120),
    labels: {},
    value: anAge(960),
    words: /1 holds have expired/,
  },
  label_failed: {
    before: () => readyParcel(base.db, 7n, ITEMS),
    after: async () => {
      await sql`alter table shipments disable trigger user`.execute(base.db);
      await sql`update shipments set label_status = 'failed'`.execute(base.db);
      await sql`insert into shipment_events (shipment_id, event_type, payload_json)
        select id, 'LABEL_FAILED', '{"error": "bad address"}' from shipments`.execute(base.db);
    },
    labels: { shipment_id: "1", order_id: "7", carrier_code: "mock" },
    value: expect.closeTo(0, -1),
    words: /shipment 1 of order 7 gets no label from mock \(bad address\)/,
  },
  label_in_doubt: {
    before: () => readyParcel(base.db, 7n, ITEMS),
    after: async () => {
      await sql`alter table shipments disable trigger user`.execute(base.db);
      await sql`update shipments set label_status = 'needs_review'`.execute(base.db);
    },
    labels: { shipment_id: "1", order_id: "7", carrier_code: "mock" },
    value: expect.any(Number),
    words: /nobody knows whether mock sold the label of shipment 1 \(order 7\)/,
  },
  label_late: {
    before: async () => {
      await readyParcel(base.db, 7n, ITEMS);
      await sql`alter table shipments disable trigger user`.execute(base.db);
      await sql`update shipments set label_status = 'requested', updated_at = now() - interval '3500 seconds'`.execute(
        base.db,
      );
    },
    after: () => age("shipments", ["updated_at"], 200),
    labels: { shipment_id: "1", order_id: "7", carrier_code: "mock" },
    value: anAge(3_700),
    words: /shipment 1 of order 7 waits for its label from mock/,
  },
  shipment_of_unpacked_goods: {
    before: async () => {
      await takeOrderEvents(base.db, [confirmed(7n, ITEMS)]);
      const { id } = await createShipment(base.db, freshCall(), {
        order_id: 7n,
        service: "",
        packages: [],
        items: [],
      });
      const under = { carrier_code: "mock", tracking_number: "MOCK000000000001" };
      await assignTracking(base.db, freshCall(), { shipment_id: id, ...under });
      await age("shipments", ["shipped_at"], 3_500);
    },
    after: () => age("shipments", ["shipped_at"], 200),
    labels: { shipment_id: "1", order_id: "7", fulfillment_id: "1" },
    value: anAge(3_700),
    words: /shipment 1 of order 7 is shipped, but its goods were never packed \(fulfillment 1 is planning\)/,
  },
  label_not_voided: {
    before: () => readyParcel(base.db, 7n, ITEMS),
    after: async () => {
      await sql`alter table label_attempts disable trigger user`.execute(base.db);
      await sql`update label_attempts set status = 'unwanted', ended_at = now(), error = 'too late'`.execute(
        base.db,
      );
    },
    labels: {
      shipment_id: "1",
      carrier_code: "mock",
      reference: expect.stringMatching(/^wms-1-/),
      tracking_numbers: expect.stringMatching(/^MOCK/),
    },
    value: expect.closeTo(0, -1),
    words: /mock does not take back the label of shipment 1 \(too late\)/,
  },
  channel_sync_failed: {
    before: () => shippedParcel(base.db, 7n, ITEMS),
    after: () => sql`update shipments set channel_sync_status = 'failed'`.execute(base.db),
    labels: { shipment_id: "1", order_id: "7" },
    value: expect.any(Number),
    words: /did not take the tracking of shipment 1/,
  },
  shipment_silent: {
    before: async () => {
      await shippedParcel(base.db, 7n, ITEMS);
      await told("label_created", "LC");
      await age("shipments", ["shipped_at"], 2 * 86_400 - 500);
    },
    after: () => age("shipments", ["shipped_at"], 1_000),
    labels: { shipment_id: "1", order_id: "7", carrier_code: "mock", tracking_number: expect.any(String) },
    value: anAge(2 * 86_400 + 500),
    words: /mock has said nothing of shipment 1 \(number MOCK\S+\), handed over/,
  },
  shipment_exception: {
    before: async () => {
      await shippedParcel(base.db, 7n, ITEMS);
      await told("exception", "X"); // so that nobody calls it silent
      await sql`update shipments set status = 'exception', updated_at = now() - interval '86000 seconds'`.execute(
        base.db,
      );
    },
    after: () => age("shipments", ["updated_at"], 1_000),
    labels: { shipment_id: "1", order_id: "7", carrier_code: "mock", tracking_number: expect.any(String) },
    value: anAge(87_000),
    words: /mock reports trouble with shipment 1/,
  },
  shipment_unfinished: {
    before: async () => {
      await shippedParcel(base.db, 7n, ITEMS);
      await told("in_transit", "T");
      await age("shipments", ["shipped_at", "created_at"], 60 * 86_400 - 500);
    },
    after: () => age("shipments", ["shipped_at", "created_at"], 1_000),
    labels: { shipment_id: "1", order_id: "7", carrier_code: "mock", tracking_number: expect.any(String) },
    value: anAge(60 * 86_400 + 500),
    words: /shipment 1 \(number MOCK\S+ of mock\) came to no end, and mock is asked about it no more/,
  },
  webhook_stuck: {
    before: async () => {
      const stored = { carrier_code: "mock", delivery_key: "one", facts: [] };
      await insertDelivery(base.db, stored);
      await insertDelivery(base.db, { ...stored, delivery_key: "two" });
      await age("webhook_deliveries", ["received_at"], 500);
    },
    after: () => age("webhook_deliveries", ["received_at"], 200),
    labels: { carrier_code: "mock" },
    value: anAge(700),
    words: /2 deliveries of mock were taken in, and can't be worked in/,
  },
  delivery_reversed: {
    before: async () => {
      await shippedParcel(base.db, 7n, ITEMS);
      await told("exception", "-1", true); // before it was delivered, it is trouble like any other
      await told("delivered", "1");
      await told("exception", "5"); // its meaning is sure, and known to leave a delivery alone
      await sql`update shipments set status = 'delivered', delivered_at = now()`.execute(base.db);
    },
    after: () => told("exception", "-1", true),
    labels: {
      shipment_id: "1",
      order_id: "7",
      carrier_code: "mock",
      tracking_number: expect.any(String),
      raw_code: "-1",
    },
    value: expect.any(Number),
    words: /mock takes back that shipment 1 \(number \w+\) was delivered, with code -1/,
  },
  tracking_unmapped: {
    before: async () => {
      await shippedParcel(base.db, 7n, ITEMS);
      await told("in_transit", "T");
      await told("unknown", "NOTHING-SAID"); // known to say nothing of where the parcel is
    },
    after: () => told("unknown", "ZZ", true),
    labels: { carrier_code: "mock", raw_code: "ZZ" },
    value: 1,
    words: /code "ZZ" of mock means nothing to us; it came 1 times/,
  },
};

const OF_STREAMS = ["stream_stuck", "stream_late", "streams_unreachable"];

describe("the alerts", () => {
  it("are all in the contract, and all tried here", async () => {
    const contract = await readFile(
      new URL("../../proto/wms/v1/operations_service.proto", import.meta.url),
      "utf8",
    );
    const names = ALERT_RULES.map((rule) => rule.name);
    const documented = [...contract.matchAll(/^ {2}\/\/ (\w+)(?: \(|, per|:)/gm)].map(([, name]) => name);
    expect(documented).toEqual(expect.arrayContaining([...names, "alert_unknown", ...OF_STREAMS]));
    expect(Object.keys(scenes).sort()).toEqual([...names].sort());
  });

  it.each(Object.entries(scenes))("%s fires above its threshold, and not below", async (name, scene) => {
    const firing = async () => (await listAlerts({ db: base.db })).filter((alert) => alert.name === name);
    await scene.before();
    expect(await firing()).toEqual([]);
    await scene.after();
    const [alert, ...others] = await firing();
    expect(others).toEqual([]);
    expect(alert).toMatchObject({
      labels: scene.labels,
      value: scene.value,
      summary: expect.stringMatching(scene.words),
    });
    expect(alert?.value).toBeGreaterThan(alert?.threshold as number);
    expect(alert?.since).toBeInstanceOf(Date);
  });

  it("come the most severe first, then the oldest, and by severity when asked", async () => {
    await poison();
    await poison("order.cancelled");
    await raiseAlert(base.db, {
      name: "b",
      key: "x",
      severity: "warning",
      summary: "later",
      labels: { of: "y" },
    });
    await raiseAlert(base.db, { name: "a", key: "", severity: "warning", summary: "earlier" });
    await sql`update alerts set since = since - interval '1 hour' where name = 'a'`.execute(base.db);
    const names = async (severity?: "warning" | "critical") =>
      (await listAlerts({ db: base.db }, severity)).map(({ name, labels }) => [name, labels]);
    const critical = ["order.confirmed", "order.cancelled"].map((event_type) => [
      "dead_letters_open",
      { stream: ORDER_STREAM, event_type },
    ]);
    const warnings = [
      ["a", {}],
      ["b", { of: "y", key: "x" }],
    ];
    expect(await names()).toEqual([...critical, ...warnings]);
    expect(await names("critical")).toEqual(critical);
    expect(await names("warning")).toEqual(warnings);
  });

  it("name the twenty worst of many, and count the others", async () => {
    for (let type = 0; type < 25; type++) {
      await poison(`type.${type}`);
      if (type === 24) await poison(`type.${type}`);
    }
    const alerts = await listAlerts({ db: base.db });
    expect(alerts).toHaveLength(20);
    expect(alerts.every(({ labels }) => labels["total"] === "25")).toBe(true);
    expect(alerts.find(({ value }) => value === 2)?.labels).toMatchObject({ event_type: "type.24" });
  });

  it("say so when one of them can't be looked up, and go on with the others", async () => {
    await poison();
    const shape = "'{}'::jsonb as labels, now() as since, 'x' as summary";
    const rule = { severity: "critical", value: "count", threshold: 0 } as const;
    const broken = { ...rule, name: "broken", question: `select ${shape}, 1/0 as value` };
    const slow = { ...rule, name: "slow", question: `select ${shape}, 1 as value from pg_sleep(20)` };
    const started = performance.now();
    const alerts = await listAlerts({ db: base.db, rules: [broken, slow, ...ALERT_RULES] });
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(alerts.map(({ name, labels }) => [name, labels["alert"]])).toEqual([
      ["dead_letters_open", undefined],
      ["alert_unknown", "broken"],
      ["alert_unknown", "slow"],
    ]);
    expect(alerts[1]?.summary).toMatch(/whether broken fires can't be looked up \(division by zero\)/);
  });

  it("say that the streams can't be reached, and what is wrong on them", async () => {
    const gone = await listAlerts({
      db: base.db,
      readStreamLag: () => Promise.reject(new Error("ECONNREFUSED")),
    });
    expect(gone).toMatchObject([{ name: "streams_unreachable", severity: "critical" }]);
    const group = {
      stream: ORDER_STREAM,
      group: "wms-consumers",
      length: 9,
      lag: 5,
      oldest_waiting_ms: 61_000,
      pending: 4,
      oldest_pending_idle_ms: 121_000,
      consumers: 1,
      last_delivered_id: "1-0",
    };
    const outbox = { unpublished: 0, oldest_age_ms: null };
    const about = (streams: (typeof group)[]) =>
      listAlerts({ db: base.db, readStreamLag: async () => ({ streams, outbox }) });
    expect(await about([group])).toMatchObject([
      {
        name: "stream_stuck",
        value: 121,
        threshold: 120,
        summary: expect.stringContaining("taken and not finished"),
      },
      { name: "stream_late", value: 61, threshold: 60, labels: { stream: ORDER_STREAM } },
    ]);
    expect(await about([{ ...group, oldest_waiting_ms: 59_000, oldest_pending_idle_ms: 119_000 }])).toEqual(
      [],
    );
    expect(await about([{ ...group, group: "somebody-else" }])).toEqual([]);
  });
});
