import { afterAll, beforeAll, expect, it } from "vitest";
import { OrderStatus } from "../../../gen/wms/v1/orders_pb.js";
import { PackagingType, PackingTaskStatus } from "../../../gen/wms/v1/packing_pb.js";
import { PickingTaskStatus } from "../../../gen/wms/v1/picking_pb.js";
import { WarehouseService } from "../../../gen/wms/v1/warehouse_service_pb.js";
import {
  DELIVERY_TOKEN,
  type DeliveryServiceHost,
  startDeliveryServiceHost,
} from "../../support/carrier-hosts/delivery-service-host.ts";
import { type RunningHost, startHost } from "../../support/carrier-hosts/host.ts";
import { publishOrder, type RunningService, runService, stockUp } from "../../support/running-service.ts";
import { readStream } from "../../support/streams.ts";
import { until } from "../../support/until.ts";

const rpc = WarehouseService.method;
const NOVI_SAD = {
  contactName: "Ana Anić",
  company: "Acme",
  street: "Industrijska 5",
  city: "Novi Sad",
  state: "",
  postalCode: "21000",
  country: "RS",
  phone: "+381211234567",
};

let delivery: DeliveryServiceHost;
let listings: RunningHost;
/** What the Listings service was told, by order. */
const statuses = new Map<string, string[]>();
let service: RunningService;

beforeAll(async () => {
  delivery = await startDeliveryServiceHost();
  listings = await startHost({
    code: "listings",
    routes: [
      {
        operation: "update_order_status",
        method: "POST",
        path: "/api/v1/orders/:id/status",
        check: () => [],
        answer: ({ params, text }) => {
          const id = params["id"] as string;
          statuses.set(id, [...(statuses.get(id) ?? []), (JSON.parse(text) as { status: string }).status]);
          return { body: {} };
        },
      },
    ],
    authorize: () => undefined,
    refuse: ({ status, message }) => ({ status, body: { error: message } }),
  });
  service = await runService({
    LISTINGS_URL: listings.url,
    DELIVERY_URL: delivery.url,
    CARRIERS: JSON.stringify({ delivery_service: { token: DELIVERY_TOKEN } }),
    CARRIER_RULES: JSON.stringify([{ carrier_code: "delivery_service" }]),
  });
  await stockUp(service, [1n, 2n], { code: "NS", address: NOVI_SAD });
});
afterAll(async () => {
  await service.stop();
  expect([delivery.violations, listings.violations]).toEqual([[], []]);
  await Promise.all([delivery.close(), listings.close()]);
});

async function published(topic: string, order_id: bigint): Promise<string[]> {
  const entries = (await readStream(service.redis, `wms:events:${topic}`)).map(({ fields }) => fields);
  const ours = entries.filter((fields) => fields["order_id"] === String(order_id));
  return ours.map((fields) => fields["type"] as string);
}

const sees = (topic: string, order_id: bigint, type: string) =>
  until(`${type} is published`, async () => (await published(topic, order_id)).includes(type));

