import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Carrier } from "../../src/carriers/carrier.ts";
import type { Database } from "../../src/db/database.ts";
import type { ShipmentStatus } from "../../src/domain/vocabulary.ts";
import { pollTracking } from "../../src/use-cases/shipping/poll-tracking.ts";
import { startUspsHost, type UspsHost } from "../support/carrier-hosts/usps-host.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { readyParcel } from "../support/parcels.ts";
import { until } from "../support/until.ts";
import {
  dExpressDelivery,
  deliveringCarriers,
  openWebhookDoor,
  type Scan,
  type Sent,
  uspsDelivery,
  type WebhookDoor,
} from "../support/webhooks.ts";
import { makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

/** 1,000 events in short; `TRACKING_EVENTS=10000` is the long form. */
const EVENTS = Number(process.env["TRACKING_EVENTS"] ?? 1_000);
const EVENTS_A_PARCEL = 20;
const PARCELS = EVENTS / EVENTS_A_PARCEL;
const SEED = Number(process.env["SEED"] ?? Date.now() % 1_000_000);

let test: TestDatabase;
let db: Database;
let host: UspsHost;
let door: WebhookDoor;
let usps: Carrier;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  const [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
  await makeListings(db, [1n]);
  await place(db, warehouse, 1n, 10_000);
  host = await startUspsHost();
  const carriers = deliveringCarriers({ uspsUrl: host.url });
  usps = carriers.get("usps") as Carrier;
  door = await openWebhookDoor(db, carriers);
});
afterAll(async () => {
  await door.close();
  await host.close();
  await test.close();
});

interface Journey {
  carrier_code: "usps" | "d_express";
  tracking_number: string;
  shipment_id: bigint;
  order_id: bigint;
  scans: Scan[];
  ends: ShipmentStatus;
}

/** How journeys end, in either carrier's codes; before it, the parcel moves. */
const ENDINGS: Record<Journey["carrier_code"], [ShipmentStatus, string[]][]> = {
  usps: [
    ["delivered", ["OF", "02", "OF", "01"]],
    ["delivered", ["OF", "01"]],
    ["delivered", ["OF", "01", "10"]], // a late scan after it
    ["returned", ["OF", "02", "21", "10", "01"]],
    ["available_for_pickup", ["OF", "02", "14"]],
    ["exception", ["OF", "04"]],
    ["in_transit", ["OF", "10"]],
  ],
  d_express: [
    ["delivered", ["4", "6", "4", "1"]],
    ["delivered", ["4", "1"]],
    ["delivered", ["-13", "30", "1"]], // lost, and found
    ["returned", ["4", "21", "20"]],
    ["returned", ["4", "6", "21", "1"]],
    ["lost", ["30", "-13"]],
    ["exception", ["4", "19"]],
  ],
};

async function makeJourney(nth: number): Promise<Journey> {
  const carrier_code = nth % 2 === 0 ? "usps" : "d_express";
  const serial = String(nth).padStart(10, "0");
  const tracking_number = carrier_code === "usps" ? `940010000000${serial}` : `TT${serial}`;
  const { shipment_id, order_id } = await readyParcel(db, BigInt(nth + 1), [{ listing_id: 1n, quantity: 1 }]);
  await sql`
    update shipments set carrier_code = ${carrier_code}, tracking_number = ${tracking_number},
      created_at = now() - interval '6 days' where id = ${shipment_id}`.execute(db);
  await sql`update packages set tracking_number = ${tracking_number} where shipment_id = ${shipment_id}`.execute(
    db,
  );
  const endings = ENDINGS[carrier_code];
  const [ends, last] = endings[Math.floor(nth / 2) % endings.length] as [ShipmentStatus, string[]];
  const moving = carrier_code === "usps" ? ["03", "10"] : ["3", "30"];
  const first = carrier_code === "usps" ? "GX" : "0";
  const begun = Array.from(
    { length: EVENTS_A_PARCEL - 1 - last.length },
    (_, at) => moving[at && 1] as string,
  );
  const start = Math.floor(Date.now() / 1000) * 1000 - 5 * 24 * 3_600_000;
  const scans = [first, ...begun, ...last].map((code, at) => ({
    code,
    at: new Date(start + at * 5 * 3_600_000),
    place: `Town ${at}, TX`,
  }));
  return { carrier_code, tracking_number, shipment_id, order_id, scans, ends };
}

function tellsOf({ carrier_code, tracking_number, scans }: Journey): Sent[] {
  const deliver = carrier_code === "usps" ? uspsDelivery : dExpressDelivery;
  return scans.map((scan) => deliver(tracking_number, scan));
}

