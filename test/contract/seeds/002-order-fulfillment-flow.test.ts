import { afterAll, beforeAll, expect, it } from "vitest";
import { FulfillmentStatus, OrderStatus } from "../../../gen/wms/v1/orders_pb.js";
import { ShipmentStatus } from "../../../gen/wms/v1/shipments_pb.js";
import { WarehouseService } from "../../../gen/wms/v1/warehouse_service_pb.js";
import { type CanadaPostHost, startCanadaPostHost } from "../../support/carrier-hosts/canada-post-host.ts";
import { journey } from "../../support/carrier-hosts/canada-post-scans.ts";
import { CANADA_POST_ACCOUNT } from "../../support/carrier-hosts/canada-post-shapes.ts";
import {
  pack,
  passTime,
  pick,
  publishedUntil,
  publishOrder,
  type RunningService,
  runService,
  stockUp,
} from "../../support/running-service.ts";
import { readStream } from "../../support/streams.ts";
import { until } from "../../support/until.ts";

const rpc = WarehouseService.method;

let host: CanadaPostHost;
let service: RunningService;

beforeAll(async () => {
  host = await startCanadaPostHost();
  const CARRIERS = JSON.stringify({ canada_post: { ...CANADA_POST_ACCOUNT, baseUrl: host.url } });
  service = await runService({ CARRIERS });
});
afterAll(async () => {
  await service.stop();
  expect(host.violations).toEqual([]);
  await host.close();
});

const getOrder = (orderId: bigint) => service.client.call(rpc.getOrder, { orderId });
const statusOf = async (orderId: bigint) => (await getOrder(orderId)).status;

async function readyByCanadaPost(orderId: bigint): Promise<bigint> {
  const { id } = await service.client.call(rpc.createShipment, { orderId, carrierCode: "canada_post" });
  const taskId = await pack(service, orderId);
  await until("the label is bought", async () => {
    const { trackingNumber } = await service.client.call(rpc.getShipment, {
      key: { case: "shipmentId", value: id },
    });
    return trackingNumber !== "";
  });
  await service.client.call(rpc.shipPackingTask, { taskId });
  return id;
}

it("002: a confirmed order becomes fulfillments, which lead its status, and only the carrier says that it is delivered", async () => {
  const ottawa = await stockUp(service, [1n]);
  const orderId = 2_002n;

  // 1. The confirmed order's event is consumed, a fulfillment made for its warehouse, and planned at once.
  await publishOrder(service, orderId, [{ listing_id: 1, quantity: 2 }]);
  const [fulfillment] = await until("the fulfillment is made", async () => {
    const { fulfillments } = await getOrder(orderId);
    return fulfillments.length > 0 && fulfillments;
  });
  expect(fulfillment).toMatchObject({ warehouseId: ottawa, status: FulfillmentStatus.PLANNING });

  // 2. While it goes through the house, the order shows that it is processed; 3. no step goes back.
  await pick(service, orderId);
  expect(await statusOf(orderId)).toBe(OrderStatus.PROCESSING);

  // Shipped means: with the carrier.
  const shipmentId = await readyByCanadaPost(orderId);
  expect(await statusOf(orderId)).toBe(OrderStatus.SHIPPED);

  // Delivered is said by the carrier, and by nobody else.
  const number = host.parcels.all()[0]?.number as string;
  const scans = journey();
  const minutesAgo = (count: number) => new Date(Date.now() - count * 60_000);
  host.parcels.reroute(
    number,
    scans.map((scan, index) => ({ ...scan, at: minutesAgo(scans.length - index) })),
  );
  host.parcels.advance(number);
  await passTime(service);
  await until("the carrier's word is known", async () => (await statusOf(orderId)) === OrderStatus.DELIVERED);
  const shipment = await service.client.call(rpc.getShipment, {
    key: { case: "shipmentId", value: shipmentId },
  });
  expect(shipment.status).toBe(ShipmentStatus.DELIVERED);
  await publishedUntil(service, orderId, "delivery.confirmed", "shipment");

  // Every step of the machine was published, in its order, each once.
  const steps = await until("the last step is published", async () => {
    const entries = (await readStream(service.redis, "wms:events:fulfillment")).map(({ fields }) => fields);
    const ours = entries.filter((fields) => fields["order_id"] === String(orderId));
    const of = (type: string) =>
      ours.filter((fields) => fields["type"] === type).map((fields) => fields["to_status"]);
    const found = { fulfillment: of("fulfillment.status_changed"), order: of("order.status_changed") };
    return found.order.at(-1) === "delivered" && found;
  });
  expect(steps).toEqual({
    fulfillment: ["planning", "picking", "picked", "packing", "packed", "ready", "shipped", "completed"],
    order: ["processing", "ready_for_shipment", "shipped", "delivered"],
  });

  // The gap: a fulfillment that is completed, because its parcel is lost, makes no order delivered.
  const lost = 2_003n;
  await publishOrder(service, lost, [{ listing_id: 1, quantity: 1 }]);
  await pick(service, lost);
  const lostShipment = await readyByCanadaPost(lost);
  await service.client.call(rpc.updateShipmentStatus, {
    shipmentId: lostShipment,
    status: ShipmentStatus.LOST,
  });
  const { status, fulfillments } = await getOrder(lost);
  expect([status, fulfillments[0]?.status]).toEqual([OrderStatus.SHIPPED, FulfillmentStatus.COMPLETED]);
  const words = (await readStream(service.redis, "wms:events:shipment")).map(({ fields }) => fields);
  const confirmations = words.filter((fields) => fields["type"] === "delivery.confirmed");
  expect(confirmations).toMatchObject([
    { order_id: String(orderId), delivered_at: expect.stringMatching(/^\d{10}$/) },
  ]);

  // An order of goods in two warehouses has a fulfillment in each.
  const toronto = await stockUp(service, [2n], { code: "TOR" });
  await publishOrder(service, 2_004n, [
    { listing_id: 1, quantity: 1 },
    { listing_id: 2, quantity: 1 },
  ]);
  const both = await until("two fulfillments are made", async () => {
    const order = await getOrder(2_004n);
    return order.fulfillments.length === 2 && order.fulfillments;
  });
  expect(new Set(both.map(({ warehouseId }) => warehouseId))).toEqual(new Set([ottawa, toronto]));

  // What can't be processed is kept, and told: never swallowed.
  await service.redis.xadd("listings:events:orders", "*", "type", "order.confirmed", "order_id", "no number");
  await until("the dead letter is listed", async () => {
    const response = await fetch(`${service.httpUrl}/wms.v1.OperationsService/ListAlerts`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    return (await response.text()).includes("dead_letters_open");
  });
});