it("004, 7.1: from order.confirmed over picking and packing to a shipment of the delivery service", async () => {
  // 1.1: the event, also when it comes twice, reserves the goods and makes one picking task.
  const orderId = 4711n;
  for (let nth = 0; nth < 2; nth++)
    await publishOrder(
      service,
      orderId,
      [
        { listing_id: 1, quantity: 2 },
        { listing_id: 2, quantity: 1 },
      ],
      {},
    );
  const { id: taskId } = await until("the picking task", () =>
    service.client.call(rpc.getPickingTaskByOrderID, { orderId }),
  );
  await sees("inventory", orderId, "inventory.reserved");
  await sees("picking", orderId, "picking.created");
  expect((await service.client.call(rpc.listPickingTasks, { orderId })).tasks).toHaveLength(1);

  // 1.2, 1.3: assigned, started, item by item in the walk's order.
  await service.client.call(rpc.assignPickingTask, { taskId, workerId: 7n });
  await service.client.call(rpc.startPickingTask, { taskId });
  await expect(service.client.call(rpc.completePickingTask, { taskId })).rejects.toThrow();
  for (let nth = 0; nth < 2; nth++) {
    const item = await service.client.call(rpc.getNextPickingItem, { taskId });
    const quantity = item.quantityRequired;
    await service.client.call(rpc.pickItem, { taskId, itemId: item.id, quantity });
  }

  // 1.4, 2.1: completed, which makes the packing task.
  const picked = await service.client.call(rpc.completePickingTask, { taskId });
  expect(picked.status).toBe(PickingTaskStatus.COMPLETED);
  await sees("picking", orderId, "picking.completed");
  const packing = await service.client.call(rpc.getPackingTaskByOrderID, { orderId });
  expect(packing).toMatchObject({ pickingTaskId: taskId, status: PackingTaskStatus.PENDING });

  // 2.3: started; not completed without measures; measured; the volumetric weight counts when it is greater.
  const task = { taskId: packing.id };
  await service.client.call(rpc.startPackingTask, { ...task, workerId: 8n });
  await sees("packing", orderId, "packing.started");
  await expect(service.client.call(rpc.completePackingTask, task)).rejects.toThrow();
  const size = { weight: 1.2, length: 50, width: 40, height: 30, packagingType: PackagingType.BOX };
  const measured = await service.client.call(rpc.setPackageDetails, { ...task, ...size });
  expect(measured).toMatchObject({ volumetricWeight: 12, chargeableWeight: 12 });
  expect((await service.client.call(rpc.completePackingTask, task)).status).toBe(PackingTaskStatus.PACKED);
  await sees("packing", orderId, "packing.completed");

  // 3.1: the address is asked for by order, the shipment made with the provider, its number kept and published.
  await sees("shipment", orderId, "shipment.created");
  expect(delivery.calls("find_address")).toBe(1);
  const [parcel] = delivery.parcels.all();
  expect(parcel?.details).toMatchObject({
    order_id: 4711,
    provider: "PostExpress",
    from_address: { street: "Industrijska 5", city: "Novi Sad" },
    to_address: { street: "Knez Mihailova 1", city: "Beograd" },
    package: { weight: 1.2, length: 50, width: 40, height: 30 },
  });
  const labelled = await service.client.call(rpc.getPackingTask, task);
  expect(labelled.trackingNumber).toBe(parcel?.number);

  // 3.1, 6: the Listings service hears that the order is ready.
  await until("Listings knows", async () => statuses.get("4711")?.at(-1) === "ready_for_shipment");

  // 3.3: the label, and where it lies.
  const label = await service.client.call(rpc.printLabel, task);
  expect(Buffer.from(label.labelData).toString("utf8", 0, 3)).toBe("^XA");
  expect(label.labelUrl).not.toBe("");

  // 4.2: packed → shipped.
  expect((await service.client.call(rpc.shipPackingTask, task)).status).toBe(PackingTaskStatus.SHIPPED);
  await sees("packing", orderId, "packing.shipped");
  await until("Listings knows", async () => statuses.get("4711")?.at(-1) === "shipped");
});

it("004, 7.2: a cancelled order gives its goods back and ends its tasks", async () => {
  const orderId = 4712n;
  await publishOrder(service, orderId, [{ listing_id: 1, quantity: 3 }]);
  const task = await until("the picking task", () =>
    service.client.call(rpc.getPickingTaskByOrderID, { orderId }),
  );
  const before = await service.client.call(rpc.getStock, { listingId: 1n });
  const cancelled = {
    type: "order.cancelled",
    event_id: "cancel-4712",
    order_id: "4712",
    reason: "changed my mind",
  };
  await service.redis.xadd("listings:events:orders", "*", ...Object.entries(cancelled).flat());
  await until("the order is cancelled", async () => {
    const order = await service.client.call(rpc.getOrder, { orderId });
    return order.status === OrderStatus.CANCELLED;
  });
  const after = await service.client.call(rpc.getPickingTask, { taskId: task.id });
  expect(after.status).toBe(PickingTaskStatus.CANCELLED);
  const stock = await service.client.call(rpc.getStock, { listingId: 1n });
  expect(before.reservedQuantity - stock.reservedQuantity).toBe(3n);
  await sees("inventory", orderId, "inventory.released");
  await sees("picking", orderId, "picking.cancelled");
  await until("Listings knows", async () => statuses.get("4712")?.at(-1) === "cancelled");
});
