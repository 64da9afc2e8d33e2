import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type Carrier,
  type CarrierCapabilities,
  type CarrierFact,
  CarrierRefusal,
  CarrierUnavailable,
  type TrackedParcel,
} from "../../src/carriers/carrier.ts";
import type { Database } from "../../src/db/database.ts";
import { claimDueParcels } from "../../src/db/polling.ts";
import { pollTracking } from "../../src/use-cases/shipping/poll-tracking.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { mockCarriers, shippedParcel } from "../support/parcels.ts";
import { makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

let test: TestDatabase;
let db: Database;
let parcels: { shipment_id: bigint; tracking_number: string }[];

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  const [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
  await makeListings(db, [1n]);
  await place(db, warehouse, 1n, 1_000);
  parcels = [];
  for (let order_id = 1n; order_id <= 6n; order_id++)
    parcels.push(await shippedParcel(db, order_id, [{ listing_id: 1n, quantity: 1 }]));
});
afterAll(() => test.close());
beforeEach(async () => {
  await sql`update shipments set next_poll_at = now(), status = 'in_transit', shipped_at = now(), created_at = now()`.execute(
    db,
  );
  await sql`delete from carrier_polling`.execute(db);
});

const MINUTE = 60_000;

interface Asked {
  calls: string[][];
  carrier: Carrier;
}

/** A carrier that says of its parcels what `answer` says, and remembers what it was asked. */
function carrierOf(
  answer: (parcels: readonly TrackedParcel[], nth: number) => CarrierFact[],
  capabilities: Partial<CarrierCapabilities> = {},
): Asked {
  const mock = mockCarriers().get("mock") as Carrier;
  const calls: string[][] = [];
  const carrier: Carrier = {
    ...mock,
    capabilities: { ...mock.capabilities, ...capabilities },
    track: async (asked) => {
      calls.push(asked.map((one) => one.tracking_number));
      return answer(asked, calls.length);
    },
  };
  return { calls, carrier };
}

const silent = (capabilities: Partial<CarrierCapabilities> = {}) => carrierOf(() => [], capabilities);

/** Minutes until each shipment is asked about again; null: never. */
async function pauses(): Promise<(number | null)[]> {
  const { rows } = await sql<{ minutes: number | null }>`
    select round(extract(epoch from next_poll_at - last_polled_at) / 60)::int as minutes from shipments order by id`.execute(
    db,
  );
  return rows.map(({ minutes }) => minutes);
}

async function becomes(nth: number, status: string, days = 0): Promise<void> {
  await sql`
    update shipments set status = ${status}, shipped_at = now() - ${days} * interval '1 day',
      created_at = now() - ${days} * interval '1 day'
    where id = ${(parcels[nth] as { shipment_id: bigint }).shipment_id}`.execute(db);
}

describe("a parcel", () => {
  it("near its delivery is asked about often, an old one less and less, and at last never", async () => {
    await becomes(0, "out_for_delivery");
    await becomes(2, "in_transit", 8);
    await becomes(3, "in_transit", 22);
    await becomes(4, "in_transit", 61);
    await becomes(5, "exception", 6);
    const { carrier } = silent();
    expect(await pollTracking(db, carrier, MINUTE)).toBe(6);
    expect(await pauses()).toEqual([1, 4, 60, 360, null, 4]);
    expect(await pollTracking(db, carrier, MINUTE)).toBe(0);
  });

  it("is never asked about more often than its carrier allows", async () => {
    await becomes(0, "out_for_delivery");
    await becomes(2, "in_transit", 8);
    await pollTracking(db, silent({ minPollSeconds: 3600 }).carrier, MINUTE);
    expect((await pauses()).slice(0, 3)).toEqual([60, 60, 240]);
  });

  it("is asked about sooner once it is heard to be near", async () => {
    const near = carrierOf((asked) =>
      asked.slice(0, 1).map((one) => ({
        carrier_code: "mock",
        tracking_number: one.tracking_number,
        status: "out_for_delivery",
        raw_code: "OFD",
        description: "",
        location: "",
        occurred_at: new Date(),
      })),
    );
    await pollTracking(db, near.carrier, MINUTE);
    const number = near.calls[0]?.[0];
    const nth = parcels.findIndex((one) => one.tracking_number === number);
    expect(await pauses()).toEqual([0, 1, 2, 3, 4, 5].map((one) => (one === nth ? 1 : 4)));
  });
});

