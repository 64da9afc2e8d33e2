import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Carriers } from "../../src/carriers/carrier.ts";
import { upsertCarriers } from "../../src/db/carriers.ts";
import type { Database } from "../../src/db/database.ts";
import { listStuckLabels } from "../../src/db/label-attempts.ts";
import { shipmentView } from "../../src/db/shipment-views.ts";
import { listAlerts } from "../../src/use-cases/maintenance/alerts.ts";
import { buyLabel } from "../../src/use-cases/shipping/buy-label.ts";
import { cancelShipment } from "../../src/use-cases/shipping/cancel-shipment.ts";
import { createShipment } from "../../src/use-cases/shipping/create-shipment.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type LabelHost, labelCarrier, startLabelHost } from "../support/label-host.ts";
import { BOX, packWhole, pickedOrder } from "../support/parcels.ts";
import { freshCall, makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

let test: TestDatabase;
let db: Database;
let host: LabelHost;
let carriers: Carriers;
let order_id: bigint;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  host = await startLabelHost("idempotent");
  carriers = new Map([["testship", labelCarrier(host.url, { repeat: "idempotent" })]]);
  const [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
  await makeListings(db, [1n]);
  await place(db, warehouse, 1n, 10);
  await upsertCarriers(db, [{ code: "testship", name: "Testship" }]);
  const whole = await packWhole(db, await pickedOrder(db, 1n, [{ listing_id: 1n, quantity: 10 }]));
  await cancelShipment(db, freshCall(), { shipment_id: whole.shipment_id as bigint, reason: "in parts" });
  order_id = whole.order_id;
});
afterAll(async () => {
  await host.close();
  await test.close();
});

const GOOD = {
  contact_name: "Ann Example",
  street: "2 Test St",
  city: "Austin",
  state: "TX",
  postal_code: "73301",
  country: "US",
};

async function shipmentTo(ship_to: Record<string, string>): Promise<bigint> {
  const { id } = await createShipment(db, freshCall(), {
    order_id,
    carrier_code: "testship",
    service: "",
    packages: [{ ...BOX, barcode: null }],
    items: [{ field: "items[0]", listing_id: 1n, quantity: 1 }],
    ship_to,
  });
  return id;
}

describe("a parcel that could not arrive", () => {
  it("gets no label: nothing is bought, somebody is told the field, and a shipment to the right place mends it", async () => {
    const shipment_id = await shipmentTo({ ...GOOD, postal_code: "7330" });
    expect(await buyLabel(db, carriers, { shipment_id })).toBe("refused");
    expect(await buyLabel(db, carriers, { shipment_id })).toBe("nothing");
    expect(host.sold).toEqual([]);
    const { label_status, events } = await shipmentView(db, shipment_id);
    expect(label_status).toBe("failed");
    const words = 'ship_to.postal_code is "7330": in US it is written as 10001 or 10001-1234';
    expect(events.at(-1)).toMatchObject({ event_type: "LABEL_FAILED", payload_json: { error: words } });
    expect(await listAlerts({ db })).toContainEqual(
      expect.objectContaining({ name: "label_failed", summary: expect.stringContaining(words) }),
    );
    expect(await listStuckLabels(db, 10)).toMatchObject([{ shipment_id, reason: words }]);

    await cancelShipment(db, freshCall(), { shipment_id, reason: "the postal code is wrong" });
    expect(await buyLabel(db, carriers, { shipment_id: await shipmentTo(GOOD) })).toBe("bought");
    expect(host.sold).toHaveLength(1);
  });

  it("is not given up once its purchase has begun, which may have been made", async () => {
    const shipment_id = await shipmentTo(GOOD);
    host.mishaps.push("lost after");
    await expect(buyLabel(db, carriers, { shipment_id })).rejects.toThrow();
    await sql`update shipments set ship_to = '{}' where id = ${shipment_id}`.execute(db);
    expect(await buyLabel(db, carriers, { shipment_id })).toBe("bought");
    expect(host.sold).toHaveLength(2);
  });
});
