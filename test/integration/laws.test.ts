import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CarrierFact } from "../../src/carriers/carrier.ts";
import type { Database } from "../../src/db/database.ts";
import { LAWS } from "../../src/db/laws.ts";
import { MACHINES } from "../../src/domain/machines.ts";
import { expireReservations } from "../../src/use-cases/inventory/expire-reservations.ts";
import { checkLaws, verify } from "../../src/use-cases/maintenance/verify.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { recordTracking } from "../../src/use-cases/shipping/record-tracking.ts";
import { BusyDay } from "../support/busy-day.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { readyParcel, shippedParcel } from "../support/parcels.ts";
import { cancelled, confirmed, makeListings, place, type TestWarehouse } from "../support/world.ts";

let test: TestDatabase;
let db: Database;

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  await new BusyDay(db, seed).live({ hands: 6, steps: 150 });
  await setScene();
});
afterAll(() => test.close());

const LISTING = 900n;
const items = [{ listing_id: LISTING, quantity: 2 }];

/** Orders whose state is known: 9001 planned, 9002 shipped, 9003 ready, 9004 delivered, 9005 cancelled, 9006 refused, 9007 waiting. */
async function setScene(): Promise<void> {
  await makeListings(db, [LISTING, 901n]);
  const { rows } = await sql<{ id: bigint; bins: string[] }>`
    select warehouse_id as id, array_agg(id::text order by id) as bins from locations where kind = 'bin'
    group by warehouse_id order by warehouse_id limit 1`.execute(db);
  const warehouse: TestWarehouse = { id: rows[0]!.id, bins: rows[0]!.bins.map(BigInt) };
  await place(db, warehouse, LISTING, 20, { bin: 0, age: 50, lot_code: "old" });
  await place(db, warehouse, LISTING, 20, { bin: 1, age: 5, lot_code: "new", expires_on: "2099-01-01" });
  await takeOrderEvents(db, [confirmed(9001n, items)]);
  await shippedParcel(db, 9002n, items);
  await readyParcel(db, 9003n, items);
  const { tracking_number } = await shippedParcel(db, 9004n, items);
  const rest = { raw_code: "", description: "", location: "", occurred_at: new Date() };
  const fact: CarrierFact = { carrier_code: "mock", tracking_number, status: "delivered", ...rest };
  await recordTracking(db, [fact], "poll");
  await takeOrderEvents(db, [confirmed(9005n, items)]);
  await takeOrderEvents(db, [cancelled(9005n)]);
  await takeOrderEvents(db, [confirmed(9006n, [{ listing_id: 901n, quantity: 5 }], "reject")]);
  await takeOrderEvents(db, [confirmed(9007n, [{ listing_id: 901n, quantity: 5 }])]);
}

async function broken(database: Database = db): Promise<Record<string, string[]>> {
  const verdicts = await verify(database);
  const red = verdicts.filter((verdict) => verdict.violation_count > 0n);
  return Object.fromEntries(red.map(({ name, violations }) => [name, violations]));
}

class Undo extends Error {}

/** What the law says after this was done to the data, which is as it was afterwards. */
async function violationsAfter(law: string, damage: string): Promise<string[]> {
  let violations: string[] = [];
  const undone = db.transaction().execute(async (trx) => {
    // Neither triggers nor foreign keys stand in the way of the damage.
    await sql.raw(`set local session_replication_role = replica; ${damage}`).execute(trx);
    violations = (await checkLaws(trx, [law])).flatMap((verdict) => verdict.violations);
    throw new Undo();
  });
  await expect(undone).rejects.toThrow(Undo);
  return violations;
}

const oldLot = "(select id from product_locations where lot_code = 'old' and for_sale)";
const newLot = "(select id from product_locations where lot_code = 'new' and for_sale)";
const held = "(select id from wms_reservations where order_id = 9001)";
const shipmentOf = (order: number) => `(select id from shipments where order_id = ${order})`;

/** The lots as they were long before the promise, the better one with units to spare. */
const untouched = `update product_locations set updated_at = '2020-01-01', created_at = '2020-01-01' where listing_id = ${LISTING};
  update listings set updated_at = '2020-01-01' where listing_id = ${LISTING};`;
const strategy = (word: string) =>
  `update listings set removal_strategy = '${word}' where listing_id = ${LISTING};`;

