import { connect } from "node:net";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Database } from "../../src/db/database.ts";
import { shipmentView } from "../../src/db/shipment-views.ts";
import { listTrackingEvents } from "../../src/db/tracking.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { eventsOf, readyParcel } from "../support/parcels.ts";
import { until } from "../support/until.ts";
import {
  dExpressDelivery,
  deliveringCarriers,
  openWebhookDoor,
  type Sent,
  uspsDelivery,
  type WebhookDoor,
} from "../support/webhooks.ts";
import { makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

let test: TestDatabase;
let db: Database;
let door: WebhookDoor;
let nextOrder = 1n;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  const [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
  await makeListings(db, [1n]);
  await place(db, warehouse, 1n, 1_000);
});
afterAll(() => test.close());

beforeEach(async () => {
  door = await openWebhookDoor(db, deliveringCarriers());
});
afterEach(() => door.close());

const HOUR = 3_600_000;
const ago = (hours: number) => new Date(Math.floor(Date.now() / 1000) * 1000 - hours * HOUR);

/** A parcel of USPS's or D Express's, ready to go. */
async function parcelOf(carrier_code: string, number: string) {
  const parcel = await readyParcel(db, nextOrder++, [{ listing_id: 1n, quantity: 1 }]);
  const { shipment_id } = parcel;
  await sql`update shipments set carrier_code = ${carrier_code}, tracking_number = ${number} where id = ${shipment_id}`.execute(
    db,
  );
  await sql`update packages set tracking_number = ${number} where shipment_id = ${shipment_id}`.execute(db);
  return parcel;
}

async function stored(): Promise<number> {
  const { rows } = await sql<{ count: bigint }>`
    select (select count(*) from webhook_deliveries) + (select count(*) from parked_facts) as count`.execute(
    db,
  );
  return Number(rows[0]?.count);
}

/** A thousand ways to try. */
function forgery(nth: number, number: string): Sent {
  const scan = { code: "01", at: ago(1) };
  const good = uspsDelivery(number, scan);
  const minutes = 6 + nth;
  const at = (sign: number) => new Date(Date.now() + sign * minutes * 60_000).toISOString();
  switch (nth % 10) {
    case 0: // made by somebody else
      return uspsDelivery(number, scan, { secret: `guess number ${nth}` });
    case 1: {
      // altered by one bit, anywhere
      const body = Buffer.from(good.body);
      const place = (nth * 7919) % body.length;
      body[place] = (body[place] as number) ^ 1;
      return { ...good, body };
    }
    case 2: // too old
      return uspsDelivery(number, scan, { timestamp: at(-1) });
    case 3: // of the future
      return uspsDelivery(number, scan, { timestamp: at(1) });
    case 4: // not signed
      return { ...good, headers: { "content-type": "application/json" } };
    case 5: // another parcel's signature
      return {
        ...good,
        headers: { ...good.headers, "x-hmac": uspsDelivery(`${nth}`, scan).headers["x-hmac"] as string },
      };
    case 6: // a signature that is cut, or longer
      return { ...good, headers: { ...good.headers, "x-hmac": "A".repeat(nth % 90) || "=" } };
    case 7: // no JSON
      return { ...good, body: Buffer.alloc(1 + nth, nth % 256) };
    case 8: // without the passcode, or with a wrong one
      return dExpressDelivery("TT0000000001", { code: "1", at: ago(1) }, { cc: "x".repeat(nth % 40) });
    default: // as a query
      return dExpressDelivery("TT0000000001", { code: "1", at: ago(1) }, { cc: `tajna-${nth}` }, "PUT");
  }
}

