import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Carriers } from "../../src/carriers/carrier.ts";
import { readCarrierSettings } from "../../src/carriers/known-carriers.ts";
import { createCarriers } from "../../src/carriers/registry.ts";
import { takeCarrierNumber } from "../../src/db/carrier-numbers.ts";
import { upsertCarriers } from "../../src/db/carriers.ts";
import type { Database } from "../../src/db/database.ts";
import { shipmentView } from "../../src/db/shipment-views.ts";
import { renderLabel } from "../../src/labels/render.ts";
import { createOutside } from "../../src/outside/outside-client.ts";
import { upsertWarehouses } from "../../src/use-cases/catalogue/upsert-warehouses.ts";
import { listAlerts } from "../../src/use-cases/maintenance/alerts.ts";
import { buyLabel } from "../../src/use-cases/shipping/buy-label.ts";
import { cancelShipment } from "../../src/use-cases/shipping/cancel-shipment.ts";
import { createShipment } from "../../src/use-cases/shipping/create-shipment.ts";
import { pollTracking } from "../../src/use-cases/shipping/poll-tracking.ts";
import { takeWebhook } from "../../src/use-cases/shipping/take-webhook.ts";
import { voidLabel } from "../../src/use-cases/shipping/void-label.ts";
import { workInWebhooks } from "../../src/use-cases/shipping/work-in-webhooks.ts";
import { CJ_ACCOUNT, type CjHost, startCjHost } from "../support/carrier-hosts/cj-host.ts";
import {
  D_EXPRESS_ACCOUNT,
  type DExpressHost,
  startDExpressHost,
} from "../support/carrier-hosts/d-express-host.ts";
import type { HostScan } from "../support/carrier-hosts/parcel-store.ts";
import { koreanRequest, serbianRequest } from "../support/carrier-hosts/places.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { BOX, packWhole, pickedOrder } from "../support/parcels.ts";
import { freshCall, makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

let test: TestDatabase;
let db: Database;
let dExpress: DExpressHost;
let cj: CjHost;
let carriers: Carriers;
let order_id: bigint;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  [dExpress, cj] = await Promise.all([startDExpressHost(), startCjHost()]);
  carriers = configured();
  await upsertCarriers(db, [...carriers.values()]);
  order_id = await packedOrder(20);
});

afterEach(() => {
  expect([...dExpress.violations, ...cj.violations]).toEqual([]);
});

afterAll(async () => {
  await Promise.all([test.close(), dExpress.close(), cj.close()]);
});