/** The host knows it all as well, and tells it in any order, each scan three times. */
function letHostKnow(journeys: readonly Journey[]): void {
  host.parcels.disorder({ seed: SEED, repeat: 3 });
  for (const { carrier_code, tracking_number, scans } of journeys) {
    if (carrier_code !== "usps") continue;
    host.parcels.add({
      number: tracking_number,
      reference: tracking_number,
      label: Buffer.alloc(0),
      scans: scans.map(({ place = "", ...scan }) => ({ ...scan, place, text: `Event ${scan.code}` })),
      details: { inParts: false, manifested: false },
    });
    host.parcels.advance(tracking_number);
  }
}

function shuffled<T>(list: readonly T[]): T[] {
  let state = SEED;
  const random = () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31);
  return list
    .map((one) => [random(), one] as const)
    .sort((a, b) => a[0] - b[0])
    .map(([, one]) => one);
}

async function inParallel<T>(count: number, list: readonly T[], work: (one: T) => Promise<void>) {
  const rest = list.values();
  const hand = async () => {
    for (const one of rest) await work(one);
  };
  await Promise.all(Array.from({ length: count }, hand));
}

/** Asks again and again, as if time flew. */
async function keepPolling(isOver: () => boolean): Promise<number> {
  let asked = 0;
  while (!isOver() || asked < PARCELS / 2) {
    await sql`update shipments set next_poll_at = now() where carrier_code = 'usps'`.execute(db);
    await sql`update carrier_polling set window_calls = 0`.execute(db);
    const counts = await Promise.all([1, 2].map(() => pollTracking(db, usps, 1)));
    asked += counts.reduce((sum, count) => sum + count, 0);
    if (asked === 0 && isOver()) return asked; // every parcel had come to its end before
  }
  return asked;
}

interface Outcome {
  id: bigint;
  status: ShipmentStatus;
  events: number;
  confirmed: number;
  updated: number;
}

async function outcomes(): Promise<Map<bigint, Outcome>> {
  const { rows } = await sql<Outcome>`
    with told as (
      select shipment_id, count(*)::int as events from tracking_events group by shipment_id
    ), published as (
      select (payload ->> 'order_id')::bigint as order_id,
        count(*) filter (where type = 'delivery.confirmed')::int as confirmed,
        count(*) filter (where type = 'tracking.updated')::int as updated
      from outbox where type in ('delivery.confirmed', 'tracking.updated') group by 1
    )
    select s.id, s.status, events, confirmed, updated
    from shipments s join told on told.shipment_id = s.id join published using (order_id)`.execute(db);
  return new Map(rows.map((row) => [row.id, row]));
}

describe(`${EVENTS} tracking events (seed ${SEED})`, () => {
  it("shuffled, each three times, by webhook and poll at once, lead every shipment where it belongs", async () => {
    const journeys: Journey[] = [];
    await inParallel(
      4,
      Array.from({ length: PARCELS }, (_, nth) => nth),
      async (nth) => void journeys.push(await makeJourney(nth)),
    );
    letHostKnow(journeys);
    const tells = journeys.flatMap(tellsOf);
    const all = shuffled([...tells, ...tells, ...tells]);
    const start = performance.now();
    let isOver = false;
    const statuses = new Set<number>();
    const polling = keepPolling(() => isOver);
    await inParallel(16, all, async (one) => void statuses.add((await door.send(one)).status));
    const taken = performance.now();
    isOver = true;
    const asked = await polling;
    await until(
      "all is worked in",
      async () =>
        (await sql`select from webhook_deliveries where processed_at is null`.execute(db)).rows.length === 0,
      60_000,
    );
    const done = performance.now();
    console.log(
      `${all.length} deliveries taken in ${((taken - start) / 1000).toFixed(1)} s, ${asked} parcels asked about, all worked in after ${((done - start) / 1000).toFixed(1)} s (seed ${SEED})`,
    );
    expect([...statuses]).toEqual([200]);
    const found = await outcomes();
    for (const { shipment_id, ends, tracking_number, scans } of journeys) {
      const confirmed = ends === "delivered" ? 1 : 0;
      expect(
        found.get(shipment_id),
        `${tracking_number} (${scans.map(({ code }) => code).join(" ")})`,
      ).toMatchObject({
        status: ends,
        events: EVENTS_A_PARCEL,
        updated: EVENTS_A_PARCEL,
      });
      expect(found.get(shipment_id)?.confirmed, tracking_number).toBeGreaterThanOrEqual(confirmed);
      expect(found.get(shipment_id)?.confirmed, tracking_number).toBeLessThanOrEqual(1);
    }
    expect(host.violations).toEqual([]);
  }, 900_000);
});
