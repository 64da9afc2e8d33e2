import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Carrier, Carriers } from "../../src/carriers/carrier.ts";
import { readCarrierSettings } from "../../src/carriers/known-carriers.ts";
import { createCarriers } from "../../src/carriers/registry.ts";
import { takeCarrierNumber } from "../../src/db/carrier-numbers.ts";
import { upsertCarriers } from "../../src/db/carriers.ts";
import type { Database } from "../../src/db/database.ts";
import { listLabels } from "../../src/db/labels.ts";
import { shipmentView } from "../../src/db/shipment-views.ts";
import { renderLabel } from "../../src/labels/render.ts";
import { createOutside } from "../../src/outside/outside-client.ts";
import { upsertWarehouses } from "../../src/use-cases/catalogue/upsert-warehouses.ts";
import { buyLabel } from "../../src/use-cases/shipping/buy-label.ts";
import { cancelShipment } from "../../src/use-cases/shipping/cancel-shipment.ts";
import { createShipment } from "../../src/use-cases/shipping/create-shipment.ts";
import { pollTracking } from "../../src/use-cases/shipping/poll-tracking.ts";
import { startCanadaPostHost } from "../support/carrier-hosts/canada-post-host.ts";
import { CANADA_POST_ACCOUNT } from "../support/carrier-hosts/canada-post-shapes.ts";
import { labelRequest } from "../support/carrier-hosts/carrier-tools.ts";
import { FEDEX_ACCOUNT, startFedexHost } from "../support/carrier-hosts/fedex-host.ts";
import { startUpsHost, UPS_ACCOUNT } from "../support/carrier-hosts/ups-host.ts";
import { startUspsHost } from "../support/carrier-hosts/usps-host.ts";
import { USPS_ACCOUNT } from "../support/carrier-hosts/usps-shapes.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { BOX, packWhole, pickedOrder } from "../support/parcels.ts";
import { freshCall, makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

type Hosts = Awaited<ReturnType<typeof startHosts>>;

let test: TestDatabase;
let db: Database;
let hosts: Hosts;
let carriers: Carriers;
let order_id: bigint;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  hosts = await startHosts();
  carriers = configured();
  await upsertCarriers(db, [...carriers.values()]);
});

afterAll(async () => {
  await Promise.all([test.close(), ...Object.values(hosts).map((host) => host.close())]);
});

async function startHosts() {
  const [fedex, usps, ups, canada_post] = await Promise.all([
    startFedexHost(),
    startUspsHost(),
    startUpsHost(),
    startCanadaPostHost(),
  ]);
  return { fedex, usps, ups, canada_post };
}

function configured(): Carriers {
  const withoutSecret = ({ webhookSecret: _, ...account }: { webhookSecret: string }) => account;
  const settings = {
    fedex: { ...withoutSecret(FEDEX_ACCOUNT), baseUrl: hosts.fedex.url, labelFormat: "pdf" },
    usps: { ...withoutSecret(USPS_ACCOUNT), baseUrl: hosts.usps.url, trackingApi: "v3r2" },
    ups: { ...withoutSecret(UPS_ACCOUNT), baseUrl: hosts.ups.url },
    canada_post: { ...CANADA_POST_ACCOUNT, baseUrl: hosts.canada_post.url },
  };
  const record = async () => {};
  return createCarriers(readCarrierSettings(settings), {
    outside: createOutside({ record }),
    record,
    renderLabel,
    takeNumber: (range, key) => takeCarrierNumber(db, range, key),
    now: () => new Date(),
    mockSpeed: 1,
  });
}

const OTTAWA = { street: "1 Test Way", city: "Ottawa", state: "ON", postal_code: "K1A 0B1", country: "CA" };
const places = {
  fedex: labelRequest(),
  usps: labelRequest(),
  ups: labelRequest(),
  canada_post: {
    from: { ...labelRequest().from, ...OTTAWA },
    to: { ...labelRequest().to, ...OTTAWA, city: "Toronto", postal_code: "M5V 1J1" },
  },
};