/** As a process would be that was started with these settings. */
function configured(): Carriers {
  const { passcode, ...account } = D_EXPRESS_ACCOUNT;
  const settings = {
    d_express: {
      ...account,
      baseUrl: dExpress.api,
      codes: { prefix: "TT", first: 1, last: 99 },
      passcodes: [passcode],
    },
    cj: { ...CJ_ACCOUNT, baseUrl: cj.url },
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

/** An order in Novi Sad whose goods are packed, and in no shipment yet. */
async function packedOrder(units: number): Promise<bigint> {
  const [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
  const address = { ...serbianRequest().from, phone: "021 123 4567" };
  await upsertWarehouses(db, freshCall(), [{ code: "W1", name: "Warehouse 1", priority: 1, address }]);
  await makeListings(db, [801n]);
  await place(db, warehouse, 801n, units);
  const whole = await packWhole(db, await pickedOrder(db, 1n, [{ listing_id: 801n, quantity: units }]));
  const reason = "goes in parts";
  await cancelShipment(db, freshCall(), { shipment_id: whole.shipment_id as bigint, reason });
  return whole.order_id;
}

async function shipment(carrier_code: string, ship_to: object): Promise<bigint> {
  const { id } = await createShipment(db, freshCall(), {
    order_id,
    carrier_code,
    service: "",
    ship_to: ship_to as Record<string, string>,
    packages: [{ ...BOX, barcode: null }],
    items: [{ field: "items[0]", listing_id: 801n, quantity: 1 }],
  });
  return id;
}

function scan(code: string, seconds: number): HostScan {
  return { code, text: "", place: "", at: new Date(Date.now() + seconds * 1000) };
}

describe("an order that goes by D Express", () => {
  it("keeps its code after a lost answer, and is told to be delivered", async () => {
    const shipment_id = await shipment("d_express", serbianRequest().to);
    dExpress.faults.plan({ kind: "cut", when: "after" }, { operation: "create_label" });
    await expect(buyLabel(db, carriers, { shipment_id })).rejects.toThrow();
    expect(await buyLabel(db, configured(), { shipment_id })).toBe("bought");

    const { tracking_number } = await shipmentView(db, shipment_id);
    expect(dExpress.parcels.all().map(({ number }) => number)).toEqual([tracking_number]);
    expect(tracking_number).toMatch(/^TT\d{10}$/);

    const number = tracking_number as string;
    dExpress.parcels.reroute(number, [scan("3", 2), scan("4", 3), scan("1", 4)]);
    const statuses = [];
    for (let happened = 0; happened < 3; happened++) {
      dExpress.parcels.advance(number, 1);
      const delivery = { ...dExpress.notify(number), received_at: new Date() };
      const carrier = carriers.get("d_express") as Parameters<typeof takeWebhook>[1];
      expect(await takeWebhook(db, carrier, delivery)).toBe("taken");
      expect(await takeWebhook(db, carrier, delivery)).toBe("repeated");
      await workInWebhooks(db);
      statuses.push((await shipmentView(db, shipment_id)).status);
    }
    expect(statuses).toEqual(["in_transit", "out_for_delivery", "delivered"]);
  });

  it("whose delivery is reversed stays delivered, and somebody is told", async () => {
    const shipment_id = await shipment("d_express", serbianRequest().to);
    await buyLabel(db, carriers, { shipment_id });
    const number = (await shipmentView(db, shipment_id)).tracking_number as string;
    dExpress.parcels.reroute(number, [scan("3", 2), scan("1", 3), scan("-1", 4)]);
    const carrier = carriers.get("d_express") as Parameters<typeof takeWebhook>[1];
    const alerted = async () =>
      (await listAlerts({ db })).filter(({ labels }) => labels["shipment_id"] === String(shipment_id));
    for (let happened = 0; happened < 3; happened++) {
      expect(await alerted()).toEqual([]);
      dExpress.parcels.advance(number, 1);
      await takeWebhook(db, carrier, { ...dExpress.notify(number), received_at: new Date() });
      await workInWebhooks(db);
    }
    expect((await shipmentView(db, shipment_id)).status).toBe("delivered");
    expect(await alerted()).toMatchObject([
      { name: "delivery_reversed", labels: { tracking_number: number, raw_code: "-1" } },
    ]);
  });
});

describe("an order that goes by CJ", () => {
  it("is booked once after a lost answer, by another process too, and followed to the door", async () => {
    const shipment_id = await shipment("cj", koreanRequest().to);
    cj.faults.plan({ kind: "cut", when: "after" }, { operation: "create_label" });
    await expect(buyLabel(db, carriers, { shipment_id })).rejects.toThrow();
    await aMinutePasses(shipment_id);
    expect(await buyLabel(db, configured(), { shipment_id })).toBe("bought");

    const { tracking_number } = await shipmentView(db, shipment_id);
    const standing = cj.parcels.all().filter(({ state }) => state === "bought");
    expect(standing).toMatchObject([{ number: tracking_number }]);

    const number = tracking_number as string;
    cj.parcels.reroute(number, [scan("11", 2), scan("82", 3), scan("91", 4)]);
    cj.parcels.advance(number);
    const carrier = carriers.get("cj");
    if (!carrier) throw new Error("CJ isn't configured");
    await pollTracking(db, carrier, 0);
    expect((await shipmentView(db, shipment_id)).status).toBe("delivered");
  });

  it("is cancelled with all that was booked, from what was kept of it", async () => {
    const shipment_id = await shipment("cj", koreanRequest().to);
    expect(await buyLabel(db, carriers, { shipment_id })).toBe("bought");
    const { tracking_number } = await shipmentView(db, shipment_id);
    await cancelShipment(db, freshCall(), { shipment_id, reason: "test" });
    await voidLabel(db, configured(), { shipment_id });
    expect(cj.parcels.find(tracking_number as string)?.state).toBe("voided");
  });
});

/** As if CJ had had its time to book what was still on its way. */
async function aMinutePasses(shipment_id: bigint): Promise<void> {
  await sql`
    update label_attempts set last_called_at = now() - interval '61 seconds' where shipment_id = ${shipment_id}`.execute(
    db,
  );
}