describe("a carrier", () => {
  it("is asked for as many numbers at once as it takes, and for each once, by many processes", async () => {
    const { carrier, calls } = silent({ trackingBatchSize: 2 });
    await Promise.all([1, 2, 3, 4].map(() => pollTracking(db, carrier, MINUTE)));
    expect(calls.flat().sort()).toEqual(parcels.map((one) => one.tracking_number).sort());
    expect(calls.every((numbers) => numbers.length <= 2)).toBe(true);
  });

  it("gives half of its calls to polling", async () => {
    const rateLimit = { calls: 4, seconds: 3600 };
    const { carrier, calls } = silent({ trackingBatchSize: 1, rateLimit });
    await Promise.all([1, 2].map(() => pollTracking(db, carrier, MINUTE)));
    expect(calls).toHaveLength(2);
    await sql`update carrier_polling set window_began_at = now() - interval '3601 seconds'`.execute(db);
    await pollTracking(db, carrier, MINUTE);
    expect(calls).toHaveLength(4);
  });

  it("that stays away costs the calls that were made, and not those that were meant", async () => {
    const rateLimit = { calls: 12, seconds: 3600 };
    const down = carrierOf(
      (_asked, nth) => {
        if (nth === 2) throw new CarrierUnavailable("nobody there");
        return [];
      },
      { trackingBatchSize: 1, rateLimit },
    );
    await expect(pollTracking(db, down.carrier, MINUTE)).rejects.toThrow("nobody there");
    await sql`update carrier_polling set paused_until = now()`.execute(db);
    await sql`update shipments set next_poll_at = now()`.execute(db);
    const { carrier, calls } = silent({ trackingBatchSize: 1, rateLimit });
    await pollTracking(db, carrier, MINUTE);
    expect(calls).toHaveLength(4); // of six, for there were two before
  });

  it("that is throttled is left alone for as long as it asks, and its parcels wait until then", async () => {
    const trouble = carrierOf(() => {
      throw new CarrierUnavailable("slow down", 1_800);
    });
    await expect(pollTracking(db, trouble.carrier, MINUTE)).rejects.toThrow("slow down");
    expect(await pauses()).toEqual([30, 30, 30, 30, 30, 30]);
    await sql`update shipments set next_poll_at = now()`.execute(db);
    expect(await pollTracking(db, trouble.carrier, MINUTE)).toBe(0);
    expect(trouble.calls).toHaveLength(1);
    await sql`update carrier_polling set paused_until = now()`.execute(db);
    expect(await pollTracking(db, silent().carrier, MINUTE)).toBe(6);
  });

  it("that stays away is asked less and less often, until it is back", async () => {
    const down = carrierOf(() => {
      throw new CarrierUnavailable("nobody there");
    });
    const seconds: number[] = [];
    for (let nth = 0; nth < 6; nth++) {
      await sql`update carrier_polling set paused_until = now()`.execute(db);
      await sql`update shipments set next_poll_at = now()`.execute(db);
      await expect(pollTracking(db, down.carrier, MINUTE)).rejects.toThrow("nobody there");
      const { rows } = await sql<{ seconds: number }>`
        select round(extract(epoch from paused_until - now()))::int as seconds from carrier_polling`.execute(
        db,
      );
      seconds.push(rows[0]?.seconds ?? 0);
    }
    expect(seconds).toEqual([60, 120, 240, 480, 900, 900]);
    await sql`update carrier_polling set paused_until = now()`.execute(db);
    await sql`update shipments set next_poll_at = now()`.execute(db);
    await pollTracking(db, silent().carrier, MINUTE);
    expect((await sql`select failures from carrier_polling`.execute(db)).rows).toEqual([{ failures: 0 }]);
  });

  it("that refuses one question is asked the others", async () => {
    const picky = carrierOf(
      (_asked, nth) => {
        if (nth === 2) throw new CarrierRefusal("no such number");
        return [];
      },
      { trackingBatchSize: 1 },
    );
    await expect(pollTracking(db, picky.carrier, MINUTE)).rejects.toThrow("no such number");
    expect(picky.calls).toHaveLength(6);
    expect(await pauses()).toEqual([4, 4, 4, 4, 4, 4]);
  });

  it("that refuses everything is not asked on", async () => {
    const closed = carrierOf(
      () => {
        throw new CarrierRefusal("wrong password");
      },
      { trackingBatchSize: 1 },
    );
    await expect(pollTracking(db, closed.carrier, MINUTE)).rejects.toThrow("wrong password");
    expect(closed.calls).toHaveLength(3);
  });

  it("says something for nothing when it fails in the middle: what it said is kept", async () => {
    const half = carrierOf(
      (asked, nth) => {
        if (nth > 1) throw new CarrierUnavailable("gone");
        return asked.map((one) => ({
          carrier_code: "mock",
          tracking_number: one.tracking_number,
          status: "exception" as const,
          raw_code: "HALF",
          description: "",
          location: "",
          occurred_at: new Date(),
        }));
      },
      { trackingBatchSize: 2 },
    );
    await expect(pollTracking(db, half.carrier, MINUTE)).rejects.toThrow("gone");
    const { rows } = await sql`select from tracking_events where raw_code = 'HALF'`.execute(db);
    expect(rows).toHaveLength(2);
  });
});

it("finds what is due by an index, among twenty thousand that are not", async () => {
  for (const batch of [1, 2, 3, 4])
    await sql`
      insert into shipments (order_id, carrier_code, tracking_number, status, shipped_at, next_poll_at)
      select 1, 'mock', ${batch} || 'X' || nth, 'in_transit', now(), now() + interval '1 hour'
      from generate_series(1, 5000) nth`.execute(db);
  await sql`analyze shipments`.execute(db);
  const { rows } = await sql<{ "QUERY PLAN": string }>`
    explain select id from shipments
    where carrier_code = 'mock' and tracking_number is not null and next_poll_at <= now()
      and status in ('ready', 'shipped', 'in_transit', 'out_for_delivery', 'available_for_pickup', 'exception')
    order by next_poll_at limit 500 for update skip locked`.execute(db);
  expect(rows.map((row) => row["QUERY PLAN"]).join("\n")).toMatch(/Index Scan using shipments_polling_idx/);
  const start = performance.now();
  await claimDueParcels(db, { carrier_code: "mock", every_ms: MINUTE, limit: 500 });
  expect(performance.now() - start).toBeLessThan(500);
});