/** An order whose goods are packed in this carrier's country, and in no shipment yet. */
async function packed(code: keyof Hosts, nth: number): Promise<void> {
  const listing_id = BigInt(900 + nth);
  const [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
  const address = { ...places[code].from };
  await upsertWarehouses(db, freshCall(), [{ code: "W1", name: "Warehouse 1", priority: 1, address }]);
  await makeListings(db, [listing_id]);
  await place(db, warehouse, listing_id, 2);
  const task_id = await pickedOrder(db, BigInt(nth + 1), [{ listing_id, quantity: 2 }]);
  const whole = await packWhole(db, task_id);
  const reason = "goes by another carrier";
  await cancelShipment(db, freshCall(), { shipment_id: whole.shipment_id as bigint, reason });
  order_id = whole.order_id;
}

/** In two boxes. */
async function shipmentBy(carrier_code: keyof Hosts, nth: number): Promise<bigint> {
  const { id } = await createShipment(db, freshCall(), {
    order_id,
    carrier_code,
    service: "",
    ship_to: { ...places[carrier_code].to } as Record<string, string>,
    packages: [1, 2].map(() => ({ ...BOX, barcode: null })),
    items: [{ field: "items[0]", listing_id: BigInt(900 + nth), quantity: 2 }],
  });
  return id;
}

/** The bytes that the carrier gave, box by box. */
async function storedLabels(shipment_id: bigint): Promise<Buffer[]> {
  const { packages } = await shipmentView(db, shipment_id);
  const labels = await listLabels(
    db,
    packages.map(({ id }) => id),
  );
  return packages.map(({ id }) => Buffer.from(labels.find((one) => one.package_id === id)?.data ?? []));
}

async function polled(carrier: Carrier, shipment_id: bigint): Promise<string> {
  await sql`update shipments set next_poll_at = now() where id = ${shipment_id}`.execute(db);
  await pollTracking(db, carrier, 1);
  return (await shipmentView(db, shipment_id)).status;
}

const journeys = {
  fedex: ["ready", "in_transit", "in_transit", "out_for_delivery", "in_transit", "out_for_delivery"],
  usps: ["ready", "in_transit", "in_transit", "out_for_delivery", "in_transit", "available_for_pickup"],
  ups: ["ready", "in_transit", "in_transit", "out_for_delivery", "in_transit", "available_for_pickup"],
  canada_post: [
    "ready",
    "in_transit",
    "in_transit",
    "out_for_delivery",
    "in_transit",
    "available_for_pickup",
  ],
};

it.each(Object.entries(journeys).map(([code, statuses], nth) => ({ code, statuses, nth })))(
  "an order that goes by $code is labelled, followed and told to be delivered",
  async ({ code, statuses, nth }) => {
    const carrier_code = code as keyof Hosts;
    const { parcels } = hosts[carrier_code];
    await packed(carrier_code, nth);
    const shipment_id = await shipmentBy(carrier_code, nth);
    expect(await buyLabel(db, carriers, { shipment_id })).toBe("bought");
    const numbers = parcels.all().map(({ number }) => number);
    expect(numbers).toHaveLength(2);
    expect(await storedLabels(shipment_id)).toEqual(parcels.all().map(({ label }) => label));
    const began = Date.now();
    for (const number of numbers) {
      const scans = parcels.find(number)?.scans ?? [];
      const moved = scans.map((scan, index) => ({ ...scan, at: new Date(began + index * 1000) }));
      parcels.reroute(number, moved);
    }
    const carrier = carriers.get(carrier_code) as Carrier;
    const seen = [];
    for (const _status of statuses) {
      for (const number of numbers) parcels.advance(number, 1);
      seen.push(await polled(carrier, shipment_id));
    }
    expect(seen).toEqual(statuses);
    for (const number of numbers) parcels.advance(number);
    expect(await polled(carrier, shipment_id)).toBe("delivered");
    expect(hosts[carrier_code].violations).toEqual([]);
  },
);