/** By law: what is done to the data, and what the law must say to it. */
const DAMAGES: Record<string, readonly (readonly [damage: string, complaint: RegExp])[]> = {
  stock_conservation: [
    [
      `update product_locations set quantity = quantity + 1 where id = ${oldLot}`,
      /has \d+ units, its movements say \d+/,
    ],
    [
      `delete from inventory_movements where to_product_location_id = ${newLot}`,
      /has 20 units, its movements say 0/,
    ],
  ],
  ledger_takes_and_gives: [
    [
      `update inventory_movements set listing_id = 901 where to_product_location_id = ${oldLot}`,
      /of 20 units of listing 901 goes from supplier/,
    ],
    [
      `update inventory_movements set to_product_location_id = 0 where to_product_location_id = ${oldLot}`,
      /to shelf 0/,
    ],
  ],
  picked_goods_conservation: [
    [
      `delete from inventory_movements where order_id = 9003 and to_place = 'packing'`,
      /order 9003, listing 900: by the ledger 0 units in packing and 0 with the customer, by its lines 2 and 0/,
    ],
    [
      `update order_items set shipped_quantity = 1 where order_id = 9002`,
      /order 9002, .* 0 units in packing and 2 with the customer, by its lines 1 and 1/,
    ],
  ],
  parcels_hold_what_was_packed: [
    [
      `update shipment_items set quantity = 3 where shipment_id = ${shipmentOf(9003)}`,
      /\(ready\): its shipments hold 3 units of line \d+, 2 were packed/,
    ],
    [
      `update shipment_items set quantity = 1 where shipment_id = ${shipmentOf(9002)}`,
      /\(shipped\): its shipments hold 1 units of line \d+, 2 were packed/,
    ],
    [
      `delete from shipment_items where shipment_id = ${shipmentOf(9004)}`,
      /\(completed\): its shipments hold 0 units of line \d+, 2 were packed/,
    ],
    [
      `update shipment_items set order_item_id = (select id from order_items where order_id = 9001)
       where shipment_id = ${shipmentOf(9003)}`,
      /\(ready\): its shipments hold 2 units of line \d+, 0 were packed/,
    ],
  ],
  reserved_is_held: [
    [
      `update product_locations set reserved_quantity = reserved_quantity + 1 where id = ${oldLot}`,
      /has 3 of \d+ units reserved, reservations hold 2/,
    ],
    [`delete from wms_reservations where id = ${held}`, /has 2 of \d+ units reserved, reservations hold 0/],
    [
      `alter table product_locations drop constraint product_locations_reserved_check;
       update product_locations set quantity = 1 where id = ${oldLot}`,
      /has 2 of 1 units reserved/,
    ],
  ],
  reservations_live: [
    [
      `update orders set status = 'cancelled', cancelled_at = now() where order_id = 9001`,
      /for order 9001, which is cancelled/,
    ],
    [
      `update picking_tasks set status = 'completed', worker_id = 1, completed_at = now() where order_id = 9001`,
      /for picking task \d+, which is completed/,
    ],
    [
      `update wms_reservations set order_id = 9002 where id = ${held}`,
      /of order 9001, but is of listing 900 and order 9002/,
    ],
    [
      `update wms_reservations set expires_at = now() - interval '6 minutes' where id = ${held}`,
      /expired at/,
    ],
  ],
  promises_add_up: [
    [
      `update order_items set allocated_quantity = 1 where order_id = 9001`,
      /order 9001 line 1: 1 units promised, but 2 held and 0 picked/,
    ],
  ],
  removal_order: [
    [
      `${untouched} update wms_reservations set product_location_id = ${newLot} where id = ${held}`,
      /while \d+ had \d+ units to spare/,
    ],
    [`${untouched} ${strategy("lifo")}`, /while \d+ had \d+ units to spare/],
    [`${untouched} ${strategy("fefo")}`, /while \d+ had \d+ units to spare/],
  ],
  one_effect: [
    [
      `update wms_reservations set quantity = quantity + 1 where id = ${held}`,
      /order 9001 line 1: pickers have 3 units to bring or brought, the line has 2/,
    ],
    [
      `drop index picking_tasks_one_live_key;
       insert into picking_tasks (order_id, fulfillment_id, warehouse_id)
       select order_id, fulfillment_id, warehouse_id from picking_tasks where order_id = 9001`,
      /fulfillment \d+ has 2 live picking tasks/,
    ],
    [
      `drop index packing_tasks_one_live_key;
       insert into packing_tasks (order_id, fulfillment_id, picking_task_id, warehouse_id)
       select order_id, fulfillment_id, picking_task_id, warehouse_id from packing_tasks where order_id = 9003`,
      /picking task \d+ has 2 live packing tasks/,
    ],
    [
      `alter table processed_events drop constraint processed_events_pkey;
       insert into processed_events select * from processed_events limit 1`,
      /was processed 2 times by wms-consumers/,
    ],
    [
      `insert into order_cancellations (order_id, listing_id, quantity, applied_quantity) values (9001, ${LISTING}, 1, 1)`,
      /order 9001, listing 900: 1 units cancelled on request, its lines say 0/,
    ],
  ],
  picks_add_up: [
    [
      `update picking_task_items set status = 'short', quantity_picked = 1
       where task_id in (select id from picking_tasks where order_id = 9003)`,
      /order 9003 line 1: 2 units picked, its items say 1/,
    ],
  ],
  all_or_nothing: [
    [
      `update order_items set cancelled_quantity = 0, allocated_quantity = 2 where order_id = 9005`,
      /order 9005 is cancelled, and still has 2 units promised/,
    ],
    [
      `insert into fulfillments (order_id, status) values (9006, 'pending')`,
      /order 9006 was refused, and has fulfillment \d+, which is pending/,
    ],
    [
      `delete from fulfillments where order_id = 9007`,
      /order 9007 waits for 5 units, and no backordered fulfillment shows it/,
    ],
  ],
  statuses_reachable: MACHINES.map(
    ({ table, column }) =>
      [
        `do $$ declare name text; begin
           for name in select conname from pg_constraint where conrelid = '${table}'::regclass and contype = 'c' loop
             execute format('alter table ${table} drop constraint %I', name);
           end loop;
         end $$;
         update ${table} set ${column} = 'elsewhere' where ctid = (select ctid from ${table} limit 1)`,
        new RegExp(`${table} \\d+: ${column} is elsewhere, which nothing leads to`),
      ] as const,
  ),
  fulfillments_fit_tasks: [
    [
      `update fulfillments set status = 'packed' where order_id = 9001`,
      /is packed, its picking task \d+ is pending/,
    ],
    [
      `update fulfillments set status = 'picked' where order_id = 9003`,
      /is picked, its packing task \d+ is packed/,
    ],
    [`delete from picking_tasks where order_id = 9001`, /is planning and has no picking task/],
    [
      `update picking_task_items set quantity_required = 0, quantity_picked = 0 where task_id in (select id from picking_tasks where order_id = 9003)`,
      /is ready, and nothing was picked for it/,
    ],
    [
      `update fulfillments set status = 'cancelled' where order_id = 9002`,
      /is cancelled, its shipment \d+ is shipped/,
    ],
    [
      `update fulfillments set status = 'cancelled' where order_id = 9003`,
      /is cancelled, its shipment \d+ is ready/,
    ],
    [`update shipments set status = 'ready' where order_id = 9002`, /is shipped, its shipment \d+ is ready/],
    [
      `update shipments set status = 'in_transit' where order_id = 9004`,
      /is completed, its shipment \d+ is in_transit/,
    ],
  ],
  tasks_fit_items: [
    [
      `update picking_tasks set total_items = 2 where order_id = 9001`,
      /\(pending\) says 0 of 2 items, it has 0 of 1/,
    ],
    [
      `update picking_task_items set status = 'pending', quantity_picked = 0
       where task_id in (select id from picking_tasks where order_id = 9003)`,
      /\(completed\) says 1 of 1 items, it has 0 of 1/,
    ],
  ],
  orders_follow_parts: [
    [
      `update orders set status = 'confirmed' where order_id = 9003`,
      /order 9003 is confirmed, its lowest part is further: ready_for_shipment/,
    ],
    [
      `update orders set status = 'shipped' where order_id = 9001`,
      /order 9001 is shipped, and none of its parts is/,
    ],
    [
      `update fulfillments set status = 'cancelled' where order_id = 9001`,
      /order 9001 is processing, and all its parts are cancelled/,
    ],
    [
      `update orders set status = 'cancelled', cancelled_at = now() where order_id = 9001`,
      /order 9001 is cancelled, its fulfillment \d+ is planning/,
    ],
    [
      `update orders set status = 'cancelled', cancelled_at = now() where order_id = 9002`,
      /order 9002 is cancelled, its shipment \d+ is shipped/,
    ],
  ],
  no_event_lost: [
    [
      `delete from outbox where aggregatetype = 'order' and aggregateid = '9004' and sequence = 2`,
      /order 9004: \d events, numbers 1 to \d, the last given is \d/,
    ],
    [
      `delete from outbox where aggregatetype = 'order' and aggregateid = '9004' and sequence =
         (select last_sequence from outbox_sequences where aggregatetype = 'order' and aggregateid = '9004')`,
      /order 9004: 4 events, numbers 1 to 4, the last given is 5/,
    ],
    [`delete from outbox where aggregatetype = 'order' and aggregateid = '9004'`, /order 9004: 0 events/],
    [
      `update outbox set published_at = null, created_at = now() - interval '6 minutes'
       where position = (select max(position) from outbox)`,
      /has waited since/,
    ],
  ],
  tracking_decides: [
    [
      `update shipments set status = 'in_transit' where order_id = 9004`,
      /is in_transit, what was stated about it means delivered/,
    ],
    [
      `update shipments set status = 'out_for_delivery' where order_id = 9002`,
      /is out_for_delivery, what was stated about it means nothing yet/,
    ],
  ],
  delivered_by_carrier: [
    [
      `update orders set status = 'delivered' where order_id = 9002`,
      /order 9002 is delivered, its shipment \d+ is shipped/,
    ],
    [
      `update orders set status = 'delivered' where order_id = 9001`,
      /order 9001 is delivered without any shipment/,
    ],
    [
      `update orders set status = 'shipped' where order_id = 9004`,
      /order 9004 is shipped, and every shipment of it was delivered/,
    ],
    [
      `delete from tracking_events where shipment_id = ${shipmentOf(9004)}`,
      /is delivered, by no carrier's word/,
    ],
  ],
  one_label_per_package: [
    [`delete from package_labels`, /has no label, which is said to be created/],
    [`update package_labels set data = ''`, /has no label, which is said to be created/],
    [
      `alter table package_labels drop constraint package_labels_pkey; insert into package_labels select * from package_labels`,
      /has 2 labels as/,
    ],
    [
      `insert into shipment_events (shipment_id, event_type) values (${shipmentOf(9003)}, 'LABEL_CREATED')`,
      /the label of shipment \d+ was bought 2 times/,
    ],
  ],
  labels_on_record: [
    [`delete from label_attempts`, /is created, and no purchase of it is on record/],
    [`update label_attempts set tracking_numbers = '{OTHER}'`, /has label MOCK\d+, which was not bought/],
    [
      `update label_attempts set status = 'in_doubt' where shipment_id = ${shipmentOf(9003)}`,
      /the label of shipment \d+ is created, its purchase is in_doubt/,
    ],
    [
      `update shipments set label_status = 'needs_review' where id = ${shipmentOf(9003)}`,
      /the label of shipment \d+ is needs_review, its purchase is bought/,
    ],
    [
      `update shipments set label_status = 'needs_review' where id = ${shipmentOf(9003)};
        delete from label_attempts where shipment_id = ${shipmentOf(9003)}`,
      /needs review, and no purchase of it is in doubt/,
    ],
  ],
};

