import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import { OperationsService } from "../../../gen/wms/v1/operations_service_pb.js";
import { OrderStatus } from "../../../gen/wms/v1/orders_pb.js";
import { LabelFormat } from "../../../gen/wms/v1/packing_pb.js";
import { ChannelSyncStatus, LabelStatus } from "../../../gen/wms/v1/shipments_pb.js";
import { WarehouseService } from "../../../gen/wms/v1/warehouse_service_pb.js";
import { type CanadaPostHost, startCanadaPostHost } from "../../support/carrier-hosts/canada-post-host.ts";
import { CANADA_POST_ACCOUNT } from "../../support/carrier-hosts/canada-post-shapes.ts";
import { MIRAKL_KEY, type MiraklHost, startMiraklHost } from "../../support/channel-hosts/mirakl.ts";
import {
  pack,
  pick,
  type RunningService,
  runService,
  stockUp,
  strikeMinute,
} from "../../support/running-service.ts";
import { until } from "../../support/until.ts";

const rpc = WarehouseService.method;

let post: CanadaPostHost;
let market: MiraklHost;
let service: RunningService;

beforeAll(async () => {
  [post, market] = await Promise.all([startCanadaPostHost(), startMiraklHost()]);
  service = await runService({
    CARRIERS: JSON.stringify({ canada_post: { ...CANADA_POST_ACCOUNT, baseUrl: post.url } }),
    CHANNELS: JSON.stringify({ best_buy: { apiKey: MIRAKL_KEY, baseUrl: market.url } }),
  });
  await stockUp(service, [1n]);
});
afterAll(async () => {
  await service.stop();
  expect([post.violations, market.violations]).toEqual([[], []]);
  await Promise.all([post.close(), market.close()]);
});

/** Best Buy's order as it is here. */
async function taken(id: string): Promise<bigint> {
  await strikeMinute(service, "poll_channels");
  return until(`${id} is taken in`, async () => {
    const { rows } = await sql<{ order_id: bigint }>`
      select o.order_id from channel_orders join orders o using (order_id) where channel_order_id = ${id}`.execute(
      service.db,
    );
    return rows[0]?.order_id;
  });
}

const getShipment = (id: bigint) =>
  service.client.call(rpc.getShipment, { key: { case: "shipmentId", value: id } });

async function labelled(orderId: bigint) {
  await pick(service, orderId);
  const { id } = await service.client.call(rpc.createShipment, { orderId, carrierCode: "canada_post" });
  const taskId = await pack(service, orderId);
  const shipment = await until("the label is there", async () => {
    const found = await getShipment(id);
    return found.labelStatus === LabelStatus.CREATED && found;
  });
  return { id, taskId, shipment };
}

it("003: orders of Best Buy get Canada Post's labels, and Best Buy the tracking; each workflow by itself", async () => {
  // Phase 1: the order is accepted at Best Buy, and enters.
  market.sell("BBYCA-1-A", [{ sku: "SKU-1", quantity: 2 }]);
  await strikeMinute(service, "poll_channels");
  await until("it is accepted", async () => market.calls("accept_order") === 1);
  market.change("BBYCA-1-A", { order_state: "SHIPPING" });
  const orderId = await taken("BBYCA-1-A");

  // 2.1, 1-4, 6-8: a shipment is made, Canada Post asked, the tracking PIN and the PDF kept.
  const { id, taskId, shipment } = await labelled(orderId);
  const [parcel] = post.parcels.all();
  expect(shipment.trackingNumber).toBe(parcel?.number);
  const label = await service.client.call(rpc.printLabel, { taskId, format: LabelFormat.PDF });
  expect(Buffer.from(label.labelData).subarray(0, 5).toString()).toBe("%PDF-");

  // 2.2, 1-2: Best Buy is told the PIN, with the carrier's code from its own list.
  await until("the tracking is told", async () => market.orders.get("BBYCA-1-A")?.tracking !== null);
  expect(market.orders.get("BBYCA-1-A")).toMatchObject({
    order_state: "SHIPPING",
    tracking: { carrier_code: "CPCL", tracking_number: parcel?.number },
  });

  // 2.2, 3: and that it is shipped, when it is: the customer is notified once, with the PIN.
  await service.client.call(rpc.shipPackingTask, { taskId });
  await until("Best Buy knows", async () => market.orders.get("BBYCA-1-A")?.order_state === "SHIPPED");
  expect(market.orders.get("BBYCA-1-A")?.notified).toEqual([parcel?.number]);

  // 2.2, 4: both statuses follow.
  await until("the shipment says so", async () => {
    const { channelSyncStatus } = await getShipment(id);
    return channelSyncStatus === ChannelSyncStatus.TRACKING_UPDATED;
  });
  expect((await service.client.call(rpc.getOrder, { orderId })).status).toBe(OrderStatus.SHIPPED);

  // 2.1, 5 and 3: every call to both is in one audit trail, without secrets or people.
  const { apiCalls } = await service.client.call(OperationsService.method.listApiCalls, { pageSize: 100 });
  const about = (service_: string) =>
    apiCalls.filter((call) => call.service === service_ && call.isSuccess).map((call) => call.endpoint);
  expect(about("canada_post")).toEqual(expect.arrayContaining(["create_label"]));
  expect(about("best_buy").filter((endpoint) => endpoint !== "list_orders")).toEqual([
    "ship_order",
    "update_tracking",
    "list_carriers",
    "accept_order",
  ]);
  const record = JSON.stringify(apiCalls, (_, value) => (typeof value === "bigint" ? String(value) : value));
  for (const secret of [MIRAKL_KEY, CANADA_POST_ACCOUNT.password, "Tremblay", "2 Test St", "4165550100"])
    expect(record).not.toContain(secret);

  // 1: Best Buy fails, and labels are made all the same; it hears of the parcel once it is back, in order.
  market.sell("BBYCA-2-A", [{ sku: "SKU-1", quantity: 1 }], "SHIPPING");
  const second = await taken("BBYCA-2-A");
  market.faults.plan({ kind: "status", when: "before", status: 503 }, { times: 3 });
  const parcels = post.parcels.all().length;
  const other = await labelled(second);
  expect(post.parcels.all()).toHaveLength(parcels + 1);
  await service.client.call(rpc.shipPackingTask, { taskId: other.taskId });
  await until(
    "Best Buy knows of the second, too",
    async () => market.orders.get("BBYCA-2-A")?.order_state === "SHIPPED",
    45_000,
  );
  expect(market.orders.get("BBYCA-2-A")?.notified).toEqual([other.shipment.trackingNumber]);

  // 2.1, 1: no order ever has a second label.
  await expect(
    service.client.call(rpc.createShipment, { orderId, carrierCode: "canada_post" }),
  ).rejects.toThrow();
  expect(post.parcels.all()).toHaveLength(2);
}, 120_000);
