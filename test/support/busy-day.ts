import { sql } from "kysely";
import type { CarrierFact } from "../../src/carriers/carrier.ts";
import type { Database } from "../../src/db/database.ts";
import { pickingTaskView } from "../../src/db/picking-views.ts";
import { DomainError } from "../../src/domain/errors.ts";
import { ORDER_POLICIES, type TrackingStatus } from "../../src/domain/vocabulary.ts";
import { adjustInventory } from "../../src/use-cases/inventory/adjust-inventory.ts";
import { moveInventory } from "../../src/use-cases/inventory/move-inventory.ts";
import { reserveInventory } from "../../src/use-cases/inventory/reserve-inventory.ts";
import { cancelOrder } from "../../src/use-cases/orders/cancel-order.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { cancelPackingTask } from "../../src/use-cases/packing/cancel-packing-task.ts";
import { shipPackingTask } from "../../src/use-cases/packing/ship-packing-task.ts";
import { assignPickingTask } from "../../src/use-cases/picking/assign-picking-task.ts";
import { cancelPickingTask } from "../../src/use-cases/picking/cancel-picking-task.ts";
import { completePickingTask } from "../../src/use-cases/picking/complete-picking-task.ts";
import { pickItems } from "../../src/use-cases/picking/pick-items.ts";
import { reportShortPick } from "../../src/use-cases/picking/report-short-pick.ts";
import { skipPickingItem } from "../../src/use-cases/picking/skip-picking-item.ts";
import { startPickingTask } from "../../src/use-cases/picking/start-picking-task.ts";
import { buyLabel } from "../../src/use-cases/shipping/buy-label.ts";
import { recordTracking } from "../../src/use-cases/shipping/record-tracking.ts";
import { mockCarriers, OPERATOR, packWhole } from "./parcels.ts";
import {
  cancelled,
  confirmed,
  freshCall,
  makeListings,
  makeWarehouses,
  place,
  serveBackorders,
  type TestWarehouse,
} from "./world.ts";

/** Numbers from 0 to below 1 that are the same for the same seed. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const LISTINGS = 10;

/**
 * A day in which everything happens at once and much of it goes wrong: scarce stock, cancellations at every stage,
 * short picks, skips, returned and lost parcels. A refusal by the domain is a normal answer; anything else is thrown.
 */
export class BusyDay {
  readonly #db: Database;
  readonly #random: () => number;
  #warehouses: TestWarehouse[] = [];
  #orders = 0;
  /** Scans are not older than the parcels. */
  readonly #scansFrom = Date.now();
  refusals = 0;

  constructor(db: Database, seed: number) {
    this.#db = db;
    this.#random = seededRandom(seed);
  }