describe("the laws", () => {
  it(`hold after a busy day (SEED=${seed})`, async () => {
    expect(await broken()).toEqual({});
    await expireReservations(db);
    expect(await broken()).toEqual({});
    const { rows } = await sql`
      select r.id from wms_reservations r join orders o using (order_id)
      where r.status = 'pending' and o.status in ('cancelled', 'shipped', 'delivered')`.execute(db);
    expect(rows).toEqual([]);
  });

  it("look at something, each of them", async () => {
    expect((await verify(db)).filter((verdict) => verdict.checked === 0n)).toEqual([]);
  });

  it("can all be broken, and are all tried below", () => {
    expect(Object.keys(DAMAGES).sort()).toEqual(LAWS.map((law) => law.name).sort());
    expect([...new Set(LAWS.map((law) => law.number))]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  const trials = Object.entries(DAMAGES).flatMap(([law, damages]) =>
    damages.map(([damage, complaint]) => ({ law, damage, complaint })),
  );
  it.each(trials)("$law notices: $complaint", async ({ law, damage, complaint }) => {
    expect(await violationsAfter(law, damage)).toContainEqual(expect.stringMatching(complaint));
  });

  it("are checked by name, when names are given", async () => {
    const verdicts = await verify(db, ["one_effect", "stock_conservation"]);
    expect(verdicts.map(({ name }) => name)).toEqual(["stock_conservation", "one_effect"]);
  });
});
