import { afterAll, beforeAll, expect, it } from "vitest";
import { OrderStatus } from "../../../gen/wms/v1/orders_pb.js";
import { WarehouseService } from "../../../gen/wms/v1/warehouse_service_pb.js";
import {
  getJson,
  pack,
  pick,
  postJson,
  publishedUntil,
  publishOrder,
  type RunningService,
  runService,
  stockUp,
} from "../../support/running-service.ts";

let service: RunningService;

beforeAll(async () => {
  service = await runService();
  await stockUp(service, [1n, 2n]);
});
afterAll(() => service.stop());

interface Shipment {
  shipment_id: number;
  status: string;
  events: { event_type: string }[];
}

/** Without what became of its label, which comes of itself. */
const types = ({ events }: Shipment) =>
  events.map((event) => event.event_type).filter((type) => !type.startsWith("LABEL_"));

it("000: a shipment is made, given its number, moved by mock statuses, and its order is delivered with it", async () => {
  const shipments = `${service.httpUrl}/api/v1/shipments`;
  const order_id = 242;

  // An order is paid and its goods are taken from their shelves: ready to ship.
  await publishOrder(service, BigInt(order_id), [
    { listing_id: 1, quantity: 2 },
    { listing_id: 2, quantity: 1 },
  ]);

  await pick(service, BigInt(order_id));

  // An order that nobody knows gets no shipment.
  expect(await postJson(shipments, { order_id: 9_999, items: [] })).toMatchObject({ status: 404 });

  // POST /api/v1/shipments: the shipment is READY, with the event of its making.
  const made = await postJson(shipments, {
    order_id,
    items: [
      { sku_id: 1, qty: 2 },
      { sku_id: 2, qty: 1 },
    ],
  });
  expect(made).toMatchObject({
    status: 201,
    body: { order_id, status: "READY", tracking_number: null, shipped_at: null, delivered_at: null },
  });
  const { shipment_id } = made.body as Shipment;
  expect(types(made.body as Shipment)).toEqual(["SHIPMENT_CREATED"]);
  const path = `${shipments}/${shipment_id}`;

  // v1: one order is one shipment.
  expect(await postJson(shipments, { order_id, items: [] })).toMatchObject({ status: 409 });

  // It is packed. The parcel travels by a courier's own waybill, whatever label there is.
  await pack(service, BigInt(order_id));

  // POST …/tracking: READY → SHIPPED, shipped_at is set, the event appended.
  const number = { carrier_code: "CJ", tracking_number: "123456789012" };
  expect(await postJson(`${path}/tracking`, number)).toMatchObject({
    status: 200,
    body: { ...number, status: "SHIPPED", shipped_at: expect.any(String) },
  });

  // POST …/mock/status: IN_TRANSIT, with its event.
  expect(await postJson(`${path}/mock/status`, { status: "IN_TRANSIT" })).toMatchObject({
    body: { status: "IN_TRANSIT", delivered_at: null },
  });

  // A status that is stated again changes nothing.
  await postJson(`${path}/mock/status`, { status: "IN_TRANSIT" });

  // POST …/mock/status: DELIVERED sets delivered_at, the order's status, and the order's event.
  expect(await postJson(`${path}/mock/status`, { status: "DELIVERED" })).toMatchObject({
    body: { status: "DELIVERED", delivered_at: expect.any(String) },
  });
  const { getOrder } = WarehouseService.method;
  const order = await service.client.call(getOrder, { orderId: BigInt(order_id) });
  expect(order.status).toBe(OrderStatus.DELIVERED);
  await publishedUntil(service, BigInt(order_id), "delivery.confirmed", "shipment");

  // GET: the shipment with every event, none of them twice.
  const read = (await getJson(path)) as Shipment;
  expect(read).toMatchObject({ shipment_id, status: "DELIVERED" });
  expect(types(read)).toEqual([
    "SHIPMENT_CREATED",
    "TRACKING_ASSIGNED",
    "STATUS_UPDATED",
    "STATUS_UPDATED",
    "STATUS_UPDATED",
    "DELIVERED_CONFIRMED",
  ]);

  // There is no way back.
  expect(await postJson(`${path}/mock/status`, { status: "IN_TRANSIT" })).toMatchObject({ status: 409 });

  // A carrier's number belongs to one parcel under way.
  await publishOrder(service, 243n, [{ listing_id: 1, quantity: 1 }]);
  await pick(service, 243n);
  await publishOrder(service, 244n, [{ listing_id: 1, quantity: 1 }]);
  await pick(service, 244n);
  const paths: string[] = [];
  for (const id of [243, 244]) {
    const { body } = await postJson(shipments, { order_id: id });
    paths.push(`${shipments}/${(body as Shipment).shipment_id}`);
  }
  const same = { carrier_code: "LOTTE", tracking_number: "123456789013" };
  expect(await postJson(`${paths[0]}/tracking`, same)).toMatchObject({ status: 200 });
  expect(await postJson(`${paths[1]}/tracking`, same)).toMatchObject({ status: 409 });

  // The three metrics, by their names.
  const metrics = await (await fetch(`${service.httpUrl}/metrics`)).text();
  expect(metrics).toMatch(/^shipment_create_total\{status="ready"\} 3$/m);
  expect(metrics).toMatch(/^shipment_tracking_assign_total\{status="shipped"\} 2$/m);
  expect(metrics).toMatch(/^shipment_status_update_total\{from="in_transit",to="delivered"\} 1$/m);
});