  /** `hands` people do `steps` things each, side by side. */
  async live({ hands, steps }: { hands: number; steps: number }): Promise<void> {
    await this.#open();
    const work = async () => {
      for (let step = 0; step < steps; step++) await this.#act();
    };
    await Promise.all(Array.from({ length: hands }, work));
    await serveBackorders(this.#db);
  }

  #int(below: number): number {
    return Math.floor(this.#random() * below);
  }

  #one<T>(list: readonly T[]): T | undefined {
    return list[this.#int(list.length)];
  }

  async #open(): Promise<void> {
    this.#warehouses = await makeWarehouses(this.#db, 2, 12);
    const ids = Array.from({ length: LISTINGS }, (_, index) => BigInt(index + 1));
    await makeListings(this.#db, ids.slice(0, 6));
    await makeListings(this.#db, ids.slice(6, 8), "fefo");
    await makeListings(this.#db, ids.slice(8), "lifo");
    for (const id of ids) for (let lot = 0; lot < 3; lot++) await this.#place(id);
  }

  async #act(): Promise<void> {
    const acts: readonly [chances: number, act: () => Promise<unknown>][] = [
      [6, () => this.#confirm()],
      [3, () => this.#restock()],
      [30, () => this.#pick()],
      [6, () => this.#pack()],
      [4, () => this.#label()],
      [4, () => this.#ship()],
      [12, () => this.#track()],
      [2, () => this.#cancel()],
      [4, () => this.#cancelSome()],
      [1, () => this.#cancelTask()],
      [1, () => this.#hold()],
      [1, () => this.#count()],
      [1, () => this.#move()],
      [1, () => serveBackorders(this.#db)],
    ];
    const lots = acts.flatMap(([chances, act]) => Array.from({ length: chances }, () => act));
    try {
      await this.#one(lots)?.();
    } catch (error) {
      const isBusy = error instanceof Error && error.name === "LabelBusy"; // somebody else buys that label
      if (!(error instanceof DomainError) && !isBusy) throw error;
      this.refusals += 1;
    }
  }

  #place(listing_id: bigint) {
    const expires_on = this.#random() < 0.5 ? `2099-0${1 + this.#int(9)}-01` : null;
    const lot = { bin: this.#int(12), age: this.#int(90), expires_on };
    return place(this.#db, this.#one(this.#warehouses) as TestWarehouse, listing_id, 1 + this.#int(25), lot);
  }

  #restock() {
    return this.#place(BigInt(1 + this.#int(LISTINGS)));
  }

  async #confirm() {
    const batch = Array.from({ length: 1 + this.#int(4) }, () => {
      const items = Array.from({ length: 1 + this.#int(4) }, () => ({
        listing_id: BigInt(1 + this.#int(LISTINGS)),
        quantity: 1 + this.#int(9),
        ...(this.#random() < 0.2 ? { warehouse_id: (this.#one(this.#warehouses) as TestWarehouse).id } : {}),
      }));
      this.#orders += 1;
      return confirmed(BigInt(this.#orders), items, this.#one(ORDER_POLICIES));
    });
    await takeOrderEvents(this.#db, batch);
    if (this.#random() < 0.3) await takeOrderEvents(this.#db, batch); // delivered twice
  }

  /** Sometimes of an order that is still to come. */
  #cancel() {
    return takeOrderEvents(this.#db, [cancelled(BigInt(1 + this.#int(this.#orders + 3)))]);
  }

  /** Mostly of goods that were picked in part: there it is hardest. */
  async #cancelSome() {
    const { rows } = await sql<{ order_id: bigint; listing_id: bigint }>`
      select task.order_id, item.listing_id
      from picking_task_items item
      join picking_tasks task on task.id = item.task_id
      join fulfillments f on f.id = task.fulfillment_id and f.status in ('picking', 'picked', 'packing')
      where item.quantity_picked between 1 and item.quantity_required - 1 order by item.id limit 20`.execute(
      this.#db,
    );
    const partly = this.#random() < 0.7 ? this.#one(rows) : undefined;
    const order_id = partly?.order_id ?? BigInt(1 + this.#int(this.#orders + 1));
    const listing_id = partly?.listing_id ?? BigInt(1 + this.#int(LISTINGS));
    const items = [{ listing_id, quantity: 1 + this.#int(9) }];
    if (this.#random() < 0.5) return takeOrderEvents(this.#db, [cancelled(order_id, items)]);
    return cancelOrder(this.#db, freshCall(), { order_id, reason: "by phone", items });
  }

  async #hold() {
    const listing_id = BigInt(1 + this.#int(LISTINGS));
    const warehouse_id = (this.#one(this.#warehouses) as TestWarehouse).id;
    const order_id = BigInt(this.#orders + 1 + this.#int(5));
    const expires_at = new Date(Date.now() + 3_600_000);
    await reserveInventory(this.#db, freshCall(), {
      listing_id,
      warehouse_id,
      quantity: 1 + this.#int(5),
      order_id,
      expires_at,
    });
  }

  async #anyId(query: ReturnType<typeof sql<{ id: bigint }>>): Promise<bigint | undefined> {
    return this.#one((await query.execute(this.#db)).rows)?.id;
  }

  async #pick() {
    const task_id = await this.#anyId(
      sql`select id from picking_tasks where status not in ('completed', 'cancelled') order by id limit 20`,
    );
    if (task_id === undefined) return;
    const task = await pickingTaskView(this.#db, task_id);
    const actor = OPERATOR;
    if (task.status === "pending")
      return void (await assignPickingTask(this.#db, freshCall(), { task_id, worker_id: 7n, actor }));
    if (task.status === "assigned")
      return void (await startPickingTask(this.#db, freshCall(), { task_id, actor }));
    const item = task.items.find(
      ({ status }) => status === "pending" || (status === "short" && this.#random() < 0.2),
    );
    if (!item) return void (await completePickingTask(this.#db, freshCall(), { task_id, actor }));
    const luck = this.#random();
    if (luck < 0.05)
      return void (await skipPickingItem(this.#db, freshCall(), {
        task_id,
        item_id: item.id,
        reason: "blocked",
        actor,
      }));
    const missing = luck < 0.15 ? 1 + this.#int(item.quantity_required) : 0;
    const left = item.quantity_required - item.quantity_picked;
    const request = { call: freshCall("PickItem"), actor, task_id, item_id: item.id };
    if (missing > 0) {
      const pick = { quantity: Math.max(0, left - missing), short_reason: "not there" };
      return void (await reportShortPick(this.#db, { ...request, pick }));
    }
    const [outcome] = await pickItems(this.#db, [
      { ...request, pick: { quantity: luck < 0.4 ? 1 + this.#int(left) : left } },
    ]);
    if (typeof outcome === "object" && "refused" in outcome) throw outcome.refused;
  }

  async #pack() {
    const task_id = await this.#anyId(
      sql`select id from packing_tasks where status = 'pending' order by id limit 20`,
    );
    if (task_id !== undefined) await packWhole(this.#db, task_id);
  }

  async #label() {
    const shipment_id = await this.#anyId(
      sql`select id from shipments where label_status = 'requested' order by id limit 20`,
    );
    if (shipment_id !== undefined) await buyLabel(this.#db, mockCarriers(), { shipment_id });
  }

  async #ship() {
    const task_id = await this.#anyId(
      sql`select id from packing_tasks where status = 'packed' order by id limit 20`,
    );
    if (task_id !== undefined) await shipPackingTask(this.#db, freshCall(), { task_id, actor: OPERATOR });
  }

  /** Carriers tell things late, twice and in the wrong order. */
  async #track() {
    const { rows } = await sql<{ tracking_number: string }>`
      select tracking_number from packages where tracking_number is not null order by id desc limit 30`.execute(
      this.#db,
    );
    const number = this.#one(rows)?.tracking_number;
    if (number === undefined) return;
    const told: TrackingStatus[] = [
      "in_transit",
      "out_for_delivery",
      "delivery_attempted",
      "delivered",
      "delivered",
      "exception",
      "lost",
      "returned",
      "unknown",
    ];
    const facts = Array.from({ length: 1 + this.#int(3) }, (): CarrierFact => {
      const status = this.#one(told) as TrackingStatus;
      const occurred_at = new Date(this.#scansFrom + this.#int(48) * 3_600_000);
      return {
        carrier_code: "mock",
        tracking_number: number,
        status,
        raw_code: status,
        description: "",
        location: "",
        occurred_at,
      };
    });
    await recordTracking(this.#db, facts, "poll");
  }

  async #cancelTask() {
    const reason = "test";
    if (this.#random() < 0.5) {
      const task_id = await this.#anyId(
        sql`select id from picking_tasks where status <> 'cancelled' order by id desc limit 20`,
      );
      if (task_id !== undefined) await cancelPickingTask(this.#db, freshCall(), { task_id, reason });
      return;
    }
    const task_id = await this.#anyId(
      sql`select id from packing_tasks where status <> 'cancelled' order by id desc limit 20`,
    );
    if (task_id !== undefined) await cancelPackingTask(this.#db, freshCall(), { task_id, reason });
  }

  async #count() {
    const product_location_id = await this.#anyId(
      sql`select id from product_locations order by id limit 100`,
    );
    if (product_location_id === undefined) return;
    const adjustment = { delta: this.#int(9) - 4 };
    await adjustInventory(this.#db, freshCall(), { product_location_id, adjustment, reason: "counted" });
  }

  async #move() {
    const product_location_id = await this.#anyId(
      sql`select lot.id from product_locations lot where available_quantity > 0 order by for_sale, id limit 30`,
    );
    const to_location_id = this.#one(this.#one(this.#warehouses)?.bins ?? []);
    if (product_location_id === undefined || to_location_id === undefined) return;
    await moveInventory(this.#db, freshCall(), { product_location_id, to_location_id, quantity: 1 });
  }
}
