import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import { OperationsService } from "../../../gen/wms/v1/operations_service_pb.js";
import { WarehouseService } from "../../../gen/wms/v1/warehouse_service_pb.js";
import { FEDEX_ACCOUNT, type FedexHost, startFedexHost } from "../../support/carrier-hosts/fedex-host.ts";
import { journey as fedexJourney } from "../../support/carrier-hosts/fedex-scans.ts";
import { startUspsHost, type UspsHost } from "../../support/carrier-hosts/usps-host.ts";
import { journey as uspsJourney } from "../../support/carrier-hosts/usps-scans.ts";
import { USPS_ACCOUNT } from "../../support/carrier-hosts/usps-shapes.ts";
import { hasKcat, type MockKafka, startMockKafka } from "../../support/kafka.ts";
import {
  getJson,
  pack,
  passTime,
  pick,
  postJson,
  publishedUntil,
  publishOrder,
  type RunningService,
  runService,
  stockUp,
} from "../../support/running-service.ts";
import { until } from "../../support/until.ts";

const rpc = WarehouseService.method;
const MEMPHIS = {
  contactName: "Dock A",
  company: "Acme",
  street: "1 Test Way",
  city: "Memphis",
  state: "TN",
  postalCode: "38101",
  country: "US",
  phone: "9015550100",
};

let fedex: FedexHost;
let usps: UspsHost;
/** Where the order service listens; undefined where there is no kcat. */
let kafka: MockKafka | undefined;
let service: RunningService;

beforeAll(async () => {
  [fedex, usps] = await Promise.all([startFedexHost(), startUspsHost()]);
  kafka = hasKcat ? await startMockKafka() : undefined;
  const { webhookSecret: _fedex, ...fedexAccount } = FEDEX_ACCOUNT;
  const { webhookSecret: _usps, ...uspsAccount } = USPS_ACCOUNT;
  service = await runService({
    ...(kafka && { KAFKA_BROKERS: kafka.address, KAFKA_TOPIC: "order-service.tracking" }),
    CARRIERS: JSON.stringify({
      fedex: { ...fedexAccount, baseUrl: fedex.url },
      usps: { ...uspsAccount, baseUrl: usps.url },
    }),
    CARRIER_RULES: JSON.stringify([
      { when: { services: ["USPS_GROUND_ADVANTAGE"] }, carrier_code: "usps" },
      { carrier_code: "fedex" },
    ]),
  });
  await stockUp(service, [1n], { code: "MEM", address: MEMPHIS });
});
afterAll(async () => {
  await service.stop();
  expect([fedex.violations, usps.violations]).toEqual([[], []]);
  await Promise.all([fedex.close(), usps.close(), kafka?.end()]);
});

const AUSTIN = {
  contact_name: "Ann Ex",
  street: "2 Test St",
  city: "Austin",
  state: "TX",
  postal_code: "73301",
  country: "US",
  phone: "5125550100",
};

async function newOrder(order_id: bigint): Promise<void> {
  await publishOrder(service, order_id, [{ listing_id: 1, quantity: 1 }], AUSTIN);
  await until("the order is planned", () =>
    service.client.call(rpc.getPickingTaskByOrderID, { orderId: order_id }),
  );
}

const getShipment = (id: number) =>
  service.client.call(rpc.getShipment, { key: { case: "shipmentId", value: BigInt(id) } });
const numberOf = (id: number) =>
  until("the label is made", async () => (await getShipment(id)).trackingNumber || undefined, 30_000);

/** What an order's messages say, once there are so many. */
function onKafka(broker: MockKafka, order_id: bigint, count: number): Promise<Record<string, string>[]> {
  return until("the order service has heard of it", async () => {
    const messages = await broker.read("order-service.tracking");
    const ours = messages.filter(({ key }) => key === String(order_id));
    return ours.length >= count && ours.map(({ fields }) => fields);
  });
}

