import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FulfillmentStatus, OrderStatus } from "../../gen/wms/v1/orders_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import type { Database } from "../../src/db/database.ts";
import { serviceHandlers } from "../../src/rpc/service-handlers.ts";
import { takeOrderEvents } from "../../src/use-cases/orders/take-order-events.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type Doors, noStreams, openDoors, TestClient } from "../support/doors.ts";
import { confirmed, makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

const rpc = WarehouseService.method;
const LISTING = 1n;
const WAITED_FOR = 2n;
/** As they arrive. A marketplace's, a snowflake and the largest there is stand between the Listings service's own. */
const ARRIVED = [7n, 8_000_000_000_000_000n, 5n, 1_850_000_000_000_000_000n, 9_223_372_036_854_775_807n, 6n];
const NEWEST_FIRST = ARRIVED.toReversed();

let database: TestDatabase;
let db: Database;
let doors: Doors;
let client: TestClient;
let here: TestWarehouse;
let lots: bigint[];

beforeAll(async () => {
  database = await testDatabase();
  db = database.db;
  doors = await openDoors(
    serviceHandlers({ db, logger: pino({ level: "silent" }), readStreamLag: noStreams }),
  );
  client = new TestClient(doors.grpcAddress);
  [here] = (await makeWarehouses(db, 2)) as [TestWarehouse, TestWarehouse];
  await makeListings(db, [LISTING, WAITED_FOR]);
  lots = [
    await place(db, here, LISTING, 3),
    await place(db, here, LISTING, 40, { bin: 1 }),
    await place(db, here, LISTING, 2),
  ];
  for (const order_id of ARRIVED)
    await takeOrderEvents(db, [confirmed(order_id, [{ listing_id: LISTING, quantity: 1 }])]);
});

afterAll(async () => {
  client.close();
  await doors.close();
  await database.close();
});

/** All pages, each asked for with the token of the one before; `between` happens while they are read. */
async function allPages<Row>(
  ask: (pageToken: string) => Promise<{ rows: Row[]; nextPageToken: string }>,
  between: () => Promise<unknown> = async () => {},
): Promise<Row[]> {
  const all: Row[] = [];
  for (let pageToken = ""; ; ) {
    const { rows, nextPageToken } = await ask(pageToken);
    all.push(...rows);
    if (nextPageToken === "") return all;
    pageToken = nextPageToken;
    await between();
  }
}

type OrderWish = Parameters<typeof client.call<typeof rpc.listOrders>>[1];

async function orderIds(wish: OrderWish, between?: () => Promise<unknown>): Promise<bigint[]> {
  return allPages(async (pageToken) => {
    const { orders, nextPageToken } = await client.call(rpc.listOrders, { ...wish, pageToken });
    return { rows: orders.map((order) => order.orderId), nextPageToken };
  }, between);
}

describe("ListOrders", () => {
  it.each([1, 2, 3, 50])(
    "gives the newest first, whatever their ids are, in pages of %i",
    async (pageSize) => {
      expect(await orderIds({ pageSize })).toEqual(NEWEST_FIRST);
    },
  );

  it("does the same under every filter", async () => {
    const processing = { statuses: [OrderStatus.CONFIRMED, OrderStatus.PROCESSING], pageSize: 2 };
    expect(await orderIds(processing)).toEqual(NEWEST_FIRST);
    expect(await orderIds({ storefrontId: 1n, pageSize: 2 })).toEqual(NEWEST_FIRST);
    expect(await orderIds({ warehouseId: here.id, pageSize: 4 })).toEqual(NEWEST_FIRST);
    expect(await orderIds({ orderNumber: "N-5", pageSize: 1 })).toEqual([5n]);
    expect(await orderIds({ statuses: [OrderStatus.DELIVERED], pageSize: 2 })).toEqual([]);
  });

  it("says each once, and none that comes while the pages are read", async () => {
    let late = 100n;
    const arrive = () => takeOrderEvents(db, [confirmed(late++, [{ listing_id: WAITED_FOR, quantity: 1 }])]);
    expect(await orderIds({ pageSize: 2 }, arrive)).toEqual(NEWEST_FIRST);
    expect(await orderIds({ pageSize: 2 })).toEqual([102n, 101n, 100n, ...NEWEST_FIRST]);
  });
});

describe("ListFulfillments", () => {
  it.each([1, 4, 50])("gives the newest first, in pages of %i, under every filter", async (pageSize) => {
    const list = (wish: Parameters<typeof client.call<typeof rpc.listFulfillments>>[1]) =>
      allPages(async (pageToken) => {
        const page = await client.call(rpc.listFulfillments, { ...wish, pageSize, pageToken });
        return { rows: page.fulfillments, nextPageToken: page.nextPageToken };
      });
    const all = await list({});
    expect(all.map(({ id }) => id)).toEqual(all.map(({ id }) => id).toSorted((a, b) => Number(b - a)));
    expect(all.map(({ orderId }) => orderId)).toEqual(expect.arrayContaining(ARRIVED));
    const planned = all.filter(({ warehouseId }) => warehouseId === here.id);
    expect(await list({ warehouseId: here.id })).toEqual(planned);
    expect(planned.map(({ orderId }) => orderId)).toEqual(NEWEST_FIRST);
    expect(await list({ orderId: 7n })).toEqual(planned.filter(({ orderId }) => orderId === 7n));
    const waiting = await list({ statuses: [FulfillmentStatus.BACKORDERED] });
    expect(waiting).toEqual(all.filter(({ status }) => status === FulfillmentStatus.BACKORDERED));
  });
});

describe("ListMovements", () => {
  it.each([1, 2, 50])("gives the newest first, in pages of %i, under every filter", async (pageSize) => {
    const list = (wish: Parameters<typeof client.call<typeof rpc.listMovements>>[1]) =>
      allPages(async (pageToken) => {
        const page = await client.call(rpc.listMovements, { ...wish, pageSize, pageToken });
        return { rows: page.movements, nextPageToken: page.nextPageToken };
      });
    const quantities = async (wish: Parameters<typeof list>[0]) =>
      (await list(wish)).map(({ quantity }) => quantity);
    expect(await quantities({})).toEqual([2, 40, 3]);
    expect(await quantities({ listingId: LISTING })).toEqual([2, 40, 3]);
    expect(await quantities({ warehouseId: here.id })).toEqual([2, 40, 3]);
    expect(await quantities({ productLocationId: lots[0] as bigint })).toEqual([2, 3]);
    expect(await quantities({ productLocationId: lots[1] as bigint })).toEqual([40]);
    expect(await quantities({ orderId: 7n })).toEqual([]);
  });
});

describe("a page token", () => {
  const LISTS = [rpc.listOrders, rpc.listFulfillments, rpc.listMovements, rpc.listShipments] as const;

  it.each(LISTS)("may be as large as ids get, and no larger: $name", async (list) => {
    await client.call(list, { pageToken: "9223372036854775807" });
    for (const pageToken of ["9223372036854775808", "99999999999999999999", "-1", "1.5", "x"])
      expect(await client.refusal(list, { pageToken }), pageToken).toMatchObject({
        reason: "INVALID_FIELD",
        fields: ["page_token"],
      });
  });
});
