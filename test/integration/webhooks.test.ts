import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { CarrierFact } from "../../src/carriers/carrier.ts";
import type { Database } from "../../src/db/database.ts";
import { shipmentView } from "../../src/db/shipment-views.ts";
import { listTrackingEvents } from "../../src/db/tracking.ts";
import { listAlerts } from "../../src/use-cases/maintenance/alerts.ts";
import { assignTracking } from "../../src/use-cases/shipping/assign-tracking.ts";
import { recordTracking } from "../../src/use-cases/shipping/record-tracking.ts";
import { type DeliveringCarrier, takeWebhook } from "../../src/use-cases/shipping/take-webhook.ts";
import { workInParkedFacts, workInWebhooks } from "../../src/use-cases/shipping/work-in-webhooks.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { readyParcel } from "../support/parcels.ts";
import { until } from "../support/until.ts";
import {
  dExpressDelivery,
  deliveringCarriers,
  openWebhookDoor,
  uspsDelivery,
  type WebhookDoor,
} from "../support/webhooks.ts";
import { freshCall, makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

let test: TestDatabase;
let db: Database;
let door: WebhookDoor;
let nextOrder = 1n;
const carriers = deliveringCarriers();
const usps = carriers.get("usps") as DeliveringCarrier;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  const [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
  await makeListings(db, [1n]);
  await place(db, warehouse, 1n, 1_000);
});
afterAll(() => test.close());
beforeEach(async () => {
  door = await openWebhookDoor(db, carriers);
});
afterEach(() => door.close());

const HOUR = 3_600_000;
const ago = (hours: number) => new Date(Math.floor(Date.now() / 1000) * 1000 - hours * HOUR);
const number = () => `94001${String(nextOrder).padStart(17, "0")}`;

async function ready() {
  return readyParcel(db, nextOrder++, [{ listing_id: 1n, quantity: 1 }]);
}

async function under(tracking_number: string, carrier_code = "usps"): Promise<bigint> {
  const { shipment_id } = await ready();
  await assignTracking(db, freshCall(), { shipment_id, carrier_code, tracking_number });
  return shipment_id;
}

async function statusOf(shipment_id: bigint): Promise<string> {
  return (await shipmentView(db, shipment_id)).status;
}

async function history(shipment_id: bigint): Promise<string[]> {
  const events = await listTrackingEvents(db, { shipment_id }, { size: 100, after: 0n });
  return events.map((event) => `${event.raw_code}:${event.status}`);
}

/** As a process that died after its answer has left it. */
function leave(sent: ReturnType<typeof uspsDelivery>) {
  return takeWebhook(db, usps, { ...sent, received_at: new Date() });
}

describe("a delivery of a carrier's", () => {
  it("moves the shipment soon after it was answered", async () => {
    const tracking_number = number();
    const shipment_id = await under(tracking_number);
    const sent = uspsDelivery(tracking_number, { code: "OF", at: ago(1) });
    expect(await door.send(sent)).toEqual({ status: 200, body: '{"status":"accepted"}\n' });
    await until("it is out for delivery", async () => (await statusOf(shipment_id)) === "out_for_delivery");
  });

  it("may be POSTed, or PUT with everything in the query", async () => {
    const shipment_id = await under("TT0000000007", "d_express");
    const sent = dExpressDelivery("TT0000000007", { code: "4", at: ago(1) }, {}, "PUT");
    expect((await door.send(sent)).status).toBe(200);
    await until("it is out for delivery", async () => (await statusOf(shipment_id)) === "out_for_delivery");
  });

  it("is not lost with the process that took it", async () => {
    const tracking_number = number();
    const shipment_id = await under(tracking_number);
    expect(await leave(uspsDelivery(tracking_number, { code: "OF", at: ago(1) }))).toBe("taken");
    expect(await statusOf(shipment_id)).toBe("shipped");
    const done = await Promise.all([1, 2, 3].map(() => workInWebhooks(db)));
    expect(done.reduce((sum, { deliveries }) => sum + deliveries, 0)).toBe(1);
    expect(await statusOf(shipment_id)).toBe("out_for_delivery");
  });

  it("is done again by somebody else when whoever had claimed it dies", async () => {
    const tracking_number = number();
    const shipment_id = await under(tracking_number);
    await leave(uspsDelivery(tracking_number, { code: "OF", at: ago(1) }));
    await sql`update webhook_deliveries set claimed_at = now() where processed_at is null`.execute(db);
    expect((await workInWebhooks(db)).deliveries).toBe(0);
    await sql`update webhook_deliveries set claimed_at = now() - interval '61 seconds' where processed_at is null`.execute(
      db,
    );
    expect((await workInWebhooks(db)).deliveries).toBe(1);
    expect(await statusOf(shipment_id)).toBe("out_for_delivery");
  });

  it("does not hold up the others when it can't be worked in", async () => {
    const tracking_number = number();
    const shipment_id = await under(tracking_number);
    await leave(uspsDelivery(tracking_number, { code: "10", at: ago(2) }));
    await sql`insert into webhook_deliveries (carrier_code, delivery_key, facts)
      values ('usps', 'spoilt', '[{"carrier_code": "usps", "tracking_number": "1", "occurred_at": "never"}]')`.execute(
      db,
    );
    await leave(uspsDelivery(tracking_number, { code: "OF", at: ago(1) }));
    const { deliveries, failed } = await workInWebhooks(db);
    expect([deliveries, failed.length]).toEqual([2, 1]);
    expect(await statusOf(shipment_id)).toBe("out_for_delivery");
    await sql`delete from webhook_deliveries where delivery_key = 'spoilt'`.execute(db);
  });

  it("may hold what a database does not keep", async () => {
    const tracking_number = number();
    const shipment_id = await under(tracking_number);
    const fact: CarrierFact = {
      carrier_code: "usps",
      tracking_number,
      status: "in_transit",
      raw_code: "1\0",
      description: "half a \ud83d, and a \0",
      location: "x".repeat(10_000),
      occurred_at: ago(1),
    };
    expect((await recordTracking(db, [fact], "poll")).recorded).toBe(1);
    expect(await history(shipment_id)).toEqual(["1:in_transit"]);
  });
});

