import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ClaimNextPickingTaskRequestSchema,
  CompletePickingTaskRequestSchema,
  CreatePickingTaskRequestSchema,
  GetNextPickingItemRequestSchema,
  GetPickingTaskByOrderIDRequestSchema,
  GetPickingTaskRequestSchema,
  ListPickingTasksRequestSchema,
  PickItemRequestSchema,
  type PickingTask,
  PickingTaskItemStatus,
  PickingTaskStatus,
  StartPickingTaskRequestSchema,
} from "../../gen/wms/v1/picking_pb.js";
import { Priority } from "../../gen/wms/v1/priority_pb.js";
import type { Database } from "../../src/db/database.ts";
import { createLogger } from "../../src/logger.ts";
import type { Caller } from "../../src/rpc/handler.ts";
import { pickingHandlers } from "../../src/rpc/picking-handlers.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { refusal } from "../support/picking.ts";
import { makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

let test: TestDatabase;
let db: Database;
let house: TestWarehouse;
let rpc: ReturnType<typeof pickingHandlers>;
const caller: Caller = {
  principal: "test",
  role: "worker",
  workerId: 7n,
  method: "test",
  signal: new AbortController().signal,
};
const boss: Caller = { ...caller, role: "operator", workerId: undefined };

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  rpc = pickingHandlers({ db, logger: createLogger("silent") });
  [house] = (await makeWarehouses(db, 1, 5)) as [TestWarehouse];
  await makeListings(db, [5n]);
  await place(db, house, 5n, 1_000);
});
afterAll(() => test.close());

let nextOrder = 1n;

async function createTask(
  more: MessageInitShape<typeof CreatePickingTaskRequestSchema> = {},
): Promise<PickingTask> {
  const request = create(CreatePickingTaskRequestSchema, {
    orderId: nextOrder++,
    warehouseId: house.id,
    items: [{ listingId: 5n, quantity: 3 }],
    ...more,
  });
  return (await rpc.createPickingTask(request, boss)) as PickingTask;
}

const pick = (init: MessageInitShape<typeof PickItemRequestSchema>) =>
  rpc.pickItem(create(PickItemRequestSchema, init), caller);

