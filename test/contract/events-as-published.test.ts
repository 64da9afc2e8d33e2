import { type DescMessage, fromJson, type JsonObject } from "@bufbuild/protobuf";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import { file_wms_v1_events } from "../../gen/wms/v1/events_pb.js";
import { adjustInventory } from "../../src/use-cases/inventory/adjust-inventory.ts";
import { BusyDay } from "../support/busy-day.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { freshCall } from "../support/world.ts";

let test: TestDatabase;

beforeAll(async () => {
  test = await testDatabase();
});
afterAll(() => test.close());

const MESSAGES = new Map(file_wms_v1_events.messages.map((message) => [message.name, message]));

/** `picking.item_picked` is PickingItemPickedEvent. */
function messageOf(type: string): DescMessage {
  const words = type.split(/[._]/).map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`);
  const message = MESSAGES.get(`${words.join("")}Event`);
  if (!message) throw new Error(`${type} has no message`);
  return message;
}

it("says of every event what its fields are: read as JSON, each is one of its message", async () => {
  await new BusyDay(test.db, 7).live({ hands: 4, steps: 150 });
  const { rows } = await sql<{ type: string; payload: JsonObject }>`
    select distinct on (type, keys) type, payload from outbox,
      lateral (select string_agg(key, ',' order by key) as keys from jsonb_object_keys(payload) key) as all_keys`.execute(
    test.db,
  );
  expect(new Set(rows.map((row) => row.type)).size).toBeGreaterThan(15);
  for (const { type, payload } of rows) expect(() => fromJson(messageOf(type), payload), type).not.toThrow();
});

it("tells in inventory.adjusted by how many units a shelf was corrected", async () => {
  const { rows: lots } = await sql<{ id: bigint }>`
    select id from product_locations where available_quantity > 1 limit 1`.execute(test.db);
  const product_location_id = (lots[0] as { id: bigint }).id;
  for (const delta of [3, -2])
    await adjustInventory(test.db, freshCall(), {
      product_location_id,
      adjustment: { delta },
      reason: "test",
    });
  const { rows } = await sql<{ payload: JsonObject }>`
    select payload from outbox where type = 'inventory.adjusted' order by position desc limit 2`.execute(
    test.db,
  );
  expect(rows.map((row) => row.payload["quantity"])).toEqual(["-2", "3"]);
});

it("tells with an order's status whose storefront it is", async () => {
  const { rows } = await sql<{ payload: JsonObject }>`
    select payload from outbox where type = 'order.status_changed' and payload->>'to_status' <> 'cancelled'`.execute(
    test.db,
  );
  expect(rows.length).toBeGreaterThan(5);
  expect(rows.filter(({ payload }) => payload["storefront_id"] !== "1")).toEqual([]);
});