describe("facts about numbers that are nobody's", () => {
  it("wait until a shipment gets the number", async () => {
    const tracking_number = number();
    for (const [code, hours] of [
      ["03", 9],
      ["10", 8],
    ] as const)
      await leave(uspsDelivery(tracking_number, { code, at: ago(hours) }));
    expect((await workInWebhooks(db)).parked).toBe(2);
    await sql`update parked_facts set parked_at = now() - interval '20 days'`.execute(db);
    expect(await workInParkedFacts(db)).toBe(0);
    const shipment_id = await under(tracking_number);
    expect(await workInParkedFacts(db)).toBe(2);
    expect(await history(shipment_id)).toEqual(["03:in_transit", "10:in_transit"]);
    expect(await statusOf(shipment_id)).toBe("in_transit");
    expect((await sql`select from parked_facts`.execute(db)).rows).toEqual([]);
  });

  it("are found also when the number was given in the same moment", async () => {
    const tracking_number = number();
    const shipment_id = await under(tracking_number);
    const fact = { carrier_code: "usps", tracking_number, status: "in_transit", raw_code: "10" };
    const rest = { description: "", location: "", occurred_at: ago(1).toISOString() };
    await sql`insert into parked_facts (carrier_code, tracking_number, dedupe_key, fact)
      values ('usps', ${tracking_number}, 'x', ${JSON.stringify({ ...fact, ...rest })}::jsonb)`.execute(db);
    expect(await workInParkedFacts(db)).toBe(1);
    expect(await statusOf(shipment_id)).toBe("in_transit");
  });
});

describe("what a carrier tells of a number", () => {
  const fact = (tracking_number: string, occurred_at: Date, status: CarrierFact["status"] = "delivered") => ({
    carrier_code: "usps",
    tracking_number,
    status,
    raw_code: status,
    description: "",
    location: "",
    occurred_at,
  });

  it("from long before its shipment was made is another parcel's", async () => {
    const tracking_number = number();
    const shipment_id = await under(tracking_number);
    const old = fact(tracking_number, ago(3 * 24 + 1));
    expect(await recordTracking(db, [old], "poll")).toEqual({ recorded: 0, unmatched: [], recycled: [old] });
    expect(await statusOf(shipment_id)).toBe("shipped");
    const early = fact(tracking_number, ago(3 * 24 - 1), "in_transit"); // we may learn late that it is ours
    expect(await recordTracking(db, [early], "poll")).toMatchObject({ recorded: 1, recycled: [] });
  });

  it("goes to the parcel that had the number then", async () => {
    const tracking_number = number();
    const first = await under(tracking_number);
    await recordTracking(db, [fact(tracking_number, ago(1))], "poll");
    await sql`update shipments set created_at = created_at - interval '90 days' where id = ${first}`.execute(
      db,
    );
    const second = await under(tracking_number);
    await recordTracking(
      db,
      [fact(tracking_number, ago(80 * 24), "in_transit"), fact(tracking_number, ago(0), "out_for_delivery")],
      "webhook",
    );
    expect(await history(first)).toContain("in_transit:in_transit");
    expect(await history(second)).toEqual(["out_for_delivery:out_for_delivery"]);
  });

  it("in a code that nobody knows is kept, moves nothing, and is told once", async () => {
    const tracking_number = number();
    const shipment_id = await under(tracking_number);
    await leave(uspsDelivery(tracking_number, { code: "10", at: ago(3) }));
    await leave(uspsDelivery(tracking_number, { code: "Q7", at: ago(2) }));
    await leave(uspsDelivery(tracking_number, { code: "Q7", at: ago(1) }));
    await workInWebhooks(db);
    expect(await history(shipment_id)).toEqual(["10:in_transit", "Q7:unknown", "Q7:unknown"]);
    expect(await statusOf(shipment_id)).toBe("in_transit");
    const alerts = (await listAlerts({ db })).filter(({ name }) => name === "tracking_unmapped");
    expect(alerts.map(({ labels, value }) => [labels, value])).toEqual([
      [{ carrier_code: "usps", raw_code: "Q7" }, 2],
    ]);
  });
});