describe("row 45: forged, altered, stale, future and unsigned deliveries", () => {
  it("a thousand of them: none is accepted, nothing is stored, and genuine ones come through as before", async () => {
    const { shipment_id } = await parcelOf("usps", "9400100000000000000045");
    const before = await stored();
    const forged = Array.from({ length: 1_000 }, (_, nth) => forgery(nth, "9400100000000000000045"));
    const answers: number[] = [];
    const genuine: number[] = [];
    const flood = async (share: Sent[]) => {
      for (const one of share) answers.push((await door.send(one)).status);
    };
    const sendGenuine = async () => {
      for (let nth = 0; nth < 20; nth++) {
        const start = performance.now();
        const scan = { code: "10", at: ago(30 - nth), place: `Town ${nth}, TX` };
        expect((await door.send(uspsDelivery("9400100000000000000045", scan))).status).toBe(200);
        genuine.push(performance.now() - start);
      }
    };
    const shares = [0, 1, 2, 3].map((share) => forged.filter((_, nth) => nth % 4 === share));
    await Promise.all([...shares.map(flood), sendGenuine()]);
    expect(answers).toHaveLength(1_000);
    expect([...new Set(answers)]).toEqual([401]);
    expect(await stored()).toBe(before + 20);
    await until("the genuine ones are worked in", async () => {
      const events = await listTrackingEvents(db, { shipment_id }, { size: 100, after: 0n });
      return events.length === 20;
    });
    expect((await shipmentView(db, shipment_id)).status).toBe("in_transit"); // not delivered, as the forgeries say
    genuine.sort((a, b) => a - b);
    console.log(
      `genuine deliveries among 1,000 forged ones: median ${genuine[10]?.toFixed(1)} ms, slowest ${genuine[19]?.toFixed(1)} ms`,
    );
    expect(genuine[19]).toBeLessThan(2_000);
  });

  it("are counted, and the log does not fill up with them", async () => {
    for (let nth = 0; nth < 50; nth++) await door.send(forgery(nth, "1"));
    expect((await door.count("usps", "rejected")) + (await door.count("d_express", "rejected"))).toBe(50);
    expect(door.logged.filter(({ level }) => Number(level) >= 40)).toHaveLength(2);
  });

  it("get no word of what was wrong with them", async () => {
    const bodies = await Promise.all(
      [0, 2, 4, 8].map(async (nth) => (await door.send(forgery(nth, "1"))).body),
    );
    expect(new Set(bodies)).toEqual(new Set(['{"error":"this delivery is not accepted"}\n']));
  });

  it("that never come to their end do not keep the others out", async () => {
    const port = Number(new URL(door.url).port);
    const head = "POST /webhooks/carriers/usps HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{";
    const slow = Array.from({ length: 300 }, () => connect(port, "127.0.0.1").on("error", () => undefined));
    const start = performance.now();
    for (const socket of slow) socket.write(head);
    const answered = slow.map((socket) => new Promise((resolve) => socket.once("data", resolve)));
    expect(String(await Promise.race(answered))).toMatch(/^HTTP\/1.1 408 /);
    expect(performance.now() - start).toBeLessThan(4_000); // it gave way, long before its time was up
    const statuses = Array.from({ length: 20 }, (_, nth) =>
      door.send(uspsDelivery(`${nth}`, { code: "10", at: ago(1) })),
    );
    expect(new Set((await Promise.all(statuses)).map(({ status }) => status))).toEqual(new Set([200]));
    for (const socket of slow) socket.destroy();
  });

  it("are read to 256 KiB, and no further; what is sent elsewhere isn't read at all", async () => {
    const good = uspsDelivery("1", { code: "10", at: ago(1) });
    const big = Buffer.alloc(256 * 1024 + 1, 97);
    expect((await door.send({ ...good, body: big }).catch(() => ({ status: 413 }))).status).toBe(413);
    const chunked = { ...good, headers: { ...good.headers, "transfer-encoding": "chunked" }, body: big };
    expect((await door.send(chunked).catch(() => ({ status: 413 }))).status).toBe(413);
    for (const carrier of ["mock", "nobody", "fedex"])
      expect((await door.send({ ...good, path: `/webhooks/carriers/${carrier}` })).status, carrier).toBe(404);
    expect((await door.send({ ...good, method: "GET", body: Buffer.alloc(0) })).status).toBe(405);
  });
});

describe("row 46: deliveries that are repeated, and come out of order", () => {
  it.each([
    ["usps", "9400100000000000000046", uspsDelivery, ["03", "10", "OF", "01"]],
    ["d_express", "TT0000000046", dExpressDelivery, ["3", "30", "4", "1"]],
  ] as const)("of %s are answered 2xx, and have one effect", async (carrier_code, number, deliver, codes) => {
    const { shipment_id, order_id } = await parcelOf(carrier_code, number);
    const scans = codes.map((code, nth) => deliver(number, { code, at: ago(20 - nth) }));
    const order = [3, 1, 3, 0, 2, 1, 3, 0, 0, 2];
    for (const nth of order) expect((await door.send(scans[nth] as Sent)).status).toBe(200);
    const again = await Promise.all(Array.from({ length: 20 }, () => door.send(scans[3] as Sent)));
    expect(again.every(({ status }) => status === 200)).toBe(true);
    await until("all is worked in", async () => {
      const { rows } = await sql`select from webhook_deliveries where processed_at is null`.execute(db);
      return rows.length === 0;
    });
    const history = await listTrackingEvents(db, { shipment_id }, { size: 100, after: 0n });
    expect(history.map((one) => one.raw_code)).toEqual(codes);
    expect((await shipmentView(db, shipment_id)).status).toBe("delivered");
    const published = await eventsOf(db, order_id);
    expect(published.filter((type) => type === "delivery.confirmed")).toHaveLength(1);
    expect(published.filter((type) => type === "tracking.updated")).toHaveLength(4);
    expect(await door.count(carrier_code, "repeated")).toBe(order.length + 20 - 4);
  });
});