it("001: a shipment is made at once, its label in the background, and its parcel followed to the door", async () => {
  // POST /shipments answers at once, with what it was given; nothing has been asked of a carrier.
  await newOrder(123n);
  const shippingAddress = "123 Main St, Austin, TX 73301, US";
  const made = await postJson(`${service.httpUrl}/shipments`, {
    orderID: 123,
    shippingAddress,
    shipmentStatus: "pending",
  });
  const shipment = { shipmentID: expect.any(Number), orderID: 123, shippingAddress };
  expect(made).toEqual({ status: 201, body: { ...shipment, shipmentStatus: "pending" } });
  const { shipmentID } = made.body as { shipmentID: number };
  expect(fedex.calls("create_label")).toBe(0);

  // An address that is none is refused.
  expect(await postJson(`${service.httpUrl}/shipments`, { orderID: 123, shippingAddress: "?" })).toEqual({
    status: 400,
    body: { error: "Invalid shipping address" },
  });

  // The background task makes the label, with the package's dimensions and weight; failing, it is tried again.
  fedex.faults.plan({ kind: "status", when: "before", status: 503 }, { operation: "create_label", times: 2 });
  await pick(service, 123n);
  const taskId = await pack(service, 123n);
  const number = await numberOf(shipmentID);
  expect(fedex.calls("create_label")).toBe(3);
  expect(fedex.parcels.all().map((parcel) => parcel.number)).toEqual([number]);
  await service.client.call(rpc.shipPackingTask, { taskId });

  // GET /shipments/{id}: the details, or an error in one sentence.
  expect(await getJson(`${service.httpUrl}/shipments/${shipmentID}`)).toEqual({
    ...shipment,
    shipmentID,
    shipmentStatus: "shipped",
  });
  const missing = await fetch(`${service.httpUrl}/shipments/99999`);
  expect([missing.status, await missing.json()]).toEqual([404, { error: "Shipment not found" }]);

  // The periodic task finds each change of status, and publishes it as a tracking event of the package.
  const scans = fedexJourney();
  const minutesAgo = (count: number) => new Date(Date.now() - count * 60_000);
  fedex.parcels.reroute(
    number,
    scans.map((scan, index) => ({ ...scan, at: minutesAgo(scans.length - index) })),
  );
  const seen: unknown[] = [];
  for (const [upTo, status] of [
    [3, "in transit"],
    [1, "out for delivery"],
    [3, "delivered"],
  ] as const) {
    fedex.parcels.advance(number, upTo);
    await passTime(service);
    await until(`it is ${status}`, async () => {
      const shown = (await getJson(`${service.httpUrl}/shipments/${shipmentID}`)) as Record<string, unknown>;
      return shown["shipmentStatus"] === status;
    });
    seen.push(status);
  }
  const told = await publishedUntil(service, 123n, "delivery.confirmed", "shipment");
  const events = told.filter((fields) => fields["type"] === "tracking.updated");
  expect(events.map((fields) => fields["raw_code"])).toEqual(
    scans.map(({ code }) => code.split("/")[0] ?? code),
  );
  expect(events.at(-1)).toMatchObject({
    shipment_id: String(shipmentID),
    tracking_number: number,
    status: "delivered",
    location: expect.stringContaining("Austin"),
    occurred_at: expect.stringMatching(/^\d+$/),
  });

  // The order service listens on Kafka: the same events, under the order's key, in their order.
  if (kafka) expect(await onKafka(kafka, 123n, events.length)).toEqual(events);

  // The second carrier, behind the same interface.
  await newOrder(124n);
  const { id } = await service.client.call(rpc.createShipment, {
    orderId: 124n,
    service: "USPS_GROUND_ADVANTAGE",
  });
  await pick(service, 124n);
  const second = await pack(service, 124n);
  const uspsNumber = await numberOf(Number(id));
  expect(usps.parcels.find(uspsNumber)).toBeDefined();
  await service.client.call(rpc.shipPackingTask, { taskId: second });
  const uspsScans = uspsJourney();
  usps.parcels.reroute(
    uspsNumber,
    uspsScans.map((scan, index) => ({ ...scan, at: minutesAgo(uspsScans.length - index) })),
  );
  usps.parcels.advance(uspsNumber);
  await passTime(service);
  const others = await publishedUntil(service, 124n, "delivery.confirmed", "shipment");
  const tracked = others.filter((fields) => fields["type"] === "tracking.updated");
  if (kafka) expect(await onKafka(kafka, 124n, tracked.length)).toEqual(tracked);

  // What has failed for more than a day is told to whoever is on call.
  await newOrder(125n);
  await service.client.call(rpc.createShipment, { orderId: 125n });
  fedex.faults.plan(
    { kind: "status", when: "before", status: 503 },
    { operation: "create_label", times: 100 },
  );
  await pick(service, 125n);
  await pack(service, 125n);
  const alerts = async () =>
    (await service.client.call(OperationsService.method.listAlerts, {})).alerts.map(({ name }) => name);
  await until("the label fails", async () => {
    const { rows } =
      await sql`update graphile_worker._private_jobs set created_at = now() - interval '25 hours'
      where last_error is not null returning id`.execute(service.db);
    return rows.length > 0;
  });
  expect(await alerts()).toContain("job_failing");
  fedex.faults.clear();
  await until(
    "it succeeds, and the alert is gone",
    async () => !(await alerts()).includes("job_failing"),
    60_000,
  );
}, 150_000);
