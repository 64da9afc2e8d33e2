import { readFile } from "node:fs/promises";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ReservationStatus } from "../../gen/wms/v1/inventory_pb.js";
import { FulfillmentStatus, OrderStatus } from "../../gen/wms/v1/orders_pb.js";
import { PackingTaskStatus } from "../../gen/wms/v1/packing_pb.js";
import { PickingTaskItemStatus, PickingTaskStatus } from "../../gen/wms/v1/picking_pb.js";
import { LabelStatus, ShipmentStatus } from "../../gen/wms/v1/shipments_pb.js";
import { lifecyclesPage } from "../../scripts/gen-docs.ts";
import { MACHINES } from "../../src/domain/machines.ts";
import { edgesOf } from "../../src/domain/state-machine.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";

const ENUMS: Record<string, object> = {
  fulfillment: FulfillmentStatus,
  picking_task: PickingTaskStatus,
  picking_task_item: PickingTaskItemStatus,
  packing_task: PackingTaskStatus,
  reservation: ReservationStatus,
  order: OrderStatus,
  shipment: ShipmentStatus,
  label: LabelStatus,
};

let test: TestDatabase;
beforeAll(async () => {
  test = await testDatabase();
});
afterAll(() => test.close());

describe.each(MACHINES)("$machine.name", ({ machine, table, column }) => {
  it("has the same edges in the database", async () => {
    const { rows } = await sql<{ action: string; from: string; to: string }>`
      select action, from_status as from, to_status as to from state_transitions where machine = ${machine.name}
    `.execute(test.db);
    const sorted = (edges: readonly object[]) =>
      edges.map((edge) => JSON.stringify(edge, ["action", "from", "to"])).sort();
    expect(sorted(rows)).toEqual(sorted(edgesOf(machine)));
  });

  it("has the same statuses in the column's check", async () => {
    const { rows } = await sql<{ definition: string }>`
      select pg_get_constraintdef(oid) as definition from pg_constraint
      where conrelid = ${table}::regclass and conname = ${`${table}_${column}_check`}`.execute(test.db);
    const inCheck = [...(rows[0]?.definition ?? "").matchAll(/'(\w+)'::text/g)].map((match) => match[1]);
    expect(new Set(inCheck)).toEqual(new Set(machine.statuses));
  });

  it.runIf(machine.name in ENUMS)("has the same statuses in the contract", () => {
    const names = Object.keys(ENUMS[machine.name] as object).filter((name) => Number.isNaN(Number(name)));
    const words = names.filter((name) => name !== "UNSPECIFIED").map((name) => name.toLowerCase());
    expect(words.sort()).toEqual([...machine.statuses].sort());
  });

  it("reaches every status, and leaves no way out of a last one", () => {
    const reached = new Set<string>(machine.initial);
    for (let size = -1; size !== reached.size; ) {
      size = reached.size;
      for (const { from, to } of edgesOf(machine)) if (reached.has(from)) reached.add(to);
    }
    expect([...reached].sort()).toEqual([...machine.statuses].sort());
  });
});

describe("the page of the lifecycles", () => {
  it("draws the machines as they are", async () => {
    const page = await readFile(new URL("../../docs/lifecycles.md", import.meta.url), "utf8");
    expect(page).toBe(lifecyclesPage());
  });
});

describe("the database", () => {
  it("refuses an illegal change of status, whoever asks", async () => {
    await sql`insert into orders (order_id, status, confirmed_at) values (1, 'confirmed', now())`.execute(
      test.db,
    );
    await sql`update orders set status = 'delivered' where order_id = 1`.execute(test.db);
    await expect(
      sql`update orders set status = 'processing' where order_id = 1`.execute(test.db),
    ).rejects.toThrow("order cannot go from delivered to processing");
  });

  it("never lets go of a movement", async () => {
    await expect(sql`truncate inventory_movements`.execute(test.db)).rejects.toThrow("append-only");
  });
});