describe("the picking RPCs", () => {
  it("lead an order from its task to the last item, as the contract shows it", async () => {
    const made = await createTask();
    expect(made).toMatchObject({
      status: PickingTaskStatus.PENDING,
      priority: Priority.NORMAL,
      workerId: 0n,
      totalItems: 1,
      pickedItems: 0,
    });
    const claimed = await rpc.claimNextPickingTask(
      create(ClaimNextPickingTaskRequestSchema, { warehouseId: house.id, workerId: 7n }),
      caller,
    );
    expect([claimed.id, claimed.status]).toEqual([made.id, PickingTaskStatus.ASSIGNED]);
    await rpc.startPickingTask(create(StartPickingTaskRequestSchema, { taskId: made.id }), caller);
    const item = await rpc.getNextPickingItem(
      create(GetNextPickingItemRequestSchema, { taskId: made.id }),
      caller,
    );
    expect(item).toMatchObject({
      listingId: 5n,
      quantityRequired: 3,
      sequence: 1,
      sku: "SKU-5",
      barcodes: ["EAN-5"],
      locationCode: "A-1",
      locationBarcode: "LOC-A-1",
      status: PickingTaskItemStatus.PENDING,
    });
    const answer = await pick({ taskId: made.id, itemId: item.id as bigint, quantity: 3 });
    expect(answer.task).toMatchObject({ pickedItems: 1, items: [{ status: PickingTaskItemStatus.PICKED }] });
    expect(answer.item).toMatchObject({ quantityPicked: 3 });
    expect(answer.nextItem).toBeUndefined();
    const done = await rpc.completePickingTask(
      create(CompletePickingTaskRequestSchema, { taskId: made.id }),
      caller,
    );
    expect(done.status).toBe(PickingTaskStatus.COMPLETED);
    const found = await rpc.getPickingTaskByOrderID(
      create(GetPickingTaskByOrderIDRequestSchema, { orderId: made.orderId }),
      caller,
    );
    expect(found).toEqual(
      await rpc.getPickingTask(create(GetPickingTaskRequestSchema, { taskId: made.id }), caller),
    );
  });

  it("name the field that is wrong", async () => {
    const task = await createTask();
    const itemId = task.items[0]?.id as bigint;
    const wrong: [string, () => Promise<unknown>][] = [
      ["quantity", () => pick({ taskId: task.id, itemId, quantity: 0 })],
      ["quantity", () => pick({ taskId: task.id, itemId, quantity: 0, shortReason: "  " })],
      ["quantity", () => pick({ taskId: task.id, itemId, quantity: -1, shortReason: "x" })],
      ["task_id", () => pick({ taskId: -1n, itemId, quantity: 1 })],
      ["item_id", () => pick({ taskId: task.id, quantity: 1 })],
      ["request_id", () => pick({ taskId: task.id, itemId, quantity: 1, requestId: "no uuid" })],
      ["short_reason", () => pick({ taskId: task.id, itemId, quantity: 1, shortReason: "x".repeat(501) })],
      ["items", () => createTask({ items: [] })],
      ["items[0].quantity", () => createTask({ items: [{ listingId: 5n, quantity: -2_147_483_648 }] })],
      ["items[1].listing_id", () => createTask({ items: [{ listingId: 5n, quantity: 1 }, { quantity: 1 }] })],
      ["priority", () => createTask({ priority: 99 as Priority })],
      ["statuses[0]", () => list({ statuses: [99 as PickingTaskStatus] })],
      ["priority", () => list({ priority: 99 as Priority })],
      ["page_token", () => list({ pageToken: "'; drop table" })],
      ["page_size", () => list({ pageSize: -1 })],
    ];
    for (const [field, call] of wrong) {
      const { reason, metadata } = await refusal(call());
      expect([reason, metadata["field"]]).toEqual(["INVALID_FIELD", field]);
    }
  });

  it("list page after page, newest first", async () => {
    for (let count = 0; count < 3; count++) await createTask({ priority: Priority.URGENT });
    const first = await list({ priority: Priority.URGENT, pageSize: 2 });
    const second = await list({
      priority: Priority.URGENT,
      pageSize: 2,
      pageToken: first.nextPageToken as string,
    });
    const ids = [...(first.tasks ?? []), ...(second.tasks ?? [])].map((task) => task.id as bigint);
    expect(ids).toHaveLength(3);
    expect(ids.toSorted((a, b) => (a > b ? -1 : 1))).toEqual(ids);
    expect(second.nextPageToken).toBe("");
  });

  it("tell of tasks that do not exist", async () => {
    const lost = { taskId: 999_999n };
    const calls = [
      rpc.getPickingTask(create(GetPickingTaskRequestSchema, lost), boss),
      rpc.startPickingTask(create(StartPickingTaskRequestSchema, lost), boss),
      rpc.completePickingTask(create(CompletePickingTaskRequestSchema, lost), boss),
    ];
    const reasons = await Promise.all(calls.map(async (call) => (await refusal(call)).reason));
    expect(new Set(reasons)).toEqual(new Set(["PICKING_TASK_NOT_FOUND"]));
    const ofOrder = rpc.getPickingTaskByOrderID(
      create(GetPickingTaskByOrderIDRequestSchema, { orderId: 999_999n }),
      boss,
    );
    expect((await refusal(ofOrder)).reason).toBe("PICKING_TASK_NOT_FOUND");
  });
});

function list(init: MessageInitShape<typeof ListPickingTasksRequestSchema>) {
  return rpc.listPickingTasks(create(ListPickingTasksRequestSchema, init), boss);
}
